"""A draft as others look at it before it is published: what it changes, and what is said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ledgerbridge.drafts.store import comment, draft_numbered
from ledgerbridge.state import snapshot, transaction
from operators import settings
from pages.console.access import Access
from pages.console.design.drafted import diff, said_of
from pages.console.design.files import may_comment, must_comment, must_read
from pages.console.design.flows import stages_in
from pages.console.design.gates import expectations_in
from pages.console.design.mappings import fields_in
from pages.console.design.models import LineChange, PartChange
from pages.console.design.review_models import ReviewView
from pages.console.design.tables import rows_in

__all__ = ["review_of", "say"]

_Part = tuple[str, str, str, list[str]]
"""Part, name, what is written, and the paths it is made of."""


def review_of(access: Access, number: int) -> ReviewView:
    """
    A draft with what it changes.

    :raises LedgerbridgeError: there is none, or the user may not see its file.
    """
    with snapshot(settings.state_engine(stays=True)) as opened:
        draft = draft_numbered(opened, number)
        must_read(access, draft.file)
        # people may tell of values there
        comments = may_comment(access, draft.file)
        said = said_of(opened, draft) if comments else []
        kind, name = draft.file.partition("/")[0], Path(draft.file).stem
        base, text = draft.base, draft.text
        view = ReviewView(
            id=draft.id, file=draft.file, kind=kind, name=name, by=draft.by, state=draft.state, version=draft.version,
            changed_at=draft.changed_at, note=draft.note or "", diff=diff(base, text), comments=said,
            may_comment=comments,
        )  # fmt: skip
    if kind == "flows":
        view.stages_before, view.stages_after = stages_in(base, name), stages_in(text, name)
    elif kind == "mappings":
        view.changes = _changes(_fields(base, name), _fields(text, name))
    elif kind == "lookups":
        view.changes = _changes(_rows(base), _rows(text))
    else:
        view.changes = _changes(_expectations(base, name), _expectations(text, name))
    return view


def say(access: Access, number: int, text: str) -> None:
    """
    Say something of a draft that is under way: reviewers need not be engineers.

    :raises PermissionError: the user may not.
    :raises LedgerbridgeError: there is none, or none any more.
    """
    with transaction(settings.state_engine(stays=True)) as opened:
        draft = draft_numbered(opened, number)
        must_comment(access, draft.file)
        comment(opened, draft, access.name, text.strip())


def _fields(text: str, name: str) -> list[_Part]:
    return [
        (
            each.part if each.number is None else f"{each.part} {each.number + 1}", each.field, each.rule,
            [origin.path for origin in each.origins],
        )
        for each in fields_in(text, name)
    ]  # fmt: skip


def _expectations(text: str, name: str) -> list[_Part]:
    """Several of a field that expect the same are numbered."""
    seen: Counter[str] = Counter()
    found = []
    for each in expectations_in(text, name):
        words = f"{each.column} {each.expect}"
        seen[f"{each.part} {words}"] += 1
        again = seen[f"{each.part} {words}"]
        found.append((each.part, words if again == 1 else f"{words} {again}", each.written, [each.column]))
    return found


def _rows(text: str) -> list[_Part]:
    """Lines by their first value; several of one are numbered."""
    seen: Counter[str] = Counter()
    found: list[_Part] = []
    for each in rows_in(text):
        seen[each[0]] += 1
        found.append((f"{seen[each[0]]}" if seen[each[0]] > 1 else "", each[0], ", ".join(each), []))
    return found


def _changes(before: Iterable[_Part], after: Iterable[_Part]) -> list[PartChange]:
    old, new = ({each[:2]: each[2:] for each in of} for of in (before, after))
    found = []
    for part, name in {**old, **new}:
        was, paths_before = old.get((part, name), ("", []))
        now, paths = new.get((part, name), ("", []))
        if was != now:
            what = "came" if (part, name) not in old else "went" if (part, name) not in new else "changed"
            lines = [
                LineChange(path=each, what="came" if each not in paths_before else "went" if each not in paths else "")
                for each in dict.fromkeys([*paths_before, *paths])
            ]
            found.append(PartChange(part=part, name=name, what=what, before=was, after=now, lines=lines))
    return found
