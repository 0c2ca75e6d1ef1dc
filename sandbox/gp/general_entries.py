"""What people do at GP's window Transaction Entry: key an entry into a batch of the general ledger, back one out."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from sandbox.gp.batches import LEDGER, ensure_batch
from sandbox.gp.currency import Rate, functional_currency
from sandbox.gp.errors import BookkeeperError
from sandbox.gp.journals import next_entry
from sandbox.gp.models import Row
from sandbox.gp.session import Session

__all__ = ["Entry", "EntryLine", "back_out", "key_entry"]

_STEP = 16384
_FINANCIAL = 2
_STANDARD, _REVERSING = 0, 1


class EntryLine(BaseModel):
    """A line, in the entry's currency; ``account`` is ACTNUMST."""

    model_config = ConfigDict(extra="forbid")

    account: str
    debit: Decimal = Decimal(0)
    credit: Decimal = Decimal(0)
    text: str = ""


class Entry(BaseModel):
    """
    An entry as a person keys it.

    :param reverses_on: RVRSNGDT of a reversing entry. :param rate: XCHGRATE, multiplied with, of a foreign currency.
    """

    model_config = ConfigDict(extra="forbid")

    reference: str = ""
    reverses_on: date | None = None
    date: date
    lines: list[EntryLine]
    batch: str = "GENERAL"
    source: str = "GJ"
    currency: str | None = None
    rate: Decimal = Decimal(1)


def key_entry(session: Session, entry: Entry, *, corrects: int = 0) -> int:
    """
    Save an entry in its batch; its JRNENTRY.

    :param corrects: the entry that it backs out.
    :raises BookkeeperError: an account is unknown, debits differ from credits, it reverses before its own date.
    """
    if sum((line.debit - line.credit for line in entry.lines), Decimal(0)):
        raise BookkeeperError("The entry is out of balance: debits differ from credits. Correct its amounts.")
    if entry.reverses_on and entry.reverses_on <= entry.date:
        raise BookkeeperError(f"The reversing date is not after {entry.date}. Enter a later one.")
    session.next_document()
    rate = Rate(entry.currency or functional_currency(session), entry.rate, 0)
    number = next_entry(session)
    header: Row = {
        "JRNENTRY": number,
        "BACHNUMB": entry.batch,
        "BCHSOURC": LEDGER.name,
        "REFRENCE": entry.reference,
        "TRXDATE": entry.date,
        "SOURCDOC": entry.source,
        "SERIES": _FINANCIAL,
        "TRXTYPE": _REVERSING if entry.reverses_on else _STANDARD,
        "Original_JE": corrects,
        "USWHPSTD": "sa",
    }
    session.insert("GL10000", header | rate.columns | ({"RVRSNGDT": entry.reverses_on} if entry.reverses_on else {}))
    for position, line in enumerate(entry.lines, start=1):
        account = session.get("GL00105", ACTNUMST=line.account)
        if account is None:
            raise BookkeeperError(f"There is no account {line.account}. Set it up in Account Maintenance.")
        amounts = {"DEBITAMT": rate.functional(line.debit), "CRDTAMNT": rate.functional(line.credit)}
        amounts |= {"ORDBTAMT": line.debit, "ORCRDAMT": line.credit}
        place = {"JRNENTRY": number, "BACHNUMB": entry.batch, "SQNCLINE": Decimal(position * _STEP)}
        session.insert("GL10001", place | amounts | {"ACTINDX": account["ACTINDX"], "DSCRIPTN": line.text})
    ensure_batch(session, entry.batch, LEDGER)
    return number


def back_out(session: Session, number: int, batch: str) -> int:
    """
    Key the entry that takes a posted one back, on its day; its JRNENTRY.

    :raises BookkeeperError: no entry of this number is posted.
    """
    rows = session.select("GL20000", JRNENTRY=number)
    if not rows:
        raise BookkeeperError(f"Journal entry {number} is not posted. Only posted ones can be backed out.")
    accounts = {row["ACTINDX"]: row["ACTNUMST"] for row in session.select("GL00105")}
    entry = Entry(
        # source document and day are the original's (sources.md GP §4)
        reference=f"Back Out Journal Entry {number}",
        date=rows[0]["TRXDATE"],
        source=rows[0]["SOURCDOC"],
        batch=batch,
        lines=[
            EntryLine(account=accounts[row["ACTINDX"]], debit=row["CRDTAMNT"], credit=row["DEBITAMT"]) for row in rows
        ],
    )
    return key_entry(session, entry, corrects=number)
