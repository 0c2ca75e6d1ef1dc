"""A file as somebody's draft of it has it, who else has one, and what was published."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from sqlalchemy.orm import Session

from ledgerbridge.drafts.publish import live_text
from ledgerbridge.drafts.store import comments, open_draft, open_drafts, publications
from ledgerbridge.state import snapshot
from ledgerbridge.state.models import Draft
from operators import settings
from pages.console.access import Access
from pages.console.design.models import DraftView, OtherDraft, PublicationView, SaidView

__all__ = ["Drafted", "diff", "drafted", "said_of"]


@dataclass(frozen=True)
class Drafted:
    """
    A file with its drafts.

    :param text: the user's draft's; that which is live where they have none.
    """

    text: str
    draft: DraftView | None
    others: list[OtherDraft]
    history: list[PublicationView]


def drafted(access: Access, file: str) -> Drafted:
    """What the user has of a file, and what others have and had."""
    live = live_text(settings.include_folder(), file)
    with snapshot(settings.state_engine(stays=True)) as opened:
        draft = open_draft(opened, file, access.name)
        others = [
            OtherDraft(id=each.id, by=each.by, changed_at=each.changed_at)
            for each in open_drafts(opened, file)
            if each.by != access.name
        ]
        told = [
            PublicationView(
                id=each.id, by=each.by, at=each.changed_at, note=each.note or "", commit=each.commit or "",
                branch=each.branch,
            )
            for each in publications(opened, file)
        ]  # fmt: skip
        if draft is None:
            return Drafted(live, None, others, told)
        own = DraftView(
            id=draft.id, version=draft.version, changed_at=draft.changed_at, is_behind=draft.base != live,
            diff=diff(draft.base, draft.text), comments=said_of(opened, draft),
        )  # fmt: skip
        return Drafted(draft.text, own, others, told)


def said_of(session: Session, draft: Draft) -> list[SaidView]:
    """What people said of a draft, in order."""
    return [SaidView(by=each.by, at=each.at, version=each.version, text=each.text) for each in comments(session, draft)]


def diff(base: str, text: str) -> list[str]:
    """The lines that are others, with one around each."""
    lines = difflib.unified_diff(base.splitlines(), text.splitlines(), "live", "draft", lineterm="", n=1)
    return [each for each in lines if not each.startswith(("---", "+++"))]
