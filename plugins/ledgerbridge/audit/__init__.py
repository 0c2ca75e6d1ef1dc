"""The audit trail: append-only, each entry chained to the one before by its hash."""

from ledgerbridge.audit.anchors import Anchor, head, read_anchors
from ledgerbridge.audit.chain import Actor, Change, append
from ledgerbridge.audit.verify import verify

__all__ = ["Actor", "Anchor", "Change", "append", "head", "read_anchors", "verify"]
