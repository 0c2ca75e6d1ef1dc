"""Links: one thing in life, its ids in each system, and the state each side was last seen in and last written to."""

from ledgerbridge.links.ends import End, State, keep_ends

__all__ = ["End", "State", "keep_ends"]
