"""A WSDL of some Web Services operations, made from the description of GP's types beside the checkout."""

from __future__ import annotations

import json
from typing import Any

from tests.reference_data import GP_WEB_SERVICES

GP = "http://schemas.microsoft.com/dynamics/gp/2006/01"


def build_wsdl(operations: list[str], location: str) -> str:
    """The operations with all types they need, in the namespaces and the order of the description."""
    return _Wsdl(json.loads(GP_WEB_SERVICES.text())["schemas"]).of(operations, location)


def object_xml(type_name: str, **given: str) -> str:
    """The inside of an object of that type in the description's order; what is required but not given is nil."""
    described = json.loads(GP_WEB_SERVICES.text())["schemas"][GP]["complex"]
    xml = ""
    for field in described[type_name]["elements"]:
        name = field["n"]
        if name in given:
            xml += f"<{name}>{given[name]}</{name}>"
        elif field["min"] != "0":
            xml += f'<{name} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/>'
    return xml


class _Wsdl:
    def __init__(self, schemas: dict[str, Any]) -> None:
        self._schemas = schemas
        self._prefixes = {namespace: f"n{number}" for number, namespace in enumerate(schemas)}

    def of(self, operations: list[str], location: str) -> str:
        elements = messages = ports = bindings = ""
        for name in operations:
            for element in (name, f"{name}Response"):
                fields = self._schemas[GP]["elements"][element]
                elements += f'<xs:element name="{element}">{self._sequence(fields)}</xs:element>'
                messages += f'<message name="{element}"><part name="parameters" element="n0:{element}"/></message>'
            ports += f'<operation name="{name}"><input message="n0:{name}"/><output message="n0:{name}Response"/>'
            ports += "</operation>"
            bindings += f'<operation name="{name}"><s:operation soapAction="{GP}/{name}" style="document"/><input>'
            bindings += '<s:body use="literal"/></input><output><s:body use="literal"/></output></operation>'
        types = "".join(
            f'<xs:schema targetNamespace="{namespace}" elementFormDefault="qualified">{self._imports(namespace)}'
            f"{self._types(schema)}{elements if namespace == GP else ''}</xs:schema>"
            for namespace, schema in self._schemas.items()
        )
        spaces = "".join(f' xmlns:{prefix}="{namespace}"' for namespace, prefix in self._prefixes.items())
        return f"""<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:xs="http://www.w3.org/2001/XMLSchema"
          xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/" targetNamespace="{GP}"{spaces}><types>{types}</types>
          {messages}<portType name="P">{ports}</portType><binding name="B" type="n0:P">
          <s:binding transport="http://schemas.xmlsoap.org/soap/http"/>{bindings}</binding>
          <service name="DynamicsGP"><port name="LegacyDynamicsGP" binding="n0:B"><s:address location="{location}"/>
          </port></service></definitions>"""

    def _imports(self, own: str) -> str:
        return "".join(f'<xs:import namespace="{other}"/>' for other in self._schemas if other != own)

    def _types(self, schema: dict[str, Any]) -> str:
        text = ""
        for name, values in schema["simple"].items():
            listed = "".join(f'<xs:enumeration value="{value}"/>' for value in values or [])
            text += f'<xs:simpleType name="{name}"><xs:restriction base="xs:string">{listed}</xs:restriction>'
            text += "</xs:simpleType>"
        for name, described in schema["complex"].items():
            content = self._sequence(described["elements"], wrapped=False)
            if described["extends"]:
                base = self._name(described["extends"])
                content = f'<xs:complexContent><xs:extension base="{base}">{content}</xs:extension></xs:complexContent>'
            abstract = ' abstract="true"' if described["abstract"] else ""
            text += f'<xs:complexType name="{name}"{abstract}>{content}</xs:complexType>'
        return text

    def _sequence(self, fields: list[dict[str, Any]], *, wrapped: bool = True) -> str:
        inner = ""
        for field in fields:
            nillable = ' nillable="true"' if field.get("nil") else ""
            limits = f'minOccurs="{field.get("min", "1")}" maxOccurs="{field.get("max", "1")}"'
            inner += f'<xs:element name="{field["n"]}" type="{self._name(field["t"])}" {limits}{nillable}/>'
        sequence = f"<xs:sequence>{inner}</xs:sequence>"
        return f"<xs:complexType>{sequence}</xs:complexType>" if wrapped else sequence

    def _name(self, described: str | None) -> str:
        """The type's name with our prefix: the description's own prefixes stand for nothing."""
        prefix, _, name = (described or "xs:anyType").rpartition(":")
        if prefix == "xs":
            return f"xs:{name}"
        for namespace, schema in self._schemas.items():
            if name in schema["complex"] or name in schema["simple"]:
                return f"{self._prefixes[namespace]}:{name}"
        return "xs:anyType"
