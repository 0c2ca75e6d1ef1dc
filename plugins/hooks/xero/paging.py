"""Whether a page of Xero's was the last. Source: sources.md Xero §3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["PAGE_SIZE", "is_last"]

PAGE_SIZE = 1000
"""What is asked for; how many come is Xero's to say."""
_SMALLEST_SIZE = 100


def is_last(page: int, answer: Mapping[str, Any], elements: Sequence[Any]) -> bool:
    """
    Whether no page comes after this one.

    :param page: its number, from 1.
    :param answer: with ``pagination``; where that is missing, a page of fewer than Xero's smallest size is the last.
    """
    pages = (answer.get("pagination") or {}).get("pageCount")
    if not elements:
        return True
    return len(elements) < _SMALLEST_SIZE if pages is None else page >= int(pages)
