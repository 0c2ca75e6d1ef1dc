"""
The types and operations of Web Services that this sandbox has, its schema and its WSDL.

Names, namespaces and the order of elements are the interface of the legacy endpoint (sources.md GP §3); each type is
reduced to what the sandbox keeps. ``Name:type`` with ``!`` required, ``?`` nillable, ``*`` repeated; ``d.`` and ``t.``
are the other two namespaces; ``~`` before a type's name makes it abstract.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from xml.sax.saxutils import quoteattr

from lxml import etree

GP = "http://schemas.microsoft.com/dynamics/gp/2006/01"
DYNAMICS = "http://schemas.microsoft.com/dynamics/2006/01"
TYPES = "http://microsoft.com/wsdl/types/"
_NAMESPACES = {"": GP, "d.": DYNAMICS, "t.": TYPES}
_XS = frozenset({"string", "int", "short", "boolean", "decimal", "dateTime"})
_KEYS = (
    "CustomerKey",
    "ItemKey",
    "CustomerClassKey",
    "PaymentTermsKey",
    "PriceLevelKey",
    "TaxScheduleKey",
    "UofMScheduleKey",
)
_BETWEEN = "From:{0}{1} To:{0}{1} GreaterThan:{0}{1} LessThan:{0}{1}"


@dataclass(frozen=True)
class Element:
    """One element of a type."""

    name: str
    type: str
    required: bool
    nillable: bool
    repeated: bool


@dataclass(frozen=True)
class ComplexType:
    """A type with its own elements; those of its base come first."""

    name: str
    base: str
    abstract: bool
    own: tuple[Element, ...]

    @property
    def elements(self) -> tuple[Element, ...]:
        """All elements in the order of the wire."""
        return (COMPLEX[self.base].elements if self.base else ()) + self.own


def _element(word: str) -> Element:
    name, kind = word.split(":")
    return Element(name, kind.rstrip("!?*"), "!" in kind, "?" in kind, "*" in kind)


def _complex(head: str, elements: str = "") -> ComplexType:
    name, _, base = head.partition(" < ")
    return ComplexType(name.lstrip("~"), base, name.startswith("~"), tuple(map(_element, elements.split())))


_ALL = [
    _complex("~d.Key"),
    _complex("~d.OrganizationKey < d.Key"),
    _complex("d.CompanyKey < d.OrganizationKey", "Id:int!"),
    _complex(
        "d.Context",
        "WorkOnBehalfOf:string OrganizationKey:d.OrganizationKey CultureName:string CurrencyType:d.CurrencyType!"
        " TenantName:string",
    ),
    _complex("~GreatPlainsKey < d.Key", "CompanyKey:d.CompanyKey"),
    _complex("~ReferenceKey < GreatPlainsKey"),
    *(_complex(f"{name} < ReferenceKey", "Id:string") for name in _KEYS),
    _complex("CustomerAddressKey < ReferenceKey", "CustomerKey:CustomerKey Id:string"),
    _complex("CurrencyKey < ReferenceKey", "ISOCode:string"),
    _complex("~BusinessObject"),
    _complex("ArrayOfString", "string:string?*"),
    _complex("ArrayOfDateTime", "dateTime:dateTime?*"),
    _complex("~Restriction"),
    _complex("RestrictionOfString < Restriction", "EqualValue:string NotEqualValue:string"),
    _complex("ListRestrictionOfString < RestrictionOfString", "Items:ArrayOfString"),
    _complex("BetweenRestrictionOfString < ListRestrictionOfString", _BETWEEN.format("string", "")),
    _complex("LikeRestrictionOfString < BetweenRestrictionOfString", "Like:string"),
    _complex("RestrictionOfNullableOfDateTime", "EqualValue:dateTime!? NotEqualValue:dateTime!?"),
    _complex("ListRestrictionOfNullableOfDateTime < RestrictionOfNullableOfDateTime", "Items:ArrayOfDateTime"),
    _complex(
        "BetweenRestrictionOfNullableOfDateTime < ListRestrictionOfNullableOfDateTime",
        _BETWEEN.format("dateTime", "!?"),
    ),
    _complex("RestrictionOfNullableOfBoolean", "EqualValue:boolean!? NotEqualValue:boolean!?"),
    _complex("~Criteria"),
    _complex("PhoneNumber", "Value:string CountryCode:string Extension:string"),
    _complex(
        "InternetAddresses",
        "MessengerAddress:string EmailToAddress:string EmailCcAddress:string EmailBccAddress:string"
        " InternetField1:string InternetField2:string",
    ),
    _complex(
        "~AddressBase < BusinessObject",
        "Line1:string Line2:string Line3:string City:string State:string PostalCode:string",
    ),
    _complex(
        "Address < AddressBase",
        "CountryRegion:string Phone1:PhoneNumber Phone2:PhoneNumber Phone3:PhoneNumber Fax:PhoneNumber",
    ),
    _complex("InternationalAddress < Address"),
    _complex("BusinessAddress < InternationalAddress", "Name:string ContactPerson:string"),
    _complex(
        "ConstituentAddress < BusinessAddress",
        "TaxScheduleKey:TaxScheduleKey CreatedDate:dateTime! ModifiedDate:dateTime! LastModifiedDate:dateTime!?"
        " InternetAddresses:InternetAddresses",
    ),
    _complex("CustomerAddress < ConstituentAddress", "Key:CustomerAddressKey DeleteOnUpdate:boolean!?"),
    _complex("ArrayOfCustomerAddress", "CustomerAddress:CustomerAddress?*"),
    _complex(
        "Customer < BusinessObject",
        "Key:CustomerKey IsOnHold:boolean!? IsActive:boolean!? Name:string Shortname:string StatementName:string"
        " ClassKey:CustomerClassKey DefaultAddressKey:CustomerAddressKey ShipToAddressKey:CustomerAddressKey"
        " BillToAddressKey:CustomerAddressKey Comment1:string Comment2:string PaymentTermsKey:PaymentTermsKey"
        " PriceLevelKey:PriceLevelKey PostResultsTo:ReceivablesPostResultsTo! TaxRegistrationNumber:string"
        " CurrencyKey:CurrencyKey CreatedDate:dateTime! ModifiedDate:dateTime! LastModifiedDate:dateTime!"
        " Addresses:ArrayOfCustomerAddress",
    ),
    _complex(
        "CustomerSummary",
        "Key:CustomerKey Name:string IsActive:boolean! IsOnHold:boolean! CustomerClassKey:CustomerClassKey State:string"
        " CreatedDate:dateTime! ModifiedDate:dateTime! LastModifiedDate:dateTime!",
    ),
    _complex("ArrayOfCustomerSummary", "CustomerSummary:CustomerSummary?*"),
    _complex(
        "CustomerCriteria < Criteria",
        "Id:BetweenRestrictionOfString Name:LikeRestrictionOfString IsActive:RestrictionOfNullableOfBoolean"
        " IsOnHold:RestrictionOfNullableOfBoolean ClassId:LikeRestrictionOfString State:LikeRestrictionOfString"
        " CreatedDate:BetweenRestrictionOfNullableOfDateTime ModifiedDate:BetweenRestrictionOfNullableOfDateTime"
        " LastModifiedDate:BetweenRestrictionOfNullableOfDateTime Scope:CustomerScope!",
    ),
    _complex("~Amount"),
    _complex("MoneyAmount < Amount", "Currency:string Value:decimal! DecimalDigits:int!"),
    _complex(
        "~Item < BusinessObject",
        "Key:ItemKey Description:string ShortDescription:string Type:ItemType!? UofMScheduleKey:UofMScheduleKey"
        " StandardCost:MoneyAmount CurrentCost:MoneyAmount ModifiedDate:dateTime!? LastModifiedDate:dateTime!?"
        " CreatedDate:dateTime!? IsDiscontinued:boolean!? DefaultSellingUofM:string",
    ),
    _complex("~InventoriedItem < Item"),
    _complex("SalesItem < InventoriedItem"),
    _complex(
        "~ItemSummaryBase",
        "Key:ItemKey Description:string ShortDescription:string CreatedDate:dateTime!? ModifiedDate:dateTime!?"
        " LastModifiedDate:dateTime!?",
    ),
    _complex("ItemSummary < ItemSummaryBase", "Type:ItemType! IsDiscontinued:boolean!"),
    _complex("ArrayOfItemSummary", "ItemSummary:ItemSummary?*"),
    _complex(
        "~ItemCriteriaBase < Criteria",
        "ItemId:LikeRestrictionOfString Description:LikeRestrictionOfString"
        " LastModifiedDate:BetweenRestrictionOfNullableOfDateTime",
    ),
    _complex("ItemCriteria < ItemCriteriaBase", "IsDiscontinued:RestrictionOfNullableOfBoolean"),
    _complex("Company < BusinessObject", "Key:d.CompanyKey Name:string AccountSegmentSeparator:string"),
    _complex("ArrayOfCompany", "Company:Company?*"),
    _complex("CompanyCriteria < Criteria", "Name:LikeRestrictionOfString"),
    _complex("PolicyKey < d.Key", "Id:t.guid!"),
    _complex("BehaviorKey < d.Key", "PolicyKey:PolicyKey Id:t.guid!"),
    _complex("Behavior", "Key:BehaviorKey Name:string Description:string Internal:boolean!?"),
    _complex("ArrayOfBehavior", "Behavior:Behavior?*"),
    _complex("Policy", "Key:PolicyKey Behaviors:ArrayOfBehavior Name:string RootBusinessObjectName:string"),
    _complex("~ValidationItem", "ObjectType:string PropertyNames:ArrayOfString Message:string Id:string"),
    _complex("ValidationError < ValidationItem"),
    _complex("ArrayOfValidationError", "ValidationError:ValidationError?*"),
    _complex("ValidationWarning < ValidationItem"),
    _complex("ArrayOfValidationWarning", "ValidationWarning:ValidationWarning?*"),
    _complex("ValidationResult", "Errors:ArrayOfValidationError Warnings:ArrayOfValidationWarning"),
    _complex("ExceptionInformation", "ExceptionType:string Message:string Source:string"),
    _complex(
        "LoggedExceptionData",
        "LogId:t.guid! ExceptionType:BusinessExceptionType! ExceptionDetail:ExceptionInformation"
        " ValidationResult:ValidationResult ServiceType:string User:string LoggedDate:dateTime!",
    ),
]
COMPLEX: Mapping[str, ComplexType] = {each.name: each for each in _ALL}
"""Every type by its name, with the prefix of its namespace."""

SIMPLE: Mapping[str, tuple[str, ...]] = {
    "d.CurrencyType": ("Transactional", "Local"),
    "CustomerScope": ("Return All", "Return Based on Customer Id", "Return Based on Salesperson Id"),
    "ReceivablesPostResultsTo": ("Receivables/Discount Account", "Sales Offset Account"),
    "ItemType": ("Sales Item", "Kit", "Miscellaneous Charges", "Service", "Flat Fee"),
    "BusinessExceptionType": ("ValidationException", "SystemException"),
}
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
        context = (_element("context:d.Context"),)
        return self.parameters + context + (() if self.result else (_element("policy:Policy"),))


def _operation(name: str, parameters: str, result: str = "") -> Operation:
    return Operation(name, tuple(map(_element, parameters.split())), result)


OPERATIONS: Mapping[str, Operation] = {
    each.name: each
    for each in (
        _operation("GetCompanyList", "criteria:CompanyCriteria", "ArrayOfCompany"),
        _operation("GetCustomerByKey", "key:CustomerKey", "Customer"),
        _operation("GetCustomerList", "criteria:CustomerCriteria", "ArrayOfCustomerSummary"),
        _operation("CreateCustomer", "customer:Customer"),
        _operation("UpdateCustomer", "customer:Customer"),
        _operation("GetItemByKey", "key:ItemKey", "Item"),
        _operation("GetItemList", "criteria:ItemCriteria", "ArrayOfItemSummary"),
        _operation("GetPolicyByOperation", "operation:string", "Policy"),
        _operation("GetLoggedValidationResultByKey", "logId:t.guid!", "ValidationResult"),
        _operation("GetLoggedExceptionDataByKey", "logId:t.guid!", "LoggedExceptionData"),
    )
}


def build_wsdl(address: str) -> str:
    """The WSDL of the legacy endpoint, served at ``address``."""
    messages, ports, bindings = [], [], []
    for name in OPERATIONS:
        for suffix, element in (("SoapIn", name), ("SoapOut", f"{name}Response")):
            part = f'<wsdl:part name="parameters" element="tns:{element}"/>'
            messages.append(f'<wsdl:message name="{name}{suffix}">{part}</wsdl:message>')
        ends = f'<wsdl:input message="tns:{name}SoapIn"/><wsdl:output message="tns:{name}SoapOut"/>'
        ports.append(f'<wsdl:operation name="{name}">{ends}</wsdl:operation>')
        body = '<soap:body use="literal"/>'
        bindings.append(
            f'<wsdl:operation name="{name}"><soap:operation soapAction="{GP}/{name}" style="document"/>'
            f"<wsdl:input>{body}</wsdl:input><wsdl:output>{body}</wsdl:output></wsdl:operation>"
        )
    schemas = "".join(_schema(prefix, located=False) for prefix in _NAMESPACES)
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
            result = (_element(f"{operation.name}Result:{operation.result}"),) if operation.result else ()
            content += _root_xml(f"{operation.name}Response", result)
    return (
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified"'
        f' targetNamespace="{_NAMESPACES[prefix]}" xmlns:tns="{GP}" xmlns:d="{DYNAMICS}" xmlns:t="{TYPES}">'
        f"{imports}{content}</xs:schema>"
    )


def _import_xml(prefix: str, *, located: bool) -> str:
    location = f' schemaLocation="{prefix}xsd"' if located else ""
    return f'<xs:import namespace="{_NAMESPACES[prefix]}"{location}/>'


def _prefix(name: str) -> str:
    return name[:2] if name[1:2] == "." else ""


def _reference(name: str) -> str:
    if name in _XS:
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
