"""
Anchors: heads of the chain that are kept where whoever owns the database can't write.

They are numbered without gaps, each names the hash of the one before and is signed; the chain tells of each by its
hash. So an anchor that is missing shows in the others and in the chain, and a chain that was cut shows in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from ledgerbridge.audit.chain import GENESIS, Actor, Change, append
from ledgerbridge.audit.timestamps import TimeStamps
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state.companies import ALL_COMPANIES
from ledgerbridge.state.models import AuditEntry
from ledgerbridge.state.signing import ANCHOR, PublicKeys, signer_of

__all__ = [
    "Anchor",
    "anchors_at_fault",
    "head",
    "next_anchor",
    "read_anchors",
    "signed_head",
    "tell_anchor",
]


@dataclass(frozen=True)
class Anchor:
    """
    The head of the chain at some time: its last entry's number and hash.

    :param position: of the anchor among all; None: a head that was only noted.
    :param at: ISO 8601, UTC.
    :param before: hash of the anchor before.
    :param timestamp: a time stamp (RFC 3161) of all the rest, base64.
    """

    number: int
    hash: str
    position: int | None = None
    at: str | None = None
    before: str | None = None
    signature: str | None = None
    timestamp: str | None = None

    def line(self) -> bytes:
        """As it is kept, one a line."""
        return orjson.dumps({name: value for name, value in asdict(self).items() if value is not None}) + b"\n"

    def text(self) -> bytes:
        """What its signature is of."""
        return replace(self, signature=None, timestamp=None).line()

    def stamped_text(self) -> bytes:
        """What its time stamp is of."""
        return replace(self, timestamp=None).line()

    def digest(self) -> str:
        """The hash that the chain and the next anchor know it by."""
        return sha256(self.line()).hexdigest()


def head(session: Session) -> Anchor:
    """The chain's last entry."""
    last = session.execute(
        select(AuditEntry.id, AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1), execution_options=ALL_COMPANIES
    ).first()
    return Anchor(*last) if last else Anchor(0, GENESIS)


def signed_head(session: Session) -> Anchor:
    """The same, with the time and signed."""
    noted = replace(head(session), at=datetime.now(UTC).isoformat())
    return replace(noted, signature=signer_of(session).sign(ANCHOR, noted.text()))


def next_anchor(session: Session, kept: Sequence[Anchor]) -> Anchor:
    """The anchor to keep now, after those kept."""
    numbered = [each for each in kept if each.position is not None]
    last = numbered[-1] if numbered else None
    anchor = replace(
        head(session),
        position=1 if last is None or last.position is None else last.position + 1,
        at=datetime.now(UTC).isoformat(),
        before=GENESIS if last is None else last.digest(),
    )
    return replace(anchor, signature=signer_of(session).sign(ANCHOR, anchor.text()))


def tell_anchor(session: Session, actor: Actor, anchor: Anchor) -> None:
    """Tell the chain of an anchor that is kept; the caller commits."""
    details = {"anchor": anchor.position, "sha256": anchor.digest(), "number": anchor.number}
    append(session, actor, [Change("anchored", "audit", f"anchor-{anchor.position}", details=details)])


def read_anchors(lines: Iterable[str | bytes]) -> list[Anchor]:
    """
    Anchors as ``Anchor.line`` wrote them.

    :raises ConfigurationError: a line is none.
    """
    anchors = []
    for place, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            anchors.append(_anchor(orjson.loads(line)))
        except (ValueError, TypeError) as error:
            raise ConfigurationError(
                "LB-AUD-002",
                f"line {place} of the anchors is no number and hash.",
                remedy="Take the file as `ledgerbridge audit anchor` wrote it.",
            ) from error
    return anchors


def _anchor(known: Any) -> Anchor:
    anchor = Anchor(**known)
    texts = (anchor.at, anchor.before, anchor.signature, anchor.timestamp)
    if type(anchor.number) is not int or type(anchor.hash) is not str:
        raise TypeError(anchor)
    if anchor.position is not None and (type(anchor.position) is not int or anchor.position < 1):
        raise TypeError(anchor)
    if any(text is not None and type(text) is not str for text in texts):
        raise TypeError(anchor)
    if anchor.at is not None and datetime.fromisoformat(anchor.at).tzinfo is None:
        raise ValueError(anchor)
    return anchor


def anchors_at_fault(
    anchors: Sequence[Anchor],
    told: Mapping[int, str],
    keys: PublicKeys,
    stamps: TimeStamps | None = None,
    *,
    complete: bool = True,
) -> str | None:
    """
    What is wrong with the anchors as a whole, if anything.

    :param told: hash of each anchor the chain tells of, by its position.
    :param stamps: who gave time stamps; None: they are not looked at.
    :param complete: they are all that were kept; False: some that a person has.
    """
    if (fault := _contradiction(anchors)) is not None:
        return fault
    numbered = {anchor.position: anchor for anchor in anchors if anchor.position is not None}
    if complete:
        written = max(told, default=0)
        missing = [position for position in range(1, max([written, *numbered]) + 1) if position not in numbered]
        if missing:
            which = f"anchor {missing[0]} is" if len(missing) == 1 else f"anchors {missing[0]} to {missing[-1]} are"
            return f"{which} missing: the chain tells of {written}, {len(numbered)} are there"
        if len(numbered) > written + 1:  # one more: a worker was killed between keeping and telling it
            return f"{len(numbered)} anchors are there, the chain tells of {written}: its end is another"
    for position, anchor in sorted(numbered.items()):
        before = GENESIS if position == 1 else numbered[position - 1].digest() if position - 1 in numbered else None
        if before not in (None, anchor.before) or told.get(position, anchor.digest()) != anchor.digest():
            return f"anchor {position} is not the one that was written"
    for anchor in anchors:
        needed = anchor.position is not None and anchor.position not in told
        if keys and (needed or anchor.signature) and not keys.verify(ANCHOR, anchor.text(), anchor.signature):
            return f"{_name(anchor)} is not signed by the key"
        if stamps and anchor.timestamp and (fault := stamps.fault(anchor.stamped_text(), anchor.timestamp, anchor.at)):
            return f"the time stamp of {_name(anchor)} does not hold: {fault}"
    return None


def _contradiction(anchors: Sequence[Anchor]) -> str | None:
    """Where retention keeps anchors from being written over, a forger puts others beside them."""
    hashes: dict[int, str] = {}
    digests: dict[int, str] = {}
    for anchor in anchors:
        if hashes.setdefault(anchor.number, anchor.hash) != anchor.hash:
            return f"two anchors have different hashes for entry {anchor.number}: one of them is forged"
        if anchor.position is not None and digests.setdefault(anchor.position, anchor.digest()) != anchor.digest():
            return f"anchor {anchor.position} is there twice, and they differ: one of them is forged"
    return None


def _name(anchor: Anchor) -> str:
    which = "the head noted" if anchor.position is None else f"anchor {anchor.position}"
    return f"{which} (entry {anchor.number})"
