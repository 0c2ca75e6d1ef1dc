"""Which files there are, who uses them, and who may see and edit them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from ledgerbridge.drafts.store import open_draft, open_drafts
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.flows import LegConfig, company_keys
from ledgerbridge.gates import check_suite_file
from ledgerbridge.mapping.model import MappingFile
from ledgerbridge.state import snapshot
from ledgerbridge.state.letter_list import Place
from ledgerbridge.yaml_files import check_file
from operators import settings
from operators.file_checks import tables_in
from pages.console.access import Access, dag_of_place
from pages.console.design.models import FileView
from pages.console.flow_files import flow_named, flows

__all__ = [
    "file_of",
    "files_of",
    "is_live",
    "legs_of",
    "may_comment",
    "may_edit",
    "may_see_values",
    "must_comment",
    "must_edit",
    "must_read",
]


def files_of(access: Access) -> list[FileView]:
    """The flows, mappings, gates and lookup tables that the user may see."""
    include = settings.include_folder()
    with snapshot(settings.state_engine(stays=True)) as opened:
        drafts: dict[str, list[str]] = {}
        for each in open_drafts(opened):
            drafts.setdefault(each.file, []).append(each.by)
    found = []
    for kind, view_of in _VIEWS.items():
        for path in sorted((include / kind).glob("*.csv" if kind == "lookups" else "*.yaml")):
            file = f"{kind}/{path.name}"
            if _may_read(access, file):
                view = view_of(path, file)
                view.drafts, view.may_edit = drafts.get(file, []), may_edit(access, file)
                found.append(view)
    known = {each.file for each in found}
    new = [each for each, by in drafts.items() if each not in known and access.name in by and not is_live(each)]
    return found + [
        FileView(
            file=each, kind=each.partition("/")[0], name=Path(each).stem, description="New, and not published yet.",
            drafts=drafts[each], may_edit=True,
        )
        for each in sorted(new)
        if may_edit(access, each)
    ]  # fmt: skip


def is_live(file: str) -> bool:
    """Whether a file is there, not only as a draft."""
    return (settings.include_folder() / file).is_file()


def file_of(access: Access, kind: str, name: str) -> str:
    """
    A file's name below the include folder; of one that is not there yet too, of which the user has a draft.

    :raises LedgerbridgeError: there is neither.
    """
    file = f"{kind}/{name}.{'csv' if kind == 'lookups' else 'yaml'}"
    if kind in _VIEWS:
        if is_live(file):
            return file
        with snapshot(settings.state_engine(stays=True)) as opened:
            if open_draft(opened, file, access.name) is not None:
                return file
    raise LedgerbridgeError("LB-CFG-008", f"there is no file {file}.", remedy="Take one of the list.")


def legs_of(file: str) -> dict[str, LegConfig]:
    """The legs that use a file, as `flow.leg`."""
    kind, _, name = file.partition("/")
    stem = name.rpartition(".")[0]
    found = {}
    for flow, config in flows().items():
        for leg, each in config.legs.items():
            used = {
                "mappings": each.mappings, "expectations": each.suites, "flows": [stem] if flow == stem else [],
                "lookups": _tables(each) if kind == "lookups" else [],
            }  # fmt: skip
            if flow == stem if kind == "flows" else stem in used[kind]:
                found[f"{flow}.{leg}"] = each
    return found


def may_edit(access: Access, file: str) -> bool:
    """Whether the user is an engineer of all legs that use a file, of every company; nobody uses it: of all legs."""
    return access.may_edit(_dags(file))


def may_comment(access: Access, file: str) -> bool:
    """Whether the user sees what is said of drafts of a file, and says something: whoever may mend all that uses it."""
    return all(map(access.may_mend_dag, _dags(file)))


def may_see_values(access: Access, file: str, company: str) -> bool:
    """Whether the user sees the records of a company that go through a file."""
    return all(access.may_mend(place) for place in _places(file) if place.company == company)


def must_edit(access: Access, file: str) -> None:
    """
    Let only those go on who may edit a file.

    :raises LedgerbridgeError: the user may not.
    """
    must_read(access, file)
    access.must_edit(_dags(file), f"draft, try and publish {file}")


def must_comment(access: Access, file: str) -> None:
    """
    Let only those go on who may say something of drafts of a file.

    :raises PermissionError: the user may not.
    """
    must_read(access, file)
    if not may_comment(access, file):
        raise PermissionError("Those say something of a draft who may edit the DAGs of all legs that use its file.")


def must_read(access: Access, file: str) -> None:
    """
    Let only those go on who may see a file.

    :raises LedgerbridgeError: the user may not: of it nobody tells that it is there.
    """
    if not _may_read(access, file):
        raise LedgerbridgeError("LB-CFG-008", f"there is no file {file}.", remedy="Take one of the list.")


def _may_read(access: Access, file: str) -> bool:
    return any(access.may_read(place) for place in _places(file))


def _places(file: str) -> Iterator[Place]:
    """A leg of each stage that uses a file, of every company: what may be done is asked of the stage's DAG."""
    used = [each.split(".", 1) for each in legs_of(file)]
    used = used or [[name, leg] for name, flow in flows().items() for leg in flow.legs]
    of_stage = {(flow, flows()[flow].stage_of[leg]): leg for flow, leg in used}
    for company in company_keys(settings.companies_folder()):
        for (flow, _), leg in of_stage.items():
            yield Place(company, flow, leg)


def _dags(file: str) -> set[str]:
    return {dag_of_place(place) for place in _places(file)}


def _mapping(path: Path, file: str) -> FileView:
    content = check_file(path, MappingFile, code="LB-CFG-002").content
    legs = sorted(legs_of(file))
    if content is None:
        return FileView(
            file=file, kind="mappings", name=path.stem, description="", used_by=legs, may_edit=False, is_broken=True
        )
    return FileView(
        file=file, kind="mappings", name=path.stem, description=content.description,
        reads=content.from_, writes=content.to, used_by=legs, may_edit=False,
    )  # fmt: skip


def _flow(path: Path, file: str) -> FileView:
    flow = flow_named(path.stem)
    if flow is None:
        return FileView(file=file, kind="flows", name=path.stem, description="", may_edit=False, is_broken=True)
    uses = dict.fromkeys(mapping for leg in flow.legs.values() for mapping in leg.mappings)
    return FileView(
        file=file, kind="flows", name=path.stem, description=flow.description, uses=list(uses), may_edit=False,
        used_by=[": ".join(filter(None, (stage, ", ".join(flow.of_stage(stage))))) for stage in flow.stages],
    )  # fmt: skip


def _gate(path: Path, file: str) -> FileView:
    content = check_suite_file(path).content
    return FileView(
        file=file, kind="expectations", name=path.stem, description=content.description if content else "",
        used_by=sorted(legs_of(file)), may_edit=False, is_broken=content is None,
    )  # fmt: skip


def _table(path: Path, file: str) -> FileView:
    with path.open(encoding="utf-8-sig") as read:
        columns = read.readline().strip()
    return FileView(
        file=file, kind="lookups", name=path.stem, description=columns, used_by=sorted(legs_of(file)), may_edit=False,
        is_broken=not columns,
    )  # fmt: skip


def _tables(leg: LegConfig) -> set[str]:
    mappings = settings.include_folder() / "mappings"
    return {table for name in leg.mappings for table in tables_in(mappings / f"{name}.yaml")}


_VIEWS: dict[str, Callable[[Path, str], FileView]] = {
    "flows": _flow,
    "mappings": _mapping,
    "expectations": _gate,
    "lookups": _table,
}
