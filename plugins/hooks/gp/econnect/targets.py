"""
Writing documents through eConnect, one transaction each, several at a time, read back afterwards.

A site's Pre and Post procedures may change what is written (sources.md GP §1.1): what counts is what GP holds then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from hooks.gp.econnect.documents import HEADER, Transaction, build_xml
from hooks.gp.econnect.entities import GPEntity
from hooks.gp.econnect.errors import DUPLICATE, ProcedureFault, of_the_service, record_error
from hooks.gp.econnect.fields import NODES
from hooks.gp.econnect.reader import Row, all_of, equal, literal
from hooks.wire.in_parallel import results_of
from ledgerbridge.entities import Document, Found, Outcome
from ledgerbridge.errors import (
    ConfigurationError,
    LedgerbridgeError,
    RecordRejected,
    TargetConflict,
    TransientError,
)
from ledgerbridge.going_out import carrying

__all__ = ["DistributedTarget", "EConnectTarget", "MasterTarget", "Place", "difference", "is_current", "outcome_of"]


_PERIODS, _PERIOD_KEY = "Fiscal_Periods", ("YEAR1", "PERIODID", "SERIES")
_POSTING_DAYS = ("PSTGDATE", "GLPOSTDT", "TRXDATE", "DOCDATE")
"""Fields that say when a document is posted, the one that counts first."""
_NOTE = "NOTETEXT"
_COLUMNS = {"ZIPCODE": "ZIP", "PHNUMBR1": "PHONE1", "PHNUMBR2": "PHONE2", "PHNUMBR3": "PHONE3"}
"""Fields whose columns have another name in some tables (sources.md GP §1.4)."""


@dataclass(frozen=True)
class Place:
    """
    A table where a document may lie, by its natural key's column.

    :param where: further condition, such as the document type.
    :param key: columns the table is read in the order of, unique together.
    """

    doctype: str
    number: str
    where: str = ""
    key: tuple[str, ...] = ()


class EConnectTarget(GPEntity):
    """
    A kind of document we write and find again by the number we gave it.

    ``header`` and ``parts`` of a document carry the fields of gp_econnect_fields.NODES; what the entity always has
    (``SOPTYPE``) and what children repeat of their header may be left out.
    """

    max_batch = 100
    asks_before_each_call = True
    transaction: ClassVar[Transaction]
    natural_key: ClassVar[str]
    series: ClassVar[int] = 3
    """Of the fiscal periods it is posted in: 2 financial, 3 sales, 4 purchasing (sources.md GP §4)."""
    given: ClassVar[frozenset[str]] = frozenset()
    """Fields of its nodes that no document needs to say, since the entity gives them while it is written."""
    instructions: ClassVar[tuple[str, ...]] = ()
    """Header fields that say what to do with the document and are no field of its node."""
    places: ClassVar[tuple[Place, ...]]
    """Work, open, history: in the order a document travels, so that none is missed while it is posted."""

    def find(self, documents: Sequence[Document]) -> dict[str, Found]:
        """What GP holds under the documents' numbers, in work, open or history."""
        return self._located(documents)

    def _located(self, documents: Sequence[Document]) -> dict[str, Found]:
        """The same, also what an update could still change."""
        found: dict[str, Found] = {}
        waiting = {str(document.header[self.natural_key]).upper(): document for document in documents}
        for place in self.places:
            for number, row in self._rows(place, list(waiting)).items():
                document = waiting.pop(number)
                found[document.record_key] = self._found(document, row)
        return found

    def send(self, documents: Sequence[Document]) -> list[Outcome]:
        """
        Write each document by a transaction of its own; what GP then holds under its number is the outcome.

        A document that GP changed on the way is a TargetConflict naming both values; it stands in GP.
        """
        return self._send(documents, self._write)

    def _send(self, documents: Sequence[Document], write: Callable[[Document], None]) -> list[Outcome]:
        with ThreadPoolExecutor(self._site.max_parallel) as pool:
            # each in a copy of this context: delivery grants its calls
            begun = [pool.submit(copy_context().run, _outcome, document, write) for document in documents]
            outcomes = results_of(pool, begun)
        accepted = [document for document, outcome in zip(documents, outcomes, strict=True) if outcome.error is None]
        refused = next((o.error for o in outcomes if isinstance(o.error, ConfigurationError)), None)
        if refused is not None and not accepted:
            raise refused
        if down := of_the_service([outcome.error for outcome in outcomes]):
            return [Outcome(document.record_key, error=down) for document in documents]
        # a number that is taken may be ours, from a call that was given up and ended all the same
        taken = [
            document
            for document, outcome in zip(documents, outcomes, strict=True)
            if outcome.error is not None and outcome.error.code == DUPLICATE
        ]
        read_back = self._read_back(accepted) | self._adopted(taken)
        return [read_back.get(outcome.record_key, outcome) for outcome in outcomes]

    def _adopted(self, documents: Sequence[Document]) -> dict[str, Outcome]:
        if not documents:
            return {}
        try:
            found = self._located(documents)
        except LedgerbridgeError:
            return {}  # what GP answered stands
        return {key: outcome_of(key, held) for key, held in found.items()}

    def day_of(self, document: Document) -> date | None:
        """The day it is posted on in the general ledger: that of posting where the document has one, else its own."""
        field = self._posted_by(document)
        return None if field is None else document.header[field]

    def opens_on(self, document: Document, day: date) -> date | None:
        """The day after the last closed period (SY40100) of the document's series; None: the site tells of none."""
        last = day - timedelta(days=1)
        try:
            for each in self._site.reader.pages(_PERIODS, self._closed_from(day), key=_PERIOD_KEY):
                for row in sorted(each, key=lambda row: str(row["PERIODDT"])):
                    if date.fromisoformat(str(row["PERIODDT"])[:10]) <= last + timedelta(days=1):
                        last = max(last, date.fromisoformat(str(row["PERDENDT"])[:10]))
        except ConfigurationError:
            return None  # GP comes with no such DOCTYPE: the document waits as where nothing may be moved
        return last + timedelta(days=1)

    def on_day(self, document: Document, day: date) -> Document:
        """Posted on this day; where that is no other field than the document's own day, a note tells that."""
        field = self._posted_by(document)
        assert field is not None
        header = {**document.header, field: day}
        if field != "DOCDATE" and document.header.get("DOCDATE") is None and _NOTE in self._header_fields():
            told = f"dated {document.header[field]}"
            header[_NOTE] = f"{header[_NOTE]}, {told}" if header.get(_NOTE) else told
        return replace(document, header=header)

    def _posted_by(self, document: Document) -> str | None:
        return next((name for name in _POSTING_DAYS if isinstance(document.header.get(name), date)), None)

    def _closed_from(self, day: date) -> str:
        return all_of("CLOSED = 1", equal("SERIES", self.series), f"PERDENDT >= {literal(day.isoformat())}")

    def _header_fields(self) -> Mapping[str, Any]:
        return NODES[self.transaction.parts[HEADER]].fields

    def _write(self, document: Document) -> None:
        self._site.client.create_transaction(self._xml(document))

    def _xml(
        self,
        document: Document,
        *,
        assigned: Mapping[str, Any] | None = None,
        first: Sequence[tuple[Transaction, Mapping[str, Any]]] = (),
    ) -> str:
        in_gp_terms = self._site.currencies.document_to_gp(document)
        return build_xml(self.transaction, in_gp_terms, assigned=assigned, first=first)

    def _read_back(self, documents: Sequence[Document]) -> dict[str, Outcome]:
        try:
            found = self._located(documents)
        except LedgerbridgeError as error:
            unread = TransientError(
                "LB-GP-022",
                f"GP took the document, but it could not be read back: {error.message}",
                remedy=error.remedy,
                outcome_unknown=True,
            )
            return {document.record_key: Outcome(document.record_key, error=unread) for document in documents}
        return {document.record_key: self._seen(document, found.get(document.record_key)) for document in documents}

    def _seen(self, document: Document, found: Found | None) -> Outcome:
        key = document.record_key
        if found is None:
            # sent again it might be there twice: a person looks
            missing = RecordRejected(
                "LB-GP-023",
                f"GP took it, but GetEntity shows it in none of {', '.join(place.doctype for place in self.places)}",
                record_key=key,
                field=self.natural_key,
                value=document.header.get(self.natural_key),
                remedy="Look for it in GP; enable these DOCTYPEs in the Requester or set the extra `doctypes`.",
            )
            return Outcome(key, error=missing)
        return outcome_of(key, found)

    def _rows(self, place: Place, numbers: Sequence[str]) -> dict[str, Row]:
        """The rows of these numbers, by number in capitals."""
        rows = self._site.reader.by_keys(place.doctype, place.number, numbers, where=place.where)
        return {str(row[place.number]).upper(): row for row in rows}

    def _found(self, document: Document, row: Row) -> Found:
        number = str(document.header[self.natural_key])
        return Found(number, number, row, tuple(self._differences(document, row)))

    def _differences(self, document: Document, row: Row) -> list[str]:
        raise NotImplementedError


