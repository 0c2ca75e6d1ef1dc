"""Objects of Web Services between XML and Python: dicts by element name, lists for arrays, text or None."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from lxml import etree

from sandbox.gp.web_services.types import COMPLEX, DYNAMICS, GP, ComplexType, Element

XSI = "http://www.w3.org/2001/XMLSchema-instance"
ACTUAL_TYPE = "xsi:type"
"""Key of a dict whose type is another than the element's (``SalesItem`` for an ``Item``)."""


def write_object(parent: etree._Element, name: str, type_name: str, value: Any, namespace: str = GP) -> None:
    """Append ``value`` as an element of this type; None is left out."""
    if value is None:
        return
    element = etree.SubElement(parent, f"{{{namespace}}}{name}")
    if type_name not in COMPLEX:
        element.text = _text(value)
        return
    actual = value.get(ACTUAL_TYPE, type_name) if isinstance(value, dict) else type_name
    if actual != type_name:
        element.set(f"{{{XSI}}}type", f"tns:{actual}")
    for inner in COMPLEX[actual].elements:
        _write_element(element, COMPLEX[actual], inner, value)


def read_object(element: etree._Element) -> Any:
    """A dict of an element's children (repeated ones a list under their name), its text, or None where it is nil."""
    if element.get(f"{{{XSI}}}nil") == "true":
        return None
    if not len(element):
        return (element.text or "").strip()
    value: dict[str, Any] = {}
    for child in element:
        name = etree.QName(child).localname
        read = read_object(child)
        if name in value:
            value[name] = [*(value[name] if isinstance(value[name], list) else [value[name]]), read]
        else:
            value[name] = read
    return value


def as_list(array: Any, item: str) -> list[Any]:
    """The items of an array element that ``read_object`` read."""
    if not isinstance(array, dict):
        return []
    found = array.get(item)
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def id_of(key: Any) -> str:
    """The Id of a key that ``read_object`` read, blank where it is none."""
    return str(key.get("Id") or "").strip() if isinstance(key, dict) else ""


def stored(text: str) -> str:
    """What a char column of code page 1252 keeps of a text."""
    return text.encode("cp1252", "replace").decode("cp1252")


def _write_element(parent: etree._Element, owner: ComplexType, element: Element, value: Any) -> None:
    namespace = DYNAMICS if _declared_in(owner, element).startswith("d.") else GP
    if element.repeated:
        for each in value.get(element.name) or []:
            write_object(parent, element.name, element.type, each, namespace)
        return
    given = value.get(element.name)
    if given is None and element.required:
        etree.SubElement(parent, f"{{{namespace}}}{element.name}").set(f"{{{XSI}}}nil", "true")
        return
    write_object(parent, element.name, element.type, given, namespace)


def _declared_in(owner: ComplexType, element: Element) -> str:
    while element not in owner.own:
        owner = COMPLEX[owner.base]
    return owner.name


def _text(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.isoformat()
        case date():
            return f"{value.isoformat()}T00:00:00"
        case _:
            return str(value)
