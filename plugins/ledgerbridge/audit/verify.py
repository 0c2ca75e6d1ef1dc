"""
Walking the audit chain: is every entry there, as it was written, in its place, signed; and do the tables agree with it.

What a database alone can't tell is that its last entries are missing, or that all was hashed anew from some entry on by
somebody who has the key: that takes anchors, heads of the chain that were kept elsewhere at earlier times.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledgerbridge.audit.anchors import Anchor, anchors_at_fault
from ledgerbridge.audit.chain import GENESIS, SIGNED_FROM_HERE, digest, signed_content
from ledgerbridge.audit.tables import misfits
from ledgerbridge.audit.timestamps import TimeStamps
from ledgerbridge.state.models import AuditEntry
from ledgerbridge.state.signing import ENTRY, HEAD, PublicKeys, signer_of

__all__ = ["Break", "Verdict", "verify"]

_AT_ONCE = 1000


@dataclass(frozen=True)
class Break:
    """
    The first thing at fault.

    :param number: of the entry; 0: of none.
    :param how: changed, removed, inserted, reordered, truncated, rewritten, unsigned.
    :param code: of the error to tell it by.
    """

    number: int
    how: str
    finding: str
    code: str = "LB-AUD-001"

    def __str__(self) -> str:
        return f"audit entry {self.number} {self.how}: {self.finding}" if self.number else self.finding


@dataclass(frozen=True)
class Verdict:
    """
    How many entries hold, and the first thing at fault.

    :param signed: the head has a signature; by whom is only known where a key is.
    :param anchors: how many the chain tells of.
    """

    head: Anchor
    broken: Break | None = None
    signed: bool = False
    anchors: int = 0


def verify(
    session: Session,
    anchors: Iterable[Anchor] = (),
    keys: PublicKeys | None = None,
    *,
    stamps: TimeStamps | None = None,
    complete: bool = False,
) -> Verdict:
    """
    Walk the whole chain, compare it with heads known from before, and the tables with it.

    :param keys: whose signatures count; None: the state database's own (``connect``).
    :param stamps: who gave the anchors time stamps; None: these are not looked at.
    :param complete: the anchors are all that were kept, and one that is missing is a fault.
    """
    keys = signer_of(session).public if keys is None else keys
    at_hand = list(anchors)
    kept = {anchor.number: anchor.hash for anchor in at_hand}
    previous = before = Anchor(0, GENESIS)
    last_signature, told = None, {}
    entries = select(AuditEntry).order_by(AuditEntry.id).execution_options(yield_per=_AT_ONCE, populate_existing=True)
    for entry in session.scalars(entries):
        broken = _link(session, entry, previous, before)
        if broken is None and kept.get(entry.id, entry.hash) != entry.hash:
            broken = Break(entry.id, "rewritten", "the chain up to it was hashed anew: an anchor has another hash")
        if broken is None and keys:
            broken = _foreign(entry, keys, last_signature)
        if broken is not None:
            return Verdict(previous, broken)
        if entry.action == "anchored":
            told[int(entry.details["anchor"])] = str(entry.details["sha256"])
        last_signature = entry.signature
        previous, before = Anchor(entry.id, entry.hash), previous
    broken = _end(previous, last_signature, kept, keys)
    if broken is None and (fault := anchors_at_fault(at_hand, told, keys, stamps, complete=complete)) is not None:
        broken = Break(0, "anchors", fault, "LB-AUD-004")
    if broken is None and (misfit := next(misfits(session), None)) is not None:
        broken = Break(0, misfit.how, str(misfit), "LB-AUD-005")
    return Verdict(previous, broken, last_signature is not None, max(told, default=0))


def _foreign(entry: AuditEntry, keys: PublicKeys, signature_before: str | None) -> Break | None:
    """What is wrong with an entry's signature; the first ones have none where a person signed for them later."""
    if entry.signature is None:
        if signature_before is None:
            return None
        return Break(entry.id, "unsigned", "it has no signature of the key, the one before it has")
    if signature_before is None and entry.id > 1 and entry.action != SIGNED_FROM_HERE:
        return Break(entry.id - 1, "unsigned", "it has no signature of the key, and nobody signed for it later")
    content = signed_content(entry.id, entry.hash)
    if any(keys.verify(purpose, content, entry.signature) for purpose in (ENTRY, HEAD)):
        return None
    return Break(entry.id, "rewritten", "its signature is of another key or another chain")


def _end(last: Anchor, signature: str | None, kept: dict[int, str], keys: PublicKeys) -> Break | None:
    missing = max(kept, default=0)
    if missing > last.number:
        finding = f"entries {last.number + 1} to {missing} are missing at the end: an anchor knows them"
        return Break(last.number + 1, "truncated", finding)
    if not keys or not last.number:
        return None
    if signature is None:
        return Break(last.number, "unsigned", "the last entry has no signature of the key")
    if not keys.verify(HEAD, signed_content(last.number, last.hash), signature):
        return Break(last.number + 1, "truncated", "the entry before it was not the last that was written with it")
    return None


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
