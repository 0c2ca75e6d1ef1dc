"""Faults to order: what a client of a simulated system meets, when, how often, and what became of its call."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Response

from sandbox.faults import FAULT_TABLE, Fault, Faults, NoSuchFault, answer_in, fault_routes
from sandbox.faulty_line import FaultyLine
from sandbox.store import Store
from tests.contract.served_app import serve


def refuse(fault: Fault) -> Response:
    if fault.kind != "status":
        raise NoSuchFault(f"The counter has no answer of kind {fault.kind}.")
    return answer_in(fault, {"error": "broken"})


class Counter:
    """A system that counts: POST adds one and tells the sum."""

    def __init__(self, folder: Path) -> None:
        self.count = 0
        faults = Faults(Store(folder / "faults.sqlite", FAULT_TABLE), refuse)
        self.app = FastAPI()
        self.app.include_router(fault_routes(faults, below="/api/"))
        self.app.add_middleware(FaultyLine, faults=faults)
        self.app.post("/api/count")(self.add)
        self.url = ""

    async def add(self) -> dict[str, Any]:
        self.count += 1
        return {"count": self.count, "padding": "." * 100}

    def order(self, kind: str, **fault: Any) -> httpx.Response:
        return httpx.post(f"{self.url}/_sandbox/faults", json={"kind": kind, **fault})

    def call(self, **sent: Any) -> httpx.Response:
        return httpx.post(f"{self.url}/api/count", json=sent, timeout=5)

    def ordered(self) -> list[dict[str, Any]]:
        faults: list[dict[str, Any]] = httpx.get(f"{self.url}/_sandbox/faults").json()["faults"]
        return faults


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    counter = Counter(tmp_path_factory.mktemp("counter"))
    with serve(counter.app) as url:
        counter.url = url
        yield counter


@pytest.fixture
def counter(served: Counter) -> Counter:
    httpx.delete(f"{served.url}/_sandbox/faults").raise_for_status()
    served.count = 0
    return served


@pytest.mark.parametrize(
    ("kind", "failure", "done"),
    [
        pytest.param("lost_before_commit", httpx.RemoteProtocolError, 0, id="lost-before"),
        pytest.param("lost_after_commit", httpx.RemoteProtocolError, 1, id="lost-after"),
        pytest.param("reset", httpx.ReadError, 1, id="reset-in-mid-answer"),
    ],
)
def test_a_broken_connection_leaves_the_call_done_or_not(
    counter: Counter, kind: str, failure: type[Exception], done: int
) -> None:
    counter.order(kind)
    with pytest.raises(failure):
        counter.call()
    assert counter.count == done
    assert counter.call().status_code == 200


@pytest.mark.parametrize(
    ("kind", "done"), [("lost_before_commit", 0), ("lost_after_commit", 1), ("slow_answer", 1)], ids=str
)
def test_a_client_that_waits_no_longer_has_its_call_done_or_not(counter: Counter, kind: str, done: int) -> None:
    counter.order(kind, seconds=2)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{counter.url}/api/count", timeout=0.3)
    assert counter.count == done


def test_a_slow_line_serves_the_call_late(counter: Counter) -> None:
    counter.order("slow", seconds=0.3)
    began = time.monotonic()
    assert counter.call().json()["count"] == 1
    assert time.monotonic() - began >= 0.3


def test_a_malformed_answer_is_whole_for_http_and_half_for_its_reader(counter: Counter) -> None:
    counter.order("malformed")
    answer = counter.call()
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="Unterminated string"):
        answer.json()


def test_a_repeated_call_is_done_twice_and_answered_once(counter: Counter) -> None:
    counter.order("repeated")
    assert counter.call(some="body").json()["count"] == 2


def test_a_storm_of_one_status_lasts_as_many_calls_as_ordered(counter: Counter) -> None:
    counter.order("status", status=429, headers={"Retry-After": "7"}, body="slow down", times=3)
    answers = [counter.call() for _ in range(4)]
    assert [answer.status_code for answer in answers] == [429, 429, 429, 200]
    assert (answers[0].text, answers[0].headers["Retry-After"]) == ("slow down", "7")


def test_a_fault_meets_only_the_calls_it_was_ordered_for(counter: Counter) -> None:
    counter.order("status", method="PUT")
    counter.order("status", path="other")
    counter.order("status", path="count", contains="INV-7", skip=1)
    assert [counter.call(number=f"INV-{n}").status_code for n in (7, 6, 7, 7)] == [200, 200, 500, 200]
    assert [(fault["met"], fault["happened"]) for fault in counter.ordered()] == [(0, 0), (0, 0), (2, 1)]


def test_chance_strikes_some_calls_and_with_the_same_seed_the_same_ones(counter: Counter) -> None:
    def strikes() -> list[int]:
        httpx.delete(f"{counter.url}/_sandbox/faults")
        counter.order("status", times=None, probability=0.5, seed=4)
        return [counter.call().status_code for _ in range(12)]

    first = strikes()
    assert {200, 500} == set(first)
    assert strikes() == first


def test_a_kind_the_system_has_no_answer_for_is_refused_when_ordered(counter: Counter) -> None:
    refused = counter.order("throttled")
    assert (refused.status_code, refused.json()["detail"]) == (422, "The counter has no answer of kind throttled.")


XERO_TOKENS, STRIPE, SHOP = "/connect/token", "/v1/charges", "/s.myshopify.com/admin/api/2026-10/graphql.json"
ECONNECT = "/Microsoft/Dynamics/GP/eConnect/EntityOperations"


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """All four, without a company: a fault comes before anything is asked of one."""
    apps = {
        system: import_module(f"sandbox.{system}.app").create_app(tmp_path_factory.mktemp(system))
        for system in ("shopify", "stripe", "gp", "xero")
    }
    with ExitStack() as running:
        yield {system: running.enter_context(serve(app)) for system, app in apps.items()}


@pytest.mark.parametrize(
    ("system", "path", "kind", "status", "says"),
    [
        pytest.param("xero", XERO_TOKENS, "throttled", 429, "Rate limit exceeded: minute", id="xero-minute"),
        pytest.param("xero", XERO_TOKENS, "concurrent", 429, "Rate limit exceeded: concurrent", id="xero-concurrent"),
        pytest.param("xero", XERO_TOKENS, "expired_token", 401, "TokenExpired", id="xero-token"),
        pytest.param("xero", XERO_TOKENS, "status", 500, "ErrorNumber", id="xero-status"),
        pytest.param("stripe", STRIPE, "throttled", 429, "rate_limit", id="stripe-throttled"),
        pytest.param("stripe", STRIPE, "concurrent", 409, "idempotency_key_in_use", id="stripe-concurrent"),
        pytest.param("stripe", STRIPE, "expired_token", 401, "Invalid API Key", id="stripe-token"),
        pytest.param("stripe", STRIPE, "status", 500, "api_error", id="stripe-status"),
        pytest.param("shopify", SHOP, "throttled", 200, "THROTTLED", id="shopify-throttled"),
        pytest.param("shopify", SHOP, "expired_token", 401, "Invalid API key or access token", id="shopify-token"),
        pytest.param("shopify", SHOP, "status", 500, "Internal Server Error", id="shopify-status"),
        pytest.param("gp", ECONNECT, "concurrent", 500, "deadlocked", id="gp-deadlock"),
        pytest.param("gp", ECONNECT, "sql_timeout", 500, "Timeout expired", id="gp-sql-timeout"),
        pytest.param("gp", ECONNECT, "expired_token", 401, "", id="gp-login"),
        pytest.param("gp", ECONNECT, "status", 500, "500", id="gp-status"),
    ],
)
def test_a_system_refuses_on_demand_in_its_own_words(
    systems: dict[str, str], system: str, path: str, kind: str, status: int, says: str
) -> None:
    ordered = httpx.post(f"{systems[system]}/_sandbox/faults", json={"kind": kind, "path": path, "seconds": 5})
    assert ordered.status_code == 201, ordered.text
    answer = httpx.post(f"{systems[system]}{path}", content=b"{}")
    assert answer.status_code == status
    assert says in answer.text
