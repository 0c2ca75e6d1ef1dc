"""The areas that people close one by one, and the sorts of differences they tell apart."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from types import MappingProxyType

__all__ = ["AREAS", "SORTS", "area_of", "sort_of"]

AREAS = MappingProxyType(
    {
        "receivables": "Receivables",
        "payables": "Payables",
        "cash": "Cash: bank and clearing of gateways",
        "tax": "Tax",
        "revenue": "Revenue",
        "inventory": "Inventory clearing",
        "general_ledger": "Other accounts",
    }
)
"""By name what people call them, in their order."""
_OF_ROLE = {
    "receivables": "receivables",
    "payables": "payables",
    "bank": "cash",
    "gateway_reserve": "cash",
    **dict.fromkeys(
        ("sales", "returns", "shipping_income", "goodwill", "cancellation_fees", "additional_fees"), "revenue"
    ),
    **dict.fromkeys(("inventory", "inventory_clearing", "cost_of_goods_sold"), "inventory"),
}
_OF_KIND = {
    "bill": "payables",
    "voucher": "payables",
    "supplier's credit": "payables",
    "bank transaction": "cash",
    "bank transfer": "cash",
    "payout": "cash",
    "entry": "general_ledger",
    "manual journal": "general_ledger",
}
SORTS = ("missing", "double", "amount", "tax", "account", "rate", "period", "timing")
"""What a difference comes to."""
_SORT_OF = {
    **{each: each for each in SORTS},
    "date": "timing",
    "not applied": "timing",
    "waiting": "timing",
    "rounding": "amount",
    "open amount": "amount",
    "sub-ledger": "amount",
    "clearing": "amount",
    "money without document": "missing",
    "document without money": "missing",
    "fee not posted": "missing",
    "payout not posted": "missing",
}


def area_of(role: str, gateways: Collection[str] = (), kinds: Sequence[str] = ()) -> str:
    """
    The area of an account role.

    :param gateways: roles of the gateways' clearing accounts.
    :param kinds: of its documents, for a difference that is of no role; an entry says less than what the other
        ledger has for it.
    """
    if not role:
        kind = next((each for each in kinds if _OF_KIND.get(each) != "general_ledger"), "entry")
        return _OF_KIND.get(kind, "receivables")
    if role in gateways or (role.endswith("clearing") and role not in _OF_ROLE):
        return "cash"
    if role.partition(" ")[0] == "tax_payable":
        return "tax"
    return _OF_ROLE.get(role, "general_ledger")


def sort_of(kind: str, *, explained: bool) -> str:
    """
    What a difference of this type comes to; one of a document that is under way is of timing.

    :param kind: one of ``KINDS``.
    """
    first = kind.partition(" in ")[0]
    sort = "account" if first == "beyond documents" else _SORT_OF.get(first, "amount")
    return "timing" if explained and sort == "missing" else sort
