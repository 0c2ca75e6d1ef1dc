"""The simulated Web Services: zeep with NTLM is the client that judges them (sources.md GP §3)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
import zeep
from requests_ntlm import HttpNtlmAuth
from zeep.transports import Transport

from sandbox.gp.web_services.description import OPERATIONS
from sandbox.gp.web_services.types import COMPLEX, DYNAMICS, GP, SIMPLE, TYPES
from tests.contract.gp_office import LOGIN, PASSWORD, Fault, Office, open_office, start_over
from tests.contract.gp_web_services_wsdl import build_wsdl as full_wsdl
from tests.reference_data import GP_WEB_SERVICES

_UNSET = datetime(1, 1, 1)
WRITTEN = ("Customer", "CustomerAddress", "Vendor", "VendorAddress", "Item", "SalesItem", "ConstituentAddress")
"""Types of which a client may send every element."""


class Client:
    """zeep at the legacy endpoint, authenticated by NTLM."""

    def __init__(self, url: str, wsdl: str | None = None) -> None:
        self.session = requests.Session()
        self.session.auth = HttpNtlmAuth(LOGIN, PASSWORD)
        zeep_client: Any = zeep.Client
        transport: Any = Transport
        address = wsdl or f"{url}/Metadata/Legacy/Full/DynamicsGP.wsdl"
        self.zeep = zeep_client(address, transport=transport(session=self.session))

    def make(self, name: str, **fields: Any) -> Any:
        return self.zeep.get_type(f"{{{GP}}}{name}")(**fields)

    def context(self, company: int = 1) -> Any:
        key = self.zeep.get_type(f"{{{DYNAMICS}}}CompanyKey")(Id=company)
        return self.zeep.get_type(f"{{{DYNAMICS}}}Context")(OrganizationKey=key, CurrencyType="Transactional")

    def read(self, operation: str, argument: Any, company: int = 1) -> Any:
        return self.zeep.service[operation](argument, self.context(company))

    def write(self, operation: str, argument: Any) -> None:
        policy = self.read("GetPolicyByOperation", operation)
        assert self.zeep.service[operation](argument, self.context(), policy) is None

    def customer(self, number: str, **fields: Any) -> Any:
        dates = dict.fromkeys(("CreatedDate", "ModifiedDate", "LastModifiedDate"), _UNSET)
        values = {"PostResultsTo": "Receivables/Discount Account"} | dates | fields
        return self.make("Customer", Key=self.make("CustomerKey", Id=number), **values)

    def customers(self, **restriction: Any) -> list[str]:
        """Numbers of the customers listed under this restriction of the key."""
        by_key = self.make("BetweenRestrictionOfString", **restriction)
        criteria = self.make("CustomerCriteria", Id=by_key, Scope="Return All")
        return [summary.Key.Id for summary in self.read("GetCustomerList", criteria) or []]

    def findings(self, operation: str, argument: Any) -> list[tuple[str, str]]:
        """What the log says about the refusal of this write."""
        with pytest.raises(Fault) as raised:
            self.write(operation, argument)
        assert "does not exist" not in raised.value.message
        log_id = raised.value.detail.text
        result = self.read("GetLoggedValidationResultByKey", log_id)
        return [(error.PropertyNames.string[0], error.Message) for error in result.Errors.ValidationError]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with open_office(tmp_path_factory.mktemp("gp")) as office:
        yield office


@pytest.fixture
def office(running: Office) -> Office:
    return start_over(running)


@pytest.fixture
def client(office: Office) -> Client:
    return Client(office.url)


def test_a_caller_without_ntlm_gets_its_challenge(office: Office) -> None:
    address = f"{office.url}/DynamicsGPWebServices/DynamicsGPService.asmx"
    unknown = requests.post(address, timeout=10)
    assert (unknown.status_code, unknown.headers["WWW-Authenticate"]) == (401, "NTLM")
    wrong = requests.post(address, auth=HttpNtlmAuth(LOGIN, "wrong"), timeout=10)
    assert wrong.status_code == 401


def test_a_customer_written_by_web_services_is_the_one_of_econnect(office: Office, client: Client) -> None:
    address = client.make(
        "CustomerAddress",
        Key=client.make("CustomerAddressKey", Id="main"),
        City="Salem",
        CreatedDate=_UNSET,
        ModifiedDate=_UNSET,
        InternetAddresses=client.make("InternetAddresses", EmailToAddress="bob@example.com"),
    )
    addresses = client.make("ArrayOfCustomerAddress", CustomerAddress=[address])
    client.write("CreateCustomer", client.customer("BOB", Name="Bob Ltd", Comment1="first", Addresses=addresses))
    client.write("UpdateCustomer", client.customer("BOB", Comment2="second"))
    (bob,) = office.read("Customer", "CUSTNMBR = 'BOB'")
    assert (bob["CUSTNAME"], bob["COMMENT1"], bob["COMMENT2"]) == ("Bob Ltd", "first", "second")
    assert bob["Internet_Address"][0]["EmailToAddress"] == "bob@example.com"
    whole = client.read("GetCustomerByKey", client.make("CustomerKey", Id="BOB"))
    assert (whole.Name, whole.Addresses.CustomerAddress[0].City) == ("Bob Ltd", "Salem")
    assert whole.LastModifiedDate == datetime.fromisoformat(bob["DEX_ROW_TS"])


def test_a_refusal_says_why_only_in_the_log(client: Client) -> None:
    assert client.findings("CreateCustomer", client.customer("ANN", Name="Ann")) == [
        ("Key", "Customer ANN already exists.")
    ]
    terms = client.make("PaymentTermsKey", Id="Net 99")
    assert [name for name, _ in client.findings("CreateCustomer", client.customer("", PaymentTermsKey=terms))] == [
        "Key",
        "Name",
        "PaymentTermsKey",
    ]


def test_an_unknown_company_is_the_fixed_sentence_and_a_log_entry(client: Client) -> None:
    with pytest.raises(Fault, match="unhandled system exception") as raised:
        client.read("GetCustomerByKey", client.make("CustomerKey", Id="ANN"), company=9)
    logged = client.read("GetLoggedExceptionDataByKey", raised.value.detail.text)
    assert (logged.ExceptionType, logged.User) == ("SystemException", LOGIN)
    assert "Company 9" in logged.ExceptionDetail.Message


def test_a_list_stops_at_a_thousand_without_a_word(office: Office, client: Client) -> None:
    types = "".join(
        f"<RMCustomerMasterType><taUpdateCreateCustomerRcd><CUSTNMBR>C{n:04d}</CUSTNMBR><CUSTNAME>C</CUSTNAME>"
        "</taUpdateCreateCustomerRcd></RMCustomerMasterType>"
        for n in range(1005)
    )
    office.create(f"<eConnect>{types}</eConnect>")
    assert len(client.customers(From="C0000")) == 1000
    assert client.customers(GreaterThan="C0999") == [f"C{n}" for n in range(1000, 1005)]
    items = client.make("ArrayOfString", string=["C0003", "c0001"])
    assert client.customers(Items=items) == ["C0001", "C0003"]


@pytest.fixture
def full_client(office: Office, tmp_path: Path) -> Client:
    """A client of the service's own description, every element of its types included."""
    wsdl = tmp_path / "DynamicsGP.wsdl"
    address = f"{office.url}/DynamicsGPWebServices/DynamicsGPService.asmx"
    wsdl.write_text(full_wsdl(list(OPERATIONS), address))
    return Client(office.url, str(wsdl))


