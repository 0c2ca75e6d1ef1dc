"""
The operations of Web Services that this sandbox has, its schema and its WSDL.

Names, namespaces and the order of elements are the interface of the legacy endpoint (sources.md GP §3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from xml.sax.saxutils import quoteattr

from lxml import etree

from sandbox.gp.web_services.types import (
    ANY,
    COMPLEX,
    DYNAMICS,
    GP,
    NAMESPACES,
    SIMPLE,
    TYPES,
    XS,
    ComplexType,
    Element,
    element,
)

_GUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"


@dataclass(frozen=True)
class Operation:
    """One operation: its parameters before the context, the type of its result (blank: it answers nothing)."""

    name: str
    parameters: tuple[Element, ...]
    result: str = ""

    @property
    def request(self) -> tuple[Element, ...]:
        """Elements of the request: what is written comes with a policy behind the context."""
        context = (element("context:d.Context"),)
        return self.parameters + context + (() if self.result else (element("policy:Policy"),))


def _operation(name: str, parameters: str, result: str = "") -> Operation:
    return Operation(name, tuple(map(element, parameters.split())), result)


OPERATIONS: Mapping[str, Operation] = {
    each.name: each
    for each in (
        _operation("GetCompanyList", "criteria:CompanyCriteria", "ArrayOfCompany"),
        _operation("GetCustomerByKey", "key:CustomerKey", "Customer"),
        _operation("GetCustomerList", "criteria:CustomerCriteria", "ArrayOfCustomerSummary"),
        _operation("CreateCustomer", "customer:Customer"),
        _operation("UpdateCustomer", "customer:Customer"),
        _operation("GetVendorByKey", "key:VendorKey", "Vendor"),
        _operation("GetVendorList", "criteria:VendorCriteria", "ArrayOfVendorSummary"),
        _operation("CreateVendor", "vendor:Vendor"),
        _operation("UpdateVendor", "vendor:Vendor"),
        _operation("GetItemByKey", "key:ItemKey", "Item"),
        _operation("GetItemList", "criteria:ItemCriteria", "ArrayOfItemSummary"),
        _operation("CreateSalesItem", "salesItem:SalesItem"),
        _operation("GetPolicyByOperation", "operation:string", "Policy"),
        _operation("GetLoggedValidationResultByKey", "logId:t.guid!", "ValidationResult"),
        _operation("GetLoggedExceptionDataByKey", "logId:t.guid!", "LoggedExceptionData"),
    )
}


def build_wsdl(address: str) -> str:
    """The WSDL of the legacy endpoint, served at ``address``."""
    messages, ports, bindings = [], [], []
    for name in OPERATIONS:
        for suffix, root in (("SoapIn", name), ("SoapOut", f"{name}Response")):
            part = f'<wsdl:part name="parameters" element="tns:{root}"/>'
            messages.append(f'<wsdl:message name="{name}{suffix}">{part}</wsdl:message>')
        ends = f'<wsdl:input message="tns:{name}SoapIn"/><wsdl:output message="tns:{name}SoapOut"/>'
        ports.append(f'<wsdl:operation name="{name}">{ends}</wsdl:operation>')
        body = '<soap:body use="literal"/>'
        bindings.append(
            f'<wsdl:operation name="{name}"><soap:operation soapAction="{GP}/{name}" style="document"/>'
            f"<wsdl:input>{body}</wsdl:input><wsdl:output>{body}</wsdl:output></wsdl:operation>"
        )
    schemas = "".join(_schema(prefix, located=False) for prefix in NAMESPACES)
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<wsdl:definitions name="DynamicsGP" targetNamespace="{GP}" xmlns:tns="{GP}"'
        ' xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/">'
        f"<wsdl:types>{schemas}</wsdl:types>{''.join(messages)}"
        f'<wsdl:portType name="DynamicsGP">{"".join(ports)}</wsdl:portType>'
        '<wsdl:binding name="LegacyDynamicsGP" type="tns:DynamicsGP">'
        f'<soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>{"".join(bindings)}</wsdl:binding>'
        '<wsdl:service name="DynamicsGP"><wsdl:port name="LegacyDynamicsGP" binding="tns:LegacyDynamicsGP">'
        f"<soap:address location={quoteattr(address)}/></wsdl:port></wsdl:service></wsdl:definitions>"
    )


@cache
def request_schema() -> etree.XMLSchema:
    """The schema that requests are held against: an unknown enum literal or a missing value is no request."""
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_OtherSchemas())
    return etree.XMLSchema(etree.fromstring(_schema("", located=True), parser))


class _OtherSchemas(etree.Resolver):
    def resolve(self, system_url: Any, public_id: Any, context: Any = None) -> Any:
        """The schema of the namespace whose prefix the address is."""
        resolve_string: Any = self.resolve_string  # lxml-stubs: its base_url may be left out
        return resolve_string(_schema(f"{system_url.rpartition('/')[2][0]}.", located=True), context)


def _schema(prefix: str, *, located: bool) -> str:
    others = [other for other in ("d.", "t.") if other != prefix] if prefix != "t." else []
    imports = "".join(_import_xml(other, located=located) for other in others)
    content = "".join(_complex_xml(each) for each in COMPLEX.values() if _prefix(each.name) == prefix)
    for name, literals in SIMPLE.items():
        if _prefix(name) == prefix:
            content += _simple_xml(name, "".join(f"<xs:enumeration value={quoteattr(each)}/>" for each in literals))
    if prefix == "t.":
        content += _simple_xml("guid", f'<xs:pattern value="{_GUID}"/>')
    if prefix == "":
        for operation in OPERATIONS.values():
            content += _root_xml(operation.name, operation.request)
            result = (element(f"{operation.name}Result:{operation.result}"),) if operation.result else ()
            content += _root_xml(f"{operation.name}Response", result)
    return (
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified"'
        f' targetNamespace="{NAMESPACES[prefix]}" xmlns:tns="{GP}" xmlns:d="{DYNAMICS}" xmlns:t="{TYPES}">'
        f"{imports}{content}</xs:schema>"
    )


def _import_xml(prefix: str, *, located: bool) -> str:
    location = f' schemaLocation="{prefix}xsd"' if located else ""
    return f'<xs:import namespace="{NAMESPACES[prefix]}"{location}/>'


def _prefix(name: str) -> str:
    return name[:2] if name[1:2] == "." else ""


def _reference(name: str) -> str:
    if name == ANY:
        return "xs:anyType"
    if name in XS:
        return f"xs:{name}"
    return f"{name[0]}:{name[2:]}" if _prefix(name) else f"tns:{name}"


def _element_xml(element: Element) -> str:
    occurs = f' minOccurs="{int(element.required)}"' + (' maxOccurs="unbounded"' if element.repeated else "")
    nillable = ' nillable="true"' if element.nillable else ""
    return f'<xs:element{occurs} name="{element.name}"{nillable} type="{_reference(element.type)}"/>'


def _complex_xml(each: ComplexType) -> str:
    sequence = f"<xs:sequence>{''.join(map(_element_xml, each.own))}</xs:sequence>"
    if each.base:
        extension = f'<xs:extension base="{_reference(each.base)}">{sequence}</xs:extension>'
        sequence = f"<xs:complexContent mixed='false'>{extension}</xs:complexContent>"
    abstract = ' abstract="true"' if each.abstract else ""
    return f'<xs:complexType name="{each.name.removeprefix(_prefix(each.name))}"{abstract}>{sequence}</xs:complexType>'


def _simple_xml(name: str, facets: str) -> str:
    local = name.removeprefix(_prefix(name))
    return f'<xs:simpleType name="{local}"><xs:restriction base="xs:string">{facets}</xs:restriction></xs:simpleType>'


def _root_xml(name: str, elements: tuple[Element, ...]) -> str:
    sequence = f"<xs:sequence>{''.join(map(_element_xml, elements))}</xs:sequence>"
    return f'<xs:element name="{name}"><xs:complexType>{sequence}</xs:complexType></xs:element>'
