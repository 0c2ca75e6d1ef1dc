"""The Stripe hook on the wire, against answers given to it."""

from __future__ import annotations

import json
import logging
import pickle
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.stripe.amounts import major, with_decimals
from hooks.stripe.hook import StripeHook
from ledgerbridge.entities import RawRecord, Source, Window
from ledgerbridge.errors import ConfigurationError, TransientError
from tests.contract.scripted_api import Reply, ScriptedApi, serve_script
from tests.reference_data import STRIPE_SAMPLES

DATE = "Mon, 02 Mar 2026 16:41:30 GMT"
MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def hook_on(monkeypatch: pytest.MonkeyPatch, url: str, waits: list[float] | None = None, **extra: Any) -> StripeHook:
    extra = {"account": "acct_1", **extra}
    connection = {"conn_type": "stripe", "host": url, "password": "sk_test_1", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_STRIPE_TEST", json.dumps(connection))
    return StripeHook("stripe_test", sleep=(waits if waits is not None else []).append)


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with serve_script() as script:
        yield script


@pytest.fixture
def hook(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> StripeHook:
    return hook_on(monkeypatch, api.url, waits)


def listing(*items: dict[str, Any], has_more: bool = False) -> Reply:
    return Reply({"object": "list", "data": list(items), "has_more": has_more, "url": "/v1/x"})


def transaction(identity: str, source: str | dict[str, Any] | None, **fields: Any) -> dict[str, Any]:
    return {
        "id": identity, "object": "balance_transaction", "created": 1772443290, "currency": "usd", "amount": 5377,
        "fee": 186, "net": 5191, "exchange_rate": None, "type": "charge", "reporting_category": "charge",
        "status": "pending", "source": source,
        "fee_details": [{"amount": 186, "currency": "usd", "type": "stripe_fee"}],
    } | fields  # fmt: skip


def charge(identity: str, balance_transaction: dict[str, Any] | None, **fields: Any) -> dict[str, Any]:
    return {
        "id": identity, "object": "charge", "created": 1772443290, "currency": "usd", "amount": 5377,
        "amount_captured": 5377, "amount_refunded": 0, "captured": True, "paid": True, "status": "succeeded",
        "livemode": False, "metadata": {"order_id": "#1001"}, "balance_transaction": balance_transaction,
        "payment_intent": None,
    } | fields  # fmt: skip


def payout(**fields: Any) -> dict[str, Any]:
    return {
        "id": "po_1", "object": "payout", "created": 1772443290, "arrival_date": 1772668800, "currency": "usd",
        "amount": 5191, "automatic": True, "status": "paid", "reconciliation_status": "completed",
        "failure_balance_transaction": None, "reversed_by": None, "livemode": False,
    } | fields  # fmt: skip


def everything(source: Source, window: Window | None = None) -> list[RawRecord]:
    return [record for page in source.read(window or Window()) for record in page]


@pytest.mark.parametrize(
    ("minor", "currency", "amount"),
    [
        pytest.param(5377, "usd", "53.77", id="two-decimals"),
        pytest.param(-500, "JPY", "-500", id="no-decimals"),
        pytest.param(1230, "kwd", "1.230", id="three-decimals"),
        pytest.param(500, "isk", "5.00", id="isk-is-passed-with-two"),
    ],
)
def test_minor_units_become_decimals_of_the_currency(minor: int, currency: str, amount: str) -> None:
    assert major(minor, currency) == amount


@given(st.integers(-(10**14), 10**14), st.sampled_from(["usd", "jpy", "kwd", "eur"]))
def test_no_amount_loses_a_unit(minor: int, currency: str) -> None:
    amount = Decimal(major(minor, currency))

    assert amount.scaleb({"jpy": 0, "kwd": 3}.get(currency, 2)) == minor


def test_a_charge_has_decimal_amounts_wherever_they_stand(api: ScriptedApi, hook: StripeHook) -> None:
    settled = transaction("txn_1", "ch_1", exchange_rate=1.28)
    api.will_reply(listing(charge("ch_1", settled, metadata={"object": "charge", "amount": "x"})))

    [record] = everything(hook.entity("charge"))

    assert record.key == "stripe:acct_1:charge:ch_1"
    assert record.changed_at == datetime(2026, 3, 2, 9, 21, 30, tzinfo=UTC)
    assert record.payload["amount"] == "53.77"
    assert record.payload["metadata"] == {"object": "charge", "amount": "x"}
    booked = record.payload["balance_transaction"]
    assert (booked["amount"], booked["fee"], booked["net"]) == ("53.77", "1.86", "51.91")
    assert booked["fee_details"][0]["amount"] == "1.86"
    assert booked["exchange_rate"] == "1.28"


def test_every_request_pins_the_version_and_carries_the_key(api: ScriptedApi, hook: StripeHook) -> None:
    api.will_reply(listing())

    everything(hook.entity("refund"))

    headers = api.asked[0].headers
    assert headers["stripe-version"] == "2026-10-28.endive"
    assert headers["authorization"] == "Basic c2tfdGVzdF8xOg=="  # sk_test_1 as user name, no password
    assert "account" not in headers


def test_a_list_is_read_to_its_last_page(api: ScriptedApi, hook: StripeHook) -> None:
    api.will_reply(listing(charge("ch_2", None), has_more=True), listing(charge("ch_1", None)))

    records = everything(hook.entity("charge"))

    assert [record.payload["id"] for record in records] == ["ch_2", "ch_1"]
    assert api.asked[0].query["limit"] == ["100"]
    assert api.asked[1].query["starting_after"] == ["ch_2"]


def test_a_window_begins_earlier_by_the_overlap(api: ScriptedApi, hook: StripeHook) -> None:
    api.will_reply(listing())

    everything(hook.entity("balance_transaction"), Window(MORNING, NOON))

    assert api.asked[0].query["created[gte]"] == [str(int(MORNING.timestamp()) - 3600)]
    assert api.asked[0].query["created[lte]"] == [str(int(NOON.timestamp()))]


def test_a_charge_without_balance_transaction_comes_again_once_it_has_one(api: ScriptedApi, hook: StripeHook) -> None:
    api.will_reply(listing(charge("ch_1", None)))
    [early] = everything(hook.entity("charge"))
    api.will_reply(
        listing(),
        listing(transaction("txn_1", charge("ch_1", None)), transaction("txn_2", None, type="stripe_fee")),
        Reply(charge("ch_1", transaction("txn_1", "ch_1"))),
    )

    [late] = everything(hook.entity("charge"), Window(NOON))

    assert early.payload["balance_transaction"] is None
    assert late.payload["balance_transaction"]["net"] == "51.91"
    assert early.key == late.key
    assert early.version != late.version
    assert api.asked[-1].path == "/v1/charges/ch_1"


def test_a_refund_that_failed_later_comes_again(api: ScriptedApi, hook: StripeHook) -> None:
    refund: dict[str, Any] = {
        "id": "re_1", "object": "refund", "created": 1772443290, "currency": "usd", "amount": 1500, "metadata": {},
        "status": "failed", "charge": "ch_1", "balance_transaction": transaction("txn_1", "re_1"),
        "failure_balance_transaction": transaction("txn_2", "re_1"),
    }  # fmt: skip
    api.will_reply(
        listing(), listing(transaction("txn_2", refund), transaction("txn_3", charge("ch_1", None))), Reply(refund)
    )

    [record] = everything(hook.entity("refund"), Window(NOON))

    assert record.payload["status"] == "failed"
    assert record.payload["failure_balance_transaction"]["id"] == "txn_2"


def test_a_dispute_won_comes_again_with_both_its_movements(api: ScriptedApi, hook: StripeHook) -> None:
    withdrawn = transaction("txn_1", "dp_1", type="adjustment", amount=-5377, fee=1500, net=-6877)
    reinstated = transaction("txn_2", "dp_1", type="adjustment", fee=0, net=5377, created=1775000000)
    dispute = {
        "id": "dp_1", "object": "dispute", "created": 1772443290, "currency": "usd", "amount": 5377, "charge": "ch_1",
        "livemode": False, "status": "won", "balance_transactions": [withdrawn, reinstated],
    }  # fmt: skip
    api.will_reply(listing(), listing(transaction("txn_2", dispute)), Reply(dispute))

    [record] = everything(hook.entity("dispute"), Window(NOON))

    assert [moved["net"] for moved in record.payload["balance_transactions"]] == ["-68.77", "53.77"]
    assert record.changed_at == datetime.fromtimestamp(1775000000, UTC)


@pytest.mark.parametrize(
    ("later", "differs"),
    [
        pytest.param({"amount_refunded": 100, "refunded": False}, False, id="refunded-in-part"),
        pytest.param({"balance_transaction": transaction("txn_1", "ch_1", status="available")}, False, id="available"),
        pytest.param({"metadata": {"order_id": "#1002"}}, True, id="order-named-by-a-person"),
        pytest.param({"payment_intent": {"id": "pi_1", "metadata": {"order_id": "#1"}}}, True, id="intent-names-order"),
        pytest.param({"amount_captured": 5000}, True, id="captured-less"),
    ],
)
def test_a_charge_has_a_new_version_when_the_books_care(
    api: ScriptedApi, hook: StripeHook, later: dict[str, Any], differs: bool
) -> None:
    before = charge("ch_1", transaction("txn_1", "ch_1"))
    api.will_reply(listing(before, before | later))

    first, second = everything(hook.entity("charge"))

    assert (first.version != second.version) is differs


def test_a_reconciled_payout_lists_what_it_paid_out_but_itself(api: ScriptedApi, hook: StripeHook) -> None:
    own = transaction("txn_2", "po_1", type="payout", amount=-5191, fee=0, net=-5191)
    api.will_reply(listing(payout()), listing(own, transaction("txn_1", charge("ch_1", None))))

    [record] = everything(hook.entity("payout"))

    assert [item["id"] for item in record.payload["items"]] == ["txn_1"]
    assert record.payload["items"][0]["source"]["metadata"] == {"order_id": "#1001"}
    assert record.payload["unexplained"] == "0.00"
    assert api.asked[1].query["payout"] == ["po_1"]


def test_a_payout_whose_items_miss_a_cent_says_so(api: ScriptedApi, hook: StripeHook) -> None:
    api.will_reply(listing(payout(amount=5192)), listing(transaction("txn_1", "ch_1")))

    [record] = everything(hook.entity("payout"))

    assert record.payload["unexplained"] == "0.01"


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"automatic": False, "reconciliation_status": "not_applicable"}, id="manual"),
        pytest.param({"reconciliation_status": "in_progress"}, id="not-reconciled-yet"),
    ],
)
def test_a_payout_that_stripe_does_not_itemise_has_no_items(
    api: ScriptedApi, hook: StripeHook, fields: dict[str, Any]
) -> None:
    api.will_reply(listing(payout(**fields)))

    [record] = everything(hook.entity("payout"))

    assert record.payload["items"] is None
    assert record.payload["unexplained"] is None


