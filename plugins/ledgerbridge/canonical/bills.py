"""Bills of suppliers: whose they are in the other ledger, and what becomes of one that is voided."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from ledgerbridge.canonical.allocation import rows_of_frame
from ledgerbridge.canonical.sent import SentDocuments

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["before_bill", "before_credit", "taken_back", "tax_by_line", "without_vendor"]

NOTHING, CENT = Decimal(0), Decimal("0.01")
Row = dict[str, Any]


def without_vendor(header: pd.DataFrame) -> dict[str, str]:
    """
    By record key of bills whose supplier is no vendor yet, why they wait (accounting-rules.md rule 20).

    Without the supplier's name, which may be a person's: a reason is kept in the clear.
    """
    unknown = header["record_key"][header["vendor_number"].isna()]
    return dict.fromkeys(unknown, "its supplier is not linked with a vendor: the flow of master data makes or links it")


def tax_by_line(lines: pd.DataFrame, taxes: pd.DataFrame) -> tuple[list[Row], list[dict[str, Any]]]:
    """
    Lines with the taxes that are on them, a line that is taxed in part as two; the failures where that can't be told.

    A voucher has its taxes by detail with the net that is taxed, not by line (accounting-rules.md rule 31).
    """
    of_bill = _by_bill(taxes)
    made: list[Row] = []
    failures: list[dict[str, Any]] = []
    for key, own in _by_bill(lines).items():
        sets = _taxes_by_net(of_bill.get(key, []))
        taxed = sum(sets, NOTHING)
        if len(sets) == 1 and taxed == sum((line["net"] for line in own), NOTHING):
            ((_, tax),) = sets.items()
            made += _taxed(own, *tax)
        elif taxed <= sum((line["net"] for line in own if line["net"] > 0), NOTHING):
            made += _filled(own, sets)
        else:
            failures.append(_beyond_lines(key, taxed))
    return made, failures


def _by_bill(frame: pd.DataFrame) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows_of_frame(frame):
        found[row["record_key"]].append(row)
    return found


def _taxes_by_net(taxes: list[Row]) -> dict[Decimal, tuple[str, Decimal]]:
    """By the net they are on, details joined by + and their tax: what taxes the same net is one set."""
    found: dict[Decimal, list[Row]] = defaultdict(list)
    for each in taxes:
        if each["taxed"]:
            found[each["taxed"]].append(each)
    return {
        net: ("+".join(sorted(each["detail"] for each in of)), sum((each["amount"] for each in of), NOTHING))
        for net, of in sorted(found.items(), reverse=True)
    }


def _taxed(lines: list[Row], details: str, tax: Decimal) -> list[Row]:
    """The lines with these details on them, the tax by their net; the last one takes the cents that are left."""
    net, left = sum((line["net"] for line in lines), NOTHING), tax
    made = []
    for place, line in enumerate(lines, 1):
        share = left if place == len(lines) else (tax * line["net"] / net).quantize(CENT, ROUND_HALF_UP)
        left -= share
        made.append({**line, "details": details, "tax": share})
    return made


def _filled(lines: list[Row], sets: Mapping[Decimal, tuple[str, Decimal]]) -> list[Row]:
    """The first lines bear the first taxes, as far as the net goes that these are on; the rest bears none."""
    left, made = [line for line in lines if line["net"] > 0], [line for line in lines if line["net"] <= 0]
    for taxed, (details, tax) in sets.items():
        some: list[Row] = []
        missing = taxed
        while missing:
            line = left.pop(0)
            part = min(line["net"], missing)
            if part < line["net"]:
                left.insert(0, {**line, "net": line["net"] - part, "line_id": f"{line['line_id']}+"})
            some.append({**line, "net": part})
            missing -= part
        made += _taxed(some, details, tax)
    return sorted([*made, *left], key=lambda line: (line["line_number"], line["line_id"]))


def _beyond_lines(key: str, taxed: Decimal) -> dict[str, Any]:
    return {
        "record_key": key,
        "code": "LB-CAN-012",
        "field": "taxed",
        "value": str(taxed),
        "message": f"its taxes are on a net of {taxed}, more than its lines come to: nothing says which bears which",
        "rule": "tax_by_line",
        "remedy": "Enter the bill with its taxes in the other ledger by hand; then close the letter.",
    }


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
    return _not_there(bill_of, sent, documents, "bill")


def before_credit(header: pd.DataFrame, sent: SentDocuments, *, credits: str) -> dict[str, str]:
    """The same of credits that are set against bills, until the credit is in the other ledger (rule 32)."""
    credit_of = dict(zip(header["record_key"], header["paid_with"], strict=True))
    return _not_there(credit_of, sent, credits, "credit")


def _not_there(document_of: Mapping[str, str], sent: SentDocuments, entity: str, called: str) -> dict[str, str]:
    keys = sorted(set(document_of.values()))
    there = {*sent.sent(entity, "record_key", keys), *sent.needless(keys)}
    letters = sent.dead_letters([key for key in keys if key not in there])
    return {
        key: f"its {called} can't go on, dead letter {letters[of]}"
        if of in letters
        else f"its {called} has not gone yet"
        for key, of in document_of.items()
        if of not in there
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
