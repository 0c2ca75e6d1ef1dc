"""Line items: amounts, accounts and tax of a document's lines, and the totals they make."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sandbox.xero import rules
from sandbox.xero.errors import Refused
from sandbox.xero.ledger import Posting, base_cents, system_account
from sandbox.xero.models import Book
from sandbox.xero.wire import Element, money, new_id, read_decimal, rounded

__all__ = ["LineRules", "build_lines", "line_postings", "totals"]

_AMOUNT_TYPES = {"exclusive": "Exclusive", "inclusive": "Inclusive", "notax": "NoTax"}
_HUNDRED = Decimal(100)


@dataclass(frozen=True)
class LineRules:
    """
    How a document's lines are read.

    :param amount_types: ``LineAmountTypes``: Exclusive, Inclusive or NoTax.
    :param unit_places: decimals kept of a unit amount, 2 or (``unitdp=4``) 4.
    :param final: the document is to be posted, so every line needs its account.
    """

    amount_types: str
    unit_places: int
    final: bool

    @staticmethod
    def amount_types_of(value: object) -> str:
        """
        ``LineAmountTypes`` as Xero spells it.

        :raises Refused: there is no such one.
        """
        found = _AMOUNT_TYPES.get(str(value or "Exclusive").lower())
        if found is None:
            raise Refused(f"LineAmountTypes '{value}' is not one of Exclusive, Inclusive, NoTax.")
        return found


def build_lines(book: Book, lines: object, how: LineRules, kept: Sequence[Element] = ()) -> list[Element]:
    """
    The lines as Xero keeps them.

    :param kept: the document's lines so far; one sent with its LineItemID keeps what isn't sent, all others go.
    :raises Refused: with the messages of every line at fault.
    """
    if not isinstance(lines, list) or not lines:
        raise Refused("One or more line items must be specified")
    before = {line["LineItemID"]: line for line in kept}
    built: list[Element] = []
    messages: list[str] = []
    for line in lines:
        try:
            built.append(_build_line(book, before.get(str(line.get("LineItemID")).lower(), {}) | line, how))
        except Refused as refused:
            messages.extend(refused.messages)
    if messages:
        raise Refused(*messages)
    return built


def _build_line(book: Book, line: Element, how: LineRules) -> Element:
    line = _item_defaults(book, line) | {name: value for name, value in line.items() if value is not None}
    if not str(line.get("Description") or "").strip() and not line.get("ItemCode"):
        raise Refused("Description is required")
    built: Element = {
        "LineItemID": str(line.get("LineItemID") or new_id()).lower(),
        **rules.checked_texts(line, {"Description": 4000, "ItemCode": 30}),
        "Quantity": rounded(read_decimal(line.get("Quantity", 1)), 4),
        "UnitAmount": rounded(_unit_amount(line), how.unit_places),
        "Tracking": rules.tracking(book, line.get("Tracking")),
        **_discount(line),
    }
    built["LineAmount"] = _line_amount(line, built)
    account = _account(book, line, how)
    if account:
        built |= {"AccountCode": account["Code"], "AccountID": account["AccountID"]}
    return built | _tax(book, line, built["LineAmount"], account, how)


def _item_defaults(book: Book, line: Element) -> Element:
    if not line.get("ItemCode"):
        return {}
    item = book.master("Items", "number", str(line["ItemCode"]))
    if item is None:
        raise Refused(f"Item code '{line['ItemCode']}' is not valid")
    sales = item.body.get("SalesDetails", {})
    defaults = {
        "Description": item.body.get("Description") or item.body.get("Name"),
        "UnitAmount": sales.get("UnitPrice"),
        "AccountCode": None if line.get("AccountID") else sales.get("AccountCode"),
        "TaxType": sales.get("TaxType"),
    }
    return {name: value for name, value in defaults.items() if value is not None}


def _unit_amount(line: Element) -> Decimal:
    if "UnitAmount" in line:
        return read_decimal(line["UnitAmount"])
    quantity = read_decimal(line.get("Quantity", 1))
    return read_decimal(line.get("LineAmount", 0)) / quantity if quantity else Decimal(0)


def _discount(line: Element) -> Element:
    if read_decimal(line.get("DiscountRate") or 0) > _HUNDRED:
        raise Refused(f"Discount must be between 0 and 100; it is {line['DiscountRate']}.")
    return {name: rounded(read_decimal(line[name]), 4) for name in ("DiscountRate", "DiscountAmount") if line.get(name)}


def _line_amount(line: Element, built: Element) -> Decimal:
    full = built["Quantity"] * built["UnitAmount"]
    full -= full * built.get("DiscountRate", Decimal(0)) / _HUNDRED
    expected = rounded(full - built.get("DiscountAmount", Decimal(0)), 2)
    if "LineAmount" in line and "UnitAmount" in line and money(line["LineAmount"]) != expected:
        raise Refused(f"The line total {money(line['LineAmount'])} does not match the expected line total {expected}")
    return expected


def _account(book: Book, line: Element, how: LineRules) -> Element:
    if not line.get("AccountCode") and not line.get("AccountID"):
        if how.final:
            raise Refused("Account code '' is not a valid code for this document.")
        return {}
    return rules.line_account(book, line)


def _tax(book: Book, line: Element, line_amount: Decimal, account: Element, how: LineRules) -> Element:
    if how.amount_types == "NoTax":
        return {"TaxType": "NONE", "TaxAmount": Decimal("0.00")}
    tax_type = str(line.get("TaxType") or account.get("TaxType") or "NONE")
    share = read_decimal(rules.tax_rate(book, tax_type)["EffectiveRate"]) / _HUNDRED
    basis = line_amount / (1 + share) if how.amount_types == "Inclusive" else line_amount
    tax = money(line["TaxAmount"]) if "TaxAmount" in line else rounded(basis * share, 2)
    if tax and not share:
        raise Refused(f"The tax amount must be zero for the tax rate '{tax_type}'; it is {tax}.")
    return {"TaxType": tax_type, "TaxAmount": tax}


def totals(lines: Sequence[Element], amount_types: str) -> Element:
    """SubTotal, TotalTax and Total of the lines."""
    amount = sum((line["LineAmount"] for line in lines), Decimal("0.00"))
    tax = sum((line["TaxAmount"] for line in lines), Decimal("0.00"))
    net = amount - tax if amount_types == "Inclusive" else amount
    return {"SubTotal": net, "TotalTax": tax, "Total": net + tax}


def line_postings(book: Book, document: Element, sign: int, rate: Decimal) -> list[Posting]:
    """
    The journal lines of a document's lines: one per account, and the tax per tax type on the tax account.

    :param sign: -1 where the lines are credits (a sale), 1 where they are debits.
    """
    tax_account = system_account(book, "GST")
    amounts: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for line in document["LineItems"]:
        included = line["TaxAmount"] if document["LineAmountTypes"] == "Inclusive" else 0
        amounts[line["AccountID"], line["TaxType"]] += line["LineAmount"] - included
        amounts[tax_account, line["TaxType"]] += line["TaxAmount"]
    return _shared(amounts, sign, rate)


def _shared(amounts: dict[tuple[str, str], Decimal], sign: int, rate: Decimal) -> list[Posting]:
    """One posting per account and tax type; an account's postings sum to its converted total."""
    of_account: dict[str, list[tuple[str, Decimal]]] = defaultdict(list)
    for (account_id, tax_type), amount in amounts.items():
        of_account[account_id].append((tax_type, amount))
    postings = []
    for account_id, parts in of_account.items():
        left = base_cents(sum((amount for _, amount in parts), Decimal(0)), rate)
        for tax_type, amount in parts[:-1]:
            cents = base_cents(amount, rate)
            left -= cents
            postings.append(Posting(account_id, sign * cents, "", tax_type))
        postings.append(Posting(account_id, sign * left, "", parts[-1][0]))
    return postings
