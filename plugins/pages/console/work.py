"""What people note at the entries of the work list: who takes one on, tags, comments."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy.orm import Session

from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.flows import SideLegConfig, company_keys
from ledgerbridge.state import snapshot, transaction
from ledgerbridge.state.letter_list import Place
from ledgerbridge.state.models import OURS, DeadLetter, Delivery, MatchProposal, MergeQuestion, SourceRecord
from ledgerbridge.state.work_items import LETTER, Kind, Noted, Subject, assign, assignees, comment, id_of, noted, tag
from operators import settings
from pages.console.access import Access, dag_of_place
from pages.console.flow_files import flows
from pages.console.models import CommentView, WorkView

__all__ = ["assign_work", "comment_work", "people", "subject_id", "tag_work", "works"]

_TABLES: Mapping[Kind, type[Any]] = {
    "letter": DeadLetter,
    "question": MergeQuestion,
    "proposal": MatchProposal,
    "unknown": Delivery,
    "overdue": SourceRecord,
}


def subject_id(row: Any) -> str:
    """By what a row of the work list is known among what people note."""
    if isinstance(row, MergeQuestion):
        return id_of(row.company, row.kind, row.record_key, row.field)
    if isinstance(row, MatchProposal):
        return id_of(row.company, row.kind, row.left_key, row.right_key)
    if isinstance(row, Delivery):
        return id_of(row.company, row.entity, row.record_key)
    if isinstance(row, SourceRecord):
        return id_of(row.company, row.flow, row.leg, row.source_key)
    return str(row.id)


def works(opened: Session, kind: Kind, rows: Mapping[str, bool]) -> dict[str, WorkView]:
    """
    What is noted at each of these.

    :param rows: by id whether the user sees values there: tags and comments are in words of people, who name what they
        see.
    """
    found = noted(opened, kind, rows)
    return {each: _shown(found.get(each, Noted()), values) for each, values in rows.items()}


def people() -> list[str]:
    """Who has taken something on before."""
    with snapshot(settings.state_engine(stays=True)) as opened:
        return assignees(opened)


def assign_work(access: Access, kind: Kind, seen: Mapping[str, str | None], to: str | None) -> None:
    """
    Let somebody take entries on, or nobody.

    :param seen: who has each, as the user saw it, by the entry's number or id.
    :raises LedgerbridgeError: one is not there, or another has taken it on since: then nothing is changed.
    :raises PermissionError: the user may not mend one of them.
    """
    with transaction(settings.state_engine(stays=True)) as opened:
        subjects = _subjects(opened, access, kind, seen)
        assign(opened, {subjects[each]: before for each, before in seen.items()}, to, access.name)


def tag_work(access: Access, kind: Kind, ids: Collection[str], add: Collection[str], remove: Collection[str]) -> None:
    """
    Put tags at entries, and take others away.

    :raises LedgerbridgeError: one is not there; then nothing is changed.
    :raises PermissionError: the user may not mend one of them.
    """
    with transaction(settings.state_engine(stays=True)) as opened:
        tag(opened, list(_subjects(opened, access, kind, ids).values()), add, remove, access.name)


def comment_work(access: Access, kind: Kind, entry: str, text: str) -> None:
    """
    Say something of an entry.

    :raises LedgerbridgeError: it is not there.
    :raises PermissionError: the user may not mend it.
    """
    with transaction(settings.state_engine(stays=True)) as opened:
        comment(opened, _subjects(opened, access, kind, [entry])[entry], text, access.name)


def _shown(of: Noted, values: bool) -> WorkView:
    said = [CommentView(**each) for each in of.comments] if values else []
    return WorkView(assignee=of.assignee, tags=list(of.tags) if values else [], comments=said)


def _subjects(opened: Session, access: Access, kind: Kind, ids: Collection[str]) -> dict[str, Subject]:
    """What these entries are; of one the user may not see nobody tells that it is there."""
    found: dict[str, Subject] = {}
    for each in ids:
        row = _row(opened, kind, each)
        place = None if row is None else _place(row)
        if row is None or place is None or not access.may_read(place):
            raise LedgerbridgeError(
                "LB-WRK-001",
                f"the work list has no {kind} {each}.",
                remedy="Look at the list anew: it may have been settled.",
            )
        if not access.may_mend(place):
            raise PermissionError(f"Those may do that who may edit the DAG {dag_of_place(place)}.")
        found[each] = _subject(kind, row, place)
    return found


def _row(opened: Session, kind: Kind, entry: str) -> Any:
    table = _TABLES[kind]
    if kind == LETTER:
        return opened.get(table, entry)
    return opened.get(table, int(entry)) if entry.isdecimal() and int(entry) < 2**31 else None


def _place(row: Any) -> Place | None:
    if not isinstance(row, MergeQuestion | MatchProposal):
        return Place(row.company, row.flow, row.leg)
    if row.company in company_keys(settings.companies_folder()):
        for name, flow in flows().items():
            for leg, config in flow.legs.items():
                if isinstance(config, SideLegConfig) and config.sync.entity == row.kind:
                    return Place(row.company, name, leg)
    return None


def _subject(kind: Kind, row: Any, place: Place) -> Subject:
    entity = row.leg if kind == LETTER else f"{OURS}{row.kind}" if kind in ("question", "proposal") else row.entity
    key = {"proposal": "left_key", "overdue": "source_key"}.get(kind, "record_key")
    return Subject(kind, subject_id(row), place.company, place.flow, place.leg, entity, getattr(row, key))
