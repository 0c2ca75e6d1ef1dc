"""What Dynamics GP booked, document by document, read from the journal of open and closed years (GL20000, GL30000)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from hooks.gp.econnect.hook import GPEConnectHook
from hooks.gp.econnect.ledger import (
    APPLICATION_ENTRY,
    BROUGHT_FORWARD,
    LINE_KEY,
    OF_UNITS,
    WORK_LINES,
    AccountIndex,
    Journal,
    entry_identity,
    repetition,
)
from hooks.gp.econnect.payables import AppliedPayment
from hooks.gp.econnect.sales import SalesInvoice, SalesReturn
from hooks.gp.sold import goods_of, kept_sale, sale_names, tax_sets
from hooks.gp.vendor_payments import by_bill, kept_payment, payment_names
from ledgerbridge.entities import RawRecord, Window
from ledgerbridge.reconciliation import Booked, Derived, KeptRecord, KeptSource, OpenAmount, Totals

__all__ = ["GPBooks"]

Row = Mapping[str, Any]

_PAYMENT, _PAYABLES_SOURCE = "payment", "gp.payables_document"
# Source document codes (sources.md GP §4; the codes unverified) and what a flow reads such documents as. Who keeps
# others sees the kind "entry".
_KINDS = {
    "SJ": ("invoice", "gp.sales_invoice"),
    "RTN": ("return", "gp.sales_return"),
    "CRM": ("credit memo", "gp.receivables_document"),
    "DRM": ("debit memo", "gp.receivables_document"),
    "CRJ": (_PAYMENT, "gp.cash_receipt"),
    "PMTRX": ("voucher", _PAYABLES_SOURCE),
    "PMPAY": (_PAYMENT, _PAYABLES_SOURCE),
}
_OF_PAYABLES = "PM"
"""What source document codes of payables begin with."""
_PAYABLES_IN_WORK = (("Payables_Transaction", "", ("VCHNUMWK",)), ("Payables_Payment", "", ("PMNTNMBR",)))
_PAYABLES_APPLY_KEY = ("APTVCHNM", "APTODCTY", "VCHRNMBR", "DOCTYPE")
_APPLICATION_ENTRIES = {APPLICATION_ENTRY, "PMAPY"}
"""Source document codes of what GP books when receivables, and payables, are applied (the latter unverified)."""
_GENERAL_ENTRY = "GJ"
_OF_SUB_LEDGERS = {"3", "4", "5"}
"""SERIES of sales, purchasing and inventory."""
_JOURNAL_COLUMNS = (
    "JRNENTRY", "RCTRXSEQ", "OPENYEAR", "HSTYEAR", "SEQNUMBR", "SOURCDOC", "REFRENCE", "TRXDATE", "ACTINDX",
    "ACTNUMST", "ACCTTYPE", "DEBITAMT", "CRDTAMNT", "XCHGRATE", "ORCTRNUM", "ORDOCNUM", "ORMSTRID", "DEX_ROW_TS",
)  # fmt: skip
_JOURNAL, _INVOICES, _RETURNS, _PAID = "journal", "sales_invoice", "sales_return", "applied_payment"
_NO_TIME = datetime(1900, 1, 1, tzinfo=UTC)
_RECEIVABLES = (1, 3, 7, 8, 9)  # RMDTYPAL
_PAYABLES = (1, 2, 3, 4, 5, 6)  # DOCTYPE
_DEBIT_MEMO = 3
_APPLY_REMEDY = "Apply it in GP: Transactions > Purchasing > Apply Payables Documents."


class GPBooks:
    """
    The books of one company.

    :param roles: account roles that it has an account for; with `payables` vouchers are looked for in batches too.
    :param settings: of the company: where bills are keyed in GP, its payments go once a person has applied them.
    :raises TransientError, ConfigurationError: from every method, as ``GPEConnectHook.journal_lines``.
    """

    def __init__(
        self, hook: GPEConnectHook, roles: Collection[str] = (), settings: Mapping[str, str] | None = None
    ) -> None:
        self._hook = hook
        self._has_payables = "payables" in roles
        self._pays_here = (settings or {}).get("bills_keyed_in") in ("gp", "both")

    def sources(self) -> list[KeptSource]:
        """The journal, the taxes of sales documents, and what is open of posted documents, which is read whole."""
        site = self._hook.site()
        scope = f"gp-{site.company}"
        return [
            KeptSource(f"{scope}-{_JOURNAL}", _Lines(site), _journal_line, _line_names),
            KeptSource(f"{scope}-{_INVOICES}", SalesInvoice(site), kept_sale, sale_names),
            KeptSource(f"{scope}-{_RETURNS}", SalesReturn(site), kept_sale, sale_names),
            *(
                [KeptSource(f"{scope}-{_PAID}", AppliedPayment(site), kept_payment, payment_names)]
                if self._has_payables
                else []
            ),
            *(
                KeptSource(f"{scope}-{each.name}", _OpenDocuments(self._hook, each), dict, each.names, whole=True)
                for each in (_RECEIVABLE, *([_PAYABLE] if self._has_payables else []))
            ),
        ]

    def terms(self) -> dict[str, Any]:
        """Whether payments of vendors go to the other ledger."""
        return {"payments go": self._pays_here}

    def derive(self, records: Sequence[KeptRecord]) -> Derived:
        """
        Every posted document with all that GP booked for it; a realised gain or write-off belongs to what was applied.

        An entry made in the general ledger itself is known by its reference (REFRENCE); one that names both documents
        of an application belongs to it, and is there twice where GP made the same entry. A document whose entries
        cancel each other out was voided, and is no more.
        """
        of: dict[str, list[Row]] = defaultdict(list)
        for record in records:
            of[record.book.rpartition("-")[2]].append(record.payload)
        sales = [(row, sign) for book, sign in ((_INVOICES, 1), (_RETURNS, -1)) for row in of[book]]
        taxes = {row["SOPNUMBE"].upper(): tax_sets(row, -sign) for row, sign in sales}
        stock = goods_of(sales, of[_JOURNAL], lambda unknown: AccountIndex(self._hook.site()).lookup(unknown))
        entries = self._entries(of[_JOURNAL])
        paid = {row["VCHRNMBR"].upper(): row["Applications"] for row in of[_PAID]}
        booked = [
            (name, part)
            for name, each in entries
            if not _is_void(each)
            for number in [each.number.upper()]
            for part in by_bill(
                # an entry may bear the number of a document that somebody meant by it
                each if each.by_entry else replace(each, taxes=taxes.get(number), stock=stock.get(number)),
                paid.get(number, []) if each.source == _PAYABLES_SOURCE else [],
                _APPLY_REMEDY if self._pays_here and each.source == _PAYABLES_SOURCE and each.kind == _PAYMENT else "",
            )
        ]
        withdrawn = {identity: "voided" for _, each in entries if _is_void(each) for identity in each.ids}
        opened = [
            (
                str(row[each.number]).upper(),
                OpenAmount(
                    number=str(row[each.number]),
                    amount=Decimal(row["CURTRXAM"]) * (-each.sign if row[each.kind] in each.credits else each.sign),
                    booked_on=date.fromisoformat(str(row["DOCDATE"])[:10]),
                ),
            )
            for each in (_RECEIVABLE, _PAYABLE)
            for row in of[each.name]
        ]
        return Derived(booked, opened, withdrawn)

    def applied_to(self, numbers: Sequence[str]) -> dict[str, str]:
        """
        By number of a receipt or credit, the document it is applied to; by number of a debit memo, the credit it paid.

        One that is applied to several counts for the last.
        """
        reader, found = self._hook.site().reader, {}
        if self._has_payables:
            # a payment alone in GP belongs to the voucher it pays, whose number stands in two columns of one table
            for doctype in ("Payables_Apply", "Payables_History_Apply"):
                rows = reader.by_keys(doctype, "VCHRNMBR", numbers, where="DOCTYPE = 6", key=_PAYABLES_APPLY_KEY)
                found.update({str(row["VCHRNMBR"]): str(row["APTVCHNM"]) for row in rows})
        for doctype in ("Receivables_Apply", "Receivables_History_Apply"):
            for column, other in (("APTODCNM", "APFRDCNM"), ("APFRDCNM", "APTODCNM")):
                where = f"APTODCTY = {_DEBIT_MEMO}" if column == "APTODCNM" else f"APTODCTY <> {_DEBIT_MEMO}"
                rows = reader.by_keys(doctype, column, numbers, where=where, key=("APTODCNM", "APFRDCNM"))
                found.update({str(row[column]): str(row[other]) for row in rows})
        return found

    @cached_property
    def on_the_way(self) -> dict[str, str]:
        """
        Where documents lie that nobody has posted yet, by what GP knows them by.

        Entries of applications (realised gain, write-off) are known by both documents.
        """
        reader = self._hook.site().reader
        found: dict[str, str] = {}
        for doctype, where, key in (
            ("Sales_Transaction", "SOPTYPE IN (3, 4)", ("SOPTYPE", "SOPNUMBE")),
            ("Cash_Receipt", "", ("DOCNUMBR",)),
            ("Receivables_Transaction", "", ("RMDTYPAL", "DOCNUMBR")),
            ("GL_Work_Trans", "", ("JRNENTRY",)),
            (WORK_LINES, "", LINE_KEY),
            *(_PAYABLES_IN_WORK if self._has_payables else ()),
        ):
            for page in reader.pages(doctype, where, key=key):
                for row in page:
                    found.update(dict.fromkeys(_names(row), f"in batch {row['BACHNUMB']}"))
        return found

    def beyond_documents(self, totals: Totals, on: date, since: date | None) -> dict[str, Decimal]:
        """Nothing: the documents are read from the general ledger itself."""
        return {}

    def _entries(self, rows: Sequence[Row]) -> list[tuple[str, Booked]]:
        booked = (row for row in rows if row["SOURCDOC"] not in BROUGHT_FORWARD and row.get("ACCTTYPE") not in OF_UNITS)
        lines = sorted(booked, key=_line_order)
        receipts = {str(line["ORDOCNUM"]) for line in lines if line["SOURCDOC"] == "CRJ"}
        entries: dict[str, list[Row]] = defaultdict(list)
        for line in lines:
            entries[_document(line, receipts) or _entry_name(line)].append(line)
        company = self._hook.site().company
        return [
            (name.upper(), each)
            for name, named in entries.items()
            for place, lines in enumerate(_entries_of(named))
            for each in _documents(company, lines, shares_number=place > 0)
        ]


class _Lines(Journal):
    """The journal's lines; those of the general ledger's own entries by day too: what reverses one has its numbers."""

    def _number(self, row: dict[str, Any]) -> str:
        number = super()._number(row)
        return number if str(row.get("SERIES")) in _OF_SUB_LEDGERS else f"{number}-{str(row['TRXDATE'])[:10]}"


@dataclass(frozen=True)
class _Open:
    """
    Posted documents of receivables or payables.

    :param kind, number: their columns of type and number.
    :param credits: the types that take from what is owed. :param sign: 1 where it is owed to the company.
    """

    name: str
    doctype: str
    kind: str
    number: str
    credits: frozenset[str]
    sign: int

    def names(self, row: Row) -> Iterator[str]:
        """The document's number."""
        yield str(row[self.number]).upper()