class MasterTarget(EConnectTarget):
    """A master record: whoever is there under its key is brought up to date, what is None stays, empty text clears."""

    updatable = True
    adopts = True

    def find(self, documents: Sequence[Document]) -> dict[str, Found]:
        """Who is there as sent, or in the way; who only needs an update is left out."""
        located = self._located(documents)
        found = {}
        for document in documents:
            holder = located.get(document.record_key)
            if holder is not None and (holder.differences or is_current(document.header, holder.content)):
                found[document.record_key] = holder
        return found

    def _write(self, document: Document) -> None:
        self._site.client.create_master(self._xml(document))

    def _differences(self, document: Document, row: Row) -> list[str]:
        return []


class DistributedTarget(EConnectTarget):
    """A document that may bring its own ``distributions``."""

    def _write(self, document: Document) -> None:
        self._site.client.create_transaction(self._xml(document, assigned=self._assigned(document)))

    def _assigned(self, document: Document) -> dict[str, Any]:
        """Header fields that the entity knows itself."""
        # GP adds its own distributions to ours unless told not to, without an error: sources.md GP §5
        return {"CREATEDIST": 0} if document.parts.get("distributions") else {}


def _outcome(document: Document, write: Callable[[Document], None]) -> Outcome:
    try:
        with carrying([document]):
            write(document)
    except ProcedureFault as fault:
        return Outcome(document.record_key, error=record_error(fault, record_key=document.record_key))
    except LedgerbridgeError as error:
        return Outcome(document.record_key, error=error)
    return Outcome(document.record_key)


