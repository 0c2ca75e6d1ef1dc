"""Keeping one thing in step that people change in two systems: which changes go where, and what the two agreed on."""

from ledgerbridge.sync.merge import Merged, Rules, Side, merge
from ledgerbridge.sync.plan import Change, Plan, changes_only, plan

__all__ = ["Change", "Merged", "Plan", "Rules", "Side", "changes_only", "merge", "plan"]
