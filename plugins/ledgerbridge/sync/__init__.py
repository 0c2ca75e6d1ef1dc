"""Keeping one thing in step that people change in two systems: which changes go where, and what the two agreed on."""

from ledgerbridge.sync.meetings import (
    Strangers,
    answer_proposals,
    is_due,
    join_by_number,
    keep_meeting,
    open_proposals,
    refused_with,
    strangers,
    why_apart,
    withdraw_proposals,
)
from ledgerbridge.sync.merge import BEFORE, Merged, Rules, Side, merge
from ledgerbridge.sync.overview import Overview, overview
from ledgerbridge.sync.plan import Change, Plan, changes_only, plan
from ledgerbridge.sync.questions import (
    Question,
    answer,
    answers_of,
    has_open,
    has_unput,
    is_open,
    keep_questions,
    put_again,
    put_questions,
)
from ledgerbridge.sync.records import BY_HAND, Page, alone_in, asked_about, different, linked

__all__ = [
    "BEFORE",
    "BY_HAND",
    "Change",
    "Merged",
    "Overview",
    "Page",
    "Plan",
    "Question",
    "Rules",
    "Side",
    "Strangers",
    "alone_in",
    "answer",
    "answer_proposals",
    "answers_of",
    "asked_about",
    "changes_only",
    "different",
    "has_open",
    "has_unput",
    "is_due",
    "is_open",
    "join_by_number",
    "keep_meeting",
    "keep_questions",
    "linked",
    "merge",
    "open_proposals",
    "overview",
    "plan",
    "put_again",
    "put_questions",
    "refused_with",
    "strangers",
    "why_apart",
    "withdraw_proposals",
]
