"""The Web Services hook against the sandbox's GP: NTLM, master data created, changed, refused and listed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from hooks.gp.web_services.hook import GPWebServicesHook
from ledgerbridge.entities import Document, Master, Outcome, RawRecord, Source, Target, Window
from ledgerbridge.errors import ConfigurationError, RecordRejected
from sandbox.gp.app import create_app
from tests.contract.served_app import serve

LOGIN, PASSWORD, COMPANY_NUMBER = "HLS\\ledgerbridge", "wool-store-7", 1
COMPANY = {
    "base_currency": "USD",
    "name": "Harbor Light Supply",
    "accounts": [{"role": "receivables", "gp": "000-1200-00"}],
    "items": [{"sku": f"LAMP-{number:04d}", "title": f"Lamp {number}", "cost": "1.00"} for number in range(2100)],
}


@pytest.fixture(scope="module")
def gp_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One GP for all tests here: each works on customers of its own."""
    folder: Path = tmp_path_factory.mktemp("gp")
    with serve(create_app(folder)) as url:
        body = {"company": COMPANY, "company_id": "HLS", "login": LOGIN, "password": PASSWORD}
        requests.post(f"{url}/_sandbox/seed", json=body, timeout=30).raise_for_status()
        now = {"now": "2026-03-02T15:41:00Z"}
        requests.put(f"{url}/_sandbox/clock", json=now, timeout=10).raise_for_status()
        yield url


def hook_on(monkeypatch: pytest.MonkeyPatch, url: str, **changed: Any) -> GPWebServicesHook:
    host, port = url.removeprefix("http://").split(":")
    connection = {
        "conn_type": "gp_web_services",
        "host": host,
        "port": int(port),
        "schema": "http",
        "login": LOGIN,
        "password": PASSWORD,
        "extra": {"company_id": COMPANY_NUMBER, "timeout_seconds": 30},
        **changed,
    }
    monkeypatch.setenv("AIRFLOW_CONN_GP_WS_TEST", json.dumps(connection))
    return GPWebServicesHook("gp_ws_test")


@pytest.fixture
def hook(gp_sandbox: str, monkeypatch: pytest.MonkeyPatch) -> GPWebServicesHook:
    return hook_on(monkeypatch, gp_sandbox)


def send(hook: GPWebServicesHook, *documents: Document) -> list[Outcome]:
    target = hook.entity("customer")
    assert isinstance(target, Target)
    return target.send(documents)


def read(hook: GPWebServicesHook, entity: str, window: Window) -> list[list[RawRecord]]:
    source = hook.entity(entity)
    assert isinstance(source, Source)
    return list(source.read(window))


def lookup(hook: GPWebServicesHook, entity: str, *keys: str) -> dict[str, dict[str, Any]]:
    master = hook.entity(entity)
    assert isinstance(master, Master)
    return master.lookup(keys)


def customer(number: str, **header: Any) -> Document:
    return Document(
        f"gp:1:customer:{number}",
        number,
        {"Key.Id": number, "Name": "Ann Archer", "DefaultAddressKey.Id": "PRIMARY", **header},
        {"Addresses": [{"Key.Id": "PRIMARY", "Key.CustomerKey.Id": number, "City": "Salem", "State": "MA"}]},
    )


def test_customer_is_created_then_changed_and_keeps_the_rest(hook: GPWebServicesHook) -> None:
    (created,) = send(hook, customer("WS1", Comment1="kept"))
    assert (created.target_id, created.error) == ("WS1", None)
    (changed,) = send(hook, Document("gp:1:customer:WS1", "k", {"Key.Id": "WS1", "Name": "Ann Archer-Lee"}))
    assert changed.error is None
    pages = read(hook, "customer", Window(datetime(2026, 3, 1, tzinfo=UTC)))
    (payload,) = [record.payload for page in pages for record in page if record.key == "gp:1:customer:WS1"]
    assert (payload["Name"], payload["Comment1"]) == ("Ann Archer-Lee", "kept")
    assert [address["City"] for address in payload["Addresses"]["CustomerAddress"]] == ["Salem"]


def test_customer_gp_refuses_names_property_and_reason_and_keeps_no_other_back(hook: GPWebServicesHook) -> None:
    refused, taken = send(hook, customer("WS2", **{"PaymentTermsKey.Id": "Net 999"}), customer("WS3"))
    assert isinstance(refused.error, RecordRejected)
    assert refused.error.code == "LB-GP-026"
    assert "PaymentTermsKey" in refused.error.field
    assert (taken.target_id, taken.error) == ("WS3", None)
    assert list(lookup(hook, "customer", "WS2", "ws3")) == ["ws3"]


def test_more_items_than_a_list_holds_are_all_listed(hook: GPWebServicesHook) -> None:
    keys = [f"LAMP-{number:04d}" for number in range(2100)]
    found = lookup(hook, "item", *keys, "NO-SUCH-SKU")
    assert list(found) == keys
    assert found["LAMP-2099"]["Description"] == "Lamp 2099"


def test_window_gives_what_changed_in_it(hook: GPWebServicesHook) -> None:
    send(hook, customer("WS4"))
    (record,) = [
        record
        for page in read(hook, "customer", Window(datetime(2026, 3, 2, tzinfo=UTC)))
        for record in page
        if record.key == "gp:1:customer:WS4"
    ]
    moment = record.changed_at
    assert read(hook, "customer", Window(moment + timedelta(hours=1))) == []
    exact = read(hook, "customer", Window(moment - timedelta(seconds=1), moment + timedelta(seconds=1)))
    assert record.key in {each.key for page in exact for each in page}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        pytest.param({"password": "wrong"}, "LB-GP-001", id="password"),
        pytest.param({"extra": {}}, "LB-GP-003", id="no-company"),
        pytest.param({"extra": {"company_id": 1, "auth": "kerberos"}}, "LB-GP-003", id="unknown-kind-of-login"),
        pytest.param({"extra": {"company_id": 1, "wsdl_path": "/nothing"}}, "LB-GP-003", id="no-wsdl"),
    ],
)
def test_connection_test_names_the_wrong_setting(
    gp_sandbox: str, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], code: str
) -> None:
    well, message = hook_on(monkeypatch, gp_sandbox, **changed).test_connection()
    assert (well, message.split()[0]) == (False, code)


def test_connection_test_passes_by_ntlm(hook: GPWebServicesHook) -> None:
    assert hook.test_connection() == (True, "Web Services answer and open the company")


def test_unknown_entity_names_those_there_are(hook: GPWebServicesHook) -> None:
    with pytest.raises(ConfigurationError, match='no entity "order"; there are customer, vendor, item'):
        hook.entity("order")
