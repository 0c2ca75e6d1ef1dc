"""
Writing audit entries: numbered without gaps, the hash of each covers its content and the hash before it.

``hash = sha256(previous_hash + sha256(content))``, both in hexadecimal: whoever has only the inner hash of an entry can
still follow the chain over it. Payloads are in no entry, their hashes are: they can be purged and the chain holds.

Where there is a key (``Signer``), each entry is signed, the last of an append as the chain's head: who can write the
database can hash all of it anew, but can't sign it. Nothing is appended to an end that is not signed, so that no worker
vouches for what was forged before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from ledgerbridge.audit.commitments import Told, commitments
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state.companies import ALL_COMPANIES, MAIN, bound_company
from ledgerbridge.state.database import serialise
from ledgerbridge.state.models import AuditEntry
from ledgerbridge.state.signing import ENTRY, HEAD, Signer, signer_of

__all__ = [
    "GENESIS",
    "SIGNED_FROM_HERE",
    "Actor",
    "Change",
    "append",
    "begin_signing",
    "chained",
    "content_digest",
    "content_text",
    "digest",
    "signed_content",
]

GENESIS = "0" * 64
"""The hash before the first entry."""
SIGNED_FROM_HERE = "signed-from-here"
"""The action by which a person signs for entries from before there was a key."""
_CONTENT = (
    "at",
    "run_id",
    "task",
    "action",
    "entity",
    "record_key",
    "chain_key",
    "content_hash",
    "details",
)
"""What the hash of an entry covers, with its number and the hash before it, and its company unless that is `main`."""


@dataclass(frozen=True)
class Actor:
    """
    Who changes something: the flow, its leg, the run and the task.

    :param company: the key of whose it is; by default the session's, or else nobody's.
    """

    flow: str
    leg: str
    run_id: str
    task: str
    company: str | None = None


@dataclass(frozen=True)
class Change:
    """
    One state change of one record.

    :param content_hash: of the record or document as it is after the change; ``details`` may hold the one before.
    """

    action: str
    entity: str
    record_key: str
    chain_key: str | None = None
    content_hash: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


def append(session: Session, actor: Actor, changes: Iterable[Change]) -> None:
    """
    Append entries in the session's transaction; the caller commits.

    Call it after the rows it tells of are written: an entry commits to its row as it stands now. Others wait from here
    to the end of the transaction: two entries after the same one would break the chain.

    :raises ConfigurationError: the chain is signed and this process has no key, or its end is not signed by the key.
    """
    wanted = list(changes)
    if not wanted:
        return
    serialise(session, "audit")
    signer = signer_of(session)
    number, previous, signature = _end(session)
    if number:
        _check_end(signer, number, previous, signature)
    _append(session, signer, actor, wanted, number, previous)


def begin_signing(session: Session, actor: Actor, by: str) -> None:
    """
    Sign a chain that was written before there was a key; the caller commits.

    :param by: the person who answers for what stands there.
    :raises ConfigurationError: there is no key, or the chain is signed already.
    """
    serialise(session, "audit")
    signer = signer_of(session)
    if not signer:
        raise _no_key()
    signed = session.scalar(
        select(func.max(AuditEntry.id)).where(AuditEntry.signature.is_not(None)), execution_options=ALL_COMPANIES
    )
    if signed is not None:
        raise ConfigurationError(
            "LB-AUD-008",
            f"the audit was to be signed from here on, but entry {signed} is signed already.",
            remedy="`ledgerbridge audit verify` says what became of the entries after it.",
        )
    number, previous, _ = _end(session)
    change = Change(SIGNED_FROM_HERE, "audit", "audit", details={"by": by})
    _append(session, signer, actor, [change], number, previous)


def _end(session: Session) -> tuple[int, str, str | None]:
    last = session.execute(
        select(AuditEntry.id, AuditEntry.hash, AuditEntry.signature).order_by(AuditEntry.id.desc()).limit(1),
        execution_options=ALL_COMPANIES,
    ).first()
    return (0, GENESIS, None) if last is None else (last.id, last.hash, last.signature)


def _check_end(signer: Signer, number: int, entry_hash: str, signature: str | None) -> None:
    if not signer and signature:
        raise _no_key()
    if signer and not signer.public.verify(HEAD, signed_content(number, entry_hash), signature):
        raise ConfigurationError(
            "LB-AUD-008",
            f"audit entry {number}, the last one, is {'signed by another key' if signature else 'not signed'}:"
            " nothing is written after it.",
            remedy="If [ledgerbridge] signing_key is new here, run `ledgerbridge audit sign` once, or put the old key"
            " behind the new one. If not, the state database was written to by somebody else: `ledgerbridge audit"
            " verify` names the place.",
        )


def _no_key() -> ConfigurationError:
    return ConfigurationError(
        "LB-AUD-007",
        "the audit is signed, and no signing key is set here.",
        remedy="Set [ledgerbridge] signing_key (for commands LEDGERBRIDGE_SIGNING_KEY).",
    )


def _append(
    session: Session, signer: Signer, actor: Actor, wanted: Sequence[Change], so_far: int, previous: str
) -> None:
    rows: list[dict[str, Any]] = []
    company = actor.company or bound_company(session)
    told = [Told(each.entity, each.record_key, each.action, each.details, company or MAIN) for each in wanted]
    for number, (change, row_hashes) in enumerate(zip(wanted, commitments(session, told), strict=True), so_far + 1):
        row = {
            "id": number,
            "at": datetime.now(UTC),
            "run_id": actor.run_id,
            "task": actor.task,
            "action": change.action,
            "entity": change.entity,
            "record_key": change.record_key,
            "chain_key": change.chain_key,
            "content_hash": change.content_hash,
            "details": {name: value for name, value in change.details.items() if value is not None} | row_hashes,
            "company": None if company == MAIN else company,
        }
        previous, before = chained(previous, sha256(_text(number, row)).hexdigest()), previous
        purpose = HEAD if number == so_far + len(wanted) else ENTRY
        signature = signer.sign(purpose, signed_content(number, previous))
        rows.append({**row, "previous_hash": before, "hash": previous, "signature": signature})
    session.connection().execute(insert(AuditEntry), rows)


def signed_content(number: int, entry_hash: str) -> bytes:
    """What an entry's signature is of."""
    return f"{number} {entry_hash}".encode()


def content_text(entry: AuditEntry, *, number: int | None = None) -> bytes:
    """
    An entry's content as it is hashed: JSON, names sorted, no blanks.

    :param number: as if it stood there.
    """
    content = {name: getattr(entry, name) for name in (*_CONTENT, "company")}
    return _text(entry.id if number is None else number, content)


def _text(number: int, content: Mapping[str, Any]) -> bytes:
    hashed = {**{name: content[name] for name in _CONTENT}, "at": content["at"].isoformat(), "number": number}
    if content["company"] is not None:
        hashed["company"] = content["company"]
    return orjson.dumps(hashed, option=orjson.OPT_SORT_KEYS)


def content_digest(entry: AuditEntry, *, number: int | None = None) -> str:
    """The hash of an entry's content alone."""
    return sha256(content_text(entry, number=number)).hexdigest()


def chained(previous_hash: str, inner: str) -> str:
    """The hash of an entry, of the one before and its content's."""
    return sha256(f"{previous_hash}{inner}".encode()).hexdigest()


def digest(entry: AuditEntry, *, number: int | None = None) -> str:
    """The hash an entry must have."""
    return chained(entry.previous_hash, content_digest(entry, number=number))
