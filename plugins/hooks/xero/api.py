"""What the entities of Xero know of the hook they are read and written through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol

__all__ = ["XeroApi"]


class XeroApi(Protocol):
    """One organisation; ``XeroHook`` is it, and says what each method raises."""

    @property
    def tenant_id(self) -> str:
        """The organisation's id, the scope of its record keys."""

    @property
    def organisation(self) -> dict[str, Any]:
        """Xero's record of the organisation."""

    @property
    def call_seconds(self) -> float:
        """How long one call may take."""

    def clock(self) -> datetime:
        """Xero's time now, aware UTC."""

    def get(self, path: str, params: Mapping[str, Any] | None = None, **headers: str) -> dict[str, Any]:
        """One answer."""

    def download(self, path: str) -> bytes:
        """A file."""

    def pages(self, collection: str, params: Mapping[str, Any], **headers: str) -> Iterator[list[dict[str, Any]]]:
        """All pages of a collection."""

    def any_of(
        self, collection: str, clauses: Iterable[str], *, paged: bool = True, **params: Any
    ) -> Iterator[dict[str, Any]]:
        """The elements for which one of the ``where`` clauses holds."""

    def listed(self, collection: str, parameter: str, values: Iterable[str], **params: Any) -> Iterator[dict[str, Any]]:
        """The elements that a list filter names."""

    def write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | bytes,
        *,
        idempotency_key: str | None = None,
        content_type: str = "application/json",
        **params: Any,
    ) -> dict[str, Any]:
        """Send one write."""
