"""The Web Services hook against answers given to it, with the types GP describes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from lxml import etree

from hooks.gp.web_services.hook import GPWebServicesHook
from ledgerbridge.entities import Document, Master, Source, Target, Window
from ledgerbridge.errors import ConfigurationError, RecordRejected, TransientError
from tests.contract.gp_web_services_wsdl import GP, build_wsdl, object_xml
from tests.contract.scripted_api import Asked, Reply, ScriptedApi, serve_script
from tests.reference_data import GP_WEB_SERVICES

pytestmark = GP_WEB_SERVICES.needed

OPERATIONS = [
    "GetCustomerList",
    "GetCustomerByKey",
    "CreateCustomer",
    "UpdateCustomer",
    "GetVendorList",
    "GetVendorByKey",
    "GetItemList",
    "GetItemByKey",
    "GetPolicyByOperation",
    "GetLoggedValidationResultByKey",
    "GetLoggedExceptionDataByKey",
]
LOG_ID = "4d060bdc-fa1e-4ea1-9e89-e1d19a5cb2ce"
UNHANDLED = "The application encountered an unhandled system exception."


@pytest.fixture(scope="module")
def wsdl() -> str:
    return build_wsdl(OPERATIONS, "http://GPAPP01:48620/DynamicsGPWebServices/DynamicsGPService.asmx")


@pytest.fixture
def api(wsdl: str) -> Iterator[ScriptedApi]:
    with serve_script() as script:
        script.will_reply(Reply(wsdl))
        yield script


@pytest.fixture
def hook(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> GPWebServicesHook:
    host, port = api.url.removeprefix("http://").split(":")
    connection = {
        "conn_type": "gp_web_services",
        "host": host,
        "port": int(port),
        "schema": "http",
        "login": "HLS\\ledgerbridge",
        "password": "secret",
        "extra": {"company_id": -1, "max_parallel": 1, "timeout_seconds": 5},
    }
    monkeypatch.setenv("AIRFLOW_CONN_GP_WS_TEST", json.dumps(connection))
    return GPWebServicesHook("gp_ws_test")


def enveloped(body: str, status: int = 200) -> Reply:
    envelope = f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{body}</s:Body></s:Envelope>'
    return Reply(envelope, status, {"Content-Type": "text/xml; charset=utf-8"})


def answered(operation: str, result: str = "") -> Reply:
    inner = f"<{operation}Result>{result}</{operation}Result>" if result else ""
    return enveloped(f'<{operation}Response xmlns="{GP}">{inner}</{operation}Response>')


def fault(text: str, detail: str = "") -> Reply:
    return enveloped(
        f"<s:Fault><faultcode>s:Server</faultcode><faultstring>{text}</faultstring><detail>{detail}</detail></s:Fault>",
        500,
    )


def summaries(*keys: str) -> Reply:
    stamp = "2026-03-02T15:41:00"
    dates = "".join(f"<{name}>{stamp}</{name}>" for name in ("CreatedDate", "ModifiedDate", "LastModifiedDate"))
    each = "".join(
        f"<CustomerSummary><Key><Id>{key}</Id></Key><Name>Name of {key}</Name><IsActive>true</IsActive>"
        f"<IsOnHold>false</IsOnHold>{dates}</CustomerSummary>"
        for key in keys
    )
    return answered("GetCustomerList", each)


def whole(key: str) -> Reply:
    stamp = "2026-03-02T15:41:00"
    inside = object_xml(
        "Customer",
        Key=f"<Id>{key}</Id>",
        Name="Ann Archer",
        Comment1="kept",
        PostResultsTo="Sales Offset Account",
        CreatedDate="2026-03-01T00:00:00",
        ModifiedDate=stamp,
        LastModifiedDate=stamp,
    )
    return answered("GetCustomerByKey", inside)


POLICY = answered("GetPolicyByOperation", f"<Key><Id>{LOG_ID}</Id></Key><Name>Create Customer</Name>")
CREATED = answered("CreateCustomer")


def asked(request: Asked) -> etree._Element:
    return etree.fromstring(request.body.encode())


def text(element: etree._Element, name: str) -> list[str | None]:
    return [each.text for each in element.iter(f"{{{GP}}}{name}")]


def ann(**header: Any) -> Document:
    return Document(
        "gp:-1:customer:C1",
        "k",
        {"Key.Id": "C1", "Name": "Ann Archer", "PaymentTermsKey.Id": "Net 30", **header},
        {"Addresses": [{"Key.Id": "PRIMARY", "Key.CustomerKey.Id": "C1", "City": "Salem"}]},
    )


def target(hook: GPWebServicesHook) -> Target:
    entity = hook.entity("customer")
    assert isinstance(entity, Target)
    return entity


def test_customer_is_created_with_policy_and_company_and_looked_for_afterwards(
    api: ScriptedApi, hook: GPWebServicesHook
) -> None:
    api.will_reply(answered("GetCustomerList"), POLICY, CREATED, summaries("C1"))
    (outcome,) = target(hook).send([ann()])
    assert (outcome.target_id, outcome.error) == ("C1", None)
    created = asked(api.asked[3])
    assert api.asked[3].path == "/DynamicsGPWebServices/DynamicsGPService.asmx"
    assert text(created, "Name") == ["Ann Archer", "Create Customer"]
    assert text(created, "City") == ["Salem"]
    assert text(created, "PostResultsTo") == ["Receivables/Discount Account"]
    assert set(text(created, "CreatedDate")) == {"0001-01-01T00:00:00"}
    assert "CompanyKey" in api.asked[3].body
    assert "Addressing" not in api.asked[3].body


def test_policy_is_read_once(api: ScriptedApi, hook: GPWebServicesHook) -> None:
    api.will_reply(answered("GetCustomerList"), POLICY, CREATED, summaries("C1"))
    api.will_reply(answered("GetCustomerList"), CREATED, summaries("C1"))
    assert [target(hook).send([ann()])[0].error for _ in range(2)] == [None, None]


def test_update_changes_what_is_given_and_keeps_the_rest(api: ScriptedApi, hook: GPWebServicesHook) -> None:
    api.will_reply(summaries("C1"), whole("C1"), POLICY, answered("UpdateCustomer"), summaries("C1"))
    (outcome,) = target(hook).send([ann(Name="Ann Archer-Lee")])
    assert outcome.error is None
    updated = asked(api.asked[4])
    assert text(updated, "Name")[0] == "Ann Archer-Lee"
    assert text(updated, "Comment1") == ["kept"]
    assert text(updated, "PostResultsTo") == ["Sales Offset Account"]


def test_validation_is_asked_for_by_the_id_in_the_fault(api: ScriptedApi, hook: GPWebServicesHook) -> None:
    error = (
        "<ValidationError><PropertyNames><string>PaymentTermsKey</string></PropertyNames>"
        "<Message>Payment terms do not exist</Message></ValidationError>"
    )
    findings = answered("GetLoggedValidationResultByKey", f"<Errors>{error}</Errors>")
    api.will_reply(answered("GetCustomerList"), POLICY, fault("Validation failed", f"<id>{LOG_ID}</id>"), findings)
    (outcome,) = target(hook).send([ann()])
    assert isinstance(outcome.error, RecordRejected)
    assert (outcome.error.code, outcome.error.field) == ("LB-GP-026", "PaymentTermsKey")
    assert "Payment terms do not exist" in outcome.error.message
    assert text(asked(api.asked[4]), "logId") == [LOG_ID]


def test_system_exception_leaves_the_outcome_open_with_the_logs_detail(
    api: ScriptedApi, hook: GPWebServicesHook
) -> None:
    api.will_reply(
        answered("GetCustomerList"),
        POLICY,
        fault(UNHANDLED, f"<id>{LOG_ID}</id>"),
        fault(UNHANDLED),
        fault(UNHANDLED),
    )
    (outcome,) = target(hook).send([ann()])
    assert isinstance(outcome.error, TransientError)
    assert (outcome.error.code, outcome.error.outcome_unknown) == ("LB-GP-018", True)


def test_missing_right_names_login_and_operation(api: ScriptedApi, hook: GPWebServicesHook) -> None:
    api.will_reply(answered("GetCustomerList"), fault("The user is not authorized to perform this operation."))
    with pytest.raises(ConfigurationError, match=r"HLS\\ledgerbridge.* may not GetPolicyByOperation") as refused:
        target(hook).send([ann()])
    assert refused.value.code == "LB-GP-027"


@pytest.mark.parametrize(
    ("header", "code", "field"),
    [
        pytest.param({"Colour": "red"}, "LB-GP-008", "Colour", id="unknown-property"),
        pytest.param({"PaymentTermsKey.Colour": "red"}, "LB-GP-008", "PaymentTermsKey.Colour", id="unknown-below"),
        pytest.param({"Name": "Łódź"}, "LB-GP-007", "Name", id="outside-the-code-page"),
    ],
)
def test_what_gp_could_not_take_is_not_sent(
    api: ScriptedApi, hook: GPWebServicesHook, header: dict[str, Any], code: str, field: str
) -> None:
    api.will_reply(answered("GetCustomerList"))
    (outcome,) = target(hook).send([ann(**header)])
    assert isinstance(outcome.error, RecordRejected)
    assert (outcome.error.code, outcome.error.field) == (code, field)
    assert len(api.asked) == 2


def test_full_list_is_asked_again_in_two_ranges(api: ScriptedApi, hook: GPWebServicesHook) -> None:
    keys = [f"C{number:05d}" for number in range(1200)]
    api.will_reply(summaries(*keys[:1000]), summaries(*keys[:500]), summaries(*keys[500:]))
    master = hook.entity("customer")
    assert isinstance(master, Master)
    found = master.lookup(keys[:10] + keys[1190:])
    assert set(found) == {*keys[:10], *keys[1190:]}
    limits = [(text(asked(each), "GreaterThan"), text(asked(each), "To")) for each in api.asked[2:]]
    assert limits == [([], ["C00499"]), (["C00499"], [])]


def test_window_is_read_as_whole_objects(api: ScriptedApi, hook: GPWebServicesHook) -> None:
    api.will_reply(summaries("C1"), whole("C1"))
    source = hook.entity("customer")
    assert isinstance(source, Source)
    window = Window(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))
    ((record,),) = source.read(window)
    assert (record.key, record.changed_at) == ("gp:-1:customer:C1", datetime(2026, 3, 2, 15, 41, tzinfo=UTC))
    assert (record.payload["Name"], record.payload["CreatedDate"]) == ("Ann Archer", "2026-03-01T00:00:00")
    listed = asked(api.asked[1])
    assert (text(listed, "From"), text(listed, "Scope")) == (["2026-03-02T00:00:00"], ["Return All"])
    json.dumps(record.payload)


def test_an_item_that_nobody_changed_since_gp_keeps_the_time_is_read(api: ScriptedApi, hook: GPWebServicesHook) -> None:
    nil = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"'
    summary = (
        object_xml("ItemSummaryBase", Key="<Id>LAMP</Id>") + "<Type>Kit</Type><IsDiscontinued>false</IsDiscontinued>"
    )
    whole = f'<GetItemByKeyResult xsi:type="Kit" {nil.split(" xsi:nil")[0]}>{object_xml("Item", Key="<Id>LAMP</Id>")}'
    whole += f"<CostOfGoodsSoldAccountSource {nil}/></GetItemByKeyResult>"
    source = hook.entity("item")
    assert isinstance(source, Source)
    versions = []
    for description in ("Lamp", "Lamp", "Desk lamp"):
        api.will_reply(answered("GetItemList", f"<ItemSummary>{summary}</ItemSummary>"))
        changed = whole.replace("</Key>", f"</Key><Description>{description}</Description>")
        api.will_reply(enveloped(f'<GetItemByKeyResponse xmlns="{GP}">{changed}</GetItemByKeyResponse>'))
        ((record,),) = source.read(Window(None, None))
        assert (record.key, record.changed_at.year) == ("gp:-1:item:LAMP", 1900)
        versions.append(record.version)
    assert versions[0] == versions[1] != versions[2]


def test_a_vendors_change_is_read_by_the_day_it_was_made_on(api: ScriptedApi, hook: GPWebServicesHook) -> None:
    api.will_reply(answered("GetVendorList"))
    source = hook.entity("vendor")
    assert isinstance(source, Source)
    assert list(source.read(Window(datetime(2026, 3, 2, 15, 41, tzinfo=UTC), None))) == []
    assert text(asked(api.asked[-1]), "From") == ["2026-03-01T00:00:00"]


def test_a_password_goes_by_https_unless_the_connection_says_otherwise(
    api: ScriptedApi, hook: GPWebServicesHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, port = api.url.removeprefix("http://").split(":")
    connection = {
        "conn_type": "gp_web_services",
        "host": host,
        "port": int(port),
        "login": "HLS\\gp",
        "password": "secret",
    }
    monkeypatch.setenv("AIRFLOW_CONN_GP_WS_TEST", json.dumps({**connection, "extra": {"company_id": -1}}))
    with pytest.raises(TransientError, match=f"https://{host}:{port}"):
        GPWebServicesHook("gp_ws_test").entity("customer").lookup(["C1"])
    assert api.asked == []
