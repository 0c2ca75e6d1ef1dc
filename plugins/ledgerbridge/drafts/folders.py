"""An include folder in which one file is another, for checks and trials: nothing of the real one is touched."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ledgerbridge.errors import ConfigurationError

__all__ = ["KINDS", "committed", "kind_of", "with_file"]

KINDS = ("flows", "mappings", "expectations")
"""The folders of the files that are drafted."""


@contextmanager
def with_file(include: Path, name: str, text: str) -> Iterator[Path]:
    """
    A folder as ``include`` with this text in place of one of its files; gone afterwards.

    :param name: of the file below ``include``, ``mappings/x.yaml``.
    """
    with TemporaryDirectory(prefix="ledgerbridge-") as temporary:
        folder = Path(temporary)
        for file in include.rglob("*"):
            if file.is_file():
                place = folder / file.relative_to(include)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(file.resolve())
        changed = folder / name
        changed.parent.mkdir(parents=True, exist_ok=True)
        changed.unlink(missing_ok=True)
        changed.write_text(text, encoding="utf-8")
        yield folder


def kind_of(path: Path, text: str) -> str:
    """
    Which folder of an include folder a file is for, by where it lies or by its keys; a CSV file is a lookup table.

    :raises ConfigurationError: LB-CFG-014, it is no flow, mapping, suite or table.
    """
    if path.suffix == ".csv":
        return "lookups"
    if path.parent.name in KINDS:
        return path.parent.name
    keys = {line.partition(":")[0] for line in text.splitlines() if line[:1].isalpha()}
    for kind, needed in (("flows", "stages"), ("expectations", "expectations"), ("mappings", "header")):
        if needed in keys:
            return kind
    raise ConfigurationError(
        "LB-CFG-014",
        f"{path} is no flow, mapping, suite or table: it has none of stages, header, expectations, and is no CSV file.",
        remedy=f"Name a file that belongs into one of {', '.join(KINDS)}, lookups.",
    )


def committed(path: Path) -> str:
    """
    A file as git's last commit has it.

    :raises ConfigurationError: LB-CFG-014, git does not know it.
    """
    known = subprocess.run(
        ["git", "show", f"HEAD:./{path.name}"], cwd=path.parent, capture_output=True, check=False, text=True
    )
    if known.returncode:
        raise ConfigurationError(
            "LB-CFG-014",
            f"{path}: git has no earlier version to compare it with ({known.stderr.strip()}).",
            remedy="Leave the file in the include folder as it was, and name a changed copy that lies elsewhere.",
        )
    return known.stdout
