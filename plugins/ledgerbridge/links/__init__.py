"""Links: one thing in life, its ids in each system, and the state each side was last seen in and last written to."""

from ledgerbridge.links.ends import MERGED, WRITTEN, End, State, keep_ends, linked_ids
from ledgerbridge.links.joining import alone, join
from ledgerbridge.links.matching import MatchPolicy, decide
from ledgerbridge.links.sides import KeptSide, Read, Thing, agree, keep_read, offer, sides_of

__all__ = [
    "MERGED",
    "WRITTEN",
    "End",
    "KeptSide",
    "MatchPolicy",
    "Read",
    "State",
    "Thing",
    "agree",
    "alone",
    "decide",
    "join",
    "keep_ends",
    "keep_read",
    "linked_ids",
    "offer",
    "sides_of",
]