_RECEIVABLE = _Open(
    "open_receivable", "Receivables_Posted_Transaction", "RMDTYPAL", "DOCNUMBR", frozenset({"7", "8", "9"}), 1
)
_PAYABLE = _Open("open_payable", "Payables_Posted_Transaction", "DOCTYPE", "VCHRNMBR", frozenset({"4", "5", "6"}), -1)


class _OpenDocuments:
    """Those of which something is left (CURTRXAM)."""

    def __init__(self, hook: GPEConnectHook, documents: _Open) -> None:
        self._hook = hook
        self._of = documents

    def read(self, window: Window) -> Iterator[list[RawRecord]]:
        """All of them, whatever the window."""
        site, of = self._hook.site(), self._of
        columns = (of.number, of.kind, "CURTRXAM", "DOCDATE")
        for page in site.reader.pages(of.doctype, "CURTRXAM <> 0", key=(of.kind, of.number)):
            yield [
                RawRecord(
                    key=f"gp:{site.company}:{of.name}:{row[of.kind]}-{row[of.number]}",
                    version=str(row["CURTRXAM"]),
                    changed_at=_NO_TIME,
                    payload={column: row.get(column) for column in columns},
                )
                for row in page
            ]

    def clock(self) -> datetime:
        """The GP server's time now, aware UTC."""
        return self._hook.site().client.server_time()


