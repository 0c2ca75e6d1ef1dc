"""
An earlier version of a record that a person wants sent again: the one way an older version goes over a newer one.

It becomes a change of its own, the newest one, which every leg of its source takes. What the source says of the record
later is newer again.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledgerbridge.audit.chain import Actor, Change
from ledgerbridge.audit.chain import append as tell
from ledgerbridge.changes.log import Found, append, newest
from ledgerbridge.changes.sources import SourceId
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state.mending import Person
from ledgerbridge.state.models import LoggedChange

__all__ = ["changes_of_record", "send_again"]


def changes_of_record(session: Session, source_key: str) -> list[LoggedChange]:
    """
    All that became known of a record, oldest first.

    :raises LedgerbridgeError: nothing did.
    """
    query = select(LoggedChange).where(LoggedChange.source_key == source_key).order_by(LoggedChange.number)
    found = list(session.scalars(query))
    if not found:
        raise LedgerbridgeError(
            "LB-CHG-001",
            f'the change log has nothing of "{source_key}".',
            remedy="Give the key of a source record, as `ledgerbridge trace` shows it.",
        )
    return found


def send_again(session: Session, number: int, person: Person) -> int:
    """
    Let every leg take a version again that another one has followed; the number it gets.

    :param number: of its change.
    :raises LedgerbridgeError: it is not kept, it is the newest, or no reason is given.
    """
    if not person.reason.strip():
        raise LedgerbridgeError(
            "LB-CHG-003",
            f"change {number} is to go over newer ones without a reason.",
            remedy="Say why: whoever wonders at the document in the ledger reads it.",
        )
    change = session.get(LoggedChange, number)
    if change is None or change.payload_uri is None:
        raise LedgerbridgeError(
            "LB-CHG-001",
            f"the change log keeps no record under number {number}.",
            remedy="`ledgerbridge changes list KEY` lists what is kept; what was purged can't be sent again.",
        )
    source = SourceId(change.company, change.entity, change.connection)
    # now: only what changes in the source from here on is newer
    wanted = Found(change.source_key, change.version, datetime.now(UTC), change.content_hash)
    if not append(session, source, [wanted], how="person", payload_uri=change.payload_uri):
        raise LedgerbridgeError(
            "LB-CHG-002",
            f"change {number} has the newest version of {change.source_key} already.",
            remedy="To send what a run took once more, clear that run's task.",
        )
    again = newest(session, source.company, source.entity, [change.source_key])[change.source_key].number
    details = person.told(change=again, again=number, version=change.version)
    actor = Actor("", "", person.run_id, person.means, company=change.company)
    tell(session, actor, [Change("sent-again", change.entity, change.source_key, None, change.content_hash, details)])
    return again
