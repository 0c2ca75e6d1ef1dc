"""General ledger of GP: journal entries written and read, accounts (sources.md GP §1.3, §4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from hooks.gp.econnect.documents import HEADER, Transaction
from hooks.gp.econnect.entities import ChangedRows, MasterRows, Site, WholeTable
from hooks.gp.econnect.reader import Row, all_of, changed_between, equal, literal
from hooks.gp.econnect.targets import EConnectTarget, Place, difference
from ledgerbridge.entities import Document, Found, RawRecord, Window
from ledgerbridge.errors import ConfigurationError

__all__ = [
    "APPLICATION_ENTRY",
    "BROUGHT_FORWARD",
    "LINE_KEY",
    "OF_UNITS",
    "POSTED_LINES",
    "WORK_LINES",
    "Account",
    "AccountIndex",
    "GLTransaction",
    "Journal",
    "JournalEntry",
    "balances",
    "entry_identity",
    "repetition",
]

APPLICATION_ENTRY = "RMAPY"
"""Source document code of what GP books when receivables are applied (sources.md GP §4; unverified)."""

BROUGHT_FORWARD = {"BBF", "P/L"}
"""Source document codes of what closing a year writes: balances, and the result to retained earnings (unverified)."""
OF_UNITS = {"2", "4"}
"""ACCTTYPE of accounts that count pieces, not money."""

WORK_LINES = "GL_Work_Lines"
"""DOCTYPE of the lines in work (GL10001): GP's own GL_Work_Trans is the headers alone (GL10000)."""

LINE_KEY = ("JRNENTRY", "SQNCLINE")

POSTED_LINES: Mapping[str, tuple[str, ...]] = {
    "GL_Open_Trans": ("JRNENTRY", "RCTRXSEQ", "OPENYEAR", "SEQNUMBR"),
    "GL_Hist_Trans": ("JRNENTRY", "RCTRXSEQ", "HSTYEAR", "SEQNUMBR"),
}
"""DOCTYPE of posted lines to the columns that tell them apart: a recurring entry keeps its number."""

_WORK = "GL_Work_Trans"
_OF_ACCOUNT = ("ACTNUMST", "ACCTTYPE")


