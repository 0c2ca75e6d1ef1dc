"""``ledgerbridge audit``: is the trail whole, and its head to keep elsewhere."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from commands.database import state_engine
from ledgerbridge.audit import head, read_anchors, verify
from ledgerbridge.state import transaction

__all__ = ["register"]


def register(commands: Any) -> None:
    """Add ``audit`` with ``verify`` and ``anchor``."""
    group = commands.add_parser("audit", help="the audit trail: verify, anchor")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    check = actions.add_parser("verify", help="walk the chain; name the first entry at fault and how")
    check.add_argument("--anchors", type=Path, metavar="FILE", help="heads kept from before; finds a missing end too")
    check.set_defaults(run=_verify)
    anchor = actions.add_parser("anchor", help="print the head of the chain, to be kept away from the database")
    anchor.set_defaults(run=_anchor)


def _verify(options: argparse.Namespace) -> int:
    anchors = read_anchors(options.anchors.read_bytes().splitlines()) if options.anchors else []
    with transaction(state_engine(options)) as session:
        verdict = verify(session, anchors)
    if verdict.broken is None:
        known = f", {len(anchors)} anchors hold" if anchors else "; without anchors a missing end is not seen"
        print(f"{verdict.head.number} entries, the chain is whole{known}. Head: {verdict.head.hash}")
        return 0
    broken = verdict.broken
    print(f"LB-AUD-001 entry {broken.number} {broken.how}: {broken.finding}. Whole up to entry {verdict.head.number}.")
    return 1


def _anchor(options: argparse.Namespace) -> int:
    with transaction(state_engine(options)) as session:
        sys.stdout.write(head(session).line().decode())
    return 0