def test_a_payout_of_last_month_is_seen_to_fail(api: ScriptedApi, hook: StripeHook) -> None:
    api.will_reply(listing(payout(reconciliation_status="in_progress")))
    [paid] = everything(hook.entity("payout"), Window(NOON))
    api.will_reply(listing(payout(reconciliation_status="in_progress", status="failed")))

    [failed] = everything(hook.entity("payout"), Window(NOON))

    assert api.asked[0].query["created[gte]"] == [str(int(NOON.timestamp()) - 30 * 86400)]
    assert paid.version != failed.version


def test_the_balance_is_what_is_available_and_pending_by_currency(api: ScriptedApi, hook: StripeHook) -> None:
    pending = [{"amount": 5191, "currency": "usd"}]
    available = [{"amount": -100, "currency": "usd"}, {"amount": 700, "currency": "jpy"}]
    api.will_reply(Reply({"object": "balance", "livemode": False, "available": available, "pending": pending}))

    assert hook.balance() == {"USD": Decimal("50.91"), "JPY": Decimal("700")}


def test_the_clock_is_stripes_own(api: ScriptedApi, hook: StripeHook) -> None:
    api.will_reply(Reply(listing().content, headers={"Date": DATE}))

    assert hook.entity("payout").clock() == datetime(2026, 3, 2, 16, 41, 30, tzinfo=UTC)