def is_current(header: Mapping[str, Any], row: Row) -> bool:
    """Whether the texts and dates of a header stand in GP as sent, as far as the row has their columns."""
    for name, value in header.items():
        column = name if name in row else _COLUMNS.get(name, name)
        # GP has its own ids of currencies
        if name == "CURNCYID" or column not in row or value is None:
            continue
        if isinstance(value, str) and difference(name, row[column], value):
            return False
        if isinstance(value, date) and str(row[column])[:10] != value.isoformat():
            return False
    return True


def outcome_of(record_key: str, found: Found) -> Outcome:
    """What GP holds as an outcome: a conflict when it is not what we would send."""
    outcome = Outcome(record_key, found.target_id, found.number, found.content)
    if not found.differences:
        return outcome
    conflict = TargetConflict(
        "LB-GP-015",
        f"GP holds something else than was sent: {'; '.join(found.differences)}",
        record_key=record_key,
        field=found.differences[0].split()[0],
        value=found.number,
        remedy="Compare the two: mend the document in GP, or the Pre or Post procedure of the site that changed it.",
    )
    return replace(outcome, error=conflict)


def difference(name: str, in_gp: object, sent: object, *, within: Decimal = Decimal(0)) -> list[str]:
    """
    One sentence when the values differ, none when they are the same amount, date or text (case aside).

    :param within: how far amounts may lie apart: the cent of a conversion.
    """
    if sent is None:
        return []
    if isinstance(sent, Decimal):
        same = abs(Decimal(str(in_gp or 0)) - sent) <= within
    else:
        same = str(in_gp or "").strip().upper() == str(sent).strip().upper()
    return [] if same else [f"{name} is {in_gp} in GP, {sent} was sent"]