def filled(client: Client, type_name: str, **given: Any) -> Any:
    """An object with each element that has a plain type, and nil for what must be there."""
    plain = {"string": "x", "boolean": True, "int": 1, "short": 1, "decimal": Decimal(1), "dateTime": _UNSET}
    made = client.make(type_name, **given)
    for name, element in client.zeep.get_type(f"{{{GP}}}{type_name}").elements:
        if name not in given and element.type.name in plain:
            setattr(made, name, plain[element.type.name])
    return made


@pytest.mark.parametrize("party", ["Customer", "Vendor"])
def test_a_client_of_the_whole_description_creates_changes_reads_and_lists(full_client: Client, party: str) -> None:
    client, key = full_client, full_client.make(f"{party}Key", Id="ZED")
    post_to = {"Customer": "Receivables/Discount Account", "Vendor": "Payables/Discount Account"}[party]
    address_key = client.make(f"{party}AddressKey", Id="MAIN", **{f"{party}Key": key})
    address = filled(client, f"{party}Address", Key=address_key, City="Salem")
    addresses = client.make(f"ArrayOf{party}Address", **{f"{party}Address": [address]})
    percent = client.make("Percent", Value=Decimal(2), DecimalDigits=2)
    known = {"Key": key, "Name": "Zed", "PostResultsTo": post_to, "TradeDiscountPercent": percent}
    client.write(f"Create{party}", filled(client, party, **known, Addresses=addresses))
    client.write(f"Update{party}", filled(client, party, **known | {"Name": "Zed & Sons"}))
    whole = client.read(f"Get{party}ByKey", key)
    assert (whole.Name, whole.Addresses[f"{party}Address"][0].City) == ("Zed & Sons", "Salem")
    assert (whole.DueDateGracePeriod, whole.TradeDiscountPercent) == (None, None)
    criteria = client.make(f"{party}Criteria", Scope="Return All", Id={"EqualValue": "ZED"})
    assert [each.Name for each in client.read(f"Get{party}List", criteria)] == ["Zed & Sons"]


