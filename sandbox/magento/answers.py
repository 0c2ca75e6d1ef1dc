"""
Documents as REST shows them: what a row repeats of its parent, what ``extension_attributes`` hold, and ``fields``.

Source: sources.md Magento (extension attributes, ``parent_item``, ``fields``).
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.magento.wire import without_own_fields

__all__ = ["only_fields", "shown"]

Json = dict[str, Any]
_TOKENS = re.compile(r"[^\[\],]+|[\[\],]")
_SHIPPING_TOTALS = (
    "shipping_amount",
    "shipping_discount_amount",
    "shipping_discount_tax_compensation_amount",
    "shipping_incl_tax",
    "shipping_tax_amount",
)


def shown(kind: str, document: Json) -> Json:
    """One document, from how it is kept."""
    if kind == "order":
        return _order(document)
    answer: Json = without_own_fields(document)
    return answer


def _order(document: Json) -> Json:
    order: Json = without_own_fields(document)
    by_id = {item["item_id"]: item for item in order["items"]}
    # a child repeats all of its parent, which shows the child's own sku
    order["items"] = [
        {**item, "parent_item": by_id[item["parent_item_id"]]} if "parent_item_id" in item else item
        for item in order["items"]
    ]
    by_row = without_own_fields(document["_applied_taxes"])
    order["extension_attributes"] = {
        "shipping_assignments": [_assignment(document, order)],
        "payment_additional_info": [{"key": "method_title", "value": order["payment"]["method"]}],
        "applied_taxes": _by_code(by_row),
        "item_applied_taxes": by_row,
        "converting_from_quote": True,
    }
    return order


def _assignment(document: Json, order: Json) -> Json:
    shipping: Json = {"total": {name: order[name] for name in _SHIPPING_TOTALS}}
    if method := document["_shipping_method"]:
        shipping = {"address": {**order["billing_address"], "address_type": "shipping"}, "method": method} | shipping
    return {"shipping": shipping, "items": order["items"]}


def _by_code(by_row: list[Json]) -> list[Json]:
    found: dict[str, Json] = {}
    for row in by_row:
        for tax in row["applied_taxes"]:
            if tax["code"] in found:
                whole = found[tax["code"]]
                # of numbers with two decimals; a sum of floats may show a hair beside it
                whole["amount"] = round(whole["amount"] + tax["amount"], 4)
                whole["base_amount"] = round(whole["base_amount"] + tax["base_amount"], 4)
            else:
                found[tax["code"]] = dict(tax)
    return list(found.values())


def only_fields(answer: Any, fields: str) -> Any:
    """
    What ``fields`` names (``items[increment_id,items[sku]],total_count``).

    A list's answer has ``items`` at its top: whoever names a document's field there gets nothing, an empty list.
    """
    tokens = _TOKENS.findall(fields)
    kept = _keep(answer, _tree(tokens))
    return kept or []


def _tree(tokens: list[str]) -> Json:
    """The names up to the closing bracket, each with what is named inside it."""
    tree: Json = {}
    name = ""
    while tokens:
        token = tokens.pop(0)
        if token == "]":
            break
        if token == "[":
            tree[name] = _tree(tokens)
        elif token != ",":
            name = token.strip()
            tree[name] = {}
    return tree


def _keep(value: Any, tree: Json) -> Any:
    if isinstance(value, list):
        return [_keep(one, tree) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: _keep(value[name], inner) if inner else value[name] for name, inner in tree.items() if name in value}
