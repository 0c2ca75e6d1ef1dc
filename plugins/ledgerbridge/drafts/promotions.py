"""
Bundles on their way into an environment: offered, checked, approved by another person, live, and back in one step.

Nothing becomes live without an approval that is kept here: whoever marks a task of Airflow as done has approved
nothing. What is live then is byte for byte what was checked and approved, in place of what it was compared with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, defer

from ledgerbridge.audit.chain import Actor, Change, append
from ledgerbridge.drafts.bundle import REFUSED, Bundle, files_in, hash_of, open_bundle, pack, unpack
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.database import serialise, transaction
from ledgerbridge.state.models import Promotion
from ledgerbridge.state.signing import PublicKeys, Signer

__all__ = [
    "NOBODY",
    "NOT_APPROVED",
    "NOT_ASKED",
    "OWN",
    "STALE",
    "UNKNOWN",
    "apply",
    "asked_of",
    "bundle_of",
    "decide",
    "note_checks",
    "offer",
    "promotion",
    "promotions",
    "undo",
]

OWN, UNKNOWN, NOT_APPROVED, STALE = "LB-PRO-003", "LB-PRO-004", "LB-PRO-005", "LB-PRO-006"
NOT_ASKED, NOBODY = "LB-PRO-008", "LB-PRO-009"
_OPEN = ("offered", "checked", "approved", "applying")


def promotions(session: Session) -> Sequence[Promotion]:
    """Every bundle that was offered here, the newest first; their bytes are read of those that are asked for them."""
    without = (defer(Promotion.content), defer(Promotion.before))
    return session.scalars(select(Promotion).options(*without).order_by(Promotion.id.desc())).all()


def promotion(session: Session, number: int) -> Promotion:
    """
    One of them.

    :raises LedgerbridgeError: there is none of this number.
    """
    found = session.get(Promotion, number)
    if found is None:
        raise LedgerbridgeError(
            UNKNOWN,
            f"no bundle {number} was offered here.",
            remedy="Take one that `ledgerbridge promote history` lists.",
        )
    return found


def bundle_of(row: Promotion, keys: PublicKeys) -> Bundle:
    """
    The bundle itself, verified anew.

    :raises ConfigurationError: it is not what one of the keys signed, or not the one that was offered.
    """
    opened = open_bundle(row.content, keys)
    if opened.sha256 != row.sha256:
        raise ConfigurationError(
            REFUSED,
            f"bundle {row.id} is refused: it is not the one that was offered.",
            remedy="Find out who wrote to the state database, and offer the bundle anew.",
        )
    return opened


def offer(session: Session, actor: Actor, content: bytes, keys: PublicKeys, by: str) -> Promotion:
    """
    Take a bundle in, to be checked and approved; one that is under way already stays as it is. The caller commits.

    :raises ConfigurationError: LB-PRO-002, it is not what one of the keys signed.
    """
    opened = open_bundle(content, keys)
    serialise(session, "promotion")
    known = select(Promotion).where(Promotion.sha256 == opened.sha256, Promotion.state.in_(_OPEN))
    under_way = session.scalars(known).first()
    if under_way is not None:
        return under_way
    row = Promotion(
        sha256=opened.sha256, content=content, environment=opened.environment, packed_by=opened.by,
        packed_at=datetime.fromisoformat(opened.at), offered_by=by, offered_at=database_now(session), state="offered",
    )  # fmt: skip
    session.add(row)
    session.flush()
    _tell(session, actor, row, "promotion-offered", {"by": by})
    return row


def note_checks(
    session: Session,
    actor: Actor,
    number: int,
    files: Mapping[str, bytes],
    problems: Sequence[str],
    tried: Mapping[str, Any],
) -> None:
    """
    Keep what checks found of a bundle, and what it would have changed; the caller commits.

    :param files: of the include folder, that it was compared with.
    :raises LedgerbridgeError: it was approved, rejected or made live meanwhile.
    """
    row = _locked(session, number)
    _must_be(row, ("offered", "checked", "failed"))
    row.state = "failed" if problems else "checked"
    row.problems, row.tried, row.files, row.run_id = list(problems), dict(tried), hash_of(files), actor.run_id
    _tell(session, actor, row, "promotion-refused" if problems else "promotion-checked", {"problems": len(problems)})


def asked_of(row: Promotion, approvers: Mapping[str, str]) -> dict[str, str]:
    """
    Who is asked about a bundle, of those who may approve bundles: neither who packed it nor who offered it.

    :param approvers: the id of each, with their name; nobody: whoever may answer, so that nobody is named.
    :raises LedgerbridgeError: each of them packed or offered it.
    """
    own = _own(row)
    asked = {user: name for user, name in approvers.items() if not own & {user.casefold(), name.casefold()}}
    if approvers and not asked:
        raise LedgerbridgeError(
            NOBODY,
            f"bundle {row.id} was packed or offered by all who may approve here: {', '.join(approvers.values())}.",
            remedy="Name somebody else in [ledgerbridge] bundle_approvers too, then clear the task that asks.",
        )
    return asked


def decide(
    session: Session,
    actor: Actor,
    number: int,
    names: Sequence[str],
    by: str,
    *,
    approved: bool,
    approvers: Mapping[str, str],
) -> None:
    """
    Keep what a person says of a checked bundle; the caller commits.

    :param names: all that this person is called by, their id in Airflow first.
    :param approvers: who may approve bundles, by id; nobody: whoever could answer.
    :raises LedgerbridgeError: they are none of those who may approve, or packed or offered it themselves; or it does
        not wait for anybody's word, or not in
        this run: what was shown there is not what was checked last.
    """
    row = _locked(session, number)
    _must_be(row, ("checked",))
    if actor.run_id != row.run_id:
        raise LedgerbridgeError(
            STALE,
            f"bundle {number} was checked again in {row.run_id}; this answer counts for nothing.",
            remedy="Look at what that run shows, and answer there.",
        )
    if approvers and names[0] not in approvers:
        raise LedgerbridgeError(
            NOT_ASKED,
            f"{by} is none of those who may approve bundles here: {', '.join(approvers.values())}.",
            remedy="Let one of them answer: start the run of its approval again.",
        )
    if approved and _own(row) & {each.casefold() for each in (*names, by)}:
        raise LedgerbridgeError(
            OWN,
            f"{by} packed or offered bundle {number}; that approves nothing.",
            remedy="Let somebody else look at it: start the run of its approval again.",
        )
    row.state, row.said_by, row.said_at = "approved" if approved else "rejected", by, database_now(session)
    _tell(session, actor, row, f"promotion-{row.state}", {"by": by})


def apply(engine: Engine, actor: Actor, include: Path, number: int, keys: PublicKeys, signer: Signer) -> bool:
    """
    Let an include folder have an approved bundle's files; again after it was broken off, it goes on where it stopped.

    :returns: whether it was not live before.
    :raises LedgerbridgeError: nobody approved it, or the files are others than those it was compared with.
    :raises ConfigurationError: it is not what was signed and offered, or there is no key to sign what was before.
    """
    with transaction(engine) as session:
        row = _locked(session, number)
        if row.state == "applied":
            return False
        opened = bundle_of(row, keys)
        if row.state != "applying":
            if row.state != "approved":
                raise LedgerbridgeError(
                    NOT_APPROVED,
                    f"bundle {number} is {row.state}, nobody has approved it; nothing is changed.",
                    remedy="Let somebody who did not pack it approve it in the run of the DAG promote.",
                )
            _must_stand(include, row.files, number, "were checked")
            others = session.scalars(select(Promotion.id).where(Promotion.state.in_(("applying", "undoing")))).all()
            if others:
                raise LedgerbridgeError(
                    STALE,
                    f"bundle {others[0]} is on its way into these files; nothing is changed.",
                    remedy="Let its run end, or clear its failed task; then check this one anew.",
                )
            row.before = pack(files_in(include), signer, str(row.said_by), datetime.now(UTC))
            row.state = "applying"
    unpack(opened.files, include)
    with transaction(engine) as session:
        row = _locked(session, number)
        if row.state == "applying":
            row.state, row.applied_at, row.files = "applied", database_now(session), hash_of(opened.files)
            _tell(session, actor, row, "promoted", {"by": row.said_by})
    return True


def undo(engine: Engine, actor: Actor, include: Path, number: int, signer: Signer, by: str) -> None:
    """
    Let an include folder have the files as they were before a bundle; again after it was broken off, it goes on.

    :raises LedgerbridgeError: it is not live, or the files were changed since.
    :raises ConfigurationError: what was before is not what was signed here.
    """
    with transaction(engine) as session:
        row = _locked(session, number)
        if row.state != "undoing":
            _must_be(row, ("applied",))
            _must_stand(include, row.files, number, "were promoted")
            row.state, row.undone_by = "undoing", by
        before = open_bundle(row.before or b"", signer.public)
    unpack(before.files, include)
    with transaction(engine) as session:
        row = _locked(session, number)
        if row.state == "undoing":
            row.state, row.undone_at = "undone", database_now(session)
            _tell(session, actor, row, "promotion-undone", {"by": by})


def _own(row: Promotion) -> set[str]:
    """Who has made it theirs, in whichever case Airflow and machines write names."""
    return {row.packed_by.casefold(), row.offered_by.casefold()}


def _locked(session: Session, number: int) -> Promotion:
    serialise(session, "promotion")
    return promotion(session, number)


def _must_be(row: Promotion, states: Sequence[str]) -> None:
    if row.state not in states:
        raise LedgerbridgeError(
            STALE,
            f"bundle {row.id} is {row.state} by now; nothing is changed.",
            remedy="Look at it anew; offer it again where it is to be checked again.",
        )


def _must_stand(include: Path, files: str | None, number: int, when: str) -> None:
    if hash_of(files_in(include)) != files:
        raise LedgerbridgeError(
            STALE,
            f"the files of {include} were changed since those of bundle {number} {when}; nothing is changed.",
            remedy="Offer the bundle anew: it is then checked against the files as they are. To go back, take the files"
            " of before from git, or offer a bundle with them.",
        )


def _tell(session: Session, actor: Actor, row: Promotion, action: str, details: Mapping[str, Any]) -> None:
    session.flush()
    told = {"number": row.id, "packed_by": row.packed_by, "packed_at": row.packed_at.isoformat(), **details}
    if row.environment:
        told["environment"] = row.environment
    append(session, actor, [Change(action, "bundle", row.sha256, content_hash=row.sha256, details=told)])
