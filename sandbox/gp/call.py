"""One call of a node's stored procedure: its parameters read from XML, and the refusals it collects."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from lxml import etree

from sandbox.gp.errors import CODES, NodeRefused, Refusal, SqlError
from sandbox.gp.models import EMPTY_DATE
from sandbox.gp.nodes import Field, Node
from sandbox.gp.session import Session

_EMPTY: dict[str, Any] = {"c": "", "i": 0, "m": Decimal(0), "r": Decimal(0), "d": EMPTY_DATE}
_SQL_TYPES = {"i": "int", "m": "numeric", "r": "numeric", "d": "datetime"}
_DATE_FORMATS = ("%Y-%m-%d", "%m/%d/%Y", "%Y-%m-%dT%H:%M:%S")


def _is_blank(element: etree._Element) -> bool:
    return bool(element.text) and b"<![CDATA[" in etree.tostring(element, with_tail=False)


class Call:
    """
    The parameters of one node; ``call["SOPTYPE"]`` is the value sent, or the kind's empty value if absent.

    An absent or empty element keeps what GP has, a present one replaces it (sources.md GP §1.1): ``given`` tells them
    apart.
    """

    def __init__(self, session: Session, node: Node, element: etree._Element) -> None:
        self.session = session
        self.node = node
        self._refusals: list[Refusal] = []
        self._values: dict[str, Any] = {}
        for child in element:
            name = str(child.tag)
            if name not in node.fields:
                raise SqlError.no_parameter(node.name, name)
            # an empty element says nothing, a blank in CDATA says blank
            if (child.text or "").strip() or _is_blank(child):
                self._values[name] = self._value(node.fields[name], (child.text or "").strip())
        self._require()

    def __getitem__(self, name: str) -> Any:
        return self._values.get(name, _EMPTY[self.node.fields[name].kind])

    def given(self, name: str) -> bool:
        """Whether the element was sent with a value, be it blank."""
        return name in self._values

    def flag(self, name: str, default: int) -> int:
        """A flag with its default for an absent element."""
        return int(self._values.get(name, default))

    def sent(self, **columns: str) -> dict[str, Any]:
        """Column name to value for those fields that were sent (column = field)."""
        return {column: self[field] for column, field in columns.items() if self.given(field)}

    def refuse(self, name: str, *fields: str, **related: object) -> None:
        """Collect one reason to refuse the node; GP names the fields at fault with their values."""
        self._refusals.append(Refusal(*CODES[name], {field: self[field] for field in fields} | related))

    def check(self) -> None:
        """
        Go on only if nothing was refused so far.

        :raises NodeRefused: with every reason collected.
        """
        if self._refusals:
            raise NodeRefused(self._refusals)

    def _require(self) -> None:
        for field in self.node.fields.values():
            if field.required and self._values.get(field.name, "") in ("", EMPTY_DATE):
                self.refuse("required", field.name)
        self.check()

    def _value(self, field: Field, text: str) -> Any:
        match field.kind:
            case "c":
                return self._text(field, text)
            case "d":
                return self._date(text) if text else EMPTY_DATE
            case "i" if not text:
                return 0
        try:
            number = Decimal(text)
            if field.kind == "i":
                return int(text)
            return number.quantize(Decimal("0.00001") if field.kind == "m" else Decimal("0.0000001"))
        except (InvalidOperation, ValueError) as error:
            raise SqlError.conversion(self.node.name, text, _SQL_TYPES[field.kind]) from error

    def _date(self, text: str) -> date:
        for form in _DATE_FORMATS:
            try:
                return datetime.strptime(text, form).date()
            except ValueError:
                continue
        raise SqlError.conversion(self.node.name, text, "datetime")

    def _text(self, field: Field, text: str) -> str:
        stored = text.encode("cp1252", "replace").decode("cp1252")
        if stored != text and self.session.settings["code_page"] == "error":
            self.refuse("code_page", **{field.name: text})
        if len(stored) > field.length:
            if self.session.settings["text_overflow"] == "error":
                self.refuse("too_long", **{field.name: text, "length": field.length})
            stored = stored[: field.length].rstrip()
        return stored.upper() if field.key else stored
