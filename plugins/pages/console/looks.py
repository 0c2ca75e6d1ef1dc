"""Who was shown values is told to the audit: of whom, when, and never what."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select

from ledgerbridge.audit import Actor, Change, append
from ledgerbridge.state import transaction
from ledgerbridge.state.letter_list import Place
from ledgerbridge.state.models import AuditEntry
from ledgerbridge.state.upsert import in_chunks
from operators import settings

__all__ = ["SHOWN", "Look", "note_looks"]

SHOWN = "values-shown"
_ONE_LOOK = timedelta(hours=1)
"""A page asks anew by itself, when its window is looked at again for one: that is no other look."""


class Look(NamedTuple):
    """Of which record values were shown, by what of a leg."""

    place: Place
    what: str
    key: str


def note_looks(user: str, looks: Iterable[Look]) -> None:
    """Tell the audit of what the user is shown, unless it has told that within the hour."""
    asked = list(dict.fromkeys(looks))
    if not asked:
        return
    engine = settings.state_engine(stays=True)
    with transaction(engine) as session:
        since = datetime.now(UTC) - _ONE_LOOK
        told: set[tuple[str, str]] = set()
        for chunk in in_chunks([each.key for each in asked]):
            seen = select(AuditEntry.entity, AuditEntry.record_key).where(
                AuditEntry.record_key.in_(chunk), AuditEntry.action == SHOWN, AuditEntry.at > since,
                AuditEntry.details["by"].as_string() == user,
            )  # fmt: skip
            told.update((entity, key) for entity, key in session.execute(seen))
        fresh: dict[Place, list[Change]] = {}
        for each in asked:
            if (each.what, each.key) not in told:
                change = Change(SHOWN, each.what, each.key, details={"by": user, "shown": 1})
                fresh.setdefault(each.place, []).append(change)
        for place, changes in fresh.items():
            append(session, Actor(place.flow, place.leg, "", "console", place.company), changes)