def test_an_object_of_the_other_mode_is_refused(api: ScriptedApi, hook: StripeHook) -> None:
    api.will_reply(listing(charge("ch_1", None, livemode=True)))

    with pytest.raises(ConfigurationError, match="charge ch_1 is of live mode") as refused:
        everything(hook.entity("charge"))

    assert refused.value.code == "LB-STRIPE-009"


@pytest.mark.parametrize(
    ("status", "headers", "error", "code"),
    [
        pytest.param(401, {}, ConfigurationError, "LB-STRIPE-002", id="key"),
        pytest.param(403, {}, ConfigurationError, "LB-STRIPE-003", id="right"),
        pytest.param(400, {}, ConfigurationError, "LB-STRIPE-007", id="request"),
        pytest.param(409, {}, TransientError, "LB-STRIPE-005", id="conflict"),
        pytest.param(503, {}, TransientError, "LB-STRIPE-005", id="server"),
        pytest.param(400, {"Stripe-Should-Retry": "true"}, TransientError, "LB-STRIPE-005", id="asked-to-repeat"),
        pytest.param(500, {"Stripe-Should-Retry": "false"}, ConfigurationError, "LB-STRIPE-007", id="asked-not-to"),
    ],
)
def test_a_refusal_says_what_to_do_and_keeps_its_fields(
    api: ScriptedApi, hook: StripeHook, status: int, headers: dict[str, str], error: type[Exception], code: str
) -> None:
    refusal = {"error": {"type": "invalid_request_error", "message": "No such thing."}}
    api.will_reply(Reply(refusal, status, {"Request-Id": "req_9", **headers}))

    with pytest.raises(error, match=rf"{status}: No such thing\. \(request req_9\).*Remedy: \w") as refused:
        hook.fetch("/v1/charges")

    assert pickle.loads(pickle.dumps(refused.value)).code == code


