"""
eConnect XML of one business document, in the schema's order (sources.md GP §1.1, §1.2).

One document is one ``<eConnect>``: GP's unit of rollback. It never carries a ConnectionString, which would make
every transaction type commit by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from lxml import etree

from hooks.gp.econnect.fields import NODES, Field, Node
from ledgerbridge.entities import Document
from ledgerbridge.errors import RecordRejected
from ledgerbridge.mapping.text import fits_cp1252

__all__ = ["HEADER", "Transaction", "build_xml"]

HEADER = "header"
"""The place of a document's header among the parts of its transaction."""

_CLEARED = " "
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_PLACES = {"money": Decimal("0.00001"), "rate": Decimal("0.0000001")}


@dataclass(frozen=True)
class Transaction:
    """
    How one entity becomes an eConnect transaction.

    :param name: the transaction type, e.g. ``SOPTransactionType``.
    :param parts: part of the document (``header``, ``lines``, …) to node name, in the schema's order: children
        before their header, since its procedure checks totals over rows already inserted.
    :param constants: header fields this entity always has (``SOPTYPE`` 2 for an order).
    :param copied: header fields repeated on every child row whose node has them.
    :param single: parts that have at most one row, whose node stands by itself.
    :param renamed: child field to the header field it repeats under another name.
    :param nil_after: part to the node that the schema demands behind it though there is nothing to say in it.
    """

    name: str
    parts: Mapping[str, str]
    constants: Mapping[str, int] = field(default_factory=dict)
    copied: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    single: tuple[str, ...] = ()
    nil_after: Mapping[str, str] = field(default_factory=dict)


def build_xml(
    transaction: Transaction,
    document: Document,
    *,
    assigned: Mapping[str, Any] | None = None,
    first: Sequence[tuple[Transaction, Mapping[str, Any]]] = (),
) -> str:
    """
    The ``<eConnect>`` text of a document; None and absent fields have no element, so that GP keeps or defaults them.

    An empty text clears the field: GP ignores an empty element, but not a blank in CDATA (sources.md GP §1.1).

    :param assigned: header fields that GP gave us just now (``JRNENTRY``).
    :param first: transactions of a header alone that go before, in the same unit of rollback.
    :raises RecordRejected: an unknown or missing field, text GP can't hold as it is, a value of another type;
        nothing is altered here, that is the mapping's business.
    """
    writer = _Writer(document.record_key)
    sent = {name: value for name, value in document.header.items() if not name.startswith("_")}
    header = {**transaction.constants, **sent, **(assigned or {})}
    for name, constant in transaction.constants.items():
        if header[name] != constant:
            raise writer.refusal("LB-GP-009", name, header[name], f"{header[name]!r} given, this entity has {constant}")
    for part in document.parts:
        if part not in transaction.parts:
            raise writer.refusal("LB-GP-008", part, None, f"{transaction.name} has no part {part!r} here")

    root = etree.Element("eConnect")
    for preceding, fields in first:
        writer.write(etree.SubElement(root, preceding.name), NODES[preceding.parts[HEADER]], fields)
    body = etree.SubElement(root, transaction.name)
    for part, node_name in transaction.parts.items():
        node = NODES[node_name]
        if part == HEADER:
            writer.write(body, node, header)
        elif rows := document.parts.get(part, []):
            if part in transaction.single and len(rows) > 1:
                raise writer.refusal("LB-GP-008", part, len(rows), f"{node_name} stands once, {len(rows)} rows given")
            items = body if part in transaction.single else etree.SubElement(body, f"{node_name}_Items")
            repeated = {name: name for name in transaction.copied} | dict(transaction.renamed)
            shared = {name: header[of] for name, of in repeated.items() if name in node.fields and of in header}
            for row in rows:
                writer.write(items, node, {**shared, **row})
        if part in transaction.nil_after:
            etree.SubElement(body, transaction.nil_after[part]).set(_NIL, "true")
    return etree.tostring(root, encoding="unicode")


class _Writer:
    """Writes nodes of one record, whose key stands in every refusal."""

    def __init__(self, record_key: str) -> None:
        self._record_key = record_key

    def write(self, parent: etree._Element, node: Node, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if name not in node.fields:
                raise self.refusal("LB-GP-008", name, value, f"{node.name} has no such field")
        element = etree.SubElement(parent, node.name)
        for known in node.fields.values():
            value = values.get(known.name)
            if value is None or value == "":
                if known.required:
                    raise self.refusal("LB-GP-008", known.name, value, f"{node.name} requires it, none given")
                if value == "" and known.kind == "text":
                    etree.SubElement(element, known.name).text = etree.CDATA(_CLEARED)
                continue
            etree.SubElement(element, known.name).text = self._text(node, known, value)

    def _text(self, node: Node, known: Field, value: Any) -> str:
        match known.kind, value:
            case "text", str():
                return self._fitting(node, known, value)
            case "int", bool() | int():
                return str(int(value))
            case "money" | "rate", Decimal() | int() if not isinstance(value, bool):
                # GP rounds half-up, and 5 places (rates 7) are all its columns have: sources.md GP §1.1
                return f"{Decimal(value).quantize(_PLACES[known.kind], ROUND_HALF_UP):f}"
            case "date", date() if not isinstance(value, datetime):
                return value.isoformat()
            case _:
                rule = f"{node.name} takes {known.kind}, {type(value).__name__} given"
                raise self.refusal("LB-GP-009", known.name, value, rule)

    def _fitting(self, node: Node, known: Field, value: str) -> str:
        if len(value) > known.length:
            rule = f"{len(value)} characters, GP takes {known.length} ({node.name})"
            raise self.refusal("LB-GP-007", known.name, value, rule)
        if not fits_cp1252(value):
            rule = f"has characters outside CP-1252, GP can't hold them ({node.name})"
            raise self.refusal("LB-GP-007", known.name, value, rule)
        return value

    def refusal(self, code: str, name: str, value: object, rule: str) -> RecordRejected:
        return RecordRejected(code, rule, record_key=self._record_key, field=name, value=value, remedy=_REMEDIES[code])


_REMEDIES = {
    "LB-GP-007": "Shorten or transliterate it by the mapping (convert: text), or mend it in the source, then replay.",
    "LB-GP-008": "Mend the mapping's field list (docs/reference, fields of the entity), then replay the record.",
    "LB-GP-009": "Mend the mapping's conversion of this field, then replay the record.",
}
