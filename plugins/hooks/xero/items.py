"""Items in Xero, known by their Code. Source: sources.md Xero §5, Item."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from hooks.xero.targets import DocumentTarget
from ledgerbridge.entities import Candidate, Document, Found, Matched, Outcome

__all__ = ["ItemTarget"]

_DETAILS = ("PurchaseDetails", "SalesDetails")


class ItemTarget(DocumentTarget, Matched):
    """
    Items that are not tracked as inventory. Key: Code, unique whatever the case.

    All are read once, for Xero gives them in one answer. What an update does not say of an item stays.
    """

    collection = "Items"
    id_field = "ItemID"
    options = MappingProxyType({"summarizeErrors": "false", "unitdp": 4})
    compared = ("Name",)
    number_field = "Code"
    updatable = True
    adopts = True

    def find(self, documents: Sequence[Document]) -> dict[str, Found]:
        """Items under our code with the same content; with another one it is sent again, and thereby updated."""
        return {key: each.found for key, found in self.matches(documents).items() for each in found if each.current}

    def matches(self, documents: Sequence[Document]) -> dict[str, list[Candidate]]:
        """The item under our code."""
        found = {}
        for document in documents:
            if held := self._by_code.get(_folded(document.header["Code"])):
                known = self._found(document, [held])
                own = Candidate(replace(known, differences=()), "Code", own=True, current=not known.differences)
                found[document.record_key] = [own]
        return found

    def common(self, document: Document) -> str | None:
        """Nothing but the code."""
        return None

    def send(self, documents: Sequence[Document]) -> list[Outcome]:
        """
        Create the items, or update those that are there; one outcome each, in the order given.

        :raises TransientError, ConfigurationError: as ``DocumentTarget.send``.
        """
        held = [self._held(document) for document in documents]
        updates = [_updating(each, item) for each, item in zip(documents, held, strict=True) if item is not None]
        creations = [each for each, item in zip(documents, held, strict=True) if item is None]
        outcomes = self._write_all(updates) if updates else {}
        outcomes |= self._write_all(creations) if creations else {}
        for outcome in outcomes.values():
            if outcome.error is None:
                self._keep(outcome.content)
        return [outcomes[document.record_key] for document in documents]

    def candidates(self, documents: Sequence[Document]) -> Iterator[dict[str, Any]]:
        yield from self._by_id.values()

    def natural_key(self, content: Mapping[str, Any]) -> tuple[str, ...]:
        return (_folded(content.get("Code")),)

    def number(self, content: Mapping[str, Any]) -> str:
        return str(content.get("Code", ""))

    def verb(self, documents: Sequence[Document]) -> str:
        return "POST" if "ItemID" in documents[0].header else "PUT"

    def _held(self, document: Document) -> dict[str, Any] | None:
        if document.target_id is not None:
            return self._by_id.get(document.target_id, {"ItemID": document.target_id})
        return self._by_code.get(_folded(document.header["Code"]))

    def _keep(self, item: dict[str, Any]) -> None:
        self._by_id[item["ItemID"]] = item
        self._by_code[_folded(item.get("Code"))] = item

    @cached_property
    def _by_id(self) -> dict[str, dict[str, Any]]:
        return {each["ItemID"]: each for each in self.hook.get("Items", {"unitdp": 4})["Items"]}

    @cached_property
    def _by_code(self) -> dict[str, dict[str, Any]]:
        return {_folded(each.get("Code")): each for each in self._by_id.values()}


def _updating(document: Document, held: Mapping[str, Any]) -> Document:
    """
    The document with the item's id, and of details it tells of what Xero holds of them beside.

    Whether Xero keeps what is not said within PurchaseDetails and SalesDetails is unverified.
    """
    told = {name for name in _DETAILS if any(field.startswith(f"{name}.") for field in document.header)}
    beside = {f"{name}.{field}": value for name in told for field, value in (held.get(name) or {}).items()}
    return replace(document, header={**beside, **document.header, "ItemID": held["ItemID"]})


def _folded(code: Any) -> str:
    return str(code or "").strip().casefold()
