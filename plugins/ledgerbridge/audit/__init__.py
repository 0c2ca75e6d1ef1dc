"""The audit trail: append-only, each entry chained to the one before by its hash."""

from ledgerbridge.audit.chain import Actor, Change, append
from ledgerbridge.audit.verify import Anchor, head, read_anchors, verify

__all__ = ["Actor", "Anchor", "Change", "append", "head", "read_anchors", "verify"]
