"""Drafts as the state database keeps them: one open draft a file and person, until it is published or given up."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledgerbridge.audit.chain import Actor, Change, append
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.database import serialise
from ledgerbridge.state.models import Draft, DraftComment

__all__ = [
    "CHANGED",
    "UNKNOWN",
    "begin",
    "comment",
    "comments",
    "discard",
    "draft_numbered",
    "keep",
    "open_draft",
    "open_drafts",
    "publications",
    "settle",
]

UNKNOWN, CHANGED = "LB-DRF-001", "LB-DRF-002"


def open_drafts(session: Session, file: str | None = None) -> Sequence[Draft]:
    """The drafts under way, of a file or of all, the longest untouched first."""
    of_file = [] if file is None else [Draft.file == file]
    found = select(Draft).where(Draft.state == "open", *of_file)
    return session.scalars(found.order_by(Draft.changed_at, Draft.id)).all()


def open_draft(session: Session, file: str, by: str) -> Draft | None:
    """Somebody's draft of a file."""
    found = select(Draft).where(Draft.file == file, Draft.by == by, Draft.state == "open")
    return session.scalars(found).one_or_none()


def publications(session: Session, file: str) -> Sequence[Draft]:
    """What was published of a file, the newest first."""
    found = select(Draft).where(Draft.file == file, Draft.state == "published")
    return session.scalars(found.order_by(Draft.changed_at.desc(), Draft.id.desc())).all()


def draft_numbered(session: Session, number: int) -> Draft:
    """
    Anybody's draft, whatever became of it.

    :raises LedgerbridgeError: there is none.
    """
    draft = session.get(Draft, number)
    if draft is None:
        raise LedgerbridgeError(UNKNOWN, f"there is no draft {number}.", remedy="Take one that a file's page names.")
    return draft


def comments(session: Session, draft: Draft) -> Sequence[DraftComment]:
    """What was said of a draft, in order."""
    said = select(DraftComment).where(DraftComment.draft == draft.id)
    return session.scalars(said.order_by(DraftComment.at, DraftComment.id)).all()


def comment(session: Session, draft: Draft, by: str, text: str) -> None:
    """
    Say something of a draft that is under way; the caller commits.

    :raises LedgerbridgeError: it was published or given up.
    """
    if draft.state != "open":
        raise LedgerbridgeError(
            CHANGED, f"this draft of {draft.file} is {draft.state} by now.", remedy="Begin a draft, and say it there."
        )
    said = DraftComment(draft=draft.id, by=by, version=draft.version, text=text, at=database_now(session))
    session.add(said)


def begin(session: Session, file: str, base: str, by: str) -> Draft:
    """Somebody's draft of a file, begun from ``base`` unless there is one; the caller commits."""
    serialise(session, f"draft {file}")
    known = open_draft(session, file, by)
    if known is not None:
        return known
    draft = Draft(file=file, by=by, base=base, text=base, version=1, state="open", changed_at=database_now(session))
    session.add(draft)
    session.flush()
    return draft


def keep(session: Session, file: str, by: str, seen: int, text: str, *, base: str | None = None) -> Draft:
    """
    Change a draft; the caller commits.

    :param seen: its version as whoever changes it saw it.
    :param base: what it is compared with from now on; None: as before.
    :raises LedgerbridgeError: there is none, or another window of theirs changed it since.
    """
    draft = _own(session, file, by, seen)
    draft.text, draft.version, draft.changed_at = text, seen + 1, database_now(session)
    if base is not None:
        draft.base = base
    return draft


def discard(session: Session, file: str, by: str, seen: int) -> None:
    """Give a draft up; the caller commits; raises as ``keep``."""
    draft = _own(session, file, by, seen)
    draft.state, draft.changed_at = "discarded", database_now(session)
    _tell(session, draft, "draft-discarded", {})


def settle(session: Session, file: str, by: str, seen: int, note: str, commit: str, branch: str | None) -> None:
    """Keep that a draft was published; the caller commits; raises as ``keep``."""
    draft = _own(session, file, by, seen)
    draft.state, draft.changed_at = "published", database_now(session)
    draft.note, draft.commit, draft.branch = note, commit, branch
    said = [{"by": each.by, "at": each.at.isoformat(), "text": each.text} for each in comments(session, draft)]
    more = {"branch": branch} if branch else {}
    _tell(session, draft, "draft-published", {"commit": commit, "note": note, "comments": said, **more})


def _own(session: Session, file: str, by: str, seen: int) -> Draft:
    serialise(session, f"draft {file}")
    draft = open_draft(session, file, by)
    if draft is None:
        raise LedgerbridgeError(
            UNKNOWN, f"{by} has no draft of {file}.", remedy="Look at the file anew: it may have been published."
        )
    if draft.version != seen:
        raise LedgerbridgeError(
            CHANGED,
            f"this draft of {file} was changed in another window since; nothing is changed now.",
            remedy="Load it anew, and make your change there.",
        )
    return draft


def _tell(session: Session, draft: Draft, action: str, details: dict[str, Any]) -> None:
    session.flush()
    hashes = {"before": _hash(draft.base), "by": draft.by, "draft": draft.id}
    change = Change(action, "file", draft.file, content_hash=_hash(draft.text), details={**hashes, **details})
    append(session, Actor("", "", "", "console"), [change])


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
