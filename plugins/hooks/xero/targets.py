"""
Writing documents to Xero in batches, and finding what a lost answer may have left there.

Source: sources.md Xero §3–§5; accounting-rules.md §5 (natural keys) and rule 1 (totals).
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from types import MappingProxyType
from typing import Any

from hooks.xero.api import XeroApi
from hooks.xero.refusals import (
    NUMBER_TAKEN,
    RATE_REFUSED,
    RequestRefused,
    not_xeros,
    refusal,
    refused,
    validation_messages,
)
from hooks.xero.wire import element, inverse_rate, serialized
from ledgerbridge.entities import Document, Found, Outcome, Target
from ledgerbridge.errors import LedgerbridgeError, RecordRejected, TargetConflict, TransientError
from ledgerbridge.going_out import carrying

__all__ = ["DocumentTarget", "adopted", "each_answered", "failed", "holding", "kept_text", "with_rate"]

# Xero takes 3.5 MB a request (sources.md Xero §2); the rest is for the brackets around the elements.
_LOCKS = ("PeriodLockDate", "EndOfYearLockDate")
_MOST_BYTES = 3_400_000
_UNQUOTABLE = re.compile(r'["\\]')


class DocumentTarget(Target):
    """
    Documents of one collection: created by PUT, never updated, told apart by their natural key.

    ``Document.header`` takes Xero's field names (dots nest); ``CurrencyRate`` is base units for one unit of the
    document's currency. A header key ``_expected.<field>`` is not sent: the answer must have that value.
    """

    max_batch = 50
    asks_before_each_call = True
    per_request = 50
    """
    How many documents one request carries.

    1 where Xero can't answer for each by itself, or refuses no second copy of one: an idempotency key belongs to all
    that a request carries, so that it protects one only while it travels alone.
    """
    collection: str
    id_field: str
    options: Mapping[str, Any] = MappingProxyType({"summarizeErrors": "false", "unitdp": 4})
    """Query of a write: an answer for each element, four decimals of unit amounts."""
    compared: tuple[str, ...]
    """The header fields that make two documents of one number the same."""

    def __init__(self, hook: XeroApi) -> None:
        self.hook = hook

    @property
    def call_seconds(self) -> float:
        """How long one call may take."""
        return self.hook.call_seconds

    def find(self, documents: Sequence[Document]) -> dict[str, Found]:
        """What Xero holds under the documents' natural keys, by record key; voided and deleted ones don't count."""
        by_natural_key: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for content in self.candidates(documents):
            if content.get("Status") not in ("VOIDED", "DELETED"):
                by_natural_key.setdefault(self.natural_key(content), []).append(content)
        found = {}
        for document in documents:
            if contents := by_natural_key.get(self.natural_key(element(document.header, {}))):
                found[document.record_key] = self._found(document, contents)
        return found

    def send(self, documents: Sequence[Document]) -> list[Outcome]:
        """
        Create the documents; one outcome each, in the order given.

        Safe to repeat within the life of Xero's idempotency keys; after that ``find`` comes first.

        :raises TransientError: none was taken, or nobody knows (``outcome_unknown``).
        :raises ConfigurationError: credentials, scopes or organisation are refused.
        """
        outcomes = self._write_all(documents)
        self._adopt_taken_numbers(documents, outcomes)
        self._withdraw_unexpected(documents, outcomes)
        return [outcomes[document.record_key] for document in documents]

    def candidates(self, documents: Sequence[Document]) -> Iterator[dict[str, Any]]:
        """What Xero holds that may be one of the documents, in few calls."""
        raise NotImplementedError

    def natural_key(self, content: Mapping[str, Any]) -> tuple[str, ...]:
        """The number or reference that makes a repetition recognisable, from Xero's JSON of the document."""
        raise NotImplementedError

    def identity(self, content: Mapping[str, Any]) -> str:
        """Xero's id of the document."""
        return str(content[self.id_field])

    def number(self, content: Mapping[str, Any]) -> str:
        """What people call the document."""
        return " ".join(self.natural_key(content))

    def element(self, document: Document) -> dict[str, Any]:
        """The document as Xero's JSON."""
        return element(with_rate(self.hook, document.header), document.parts)

    def day_of(self, document: Document) -> date | None:
        """The document's Date."""
        day = document.header.get("Date")
        return day if isinstance(day, date) else None

    def opens_on(self, document: Document, day: date) -> date | None:
        """The day after the later one of Xero's two lock dates, as they are now."""
        return max([day, *(lock + timedelta(days=1) for lock in self._locked)])

    @cached_property
    def _locked(self) -> list[date]:
        """Xero's lock dates, as they were when this target was first asked."""
        organisation = self.hook.get("Organisation")["Organisations"][0]
        return [date.fromisoformat(str(organisation[lock])[:10]) for lock in _LOCKS if organisation.get(lock)]

    def on_day(self, document: Document, day: date) -> Document:
        """With this Date; what tells its own is left to those that have a text for it."""
        return replace(document, header={**document.header, "Date": day})

    def verb(self, documents: Sequence[Document]) -> str:
        """PUT creates and never touches what is there; POST updates what its id names."""
        return "PUT"

    def save(self, documents: Sequence[Document]) -> list[dict[str, Any]]:
        """Send the documents in one request; Xero's element for each, in order."""
        body = {self.collection: [self.element(document) for document in documents]}
        answer = self.write(self.verb(documents), self.collection, documents, body, **self.options)
        answers: list[dict[str, Any]] = answer[self.collection]
        return answers

    def write(
        self, method: str, path: str, documents: Sequence[Document], body: Mapping[str, Any], **params: Any
    ) -> dict[str, Any]:
        """``XeroHook.write`` with a key that is the same for the same documents in the same form, and only then."""
        keys = "\n".join([method, path, *(document.idempotency_key for document in documents)])
        key = hashlib.sha256(keys.encode() + serialized(body)).hexdigest()
        with carrying(documents):
            return self.hook.write(method, path, body, idempotency_key=key, **params)

    def withdraw(self, contents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Void or delete documents just created; Xero's element for each. Only where totals are checked."""
        raise NotImplementedError

    def _write_all(self, documents: Sequence[Document]) -> dict[str, Outcome]:
        """
        Send all; what was refused once more under a fresh key.

        Xero answers a repeated key with its first answer, also when that was a refusal somebody has mended in Xero
        since (sources.md Xero §3). A refused element was not saved, so asking anew can't double it.
        """
        unsendable = _refused_rates(documents)
        documents = [document for document in documents if document.record_key not in unsendable]
        outcomes = unsendable | self._write_once(documents)
        rejected = [
            replace(document, idempotency_key=f"{document.idempotency_key} {uuid.uuid4()}")
            for document in documents
            if isinstance(outcomes[document.record_key].error, RecordRejected)
        ]
        try:
            return outcomes | self._write_once(rejected)
        except TransientError as error:
            return outcomes | failed(rejected, error)

    def _write_once(self, documents: Sequence[Document]) -> dict[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        waiting = list(self._batches(documents))
        while waiting:
            batch = waiting.pop(0)
            try:
                answers = each_answered(self.collection, self.save(batch), len(batch))
            except RequestRefused as problem:
                if len(batch) > 1:  # one of them spoilt the request: halves find it in few calls
                    middle = len(batch) // 2
                    waiting[:0] = [batch[:middle], batch[middle:]]
                else:
                    error = refusal(batch[0], problem.messages)
                    outcomes[batch[0].record_key] = Outcome(batch[0].record_key, error=error)
                continue
            except TransientError as error:
                if not outcomes:
                    raise
                return outcomes | failed(batch, error) | _unsent(waiting, error)
            for document, content in zip(batch, answers, strict=True):
                outcomes[document.record_key] = self._outcome(document, content)
        return outcomes

    def _batches(self, documents: Sequence[Document]) -> Iterator[list[Document]]:
        batch: list[Document] = []
        size = 0
        for document in documents:
            added = len(serialized(self.element(document)))
            if batch and (len(batch) == self.per_request or size + added > _MOST_BYTES):
                yield batch
                batch, size = [], 0
            batch.append(document)
            size += added
        if batch:
            yield batch

    def _outcome(self, document: Document, content: dict[str, Any]) -> Outcome:
        if refused(content):
            error = refusal(document, validation_messages(content))
            return Outcome(document.record_key, content=content, error=error)
        try:
            return Outcome(document.record_key, self.identity(content), self.number(content), content)
        except LookupError as error:
            found = f"an element without {error}"
            unknown = not_xeros(f"a write of {self.collection}", found, outcome_unknown=True)
            return Outcome(document.record_key, content=content, error=unknown)

    def _adopt_taken_numbers(self, documents: Sequence[Document], outcomes: dict[str, Outcome]) -> None:
        """A number that is taken may be ours, from a try whose answer was lost: then it is this document."""
        taken = [document for document in documents if _code(outcomes[document.record_key]) == NUMBER_TAKEN]
        if not taken:
            return
        try:
            found = self.find(taken)
        except LedgerbridgeError as error:
            # what the requests before it were answered stands; whose number these are the next try asks
            unseen = TransientError(error.code, error.message, remedy=error.remedy, outcome_unknown=True)
            outcomes |= failed(taken, unseen)
            return
        for document in taken:
            if match := found.get(document.record_key):
                outcomes[document.record_key] = adopted(document, match)

    def _withdraw_unexpected(self, documents: Sequence[Document], outcomes: dict[str, Outcome]) -> None:
        """A document whose figures Xero computed otherwise doesn't stand (accounting-rules.md rule 1)."""
        unexpected = [
            (document, outcomes[document.record_key], differences)
            for document in documents
            if outcomes[document.record_key].error is None
            and (differences := list(_unexpected(document, outcomes[document.record_key].content)))
        ]
        if not unexpected:
            return
        try:
            answers = self.withdraw([outcome.content for _, outcome, _ in unexpected])
        except RequestRefused as problem:
            answers = [{"ValidationErrors": [{"Message": text} for text in problem.messages]}] * len(unexpected)
        except TransientError as error:
            error.outcome_unknown = True
            outcomes |= failed([document for document, _, _ in unexpected], error)
            return
        for (document, outcome, differences), answer in zip(unexpected, answers, strict=True):
            rejection = _unexpected_total(document, outcome, differences, stands=refused(answer))
            outcomes[document.record_key] = Outcome(document.record_key, content=outcome.content, error=rejection)

    def _found(self, document: Document, contents: Sequence[dict[str, Any]]) -> Found:
        content = contents[0]
        wanted = _flat(element(document.header, {}))
        differences = [
            f"{field} is {_plain(held)} in Xero, expected {_plain(wanted[field])}"
            for field in self.compared
            if field in wanted and not _same(held := _at(content, field), wanted[field])
        ]
        differences += _unexpected(document, content)
        if len(contents) > 1:
            differences.append(f"Xero holds {len(contents)} documents {self.number(content)}, expected one")
        return Found(self.identity(content), self.number(content), content, tuple(differences))


def each_answered(collection: str, answers: list[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    """
    The answers to a write, one for each element sent.

    :raises TransientError: there are more or fewer of them, so that nobody knows what was saved.
    """
    if len(answers) != number:
        raise not_xeros(f"a write of {number} {collection}", f"{len(answers)} elements", outcome_unknown=True)
    return answers


def adopted(document: Document, found: Found) -> Outcome:
    """The outcome for a document Xero already holds: the same one, or a conflict that names the differences."""
    if not found.differences:
        return Outcome(document.record_key, found.target_id, found.number, found.content)
    error = TargetConflict(
        NUMBER_TAKEN,
        f"Xero holds another document {found.number}: {'; '.join(found.differences)}",
        record_key=document.record_key,
        field="number",
        value=found.number,
        remedy="Decide which one stands: void or renumber the one in Xero and replay, or close the dead letter.",
    )
    return Outcome(document.record_key, content=found.content, error=error)


def holding(field: str, value: str) -> str:
    """
    A ``where`` clause for the elements whose text field is this value, and maybe more: the caller compares.

    Xero can't parse one with a quotation mark or a backslash in its text, however escaped (sources.md Xero §3); then
    the longest part without is asked for.
    """
    plain = max(_UNQUOTABLE.split(value.strip()), key=len)
    if plain == value.strip():
        return f'{field}=="{plain}"'
    return f'({field}!=null AND {field}.Contains("{plain}"))'


def kept_text(value: Any) -> str:
    """A text as Xero keeps it, without outer blanks."""
    return str(value or "").strip()


def with_rate(hook: XeroApi, header: Mapping[str, Any]) -> dict[str, Any]:
    """
    The header with Xero's CurrencyRate, left out on documents in base currency.

    Xero warns about an explicit 1 on a base-currency document, and takes the day's rate where a foreign one has
    none (sources.md Xero §5).
    """
    fields = dict(header)
    rate = _sent_rate(fields.pop("CurrencyRate", None))
    if rate is None:
        return fields
    if rate == 1 and fields.get("CurrencyCode") in (None, hook.organisation["BaseCurrency"]):
        return fields
    return {**fields, "CurrencyRate": rate}


def _sent_rate(rate: Any) -> Decimal | None:
    """
    Xero's rate for ours; None for none.

    :raises ValueError: it is no rate, or none that Xero's six decimals can hold: Xero would take the day's.
    """
    if rate is None:
        return None
    try:
        sent = inverse_rate(Decimal(str(rate)))
    except ArithmeticError as error:
        raise ValueError(f"{rate!r} is no rate of a currency") from error
    if sent <= 0:
        raise ValueError(f"a rate of {rate} is {sent} at the six decimals that Xero keeps of its inverse")
    return sent


def _refused_rates(documents: Sequence[Document]) -> dict[str, Outcome]:
    """The documents whose rate can't be sent."""
    outcomes = {}
    for document in documents:
        try:
            _sent_rate(rate := document.header.get("CurrencyRate"))
        except ValueError as error:
            rejection = RecordRejected(
                RATE_REFUSED,
                str(error),
                record_key=document.record_key,
                field="CurrencyRate",
                value=rate,
                remedy="Correct the rate in the source or the mapping: base currency for one unit of the document's.",
            )
            outcomes[document.record_key] = Outcome(document.record_key, error=rejection)
    return outcomes


def failed(documents: Sequence[Document], error: LedgerbridgeError) -> dict[str, Outcome]:
    """One outcome with this error for each document."""
    return {document.record_key: Outcome(document.record_key, error=error) for document in documents}


def _unsent(batches: Sequence[Sequence[Document]], cause: TransientError) -> dict[str, Outcome]:
    error = TransientError(
        cause.code,
        f"not sent, because the batch before failed: {cause.message}",
        remedy=cause.remedy,
        retry_after_seconds=cause.retry_after_seconds,
    )
    return failed([document for batch in batches for document in batch], error)


def _code(outcome: Outcome) -> str | None:
    return None if outcome.error is None else outcome.error.code


def _unexpected(document: Document, content: Mapping[str, Any]) -> Iterator[str]:
    for name, wanted in document.header.items():
        field = name.removeprefix("_expected.")
        if field != name and wanted is not None and not _same(content.get(field), wanted):
            yield f"{field} is {content.get(field)} in Xero, expected {_plain(wanted)}"


def _unexpected_total(
    document: Document, outcome: Outcome, differences: Sequence[str], *, stands: bool
) -> RecordRejected:
    fate = "it still stands, for Xero refused to withdraw it" if stands else "it was withdrawn"
    return RecordRejected(
        "LB-XERO-024",
        f"Xero computed other figures for {outcome.number}: {'; '.join(differences)}; {fate}",
        record_key=document.record_key,
        field="Total",
        value=outcome.content.get("Total"),
        remedy="Compare the document's lines and taxes with the source's"
        + ("; void it in Xero by hand, then replay." if stands else ", mend the mapping, then replay."),
    )


def _flat(body: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in body.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def _at(content: Mapping[str, Any], path: str) -> Any:
    value: Any = content
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _same(held: Any, wanted: Any) -> bool:
    if isinstance(wanted, Decimal):
        return held is not None and Decimal(str(held)) == wanted
    return _plain(held) == _plain(wanted)


def _plain(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()[:10]
    return kept_text(value) or "nothing" if isinstance(value, str | None) else str(value)