def _line_order(line: Row) -> tuple[int, Decimal]:
    return int(line["JRNENTRY"]), Decimal(line.get("SEQNUMBR") or 0)


def _line_names(line: Row) -> Iterator[str]:
    """The document it was made for; of an application, both."""
    yield (_document(line) or _entry_name(line)).upper()
    if _is_of_application(line) and line.get("ORCTRNUM"):
        yield str(line["ORCTRNUM"]).upper()


def _entry_name(line: Row) -> str:
    return f"entry {line['JRNENTRY']}{repetition(line)}"


def _document(line: Row, receipts: frozenset[str] | set[str] = frozenset()) -> str:
    """
    The document a journal line was made for.

    Of an application it is the one that is money: the receipt applied, else the debit memo a credit was applied to.
    """
    if _is_of_application(line) and str(line.get("ORCTRNUM")) in receipts:
        return str(line["ORCTRNUM"])
    if str(line["SOURCDOC"]).startswith(_OF_PAYABLES):
        return str(line.get("ORCTRNUM") or "")  # the voucher's own number: ORDOCNUM is the vendor's
    return str(line.get("ORDOCNUM") or "")


def _is_of_application(line: Row) -> bool:
    """Whether GP made it when it applied a document, or somebody in the general ledger for that application."""
    by_hand = line["SOURCDOC"] == _GENERAL_ENTRY and line.get("ORDOCNUM") and line.get("ORCTRNUM")
    return line["SOURCDOC"] in _APPLICATION_ENTRIES or bool(by_hand)