def test_a_client_of_the_whole_description_creates_reads_and_lists_items(full_client: Client) -> None:
    client, key = full_client, full_client.make("ItemKey", Id="PEN")
    cost = client.make("MoneyAmount", Currency="USD", Value=Decimal("1.25"), DecimalDigits=2)
    known = {"Key": key, "Description": "Pen", "StandardCost": cost, "Type": "Sales Item"}
    client.write("CreateSalesItem", filled(client, "SalesItem", **known))
    whole = client.read("GetItemByKey", key)
    assert (whole.Description, whole.StandardCost.Value, whole.WarrantyDays) == ("Pen", Decimal("1.25000"), None)
    criteria = client.make("ItemCriteria", ItemId={"EqualValue": "PEN"})
    assert [each.Description for each in client.read("GetItemList", criteria)] == ["Pen"]


def test_items_come_as_what_they_are(client: Client) -> None:
    like = client.make("LikeRestrictionOfString", Like="L%")
    (summary,) = client.read("GetItemList", client.make("ItemCriteria", ItemId=like))
    assert (summary.Key.Id, summary.Description) == ("LAMP", "Desk lamp")
    item = client.read("GetItemByKey", client.make("ItemKey", Id="LAMP"))
    assert (type(item).__name__, f"{item.CurrentCost.Value:.2f}") == ("SalesItem", "21.40")


def test_a_literal_that_no_enumeration_has_is_not_read(client: Client) -> None:
    with pytest.raises(Fault, match="deserialize") as raised:
        client.write("CreateCustomer", client.customer("BOB", Name="Bob", PostResultsTo="Somewhere"))
    assert raised.value.detail is None


@pytest.mark.parametrize("operation", ["PostBatch", "ApplyReceivablesDocument"])
def test_posting_and_applying_are_no_operations(client: Client, operation: str) -> None:
    address = client.zeep.service._binding_options["address"]
    body = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f'<{operation} xmlns="{GP}"/></s:Body></s:Envelope>'
    )
    answer = client.session.post(address, data=body, timeout=10)
    assert answer.status_code == 500
    assert re.search(f"no operation {operation}", answer.text)


@pytest.mark.parametrize(
    ("kind", "saved"), [("lost_before_commit", []), ("lost_after_commit", ["BOB"]), ("reset", ["BOB"])], ids=str
)
def test_a_fault_befalls_a_call_after_its_caller_was_let_in(
    office: Office, client: Client, kind: str, saved: list[str]
) -> None:
    office.ask("POST", "/_sandbox/faults", {"kind": kind, "contains": "CreateCustomer>"})
    with pytest.raises(requests.RequestException):
        client.write("CreateCustomer", client.customer("BOB", Name="Bob"))
    assert client.customers(EqualValue="BOB") == saved


def test_a_connection_no_longer_known_signs_in_again(office: Office, client: Client) -> None:
    office.ask("POST", "/_sandbox/faults", {"kind": "expired_token", "contains": "CreateCustomer>"})
    client.write("CreateCustomer", client.customer("BOB", Name="Bob"))
    assert client.customers(EqualValue="BOB") == ["BOB"]


def test_names_and_order_are_those_of_the_real_service() -> None:
    schemas = json.loads(GP_WEB_SERVICES.text())["schemas"]
    namespaces = {"": GP, "d.": DYNAMICS, "t.": TYPES}
    for name, known in COMPLEX.items():
        prefix = name[:2] if name[1:2] == "." else ""
        real = schemas[namespaces[prefix]]["complex"][name.removeprefix(prefix)]
        order = {element["n"]: position for position, element in enumerate(real["elements"])}
        places = [order[element.name] for element in known.own]
        assert places == sorted(places), name
        if name in WRITTEN:
            assert list(order) == [element.name for element in known.own], name
        for element in known.own:
            declared = real["elements"][order[element.name]]
            what = declared["t"].split(":")[-1]
            is_literal = any(what in schema["simple"] for schema in schemas.values())
            assert element.type.split(".")[-1] in (what, "string" if is_literal else "any"), f"{name}.{element.name}"
            assert (declared["min"] != "0", declared["nil"]) == (element.required, element.nillable), element.name
    for name, literals in SIMPLE.items():
        prefix = name[:2] if name[1:2] == "." else ""
        assert set(literals) <= set(schemas[namespaces[prefix]]["simple"][name.removeprefix(prefix)])
    for name, operation in OPERATIONS.items():
        real = schemas[GP]["elements"][name]
        assert [element["n"] for element in real] == [element.name for element in operation.request]