class Account(WholeTable, MasterRows):
    """Accounts by ACTNUMST, the number as people write it (``000-1100-00``); read whole, for GL00105 has no stamp."""

    master_doctype = source_doctype = "GL_Accounts"
    master_column = "ACTNUMST"
    source_name = "account"
    source_key = "ACTINDX"

    def lookup(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Columns of GL00105, and of the account itself (GL00100) where the DOCTYPE has them."""
        return {key: _with_account(row) for key, row in super().lookup(keys).items()}

    def _prepared(self, row: Row) -> Row:
        return _with_account(row)


class AccountIndex(Account):
    """Accounts by ACTINDX, the company's own number that journal lines carry."""

    master_column = "ACTINDX"


def _with_account(row: Row) -> Row:
    """The row with the columns of the one child row GL00100 has for it."""
    children = [column for column, value in row.items() if isinstance(value, list)]
    return {name: value for child in children for name, value in row[child][0].items()} | {
        column: value for column, value in row.items() if column not in children
    }


def repetition(line: Mapping[str, Any]) -> str:
    """What tells the repetition of a recurring entry from the others, blank for the first: RCTRXSEQ and the year."""
    sequence = int(Decimal(line.get("RCTRXSEQ") or 0))
    return f"-{sequence}-{line.get('OPENYEAR') or line.get('HSTYEAR')}" if sequence else ""


def entry_identity(line: Mapping[str, Any]) -> str:
    """
    What tells a posted entry from all others: JRNENTRY, year, RCTRXSEQ and TRXDATE (sources.md GP §4).

    A recurring entry keeps its number, and so may the one that reverses another.
    """
    year = line.get("OPENYEAR") or line.get("HSTYEAR")
    sequence = int(Decimal(line.get("RCTRXSEQ") or 0))
    return f"{line['JRNENTRY']}-{year}-{sequence}-{str(line['TRXDATE'])[:10]}"


class GLTransaction(EConnectTarget):
    """
    Journal entries; JRNENTRY is asked from GP when sending, REFRENCE is ours and finds the entry again.

    Part: ``lines`` (taGLTransactionLineInsert).
    """

    transaction = Transaction(
        name="GLTransactionType",
        parts={"lines": "taGLTransactionLineInsert", HEADER: "taGLTransactionHeaderInsert"},
        copied=("BACHNUMB", "JRNENTRY", "CURNCYID", "XCHGRATE"),
    )
    natural_key = "REFRENCE"
    series = 2
    adopts = True  # GP itself takes a REFRENCE twice
    places = (
        Place(_WORK, "REFRENCE", key=("JRNENTRY",)),
        *(Place(doctype, "REFRENCE", key=key) for doctype, key in POSTED_LINES.items()),
    )

    def _write(self, document: Document) -> None:
        number = self._site.client.next_journal_entry()
        self._site.client.create_transaction(self._xml(document, assigned={"JRNENTRY": number}))

    def _rows(self, place: Place, numbers: Sequence[str]) -> dict[str, Row]:
        """Entries with their lines below ``Line``: GL10001 of one in work; a posted one is one row per line itself."""
        reader = self._site.reader
        rows = reader.by_keys(place.doctype, place.number, numbers, where=place.where, key=place.key)
        if place.doctype == _WORK:
            lines: dict[str, list[Row]] = defaultdict(list)
            for line in reader.by_keys(WORK_LINES, "JRNENTRY", [str(row["JRNENTRY"]) for row in rows], key=LINE_KEY):
                lines[str(line["JRNENTRY"])].append(line)
            return {str(row["REFRENCE"]).upper(): {**row, "Line": lines[str(row["JRNENTRY"])]} for row in rows}
        entries: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            entries[str(row["REFRENCE"]).upper()].append(row)
        return {reference: {**of[0], "Line": of} for reference, of in entries.items()}

    def _found(self, document: Document, row: Row) -> Found:
        return Found(str(row["JRNENTRY"]), str(row["JRNENTRY"]), row, tuple(self._differences(document, row)))

    def _differences(self, document: Document, row: Row) -> list[str]:
        debits = sum((Decimal(line["DEBITAMT"]) for line in row["Line"]), Decimal(0))
        sent = sum((line["DEBITAMT"] for line in document.parts.get("lines", [])), Decimal(0))
        return difference("DEBITAMT in sum", debits, sent)


class Journal(ChangedRows):
    """
    Lines of posted entries in open and closed years (GL20000, GL30000), each with its account's ACTNUMST.

    Keys are JRNENTRY and SEQNUMBR; of a recurring entry posted again also RCTRXSEQ and the year.
    """

    source_name = "journal"
    source_doctypes = tuple(POSTED_LINES)
    source_where = ""
    source_key = ("JRNENTRY", "SEQNUMBR")

    def _sorted_by(self, doctype: str) -> tuple[str, ...]:
        return POSTED_LINES[doctype]

    def _number(self, row: Row) -> str:
        return super()._number(row) + repetition(row)

    def _prepared(self, rows: list[Row]) -> list[Row]:
        accounts = AccountIndex(self._site).lookup(sorted({str(row["ACTINDX"]) for row in rows}))
        return [
            {**row, **{column: accounts.get(str(row["ACTINDX"]), {}).get(column) for column in _OF_ACCOUNT}}
            for row in rows
        ]


def balances(site: Site, on: date) -> dict[str, Decimal]:
    """As ``GPEConnectHook.balances``: what was brought forward into its year, and what was posted since."""
    lines = [
        (int(row[key[2]]), row)
        for doctype, key in POSTED_LINES.items()
        for year in (on.year, on.year + 1, on.year - 1)
        for page in site.reader.pages(
            doctype, all_of(equal(key[2], year), f"TRXDATE <= {literal(on.isoformat())}"), key=key
        )
        for row in page
    ]
    year = max((of for of, _ in lines), default=on.year)
    of_year = [row for of, row in lines if of == year]
    if any(of < year for of, _ in lines) and not any(row["SOURCDOC"] in BROUGHT_FORWARD for row in of_year):
        raise ConfigurationError(
            "LB-GP-032",
            f"fiscal year {year} has nothing brought forward, and the year before has entries",
            remedy="Close the year before in GP (Tools > Routines > Financial > Year-End Closing), or name its end.",
        )
    accounts = AccountIndex(site).lookup(sorted({str(row["ACTINDX"]) for row in of_year}))
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in of_year:
        account = accounts[str(row["ACTINDX"])]
        if str(account.get("ACCTTYPE")) not in OF_UNITS:
            sums[str(account["ACTNUMST"])] += Decimal(row["DEBITAMT"]) - Decimal(row["CRDTAMNT"])
    return {account: amount for account, amount in sums.items() if amount}


class JournalEntry(Journal):
    """
    Posted entries of open and closed years that no sub-ledger made (SERIES neither sales, purchasing nor inventory).

    Payload: what the lines have in common, and ``Line``: their rows, each with its account's ACTNUMST and ACCTTYPE.
    """

    source_name = "journal_entry"
    source_where = "NOT SERIES IN (3, 4, 5)"

    def read(self, window: Window) -> Iterator[list[RawRecord]]:
        """Entries of which a line changed, whole: a page or the window may end within one."""
        reader, seen = self._site.reader, set[str]()
        where = all_of(self.source_where, changed_between(window.since, window.until))
        for doctype in self.source_doctypes:
            key = self._sorted_by(doctype)
            for changed in reader.pages(doctype, where, key=key):
                numbers = [str(row["JRNENTRY"]) for row in changed]
                lines = reader.by_keys(doctype, "JRNENTRY", numbers, where=self.source_where, key=key)
                entries = [entry for entry in _entries(self._prepared(lines)) if self._number(entry) not in seen]
                seen |= {self._number(entry) for entry in entries}
                yield [self._record(doctype, entry) for entry in entries]

    def _number(self, row: Row) -> str:
        return entry_identity(row)


_OF_ENTRY = (
    "JRNENTRY", "RCTRXSEQ", "OPENYEAR", "HSTYEAR", "SOURCDOC", "REFRENCE", "TRXDATE", "TRXSORCE", "SERIES", "CURNCYID",
    "XCHGRATE", "RTCLCMTD", "VOIDED", "Original_JE", "ORGNTSRC", "PERIODID",
)  # fmt: skip


def _entries(lines: Sequence[Row]) -> Iterator[Row]:
    """Each entry with its lines, and the newest change of any of them."""
    of: dict[str, list[Row]] = defaultdict(list)
    for line in lines:
        of[entry_identity(line)].append(line)
    for rows in of.values():
        common = {column: rows[0].get(column) for column in _OF_ENTRY if column in rows[0]}
        yield {**common, "DEX_ROW_TS": max(str(row.get("DEX_ROW_TS") or "") for row in rows), "Line": rows}
