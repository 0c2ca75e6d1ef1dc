"""Which source a change comes from."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["SourceId"]


class SourceId(NamedTuple):
    """An entity of a company, read over one connection: ``main``, ``shop.order``, ``shop_us``."""

    company: str
    entity: str
    connection: str