LIMITED = {"error": {"type": "invalid_request_error", "code": "rate_limit", "message": "Too many requests."}}


def test_a_limited_request_waits_a_little_and_goes_on(api: ScriptedApi, hook: StripeHook, waits: list[float]) -> None:
    api.will_reply(Reply(LIMITED, 429), Reply(LIMITED, 429, {"Retry-After": "3"}), listing())

    assert hook.fetch("/v1/charges")["data"] == []
    assert 0.5 <= waits[0] <= 0.75
    assert waits[1] == 3


def test_a_request_limited_for_long_is_worth_a_later_repeat(
    api: ScriptedApi, hook: StripeHook, waits: list[float]
) -> None:
    api.will_reply(*[Reply(LIMITED, 429, {"Retry-After": "7"})] * 5)

    with pytest.raises(TransientError, match="429: Too many requests") as refused:
        hook.fetch("/v1/charges")

    copy = pickle.loads(pickle.dumps(refused.value))
    assert (copy.code, copy.retry_after_seconds) == ("LB-STRIPE-006", 7)
    assert len(waits) == 4


def test_a_body_cut_short_is_worth_a_repeat(api: ScriptedApi, hook: StripeHook) -> None:
    api.will_reply(Reply('{"object": "list", "da'))

    with pytest.raises(TransientError, match="without valid JSON"):
        everything(hook.entity("charge"))


def test_an_answer_that_breaks_off_is_worth_a_repeat(api: ScriptedApi, hook: StripeHook) -> None:
    api.will_reply(Reply(listing(charge("ch_1", None)).content, cut=True))

    with pytest.raises(TransientError, match="got no answer") as refused:
        everything(hook.entity("charge"))

    assert refused.value.code == "LB-STRIPE-004"


def test_a_host_that_is_silent_for_too_long_is_worth_a_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hook = hook_on(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.05)

        with pytest.raises(TransientError, match=r"got no answer \(ReadTimeout\)"):
            hook.balance()


