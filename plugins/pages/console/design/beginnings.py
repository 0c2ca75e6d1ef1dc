"""New files, only their author's drafts until they are published: flows, and the mappings and gates they need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from ledgerbridge.canonical.models import CANONICAL
from ledgerbridge.drafts.folders import put_together
from ledgerbridge.drafts.store import begin, keep, open_drafts
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.flows import FlowConfig
from ledgerbridge.state import snapshot, transaction
from ledgerbridge.state.models import Draft
from ledgerbridge.suggest.linking import begun
from ledgerbridge.yaml_edits import in_lines
from ledgerbridge.yaml_files import nearest
from operators import settings
from operators.file_checks import offered
from operators.new_files import dag_file, new_suite
from pages.console.access import Access
from pages.console.design.files import is_live, must_edit
from pages.console.design.flow_models import FileAsked

__all__ = ["begin_file", "goes_with", "new_drafts", "with_new_files"]


def begin_file(access: Access, asked: FileAsked) -> str:
    """
    Begin a draft of a file that is not there yet, and name it.

    A mapping begins with no rule: its page names the fields of both sides, and suggests what goes where.

    :raises ConfigurationError: LB-CFG-012, it is there, or what it is to be of is not.
    """
    file = f"{asked.kind}/{asked.name}.yaml"
    must_edit(access, file)
    text = _text(asked)
    if is_live(file):
        raise ConfigurationError("LB-CFG-012", f"{file} is there already.", remedy="Take another name.")
    with transaction(settings.state_engine(stays=True)) as opened:
        draft = begin(opened, file, "", access.name)
        if draft.text:
            raise ConfigurationError(
                "LB-CFG-012", f"you have a draft of {file} already.", remedy="Go on with that, or take another name."
            )
        keep(opened, file, access.name, draft.version, text)
    return file


def _text(asked: FileAsked) -> str:
    if asked.kind == "flows":
        told = {"description": asked.description or f"{asked.name}.", "owner": asked.owner or "finance"}
        return f"# yaml-language-server: $schema=../schemas/flow.json\n{in_lines({**told, 'stages': {}})}\n"
    for name, role in ((asked.reads, "source"), (asked.writes, "target")):
        there = [*CANONICAL, *(each for each, roles in offered().items() if role in roles)]
        if name not in there and (role == "target" or asked.kind == "mappings"):
            hint = nearest(name, there)
            raise ConfigurationError(
                "LB-CFG-012",
                f'"{name}" is no {role} of any system.',
                remedy=f'Did you mean "{hint}"?' if hint else "Name `system.entity`, or a canonical record.",
            )
    if asked.kind == "expectations":
        return new_suite(asked.writes)
    return begun(asked.reads, asked.writes, asked.description or "To be written.")


def new_drafts(access: Access) -> dict[str, Draft]:
    """The user's drafts of files that are not there yet, by file."""
    with snapshot(settings.state_engine(stays=True)) as opened:
        found = {each.file: each for each in open_drafts(opened) if each.by == access.name and not is_live(each.file)}
        opened.expunge_all()
    return found


def goes_with(access: Access, file: str, flow: FlowConfig | None) -> tuple[dict[str, str], list[Draft]]:
    """
    What is published with a draft of a flow: the texts of new files by name, and the drafts among them.

    The user's new mappings and gates that it names; of a new flow also the short file that its DAGs are built by.
    """
    if flow is None:
        return {}, []
    named = {
        *(f"mappings/{each}.yaml" for leg in flow.legs.values() for each in leg.mappings),
        *(f"expectations/{each}.yaml" for leg in flow.legs.values() for each in leg.suites),
    }
    drafts = [each for name, each in new_drafts(access).items() if name in named]
    texts = {each.file: each.text for each in drafts}
    include = settings.include_folder()
    dags = include.parent / "dags"
    # where the include folder is a repository of its own, the DAG files are somebody else's
    if not is_live(file) and dags.is_dir() and not (include / ".git").exists():
        texts[f"../dags/{Path(file).stem}.py"] = dag_file(Path(file).stem)
    return texts, drafts


@contextmanager
def with_new_files(access: Access) -> Iterator[Path]:
    """The include folder as a flow of the user sees it: with their new mappings and gates."""
    include = settings.include_folder()
    new = {name: each.text for name, each in new_drafts(access).items() if not name.startswith("flows/")}
    if not new:
        yield include
        return
    there = tuple(sorted(str(each.relative_to(include)) for each in include.rglob("*.*")))
    yield Path(_together(include, tuple(sorted(new.items())), there).name)


@lru_cache(maxsize=8)
def _together(include: Path, new: tuple[tuple[str, str], ...], _there: tuple[str, ...]) -> TemporaryDirectory[str]:
    """Kept, so that what is read of it is read once; gone with the last who looks at it."""
    folder = TemporaryDirectory(prefix="ledgerbridge-")
    put_together(Path(folder.name), include, dict(new))
    return folder
