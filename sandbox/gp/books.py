"""What the company's books hold, for people and tests: balances by account and every document with its state."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.gp.models import MONEY_PLACES, Row
from sandbox.gp.originals import with_originals
from sandbox.gp.receivables import RECEIPT
from sandbox.gp.session import Session

_HEADER_AMOUNTS = [
    "SUBTOTAL",
    "ORSUBTOT",
    "FRTAMNT",
    "ORFRTAMT",
    "MISCAMNT",
    "ORMISCAMT",
    "TAXAMNT",
    "ORTAXAMT",
    "FRTTXAMT",
    "ORFRTTAX",
    "MSCTXAMT",
    "ORMSCTAX",
    "TRDISAMT",
    "ORTDISAM",
    "DOCAMNT",
    "ORDOCAMT",
]
_HEADER_TEXTS = ["SOPTYPE", "SOPNUMBE", "CSTPONBR", "CUSTNMBR", "DOCID", "BACHNUMB", "ORIGTYPE", "ORIGNUMB", "CURNCYID"]
_LINE_AMOUNTS = ["QUANTITY", "QTYPRINV", "UNITPRCE", "ORUNTPRC", "XTNDPRCE", "OXTNDPRC", "TAXAMNT", "ORTAXAMT"]
_RECEIVABLE_AMOUNTS = ["ORTRXAMT", "CURTRXAM", "ORORGTRX", "ORCTRXAM"]
_RECEIVABLE_TEXTS = ["RMDTYPAL", "DOCNUMBR", "CUSTNMBR", "BACHNUMB", "CURNCYID"]
_PAYABLE_APPLY_AMOUNTS = ["APPLDAMT", "ORAPPAMT", "RLGANLOS"]
_PAYABLE_AMOUNTS = ["PRCHAMNT", "TAXAMNT", "DOCAMNT", "CURTRXAM", "TEN99AMNT"]
_PAYABLE_TEXTS = ["VENDORID", "DOCNUMBR", "DOCTYPE", "BACHNUMB", "TRXDSCRN", "CURNCYID"]
_APPLY_AMOUNTS = ["APPTOAMT", "ORAPTOAM", "WROFAMNT", "ORWROFAM", "RLGANLOS"]


def read_books(session: Session) -> dict[str, Any]:
    """
    Balances from GL20000 and the documents of sales, receivables and payables.

    Amounts are strings with two decimals, a debit positive; OR… columns are in the document's currency, the others in
    the company's (sources.md GP §4). ``state`` is work, open, history or void.
    """
    documents = [_sales(session, row, "work", "SOP10200") for row in session.select("SOP10100")]
    documents += [
        _sales(session, row, "void" if row["VOIDSTTS"] else "history", "SOP30300") for row in session.select("SOP30200")
    ]
    for table, state in (("RM10201", "work"), ("RM10301", "work"), ("RM20101", "open"), ("RM30101", "history")):
        documents += [_receivable(with_originals(session, row), state) for row in session.select(table)]
    applications = [
        {name: row[name] for name in ("APTODCTY", "APTODCNM", "APFRDCTY", "APFRDCNM", "CUSTNMBR")}
        | _money(row, _APPLY_AMOUNTS)
        | {"DATE1": row["DATE1"].isoformat()}
        for table in ("RM20201", "RM30201")
        for row in session.select(table)
    ]
    payables = [
        _payable(row, state)
        for table, state in (("PM10000", "work"), ("PM10400", "work"), ("PM20000", "open"), ("PM30200", "history"))
        for row in session.select(table)
    ]
    payables_applications = [
        {name: row[name] for name in ("APTVCHNM", "APTODCTY", "VCHRNMBR", "DOCTYPE", "VENDORID")}
        | _money(row, _PAYABLE_APPLY_AMOUNTS)
        | {"DATE1": row["DATE1"].isoformat()}
        for table in ("PM10200", "PM30300")
        for row in session.select(table)
    ]
    return {
        "accounts": balances(session),
        "documents": documents,
        "applications": applications,
        "payables": payables,
        "payables_applications": payables_applications,
        "purchase_orders": [_purchase_order(session, row) for row in session.select("POP10100")],
    }


def balances(session: Session) -> dict[str, str]:
    """Balance by ACTNUMST of every account, debit positive, from what is posted."""
    sums = dict(
        session.connection.execute("SELECT ACTINDX, SUM(DEBITAMT - CRDTAMNT) FROM GL20000 GROUP BY ACTINDX").fetchall()
    )
    return {
        account["ACTNUMST"]: f"{Decimal(sums.get(account['ACTINDX'], 0)).scaleb(-MONEY_PLACES):.2f}"
        for account in session.select("GL00105")
    }


def read_entries(session: Session) -> list[dict[str, Any]]:
    """The posted lines of the general ledger."""
    texts = ["JRNENTRY", "SOURCDOC", "REFRENCE", "DSCRIPTN", "ORDOCNUM", "ORCTRNUM", "ORMSTRID", "CURNCYID"]
    amounts = ["DEBITAMT", "CRDTAMNT", "ORDBTAMT", "ORCRDAMT"]
    numbers = {account["ACTINDX"]: account["ACTNUMST"] for account in session.select("GL00105")}
    return [
        {name: row[name] for name in texts}
        | _money(row, amounts)
        | {"ACTNUMST": numbers[row["ACTINDX"]], "TRXDATE": row["TRXDATE"].isoformat(), "RCTRXSEQ": int(row["RCTRXSEQ"])}
        for row in session.select("GL20000")
    ]


def _sales(session: Session, row: Row, state: str, lines: str) -> dict[str, Any]:
    found = session.select(lines, SOPTYPE=row["SOPTYPE"], SOPNUMBE=row["SOPNUMBE"])
    document = {name: row[name] for name in _HEADER_TEXTS} | _money(row, _HEADER_AMOUNTS)
    document |= {"number": row["SOPNUMBE"], "state": state, "DOCDATE": row["DOCDATE"].isoformat()}
    document["lines"] = [
        {name: line[name] for name in ("LNITMSEQ", "ITEMNMBR", "ITEMDESC")} | _money(line, _LINE_AMOUNTS)
        for line in found
    ]
    taxes = session.select("SOP10105", SOPTYPE=row["SOPTYPE"], SOPNUMBE=row["SOPNUMBE"])
    document["taxes"] = [
        {"LNITMSEQ": tax["LNITMSEQ"], "TAXDTLID": tax["TAXDTLID"]} | _money(tax, ["ORSLSTAX", "ORFRTTAX", "ORMSCTAX"])
        for tax in taxes
    ]
    return document


def _receivable(row: Row, state: str) -> dict[str, Any]:
    if "DOCAMNT" in row:
        row = row | dict.fromkeys(("ORTRXAMT", "CURTRXAM"), row["DOCAMNT"])
    document = {name: row[name] for name in _RECEIVABLE_TEXTS} | _money(row, _RECEIVABLE_AMOUNTS)
    document |= {"number": row["DOCNUMBR"], "state": state, "DOCDATE": row["DOCDATE"].isoformat()}
    checkbook = row["MSCSCHID"] if row["RMDTYPAL"] == RECEIPT and "MSCSCHID" in row else row.get("CHEKBKID", "")
    document |= {"DOCDESCR": row.get("DOCDESCR", row.get("TRXDSCRN", "")), "CHEKBKID": checkbook}
    return document


def _payable(row: Row, state: str) -> dict[str, Any]:
    document = {name: row[name] for name in _PAYABLE_TEXTS}
    document |= _money(row, [name for name in _PAYABLE_AMOUNTS if name in row])
    days = {name: row[name].isoformat() for name in ("DOCDATE", "DUEDATE", "PSTGDATE") if name in row}
    return document | days | {"number": row.get("VCHNUMWK") or row["VCHRNMBR"], "state": state}


def _purchase_order(session: Session, row: Row) -> dict[str, Any]:
    number = {"PONUMBER": row["PONUMBER"]}
    texts = ("VENDORID", "VENDNAME", "CONFIRM1", "CURNCYID")
    document: dict[str, Any] = {name: row[name] for name in texts} | {"number": row["PONUMBER"], "state": "new"}
    document |= {name: row[name].isoformat() for name in ("DOCDATE", "REQDATE", "PRMDATE")}
    document |= _money(row, ["SUBTOTAL", "ORSUBTOT", "TAXAMNT", "ORTAXAMT"]) | {"XCHGRATE": f"{row['XCHGRATE']:f}"}
    accounts = {account["ACTINDX"]: account["ACTNUMST"] for account in session.select("GL00105")}
    document["lines"] = [
        {name: line[name] for name in ("ITEMNMBR", "ITEMDESC", "NONINVEN")}
        | _money(line, ["QTYORDER", "ORUNTCST", "OREXTCST", "EXTDCOST", "ORTAXAMT"])
        | {"ACTNUMST": accounts.get(line["INVINDX"], "")}
        for line in session.select("POP10110", **number)
    ]
    document["taxes"] = [
        {"TAXDTLID": tax["TAXDTLID"]} | _money(tax, ["ORTAXAMT", "ORTXBPUR"])
        for tax in session.select("POP10160", **number)
    ]
    return document


def _money(row: Row, names: list[str]) -> dict[str, str]:
    return {name: f"{row[name]:.2f}" for name in names}
