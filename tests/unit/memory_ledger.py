"""A target in memory: keeps what it was sent under its natural key, and can refuse, break off or lose its answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from ledgerbridge.delivery import content_hash
from ledgerbridge.entities import Document, Found, Outcome
from ledgerbridge.errors import LedgerbridgeError, RecordBusy, RecordRejected, RecordWaits, TransientError

__all__ = ["Fault", "MemoryLedger", "document"]

Fault = Literal["down", "answer lost", "request lost", "half settled", "find fails"]


def document(name: str, amount: str = "10.00") -> Document:
    """A document whose natural key is its name."""
    header = {"NUMBER": name, "AMOUNT": amount}
    return Document(f"shop:us:order:{name}", content_hash(header, {}), header)


class MemoryLedger:
    """
    A ledger that, like GP, has no idempotency key: sent twice, a document is there twice.

    :param faults: what befalls each call in turn; none when they are used up.
    """

    max_batch = 3

    def __init__(
        self,
        faults: Sequence[Fault | None] = (),
        *,
        updatable: bool = False,
        adopts: bool = False,
        call_seconds: float = 0,
    ) -> None:
        self.updatable = updatable
        self.adopts = adopts
        self.call_seconds = call_seconds
        self.books: list[Document] = []
        self.refuses: set[str] = set()
        self.closed: set[str] = set()
        self.locked: set[str] = set()
        self.broken: set[str] = set()
        self.sent: list[str] = []
        self._faults: Iterator[Fault | None] = iter(faults)

    @property
    def numbers(self) -> list[str]:
        """The numbers of all documents held, a double one twice."""
        return sorted(str(each.header["NUMBER"]) for each in self.books)

    def find(self, documents: Sequence[Document]) -> dict[str, Found]:
        """By number."""
        if next(self._faults, None) is not None:
            raise TransientError("LB-TEST-001", "The ledger can't be asked.")
        held = {each.header["NUMBER"]: each for each in self.books}
        return {
            each.record_key: self._found(each, held[each.header["NUMBER"]])
            for each in documents
            if each.header["NUMBER"] in held and not (self.updatable and self._differences(each, held))
        }

    def send(self, documents: Sequence[Document]) -> list[Outcome]:
        """Book each document, unless a fault is due."""
        fault = next(self._faults, None)
        if fault in ("down", "find fails"):
            raise TransientError("LB-TEST-002", "The ledger takes nothing.")
        if fault == "request lost":
            raise TransientError("LB-TEST-003", "No answer came.", outcome_unknown=True)
        reached = documents[: (len(documents) + 1) // 2] if fault == "half settled" else documents
        outcomes = [self._book(each) for each in reached]
        if fault == "answer lost":
            raise TransientError("LB-TEST-003", "No answer came.", outcome_unknown=True)
        broken = TransientError("LB-TEST-003", "No answer came.", outcome_unknown=True)
        return [*outcomes, *(Outcome(each.record_key, error=broken) for each in documents[len(reached) :])]

    def _book(self, document: Document) -> Outcome:
        number = str(document.header["NUMBER"])
        self.sent.append(number)
        error: LedgerbridgeError
        if number in self.refuses:
            error = RecordRejected("LB-TEST-004", "Not wanted.", record_key="", field="NUMBER", value=number)
            return Outcome(document.record_key, error=error)
        if number in self.closed:
            error = RecordWaits("LB-TEST-005", "Its period is closed.", record_key="", field="NUMBER", value=number)
            return Outcome(document.record_key, error=error)
        if number in self.locked:
            error = RecordBusy("LB-TEST-006", f"Anna has {number} open.", remedy="Wait until she closes it.")
            return Outcome(document.record_key, error=error)
        if number in self.broken:
            error = RecordBusy("LB-TEST-007", "The ledger stumbled.", outcome_unknown=True)
            return Outcome(document.record_key, error=error)
        if self.updatable:
            self.books = [each for each in self.books if each.header["NUMBER"] != number]
        self.books.append(document)
        return Outcome(document.record_key, f"id-{number}", number)

    def _found(self, document: Document, held: Document) -> Found:
        number = str(held.header["NUMBER"])
        return Found(f"id-{number}", number, {}, self._differences(document, {number: held}))

    def _differences(self, document: Document, held: dict[Any, Document]) -> tuple[str, ...]:
        there = held[document.header["NUMBER"]].header["AMOUNT"]
        sent = document.header["AMOUNT"]
        return () if there == sent else (f"AMOUNT is {there}, {sent} was sent",)