def test_neither_key_nor_payload_reaches_the_log(
    api: ScriptedApi, hook: StripeHook, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    api.will_reply(listing(charge("ch_1", None, description="planted-text")), Reply({"error": {}}, 401))

    everything(hook.entity("charge"))
    hook.test_connection()

    logged = caplog.text + "".join(capfd.readouterr())
    assert "/v1/charges" in logged
    assert "planted-text" not in logged
    assert "sk_test_1" not in logged


def test_a_host_that_does_not_answer_is_worth_a_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_script() as gone:
        hook = hook_on(monkeypatch, gone.url)

    with pytest.raises(TransientError, match="got no answer") as refused:
        hook.balance()

    assert refused.value.code == "LB-STRIPE-004"


def test_a_connection_without_account_is_refused(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = {"conn_type": "stripe", "host": api.url, "password": "sk_test_1"}
    monkeypatch.setenv("AIRFLOW_CONN_STRIPE_TEST", json.dumps(connection))
    api.will_reply(listing(charge("ch_1", None)))

    with pytest.raises(ConfigurationError, match="no `account`") as refused:
        everything(StripeHook("stripe_test").entity("charge"))

    assert refused.value.code == "LB-STRIPE-001"


def account_since(monkeypatch: pytest.MonkeyPatch, url: str, day: str) -> StripeHook:
    extra = {"account": "acct_1", "manual_payouts_since": day}
    connection = {"conn_type": "stripe", "host": url, "password": "sk_test_1", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_STRIPE_TEST", json.dumps(connection))
    return StripeHook("stripe_test")


def test_movements_since_payouts_are_manual_say_that_no_payout_tells_of_them_whenever_they_are_read(
    api: ScriptedApi, hook: StripeHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.will_reply(*(listing(transaction("txn_1", "ch_1")) for _ in range(3)))  # of 2 March 2026
    [told] = everything(hook.entity("balance_transaction"))
    [before] = everything(account_since(monkeypatch, api.url, "2026-03-03").entity("balance_transaction"))
    [not_told] = everything(account_since(monkeypatch, api.url, "2026-03-02").entity("balance_transaction"))
    assert before == told
    assert not_told.payload == told.payload | {"itemised": False}
    assert not_told.key == told.key
    assert not_told.version != told.version  # so that it is taken anew when it is read again


def test_a_day_of_manual_payouts_that_is_none_is_refused(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    api.will_reply(listing(transaction("txn_1", "ch_1")))
    with pytest.raises(ConfigurationError, match=r"'manual' as `manual_payouts_since`.*Give the day"):
        everything(account_since(monkeypatch, api.url, "manual").entity("balance_transaction"))


def test_a_connection_without_scheme_is_spoken_to_by_https(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = hook_on(monkeypatch, "api.stripe.com")

    assert hook.session is not None
    assert hook.base_url == "https://api.stripe.com"


def test_test_connection_reads_what_the_flows_read(api: ScriptedApi, hook: StripeHook) -> None:
    balance = {"object": "balance", "livemode": False, "available": [{"amount": 1, "currency": "usd"}], "pending": []}
    api.will_reply(*[listing()] * 5, Reply(balance))

    assert hook.test_connection() == (True, "Account acct_1, currencies USD.")
    assert api.asked[0].query["expand[]"] == ["data.balance_transaction", "data.payment_intent"]


def test_the_documented_connection_is_complete(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "stripe.md"
    [example] = re.findall(r"```json\n(.*?)```", page.read_text(), re.DOTALL)
    monkeypatch.setenv("AIRFLOW_CONN_STRIPE_TEST", json.dumps(json.loads(example) | {"host": api.url}))
    api.will_reply(listing(charge("ch_1", None, livemode=True)))

    [record] = everything(StripeHook("stripe_test").entity("charge"))

    assert record.key == "stripe:acct_…:charge:ch_1"


def test_stripes_own_sample_objects_become_decimals(api: ScriptedApi, hook: StripeHook) -> None:
    samples = json.loads(STRIPE_SAMPLES.text())["resources"]
    names = ["charge", "refund", "dispute", "payout", "balance_transaction"]
    for name in names:
        api.will_reply(listing(samples[name] | {"balance_transaction": None, "automatic": False}))

    amounts = {name: everything(hook.entity(name))[0].payload["amount"] for name in names}

    assert amounts == {name: major(samples[name]["amount"], samples[name]["currency"]) for name in names}


def test_amounts_within_objects_of_kinds_that_nobody_reads_are_decimals_too() -> None:
    """A payout's items name what caused them: of two forms in one column no mapping could be run."""
    causes = [{"object": kind, "amount": 3000, "currency": "usd"} for kind in ("charge", "topup", "transfer")]
    found = with_decimals(
        {"object": "payout", "amount": 0, "currency": "usd", "items": [{"source": each} for each in causes]}
    )
    assert {item["source"]["amount"] for item in found["items"]} == {"30.00"}


def test_test_connection_names_the_missing_right(api: ScriptedApi, hook: StripeHook) -> None:
    refusal = {"error": {"type": "invalid_request_error", "message": "Missing permission rak_payout_read."}}
    api.will_reply(listing(), listing(), listing(), Reply(refusal, 403))

    good, message = hook.test_connection()

    assert not good
    assert "rak_payout_read" in message
