"""Batches of SY00500: made when a document names one, read by people before they post (sources.md GP §4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sandbox.gp.call import Call
from sandbox.gp.models import MONEY_PLACES
from sandbox.gp.session import Session

AVAILABLE = 0


@dataclass(frozen=True)
class BatchSource:
    """Where batches of one kind come from: BCHSOURC, SERIES and the work table with its amount column."""

    name: str
    series: int
    table: str
    amount: str
    condition: str = "1"


SALES = BatchSource("Sales Entry", 3, "SOP10100", "DOCAMNT", "SOPTYPE IN (3, 4)")
RECEIPTS = BatchSource("RM_Cash", 3, "RM10201", "ORTRXAMT")
RECEIVABLES = BatchSource("RM_Sales", 3, "RM10301", "DOCAMNT")
PAYABLES = BatchSource("PM_Trxent", 4, "PM10000", "DOCAMNT")
PAYMENTS = BatchSource("PM_Payment", 4, "PM10400", "DOCAMNT")
LEDGER = BatchSource("GL_Normal", 2, "GL10000", "")
SOURCES = (SALES, RECEIPTS, RECEIVABLES, PAYABLES, PAYMENTS, LEDGER)


def ensure_batch(session: Session, number: str, source: BatchSource, **given: Any) -> None:
    """Make the batch of a document if nobody has yet; eConnect ignores its locks (sources.md GP §5)."""
    key = {"BACHNUMB": number, "BCHSOURC": source.name}
    if session.get("SY00500", **key) is None:
        session.insert("SY00500", {**key, "SERIES": source.series, "ORIGIN": 1, **given})


def batch_checkbook(call: Call, source: BatchSource) -> None:
    """Refuse a new batch without a checkbook where the set-up of the module has no default one."""
    is_new = call.session.get("SY00500", BACHNUMB=call["BACHNUMB"], BCHSOURC=source.name) is None
    if is_new and not call["BatchCHEKBKID"] and not call.session.settings["default_batch_checkbook"]:
        call.refuse("batch_checkbook", "BACHNUMB", "BatchCHEKBKID")


def save_batch(call: Call) -> None:
    """taCreateUpdateBatchHeaderRcd: make or change a batch header; NUMOFTRX and DOCAMT are GP's own count here."""
    key = {"BACHNUMB": call["BACHNUMB"], "BCHSOURC": call["BCHSOURC"]}
    values = {"SERIES": call["SERIES"], "ORIGIN": call["ORIGIN"]} | call.sent(
        BCHCOMNT="BCHCOMNT", GLPOSTDT="GLPOSTDT", CHEKBKID="CHEKBKID"
    )
    if call.session.get("SY00500", **key):
        call.session.update("SY00500", key, **values)
    else:
        call.session.insert("SY00500", {**key, **values})


def waiting_batches(session: Session) -> list[dict[str, Any]]:
    """Batches with documents that can be posted: number, source, status, count and total of these documents."""
    batches = []
    for source in SOURCES:
        amount = f"SUM({source.amount})" if source.amount else "0"
        counted = session.connection.execute(
            f"SELECT BACHNUMB, COUNT(*), {amount} FROM {source.table} WHERE {source.condition} GROUP BY BACHNUMB"  # noqa: S608
        ).fetchall()
        for number, count, total in counted:
            batch = session.get("SY00500", BACHNUMB=number, BCHSOURC=source.name)
            batches.append(
                {
                    "BACHNUMB": number,
                    "BCHSOURC": source.name,
                    "SERIES": source.series,
                    "NUMOFTRX": count,
                    "BCHTOTAL": f"{Decimal(total).scaleb(-MONEY_PLACES):.2f}",
                    "BCHSTTUS": batch["BCHSTTUS"] if batch else AVAILABLE,
                }
            )
    return batches


def drop_if_empty(session: Session, number: str, source: BatchSource) -> None:
    """A posted batch without documents left disappears."""
    left = session.connection.execute(f"SELECT 1 FROM {source.table} WHERE BACHNUMB = ? LIMIT 1", [number])  # noqa: S608
    if left.fetchone() is None:
        session.delete("SY00500", BACHNUMB=number, BCHSOURC=source.name)


def batch_name(prefix: str, day: date) -> str:
    """The batch people put a day's documents in."""
    return f"{prefix}{day:%Y%m%d}"
