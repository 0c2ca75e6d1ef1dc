"""The files of two environments, of the smallest flow: one mapping is another in `dev`, and `prod` has an old table."""

from __future__ import annotations

import shutil
from pathlib import Path

__all__ = ["FLOW", "MAPPING", "dev_and_prod"]

_INCLUDE = Path(__file__).parents[1] / "include"
FLOW = "flows/general_ledger.yaml"
MAPPING = "mappings/journal_to_xero_manual_journal.yaml"
_FILES = (
    FLOW,
    MAPPING,
    "mappings/gp_journal_entry_to_journal.yaml",
    "mappings/xero_manual_journal_to_journal.yaml",
    "mappings/journal_to_gp_gl_transaction.yaml",
    "expectations/xero_manual_journal.yaml",
    "expectations/gp_gl_transaction.yaml",
)


def dev_and_prod(below: Path) -> tuple[Path, Path]:
    """The include folders of both."""
    dev, prod = below / "dev", below / "prod"
    for place in (dev, prod):
        for folder in ("companies", "lookups"):
            shutil.copytree(_INCLUDE / folder, place / folder)
        for name in _FILES:
            (place / name).parent.mkdir(exist_ok=True)
            shutil.copy(_INCLUDE / name, place / name)
    changed = (dev / MAPPING).read_text().replace("Description: title", "Description: code")
    (dev / MAPPING).write_text(changed)
    (prod / "lookups" / "old.csv").write_text("key\n")
    return dev, prod
