"""Sales documents of GP: orders and returns written, posted invoices and returns read (sources.md GP §1.3, §4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from hooks.gp.econnect.documents import HEADER, Transaction, build_xml
from hooks.gp.econnect.entities import ChangedRows
from hooks.gp.econnect.reader import Row, all_of, equal
from hooks.gp.econnect.targets import EConnectTarget, Place, difference, is_current, outcome_of
from ledgerbridge.entities import Document, Found, Outcome
from ledgerbridge.errors import RecordRejected, RecordWaits

__all__ = ["FREIGHT_LINE", "MISC_LINE", "SUMMARY", "SalesInvoice", "SalesOrder", "SalesReturn"]

SUMMARY, FREIGHT_LINE, MISC_LINE = 0, 2147483646, 2147483645
"""LNITMSEQ in SOP10105 of what belongs to no line: the sum of a detail, its tax on freight, on miscellaneous."""

_ORDER, _INVOICE, _RETURN = 2, 3, 4
_LINE_STEP = 16384  # GP numbers lines it is given no number for by this step
_ONE_LINE = 1  # taSopLineDelete's DeleteType
_FREIGHT_TAX, _MISC_TAX = 1, 2  # taSopLineIvcTaxInsert's TAXTYPE
_TAX_LINES = {_FREIGHT_TAX: FREIGHT_LINE, _MISC_TAX: MISC_LINE}
_TRANSFERRED = (
    "The order left GP's open orders before it was changed. In GP enter what the change adds as an order with the same "
    "customer PO number, transfer it, and what it takes off as a return; then discard this letter."
)

_DELETE_LINE = Transaction("SOPDeleteLineType", {HEADER: "taSopLineDelete"})
_VOID = Transaction("SOPVoidDocumentType", {HEADER: "taSopVoidDocument"})


def _sales_transaction(document_type: int) -> Transaction:
    return Transaction(
        name="SOPTransactionType",
        parts={
            "lines": "taSopLineIvcInsert",
            "taxes": "taSopLineIvcTaxInsert",
            "user_defined": "taSopUserDefined",
            HEADER: "taSopHdrIvcInsert",
        },
        single=("user_defined",),
        constants={"SOPTYPE": document_type},
        copied=("SOPTYPE", "SOPNUMBE", "CUSTNMBR", "DOCDATE", "CURNCYID"),
    )


def _sales_places(document_type: int) -> tuple[Place, Place]:
    where = equal("SOPTYPE", document_type)
    return (
        Place("Sales_Transaction", "SOPNUMBE", where),
        Place("Sales_History_Transaction", "SOPNUMBE", where),
    )


class _SalesDocument(EConnectTarget):
    natural_key = "SOPNUMBE"

    def _differences(self, document: Document, row: Row) -> list[str]:
        return _holder_differences(document, row) + _content_differences(document, row)


@dataclass(frozen=True)
class _Held:
    """An order as GP holds it."""

    row: Row
    in_work: bool

    @property
    def voided(self) -> bool:
        return bool(self.row.get("VOIDSTTS") == "1")

    @property
    def transferred(self) -> bool:
        """Whether pieces of it are on an invoice, posted or not."""
        if not self.in_work:
            return not self.voided
        return any(Decimal(line.get("QTYPRINV") or 0) for line in self.row.get("Line", []))


class SalesOrder(_SalesDocument):
    """
    Sales orders, unposted in work until they are transferred to invoices.

    Parts: ``lines`` (taSopLineIvcInsert), ``taxes`` (taSopLineIvcTaxInsert, by LNITMSEQ), ``user_defined``
    (taSopUserDefined, one row). An order of ours that is in
    work takes the new content, lines that are no longer sent are deleted. A header with ``VOIDSTTS`` 1 voids the
    order; that GP has none is as good. One with ``TAKENOFF`` 1 lacks pieces that were refunded since. Both wait when
    the warehouse has transferred the order, whole or in part, to an invoice: once that is known, a return follows.
    """

    transaction = _sales_transaction(_ORDER)
    instructions = ("TAKENOFF", "VOIDSTTS")
    places = _sales_places(_ORDER)
    updatable = True

    def find(self, documents: Sequence[Document]) -> dict[str, Found]:
        """What stands in GP as sent, or in the way of it; an order that only needs an update is left out."""
        held = self._held(documents)
        found = {}
        for document in documents:
            order = held.get(_number(document))
            standing = self._standing(document, order)
            # what came too late is for ``send`` to tell
            if standing is not None and not _is_too_late(document, order, standing):
                found[document.record_key] = standing
        return found

    def send(self, documents: Sequence[Document]) -> list[Outcome]:
        """Create, update or void each order, whichever brings GP to what is sent."""
        held = self._held(documents)
        settled: dict[str, Outcome] = {}
        for document in documents:
            order = held.get(_number(document))
            standing = self._standing(document, order)
            if standing is not None:
                settled[document.record_key] = _outcome(document, order, standing)
            elif order is None and _is_void(document):
                settled[document.record_key] = Outcome(document.record_key, number=_number(document))
        rest = [document for document in documents if document.record_key not in settled]
        outcomes = self._send(rest, lambda document: self._bring(document, held.get(_number(document))))
        settled |= {outcome.record_key: outcome for outcome in outcomes}
        settled |= self._overtaken([document for document in rest if _is_overtakable(document, settled)])
        return [settled[document.record_key] for document in documents]

    def _overtaken(self, documents: Sequence[Document]) -> dict[str, Outcome]:
        """Orders refused because the warehouse transferred them between our look and our update."""
        held = self._held(documents) if documents else {}
        found = {}
        for document in documents:
            order = held.get(_number(document))
            standing = self._standing(document, order)
            if standing is not None and _is_too_late(document, order, standing):
                found[document.record_key] = _outcome(document, order, standing)
        return found

    def _located(self, documents: Sequence[Document]) -> dict[str, Found]:
        held = self._held(documents)
        return {
            document.record_key: self._found(document, held[_number(document)].row)
            for document in documents
            if _number(document) in held
        }

    def _differences(self, document: Document, row: Row) -> list[str]:
        if not _is_void(document):
            return super()._differences(document, row) + _invoiced_already(document, row)
        return [] if row.get("VOIDSTTS") == "1" else ["VOIDSTTS is 0 in GP, 1 was sent"]

    def _held(self, documents: Sequence[Document]) -> dict[str, _Held]:
        work, history = self.places
        numbers = [_number(document) for document in documents]
        held = {number: _Held(row, in_work=True) for number, row in self._rows(work, numbers).items()}
        moved = [number for number in numbers if number not in held]
        return held | {number: _Held(row, in_work=False) for number, row in self._rows(history, moved).items()}

    def _standing(self, document: Document, held: _Held | None) -> Found | None:
        """What GP holds, unless an update or a void can and must change it."""
        if held is None:
            return None
        found = self._found(document, held.row)
        if not held.in_work or held.voided:
            return found
        if _takes_back(document) and held.transferred and found.differences:
            return found
        if _is_void(document):
            return None
        if _holder_differences(document, held.row):
            return found
        return None if found.differences or not _is_current(document, held.row) else found

    def _bring(self, document: Document, held: _Held | None) -> None:
        if _is_void(document):
            header = {"SOPTYPE": _ORDER} | {k: v for k, v in document.header.items() if k in ("SOPNUMBE", "VOIDDATE")}
            self._site.client.create_transaction(build_xml(_VOID, Document(document.record_key, "", header)))
            return
        header = {name: value for name, value in document.header.items() if name not in self.instructions}
        plain = replace(document, header=header)
        if held is None:
            self._write(plain)
        else:
            self._update(plain, held.row)

    def _update(self, document: Document, row: Row) -> None:
        lines = [{**line, "UpdateIfExists": 1} for line in document.parts.get("lines", [])]
        updated = replace(
            document,
            header={**document.header, "UpdateExisting": 1},
            parts={**document.parts, "lines": lines, "taxes": _taxes_to_leave(document, row)},
        )
        deleted = [
            (
                _DELETE_LINE,
                {
                    "SOPTYPE": _ORDER,
                    "SOPNUMBE": document.header["SOPNUMBE"],
                    "LNITMSEQ": number,
                    "ITEMNMBR": line["ITEMNMBR"],
                    "DeleteType": _ONE_LINE,
                },
            )
            for number, line in _lines_in_gp(row).items()
            if _is_dropped(document, row, number, line)
        ]
        self._site.client.create_transaction(self._xml(updated, first=deleted))


class SalesReturn(_SalesDocument, ChangedRows):
    """
    Returns of goods: written to work; read when posted, columns as of an invoice.

    Parts as of an order; each line says where its quantity goes (``QTYONHND``, ``QTYRTRND``, …, in sum QUANTITY).
    """

    transaction = _sales_transaction(_RETURN)
    places = _sales_places(_RETURN)
    source_name = "sales_return"
    source_doctypes = ("Sales_History_Transaction",)
    source_where = all_of(equal("SOPTYPE", _RETURN), equal("VOIDSTTS", 0))
    source_key = ("SOPNUMBE",)


class SalesInvoice(ChangedRows):
    """Posted invoices: SOP30200 columns with ``Line`` and ``Tax`` rows; ORIGNUMB names the order."""

    source_name = "sales_invoice"
    source_doctypes = ("Sales_History_Transaction",)
    source_where = all_of(equal("SOPTYPE", _INVOICE), equal("VOIDSTTS", 0))
    source_key = ("SOPNUMBE",)


def _invoiced_already(document: Document, row: Row) -> list[str]:
    """Lines of which more is on invoices than an order is to have from which pieces were taken."""
    sent = _lines_sent(document) if document.header.get("TAKENOFF") else {}
    return [
        f"QTYPRINV of line {number} is {line['QTYPRINV']} in GP, {sent[number]['QUANTITY']} of QUANTITY was sent"
        for number, line in _lines_in_gp(row).items()
        if number in sent and Decimal(line.get("QTYPRINV") or 0) > sent[number]["QUANTITY"]
    ]


def _is_overtakable(document: Document, outcomes: Mapping[str, Outcome]) -> bool:
    return _takes_back(document) and isinstance(outcomes[document.record_key].error, RecordRejected)


def _is_too_late(document: Document, held: _Held | None, standing: Found) -> bool:
    """Whether what was refunded or cancelled is on an invoice already."""
    return _takes_back(document) and held is not None and held.transferred and bool(standing.differences)


def _outcome(document: Document, held: _Held | None, standing: Found) -> Outcome:
    if _is_too_late(document, held, standing):
        late = RecordWaits(
            "LB-GP-030",
            "the warehouse transferred the order before what was refunded or cancelled came off: "
            + "; ".join(standing.differences),
            record_key=document.record_key,
            field="SOPNUMBE",
            value=standing.number,
            remedy="They come back by a return when the invoice is in the other ledger: post it.",
        )
        return Outcome(document.record_key, error=late)
    outcome = outcome_of(document.record_key, standing)
    if outcome.error is not None and held is not None and not held.in_work:
        outcome.error.remedy = _TRANSFERRED
    return outcome


def _number(document: Document) -> str:
    return str(document.header["SOPNUMBE"]).upper()


def _takes_back(document: Document) -> bool:
    """Whether pieces come off an order, or all of it; on an invoice already, they come back by a return."""
    return bool(document.header.get("TAKENOFF")) or _is_void(document)


def _is_void(document: Document) -> bool:
    return document.header.get("VOIDSTTS") == 1


def _lines_in_gp(row: Row) -> dict[int, Row]:
    return {int(line["LNITMSEQ"]): line for line in row.get("Line", [])}


def _lines_sent(document: Document) -> dict[int, Mapping[str, Any]]:
    return {
        int(line.get("LNITMSEQ") or position * _LINE_STEP): line
        for position, line in enumerate(document.parts.get("lines", []), start=1)
    }


def _is_dropped(document: Document, row: Row, number: int, line: Row) -> bool:
    """Whether a line must go: not sent any more, another item, or with a tax detail that it no longer has."""
    sent = _lines_sent(document).get(number)
    if sent is None or str(sent["ITEMNMBR"]).upper() != str(line["ITEMNMBR"]).upper():
        return True
    taxes = {_sent_tax(tax) for tax in document.parts.get("taxes", [])}
    held = {key for key in map(_held_tax, row.get("Tax", [])) if key[0] == number}
    return not held <= taxes


def _taxes_to_leave(document: Document, row: Row) -> list[dict[str, Any]]:
    """The taxes sent, and those of the freight that fell away, as zero: no node deletes a tax by itself."""
    sent = document.parts.get("taxes", [])
    kept = {_sent_tax(tax) for tax in sent}
    fallen = [
        {"LNITMSEQ": 0, "TAXTYPE": _FREIGHT_TAX, "TAXDTLID": tax["TAXDTLID"], "FREIGHT": 0, "FRTTXAMT": 0}
        for tax in row.get("Tax", [])
        if _held_tax(tax)[0] == FREIGHT_LINE and _is_levied(tax) and _held_tax(tax) not in kept
    ]
    return [*sent, *fallen]


def _holder_differences(document: Document, row: Row) -> list[str]:
    """Whose document it is: what an update never changes."""
    return difference("CUSTNMBR", row.get("CUSTNMBR"), document.header.get("CUSTNMBR"))


def _is_current(document: Document, row: Row) -> bool:
    """Whether what an update may change besides the amounts stands as sent: texts, dates, taxes."""
    # the comment lies with the user-defined fields (SOP10106), which an order need not have
    fields = {"CMMTTEXT": "", **_user_fields(row), **row}
    if not is_current(document.header, fields) or not _has_user_fields(document, row):
        return False
    sent = {_sent_tax(tax) for tax in document.parts.get("taxes", [])}
    held = {_held_tax(tax): tax for tax in row.get("Tax", []) if int(tax["LNITMSEQ"]) != SUMMARY}
    # a tax that fell away stays as zero: no node deletes it
    return sent <= held.keys() and not any(_is_levied(tax) for key, tax in held.items() if key not in sent)


def _user_fields(row: Row) -> Row:
    return next(iter(row.get("User_Defined", [])), {})


def _has_user_fields(document: Document, row: Row) -> bool:
    held = _user_fields(row)
    sent = [(name, value) for fields in document.parts.get("user_defined", []) for name, value in fields.items()]
    return all(_holds(str(held.get(name) or ""), str(value)) for name, value in sent if value is not None)


def _holds(held: str, sent: str) -> bool:
    """Whether a field has what was sent: a date comes back with a time."""
    return held.startswith(sent) if sent else not held


def _sent_tax(tax: Mapping[str, Any]) -> tuple[int, str]:
    """Line and detail under which GP keeps a tax that is sent."""
    line = _TAX_LINES.get(tax.get("TAXTYPE", 0), int(tax["LNITMSEQ"]))
    return line, str(tax["TAXDTLID"]).upper()


def _held_tax(tax: Row) -> tuple[int, str]:
    return int(tax["LNITMSEQ"]), str(tax["TAXDTLID"]).upper()


def _is_levied(tax: Row) -> bool:
    return any(Decimal(tax.get(column) or 0) for column in ("STAXAMNT", "FRTTXAMT", "MSCTXAMT"))


def _content_differences(document: Document, row: Row) -> list[str]:
    # a document of another currency has its own amounts beside those in base currency
    foreign = document.header.get("CURNCYID")
    total, extended = ("ORDOCAMT", "OXTNDPRC") if foreign else ("DOCAMNT", "XTNDPRCE")
    found = difference("DOCAMNT", row.get(total), document.header.get("DOCAMNT"))
    if row.get("VOIDSTTS") == "1":
        found.append(f"VOIDSTTS is 1 in GP: {row['SOPNUMBE']} is voided")
    in_gp, sent = _lines_in_gp(row), _lines_sent(document)
    for number in sorted(in_gp.keys() | sent.keys()):
        if number not in in_gp:
            found.append(f"LNITMSEQ {number} is missing in GP, {sent[number].get('ITEMNMBR')} was sent")
        elif number not in sent:
            found.append(f"LNITMSEQ {number} is {in_gp[number].get('ITEMNMBR')} in GP, no such line was sent")
        else:
            for name, column in (("ITEMNMBR", "ITEMNMBR"), ("QUANTITY", "QUANTITY"), ("XTNDPRCE", extended)):
                value = sent[number].get(name)
                exact = Decimal(value) if isinstance(value, int) else value
                found += difference(f"{name} of line {number}", in_gp[number].get(column), exact)
    return found
