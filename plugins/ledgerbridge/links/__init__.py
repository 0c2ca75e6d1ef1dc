"""Links: one thing in life, its ids in each system, and the state each side was last seen in and last written to."""

from ledgerbridge.links.ends import End, State, keep_ends
from ledgerbridge.links.matching import MatchPolicy, decide

__all__ = ["End", "MatchPolicy", "State", "decide", "keep_ends"]
