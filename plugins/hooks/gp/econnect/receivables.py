"""Receivables of GP: receipts, memos and their application (sources.md GP §1.3, §4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from hooks.gp.econnect.documents import HEADER, Transaction
from hooks.gp.econnect.entities import ChangedRows
from hooks.gp.econnect.ledger import APPLICATION_ENTRY, LINE_KEY, POSTED_LINES, WORK_LINES
from hooks.gp.econnect.reader import Row, all_of, equal, one_of
from hooks.gp.econnect.targets import DistributedTarget, EConnectTarget, Place, difference
from ledgerbridge.entities import Document, Found

__all__ = [
    "Application",
    "AppliedCredit",
    "CashReceipt",
    "CreditMemo",
    "DebitMemo",
    "ReceivablesDocument",
    "ReceivablesVoid",
]

_DEBIT_MEMO, _CREDIT_MEMO, _RECEIPT = 3, 7, 9
# a document applied in full moves to history by the Paid Transaction Removal: sources.md GP §4
_POSTED = ("Receivables_Posted_Transaction", "Receivables_History_Transaction")
_APPLIED = ("Receivables_Apply", "Receivables_History_Apply")
_CREDITS = (7, 8, 9)
_AT_A_RATE = all_of(one_of("RMDTYPAL", _CREDITS), "XCHGRATE <> 0", "XCHGRATE <> 1")
_IN_THEIR_CURRENCY = ("XCHGRATE", "RTCLCMTD", "ORORGTRX", "ORCTRXAM")
_CENT = Decimal("0.01")


class CashReceipt(EConnectTarget, ChangedRows):
    """
    Receipts: written to work; read when posted, with what is left to apply in CURTRXAM.

    GP gives receipts no number: DOCNUMBR is ours.
    """

    transaction = Transaction(name="RMCashReceiptsType", parts={HEADER: "taRMCashReceiptInsert"})
    natural_key = "DOCNUMBR"
    places = (
        Place("Cash_Receipt", "DOCNUMBR"),
        Place("Receivables_Posted_Transaction", "DOCNUMBR", equal("RMDTYPAL", _RECEIPT)),
        Place("Receivables_History_Transaction", "DOCNUMBR", equal("RMDTYPAL", _RECEIPT)),
    )
    source_name = "cash_receipt"
    source_doctypes = _POSTED
    source_where = equal("RMDTYPAL", _RECEIPT)
    source_key = ("DOCNUMBR",)

    def _differences(self, document: Document, row: Row) -> list[str]:
        return _amount_differences(document, row, sent="ORTRXAMT")


def _memo_transaction(document_type: int) -> Transaction:
    return Transaction(
        name="RMTransactionType",
        parts={"taxes": "taRMTransactionTaxInsert", "distributions": "taRMDistribution", HEADER: "taRMTransaction"},
        constants={"RMDTYPAL": document_type},
        copied=("RMDTYPAL", "DOCNUMBR", "CUSTNMBR", "BACHNUMB"),
    )


def _memo_places(document_type: int) -> tuple[Place, ...]:
    where = equal("RMDTYPAL", document_type)
    return (
        Place("Receivables_Transaction", "DOCNUMBR", where),
        Place("Receivables_Posted_Transaction", "DOCNUMBR", where),
        Place("Receivables_History_Transaction", "DOCNUMBR", where),
    )


class _Memo(DistributedTarget):
    """Parts: ``distributions`` (taRMDistribution), ``taxes`` (taRMTransactionTaxInsert)."""

    natural_key = "DOCNUMBR"

    def _differences(self, document: Document, row: Row) -> list[str]:
        # the total is DOCAMNT as long as it is in work (RM10301), ORTRXAMT from then on
        return _amount_differences(document, {"ORTRXAMT": row.get("DOCAMNT"), **row}, sent="DOCAMNT")


class DebitMemo(_Memo):
    """Debit memos: money given back for a credit."""

    transaction = _memo_transaction(_DEBIT_MEMO)
    places = _memo_places(_DEBIT_MEMO)


class CreditMemo(_Memo):
    """Credit memos: goodwill without goods."""

    transaction = _memo_transaction(_CREDIT_MEMO)
    places = _memo_places(_CREDIT_MEMO)


class ReceivablesVoid(EConnectTarget):
    """
    Takes back a posted receipt or memo that was never applied: RMDTYPAL, DOCNUMBR, VOIDDATE, GLPOSTDT.

    What is voided already is found; GP refuses what is applied or unposted.
    """

    transaction = Transaction(
        name="RMVoidTransactionType", parts={HEADER: "taRMVoidTransaction"}, constants={"VOIDSTTS": 1}
    )
    natural_key = "DOCNUMBR"
    adopts = True
    places = tuple(
        Place(doctype, "DOCNUMBR", equal("VOIDSTTS", 1), key=("RMDTYPAL", "DOCNUMBR")) for doctype in _POSTED
    )

    def _located(self, documents: Sequence[Document]) -> dict[str, Found]:
        found: dict[str, Found] = {}
        by_type: dict[int, list[Document]] = {}
        for document in documents:
            by_type.setdefault(int(document.header["RMDTYPAL"]), []).append(document)
        for document_type, alike in by_type.items():
            waiting = {str(document.header["DOCNUMBR"]).upper(): document for document in alike}
            for place in self.places:
                of_type = replace(place, where=all_of(place.where, equal("RMDTYPAL", document_type)))
                for number, row in self._rows(of_type, list(waiting)).items():
                    document = waiting.pop(number)
                    found[document.record_key] = self._found(document, row)
        return found

    def _differences(self, document: Document, row: Row) -> list[str]:
        return []


class ReceivablesDocument(ChangedRows):
    """Posted receivables of every type; CURTRXAM is what is left of ORTRXAMT."""

    source_name = "receivables_document"
    source_doctypes = _POSTED
    source_where = ""
    source_key = ("RMDTYPAL", "DOCNUMBR")


class Application(EConnectTarget):
    """
    A receipt or credit applied to a document; known by both numbers, there is at most one of each pair.

    taRMApply has no key of its own and applies again when it is called again (sources.md GP §1.3): it is never sent
    without being looked up first.
    """

    transaction = Transaction(name="RMApplyType", parts={HEADER: "taRMApply"})
    natural_key = "APFRDCNM"
    adopts = True
    places = (
        Place("Receivables_Apply", "APFRDCNM", key=("APTODCNM", "APFRDCNM")),
        Place("Receivables_History_Apply", "APFRDCNM", key=("APTODCNM", "APFRDCNM")),
    )

    def _located(self, documents: Sequence[Document]) -> dict[str, Found]:
        found: dict[str, Found] = {}
        waiting = {_pair(document.header): document for document in documents}
        for place in self.places:
            conditions = [
                all_of(equal("APTODCNM", applied_to), equal("APFRDCNM", applied_from))
                for applied_to, applied_from in waiting
            ]
            for row in self._site.reader.matching(place.doctype, conditions, key=place.key):
                document = waiting.pop(_pair(row), None)
                if document is not None:
                    number = f"{row['APFRDCNM']} to {row['APTODCNM']}"
                    found[document.record_key] = Found(number, number, row, tuple(self._differences(document, row)))
        return found

    def _differences(self, document: Document, row: Row) -> list[str]:
        # APPTOAMT is sent in the documents' currency and kept in base currency; a single-currency company has no other
        in_their_currency = row.get("ORAPTOAM") if Decimal(row.get("ORAPTOAM") or 0) else row.get("APPTOAMT")
        return difference("APPTOAMT", in_their_currency, document.header.get("APPTOAMT"))


class AppliedCredit(ChangedRows):
    """
    Posted receipts, returns and credit memos at a rate, with what they are applied to.

    XCHGRATE, RTCLCMTD and the amounts in their own currency (ORORGTRX, ORCTRXAM) are those of MC020102.
    ``Applications``: rows of RM20201 and RM30201, each with ``Booked``, the debits of the entries that GP itself made
    for it, posted or in a batch. Those tables have no DEX_ROW_TS: an application changes the credit's CURTRXAM
    (sources.md GP §4). A foreign document at a rate of just 1 is taken for one of the company's own currency.
    """

    source_name = "applied_credit"
    source_doctypes = _POSTED
    source_where = all_of(
        one_of("RMDTYPAL", _CREDITS),
        f"DOCNUMBR IN (SELECT DOCNUMBR FROM MC020102 WHERE {_AT_A_RATE})",  # noqa: S608 - ours throughout
    )
    source_key = ("RMDTYPAL", "DOCNUMBR")

    def _prepared(self, rows: list[Row]) -> list[Row]:
        reader, numbers = self._site.reader, [str(row["DOCNUMBR"]) for row in rows]
        foreign = reader.by_keys("Receivables_Currency", "DOCNUMBR", numbers, where=_AT_A_RATE, key=self.source_key)
        originals = {_document(row): {column: row[column] for column in _IN_THEIR_CURRENCY} for row in foreign}
        applied: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for doctype in _APPLIED:
            for row in reader.by_keys(doctype, "APFRDCNM", numbers, key=("APTODCNM", "APFRDCNM")):
                applied[str(row["APFRDCTY"]), str(row["APFRDCNM"]).upper()].append(row)
        booked: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for line in self._entries(sorted({number for _, number in applied})):
            pair = str(line["ORDOCNUM"]).upper(), str(line["ORCTRNUM"]).upper()
            booked[pair] += Decimal(line["DEBITAMT"])
        return [
            {
                **row,
                **originals[_document(row)],
                "Applications": [{**each, "Booked": str(booked[_pair(each)])} for each in applied[_document(row)]],
            }
            for row in rows
            # another credit of a foreign one's number
            if _document(row) in originals
        ]

    def _entries(self, numbers: Sequence[str]) -> Iterator[Row]:
        """Lines of the entries GP made when it applied these credits, in batches, open and closed years."""
        if not numbers:
            return
        reader, own = self._site.reader, equal("SOURCDOC", APPLICATION_ENTRY)
        # in the order an entry travels: what is posted meanwhile is rather counted twice than not at all
        in_work = f"JRNENTRY IN (SELECT JRNENTRY FROM GL10000 WHERE {own})"  # noqa: S608 - equal escapes
        yield from reader.by_keys(WORK_LINES, "ORCTRNUM", numbers, where=in_work, key=LINE_KEY)
        for doctype, key in POSTED_LINES.items():
            yield from reader.by_keys(doctype, "ORCTRNUM", numbers, where=own, key=key)


def _document(row: Row) -> tuple[str, str]:
    return str(row["RMDTYPAL"]), str(row["DOCNUMBR"]).upper()


def _pair(values: dict[str, Any]) -> tuple[str, str]:
    return str(values["APTODCNM"]).upper(), str(values["APFRDCNM"]).upper()


def _amount_differences(document: Document, row: Row, *, sent: str) -> list[str]:
    """Customer and amount; receivables keep the base currency's amount, converted half-up."""
    header = document.header
    amount, rate = header.get(sent), header.get("XCHGRATE")
    if rate is not None and amount is not None:
        expected, within = (amount * rate).quantize(_CENT, ROUND_HALF_UP), _CENT
    else:
        expected, within = amount, Decimal(0)
    customer = difference("CUSTNMBR", row.get("CUSTNMBR"), header.get("CUSTNMBR"))
    return customer + difference("ORTRXAMT", row.get("ORTRXAMT"), expected, within=within)