def _entries_of(lines: list[Row]) -> Iterable[list[Row]]:
    """What was made for a document is one; an entry of the general ledger and what reverses it differ by the day."""
    if any(_document(line) for line in lines):
        return [lines]
    days: dict[str, list[Row]] = defaultdict(list)
    for line in sorted(lines, key=lambda each: str(each["TRXDATE"])):
        days[str(line["TRXDATE"])].append(line)
    return days.values()


def _documents(company: str, lines: list[Row], *, shares_number: bool) -> Iterator[Booked]:
    """
    The document; and once more what was entered of an application though GP had booked it on the same accounts.

    :param shares_number: whether it is an entry that bears the number of another one.
    """
    own, entered = defaultdict(set), defaultdict(list)
    for line in lines:
        if line["SOURCDOC"] in _APPLICATION_ENTRIES:
            own[_applied(line)].add(line["ACTNUMST"])
        elif _is_of_application(line):
            entered[_applied(line)].append(line)
    again = [each for pair, each in entered.items() if {line["ACTNUMST"] for line in each} <= own[pair]]
    twice = {line["JRNENTRY"] for each in again for line in each}
    document = _booked(company, [line for line in lines if line["JRNENTRY"] not in twice])
    yield replace(document, key=f"{document.key}-{document.booked_on}") if shares_number else document
    for each in again:
        yield replace(_booked(company, each), kind=document.kind, number=document.number, ids=())


def _applied(line: Row) -> tuple[str, str]:
    return str(line["ORDOCNUM"]), str(line["ORCTRNUM"])


def _journal_line(line: Row) -> dict[str, Any]:
    return {column: line.get(column) for column in _JOURNAL_COLUMNS}


def _booked(company: str, lines: list[Row]) -> Booked:
    effects: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        effects[str(line["ACTNUMST"])] += Decimal(line["DEBITAMT"]) - Decimal(line["CRDTAMNT"])
    first = next((line for line in lines if not _is_of_application(line)), lines[0])
    number = _document(first) or str(first["REFRENCE"])
    of_ledger = not _document(first)
    kind, source = _KINDS.get(str(first["SOURCDOC"]), ("entry", "gp.journal_entry" if of_ledger else ""))
    credits = {str(line["ORCTRNUM"]) for line in lines if _is_of_application(line) and line["ORCTRNUM"] != number}
    return Booked(
        key=f"gp:{company}:journal:{first['JRNENTRY']}{repetition(first)}",
        kind=kind,
        number=number,
        booked_on=date.fromisoformat(str(first["TRXDATE"])[:10]),
        effects={account: amount for account, amount in effects.items() if amount},
        customer=str(first.get("ORMSTRID") or ""),
        # receivables and payables are read by type and number, sales documents by number, journal entries by their own
        ids=(
            number,
            *(f"{kind}-{number}" for kind in (_PAYABLES if source == _PAYABLES_SOURCE else _RECEIVABLES)),
            str(first["JRNENTRY"]),
            *([entry_identity(first)] if of_ledger else []),
        ),
        # the cent that one part of a credit takes is on the document it was applied to
        against=credits.pop() if len(credits) == 1 else "",
        rate=Decimal(first.get("XCHGRATE") or 0) or Decimal(1),
        changed_at=max(datetime.fromisoformat(str(line["DEX_ROW_TS"])).replace(tzinfo=UTC) for line in lines),
        source=source,
        by_entry=of_ledger,
    )


def _is_void(booked: Booked) -> bool:
    """Whether nothing is left of it though it has entries; a document without value has none from the start."""
    return not booked.effects


def _names(row: Row) -> Iterator[str]:
    # a vendor's number of a voucher may be that of another document
    columns = ("SOPNUMBE", "DOCNUMBR", "JRNENTRY", "REFRENCE", "ORDOCNUM", "ORCTRNUM")
    own = next((column for column in ("VCHNUMWK", "PMNTNMBR") if row.get(column)), None)
    for column in (own,) if own else columns:
        if row.get(column):
            yield str(row[column])
