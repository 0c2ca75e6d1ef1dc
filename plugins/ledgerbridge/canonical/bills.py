"""Bills of suppliers: whose they are in the other ledger, and what becomes of one that is voided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ledgerbridge.canonical.sent import SentDocuments

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["before_bill", "taken_back", "without_vendor"]


def without_vendor(header: pd.DataFrame) -> dict[str, str]:
    """
    By record key of bills whose supplier is no vendor yet, why they wait (accounting-rules.md rule 20).

    Without the supplier's name, which may be a person's: a reason is kept in the clear.
    """
    unknown = header["record_key"][header["vendor_number"].isna()]
    return dict.fromkeys(unknown, "its supplier is not linked with a vendor: the flow of master data makes or links it")


def before_bill(header: pd.DataFrame, sent: SentDocuments, *, bills: str, documents: str) -> dict[str, str]:
    """
    By record key of payments whose bill is not in the other ledger, why they wait (accounting-rules.md rule 23).

    One whose bill people keyed there, before the company began to send, goes on.

    :param bills: source entity of the bills, :param documents: entity of the bills delivered.
    """
    bill_of = {
        key: f"{key.rsplit(':', 2)[0]}:{bills.partition('.')[2]}:{bill}"
        for key, bill in zip(header["record_key"], header["bill_id"], strict=True)
    }
    keys = sorted(set(bill_of.values()))
    there = {*sent.sent(documents, "record_key", keys), *sent.needless(keys)}
    letters = sent.dead_letters([key for key in keys if key not in there])
    return {
        key: f"its bill can't go on, dead letter {letters[bill]}" if bill in letters else "its bill has not gone yet"
        for key, bill in bill_of.items()
        if bill not in there
    }


def taken_back(
    header: pd.DataFrame, sent: SentDocuments, *, documents: str
) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """
    Voided bills: by record key why one that never went needs no document; the failures of those that did.

    :param documents: entity of the documents delivered (accounting-rules.md rule 22).
    """
    voided = list(header["record_key"][header["voided"]])
    there = sent.sent(documents, "record_key", voided)
    superseded = {key: "it was voided before it was sent" for key in voided if key not in there}
    failures = [
        {
            "record_key": key,
            "code": "LB-CAN-006",
            "field": "voided",
            "value": str(there[key][-1]["number"]),
            "message": f"it was voided after it was sent: {documents} {there[key][-1]['number']} stands",
            "rule": "unless_voided",
            "remedy": "Delete the document from its batch, or void it where it was posted; then close the letter.",
        }
        for key in voided
        if key in there
    ]
    return superseded, failures
