"""What the sources of Magento know of the hook they are read through."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

__all__ = ["MagentoApi"]


class MagentoApi(Protocol):
    """One shop; ``MagentoHook`` is it, and says what each method raises."""

    @property
    def scope(self) -> str:
        """The scope of the shop's record keys."""

    @property
    def store_id(self) -> int | None:
        """The number of the store view asked, None for all."""

    def clock(self) -> datetime:
        """The shop's own time now, aware UTC."""

    def fetch(self, path: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """GET one resource; decimal numbers as strings."""
