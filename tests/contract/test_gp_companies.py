"""Two companies on one GP: a connection each, by eConnect's database and by Web Services' company key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import requests

from hooks.gp.econnect.hook import GPEConnectHook
from hooks.gp.web_services.hook import GPWebServicesHook
from ledgerbridge.entities import Document, Master, Outcome, Source, Target, Window
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError, RecordWaits
from sandbox.gp.app import create_app
from tests.contract.gp_company import COMPANY
from tests.contract.served_app import serve

HARBOR, QUAY, FOREIGN = ("HLS", 1, "HLS\\bridge"), ("QSS", 2, "HLS\\bridge"), ("XYZ", 3, "XYZ\\other")
PASSWORD = "wool-store-7"
DAY = date(2026, 3, 2)


@pytest.fixture(scope="module")
def gp_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Two companies of one login, and one of somebody else's."""
    with serve(create_app(tmp_path_factory.mktemp("gp"))) as url:
        for company_id, number, login in (HARBOR, QUAY, FOREIGN):
            seed = {"company": COMPANY, "company_id": company_id, "company_number": number}
            body = seed | {"login": login, "password": PASSWORD}
            requests.post(f"{url}/_sandbox/seed", json=body, timeout=30).raise_for_status()
        now = {"now": "2026-03-02T15:41:00Z"}
        requests.put(f"{url}/_sandbox/clock", json=now, timeout=10).raise_for_status()
        yield url


class Site:
    """Hooks on the companies of one GP, all with the same login."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
        self._monkeypatch = monkeypatch
        self.url = url

    def econnect(self, company_id: str) -> GPEConnectHook:
        return GPEConnectHook(self._connection("gp_econnect", company_id, {"company": company_id}))

    def web_services(self, number: int) -> GPWebServicesHook:
        return GPWebServicesHook(self._connection("gp_web_services", str(number), {"company_id": number}))

    def _connection(self, kind: str, company: str, extra: dict[str, Any]) -> str:
        host, port = self.url.removeprefix("http://").split(":")
        server = {"conn_type": kind, "schema": "http", "host": host, "port": int(port)}
        content = server | {"login": "HLS\\bridge", "password": PASSWORD, "extra": extra}
        self._monkeypatch.setenv(f"AIRFLOW_CONN_{kind}_{company}".upper(), json.dumps(content))
        return f"{kind}_{company}"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, gp_sandbox: str) -> Site:
    return Site(monkeypatch, gp_sandbox)


def send(hook: GPEConnectHook | GPWebServicesHook, entity: str, document: Document) -> Outcome:
    target = hook.entity(entity)
    assert isinstance(target, Target)
    (outcome,) = target.send([document])
    return outcome


def customer(number: str, name: str) -> Document:
    return Document(number, number, {"CUSTNMBR": number, "CUSTNAME": name})


def receipt(number: str, customer_number: str) -> Document:
    header = {"CUSTNMBR": customer_number, "DOCNUMBR": number, "DOCDATE": DAY, "GLPOSTDT": DAY, "CSHRCTYP": 0}
    return Document(number, number, header | {"ORTRXAMT": Decimal("1.00"), "BACHNUMB": "CASH", "CHEKBKID": "STRIPE"})


def names(hook: GPEConnectHook | GPWebServicesHook, column: str, number: str) -> list[str]:
    master = hook.entity("customer")
    assert isinstance(master, Master)
    return [str(row[column]).strip() for row in master.lookup([number]).values()]


def test_a_number_is_another_customer_in_another_company(site: Site) -> None:
    harbor, quay = site.econnect("HLS"), site.econnect("QSS")
    assert send(harbor, "customer", customer("C1", "Ann Archer")).error is None
    assert names(quay, "CUSTNAME", "C1") == []
    assert send(quay, "customer", customer("C1", "Bob Baker")).error is None
    assert (names(harbor, "CUSTNAME", "C1"), names(quay, "CUSTNAME", "C1")) == (["Ann Archer"], ["Bob Baker"])
    keys = []
    for hook in (harbor, quay):
        source = hook.entity("customer")
        assert isinstance(source, Source)
        keys += [record.key for page in source.read(Window(datetime(2026, 3, 1, tzinfo=UTC))) for record in page]
    assert {"gp:HLS:customer:C1", "gp:QSS:customer:C1"} <= set(keys)


def test_what_a_bookkeeper_closes_in_one_company_stays_open_in_the_other(site: Site) -> None:
    harbor, quay = site.econnect("HLS"), site.econnect("QSS")
    for hook in (harbor, quay):
        assert send(hook, "customer", customer("C2", "Cy Cole")).error is None
    period = {"year": 2026, "period": 3, "closed": True}
    requests.put(f"{site.url}/_sandbox/periods?company=QSS", json=period, timeout=10).raise_for_status()
    assert send(harbor, "cash_receipt", receipt("R1", "C2")).error is None
    assert isinstance(send(quay, "cash_receipt", receipt("R1", "C2")).error, RecordWaits)
    posted = requests.post(f"{site.url}/_sandbox/post?company=HLS", json={}, timeout=10).json()
    assert (posted["posted"], posted["errors"]) == (1, [])


def test_the_company_key_decides_which_company_web_services_write(site: Site) -> None:
    harbor, quay = site.web_services(1), site.web_services(2)
    document = Document("W1", "W1", {"Key.Id": "W1", "Name": "Dee Drew"})
    assert send(quay, "customer", document).error is None
    assert (names(harbor, "Name", "W1"), names(quay, "Name", "W1")) == ([], ["Dee Drew"])
    assert names(site.econnect("QSS"), "CUSTNAME", "W1") == ["Dee Drew"]


def test_a_login_opens_its_own_companies_only(site: Site) -> None:
    with pytest.raises(ConfigurationError, match="XYZ"):
        send(site.econnect("XYZ"), "customer", customer("C1", "Ann"))
    with pytest.raises(LedgerbridgeError, match="not authorized"):
        names(site.web_services(3), "Name", "C1")
