"""
Walking the audit chain: is every entry there, as it was written, in its place.

What a database alone can't tell is that its last entries are missing, or that all was hashed anew from some entry on:
that takes anchors, heads of the chain that were kept elsewhere at earlier times.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import orjson
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledgerbridge.audit.chain import GENESIS, digest
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state.models import AuditEntry

__all__ = ["Anchor", "Break", "Verdict", "head", "read_anchors", "verify"]

_AT_ONCE = 1000


@dataclass(frozen=True)
class Anchor:
    """The head of the chain at some time: its last entry's number and hash."""

    number: int
    hash: str

    def line(self) -> bytes:
        """As it is kept, one a line."""
        return orjson.dumps({"number": self.number, "hash": self.hash}) + b"\n"


@dataclass(frozen=True)
class Break:
    """
    The first entry at fault.

    :param how: changed, removed, inserted, reordered, truncated, rewritten.
    """

    number: int
    how: str
    finding: str


@dataclass(frozen=True)
class Verdict:
    """How many entries hold, and the first that doesn't."""

    head: Anchor
    broken: Break | None = None


def head(session: Session) -> Anchor:
    """The chain's last entry."""
    last = session.execute(select(AuditEntry.id, AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1)).first()
    return Anchor(*last) if last else Anchor(0, GENESIS)


def read_anchors(lines: Iterable[str | bytes]) -> list[Anchor]:
    """
    Anchors as ``Anchor.line`` wrote them.

    :raises ConfigurationError: a line is none.
    """
    anchors = []
    for position, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            known = orjson.loads(line)
            anchors.append(Anchor(int(known["number"]), str(known["hash"])))
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigurationError(
                "LB-AUD-002",
                f"line {position} of the anchors is no number and hash.",
                remedy="Take the file as `ledgerbridge audit anchor` wrote it.",
            ) from error
    return anchors


def verify(session: Session, anchors: Iterable[Anchor] = ()) -> Verdict:
    """Walk the whole chain, and compare it with heads known from before."""
    kept = {anchor.number: anchor.hash for anchor in anchors}
    previous = before = Anchor(0, GENESIS)
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id).execution_options(yield_per=_AT_ONCE))
    for entry in entries:
        broken = _link(session, entry, previous, before)
        if broken is None and kept.get(entry.id, entry.hash) != entry.hash:
            broken = Break(entry.id, "rewritten", "the chain up to it was hashed anew: an anchor has another hash")
        if broken is not None:
            return Verdict(previous, broken)
        previous, before = Anchor(entry.id, entry.hash), previous
    missing = max(kept, default=0)
    if missing > previous.number:
        finding = f"entries {previous.number + 1} to {missing} are missing at the end: an anchor knows them"
        return Verdict(previous, Break(previous.number + 1, "truncated", finding))
    return Verdict(previous)


def _link(session: Session, entry: AuditEntry, previous: Anchor, before: Anchor) -> Break | None:
    """What is wrong with an entry after the one before it, if anything."""
    fits = digest(entry) == entry.hash
    if fits and entry.id == previous.number + 1 and entry.previous_hash == previous.hash:
        return None
    if not fits:
        return _misfit(session, entry, previous, before)
    if entry.id != previous.number + 1:
        last = entry.id - 1
        which = f"entry {last} is" if last == previous.number + 1 else f"entries {previous.number + 1} to {last} are"
        return Break(previous.number + 1, "removed", f"{which} missing")
    if entry.previous_hash == before.hash:
        return Break(previous.number, "inserted", "the entry after it follows the one before it")
    return Break(previous.number, "changed", "it was hashed anew: the entry after it follows another hash")


def _misfit(session: Session, entry: AuditEntry, previous: Anchor, before: Anchor) -> Break:
    """Why an entry doesn't have the hash of its content: it stands in another's place, or its content changed."""
    last = session.scalar(select(func.max(AuditEntry.id))) or 0
    written_as = next((number for number in range(1, last + 2) if digest(entry, number=number) == entry.hash), None)
    if written_as == entry.id - 1 and entry.previous_hash == before.hash:
        return Break(previous.number, "inserted", "the entries after it were moved on by one")
    if written_as is not None and written_as > entry.id and not _is_there(session, entry.previous_hash):
        return Break(entry.id, "removed", f"in its place stands what was written as entry {written_as}")
    if written_as is not None:
        return Break(entry.id, "reordered", f"here stands what was written as entry {written_as}")
    following = session.scalar(select(AuditEntry.previous_hash).where(AuditEntry.id == entry.id + 1))
    if following is not None and following == previous.hash:
        return Break(entry.id, "inserted", "the entry after it follows the one before it")
    return Break(entry.id, "changed", "its content does not have its hash")


def _is_there(session: Session, entry_hash: str) -> bool:
    return session.scalar(select(AuditEntry.id).where(AuditEntry.hash == entry_hash)) is not None
