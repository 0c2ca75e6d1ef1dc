"""The simulated Stripe answers as its API is described, to its own Python client among others."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe
import yaml
from jsonschema import Draft7Validator

from sandbox.stripe.app import create_app
from tests.contract.served_app import serve
from tests.contract.webhook_receiver import Receiver, receiving
from tests.golden import golden_file
from tests.reference_data import STRIPE_API

KEY = "sk_test_sandbox"
COMPANY = {
    "name": "Harbor Light Supply",
    "base_currency": "USD",
    "currencies": [{"code": "GBP", "rate": "1.25"}, {"code": "JPY", "rate": "0.0066"}],
}
CHARGED = "2026-03-02T16:00:00Z"
ORDER: dict[str, Any] = {"name": "#1001", "currency": "USD", "rate": "1", "customer": None}


class Sandbox:
    """The running simulator with a bank's buttons and the merchant's client."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=30)
        self.client: Any = stripe.StripeClient(KEY, base_addresses={"api": url}, max_network_retries=0).v1
        self.press("POST", "seed", {"company": COMPANY, "api_key": KEY})

    def press(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, f"/_sandbox/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def charge(
        self, identity: str = "ch_1", at: str = "2026-03-02T16:00:00Z", *, order: Any = ORDER, **event: Any
    ) -> Any:
        event = {"id": identity, "at": at, "amount": "53.77", "fee": "1.86"} | event
        return self.press("POST", "charges", {"event": event, "order": order})

    def refund(self, identity: str = "re_1", amount: str = "53.77", **event: Any) -> Any:
        event = {"id": identity, "at": "2026-03-03T16:00:00Z", "amount": amount} | event
        return self.press("POST", "refunds", {"event": event, "order": ORDER})

    def pay_out(self, amount: str, *covers: str, **payout: Any) -> Any:
        return self.press(
            "POST", "payouts", {"id": "po_1", "arrives": "2026-03-05", "covers": covers, "amount": amount} | payout
        )

    def get(self, path: str, key: str = KEY, **headers: str) -> httpx.Response:
        return self.http.get(path, auth=(key, ""), headers=headers)

    def post(self, path: str, form: dict[str, str], key: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return self.http.post(path, auth=(KEY, ""), data=form, headers=headers)

    def total(self) -> int:
        balance = self.client.balance.retrieve()
        return sum(part.amount for part in [*balance.available, *balance.pending])

    def sum_of_nets(self) -> int:
        return sum(t.net for t in self.client.balance_transactions.list({"limit": 100}).auto_paging_iter())


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with serve(create_app(tmp_path)) as url:
        sandbox = Sandbox(url)
        sandbox.press("PUT", "settings", {"requests_per_second": 10_000, "requests_per_second_per_endpoint": 10_000})
        yield sandbox


# --- objects


def test_a_payment_is_a_charge_with_its_order_and_a_transaction_with_its_fee(sandbox: Sandbox) -> None:
    sandbox.charge()

    charge = sandbox.client.charges.retrieve("ch_1", {"expand": ["balance_transaction", "payment_intent"]})

    assert (charge.amount, charge.currency, charge.metadata["order_id"]) == (5377, "usd", "#1001")
    transaction = charge.balance_transaction
    assert (transaction.amount, transaction.fee, transaction.net) == (5377, 186, 5191)
    assert (transaction.currency, transaction.exchange_rate, transaction.source) == ("usd", None, "ch_1")
    assert (charge.payment_intent.latest_charge, charge.payment_intent.metadata["order_id"]) == ("ch_1", "#1001")


@pytest.mark.parametrize(
    ("currency", "rate", "paid", "amount", "settled"),
    [
        pytest.param("GBP", "1.28", "114.00", 11400, 14592, id="two-decimals"),
        pytest.param("JPY", "0.0066", "1500", 1500, 990, id="no-decimals"),
        pytest.param("KWD", "3.25", "10.250", 10250, 3331, id="three-decimals"),
    ],
)
def test_a_foreign_charge_settles_in_the_accounts_currency(
    sandbox: Sandbox, currency: str, rate: str, paid: str, amount: int, settled: int
) -> None:
    charge = sandbox.charge(order={**ORDER, "currency": currency, "rate": "9"}, amount=paid, rate=rate)

    assert (charge["amount"], charge["currency"]) == (amount, currency.lower())
    transaction = sandbox.client.balance_transactions.retrieve(charge["balance_transaction"])
    assert (transaction.amount, transaction.currency, str(transaction.exchange_rate)) == (settled, "usd", rate)


@pytest.mark.parametrize("paid", [pytest.param("1500.50", id="yen-with-sen"), pytest.param("15.005", id="half-a-cent")])
def test_an_amount_the_currency_does_not_have_is_refused(sandbox: Sandbox, paid: str) -> None:
    order = {**ORDER, "currency": "JPY" if paid == "1500.50" else "USD"}
    event = {"id": "ch_1", "at": "2026-03-02T16:00:00Z", "amount": paid, "fee": "0.10"}

    answer = sandbox.http.post("/_sandbox/charges", json={"event": event, "order": order})

    assert answer.status_code == 409
    assert f"{paid} {order['currency'].lower()} can't be charged" in answer.json()["error"]


def with_null(schema: Any) -> Any:
    """OpenAPI's ``nullable`` in the words of JSON Schema."""
    if isinstance(schema, list):
        return [with_null(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: with_null(value) for key, value in schema.items() if key != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") is True else plain


@STRIPE_API.needed
def test_every_object_fits_the_description(sandbox: Sandbox) -> None:
    sandbox.charge()
    sandbox.refund(amount="3.77")
    sandbox.press("POST", "disputes", {"id": "du_1", "charge": "ch_1", "at": "2026-03-04T00:00:00Z", "fee": "15.00"})
    sandbox.pay_out("48.14", "ch_1", "re_1")
    components = with_null(yaml.load(STRIPE_API.text(), Loader=yaml.CSafeLoader)["components"])
    found: dict[str, Any] = {"balance": sandbox.get("/v1/balance").json()}
    for name in ("charge", "refund", "payment_intent", "balance_transaction", "dispute", "payout", "event"):
        found[name] = sandbox.get(f"/v1/{name}s").json()["data"][0]

    for name, document in found.items():
        validator = Draft7Validator({"$ref": f"#/components/schemas/{name}", "components": components})
        assert [error.message for error in validator.iter_errors(document)] == [], name


# --- the balance


def test_the_balance_is_the_sum_of_its_transactions_whatever_happens(sandbox: Sandbox) -> None:
    steps: list[Any] = [
        lambda: sandbox.charge(),
        lambda: sandbox.charge("ch_2", captured=False),
        lambda: sandbox.press(
            "POST", "charges/ch_2/capture", {"at": "2026-03-02T17:00:00Z", "amount": "20.00", "fee": "0.88"}
        ),
        lambda: sandbox.refund(amount="10.00"),
        lambda: sandbox.refund("re_2", "5.00", status="pending"),
        lambda: sandbox.press("POST", "refunds/re_2/fail", {"at": "2026-03-04T10:00:00Z"}),
        lambda: sandbox.press(
            "POST", "disputes", {"id": "du_1", "charge": "ch_1", "at": "2026-03-04T11:00:00Z", "fee": "15.00"}
        ),
        lambda: sandbox.press("POST", "disputes/du_1/win", {"at": "2026-03-05T11:00:00Z"}),
        lambda: sandbox.press("POST", "fees", {"at": "2026-03-06T00:00:00Z", "amount": "2.00"}),
        lambda: sandbox.pay_out("51.91", "ch_1"),
        lambda: sandbox.press("POST", "payouts/po_1/fail", {"at": "2026-03-09T00:00:00Z"}),
    ]
    expected = [5191, 5191, 7103, 6103, 5603, 6103, -774, 4603, 4403, -788, 4403]
    balances = []
    for step in steps:
        step()
        assert sandbox.total() == sandbox.sum_of_nets()
        balances.append(sandbox.total())

    assert balances == expected


def test_money_is_pending_until_the_business_clock_passes_its_settlement(sandbox: Sandbox) -> None:
    sandbox.charge()
    before = sandbox.client.balance.retrieve()

    sandbox.press("PUT", "clock", {"now": "2026-03-04T16:00:00Z"})

    after = sandbox.client.balance.retrieve()
    assert (before.available[0].amount, before.pending[0].amount) == (0, 5191)
    assert (after.available[0].amount, after.pending[0].amount) == (5191, 0)


def test_an_uncaptured_charge_moves_nothing_and_a_partial_capture_reverses_the_rest(sandbox: Sandbox) -> None:
    held = sandbox.charge(captured=False)

    captured = sandbox.press(
        "POST", "charges/ch_1/capture", {"at": "2026-03-02T17:00:00Z", "amount": "50.00", "fee": "1.75"}
    )

    assert (held["captured"], held["balance_transaction"]) == (False, None)
    assert (captured["captured"], captured["amount_captured"]) == (True, 5000)
    transactions = sandbox.client.balance_transactions.list({"source": "ch_1"}).data
    assert [(t.reporting_category, t.amount, t.fee) for t in transactions] == [
        ("partial_capture_reversal", -377, 0),
        ("charge", 5377, 175),
    ]


def test_a_declined_charge_moves_nothing_and_its_intent_wants_another_card(sandbox: Sandbox) -> None:
    charge = sandbox.charge(status="failed")

    intent = sandbox.client.payment_intents.retrieve(charge["payment_intent"])
    assert (charge["paid"], charge["failure_code"], charge["balance_transaction"]) == (False, "card_declined", None)
    assert (intent.status, intent.amount_received, sandbox.total()) == ("requires_payment_method", 0, 0)


def test_a_charge_can_be_there_before_its_balance_transaction(sandbox: Sandbox) -> None:
    assert sandbox.charge(settled=False)["balance_transaction"] is None

    sandbox.press("POST", "charges/ch_1/settle", {"at": "2026-03-02T16:05:00Z", "fee": "1.86"})

    charge = sandbox.client.charges.retrieve("ch_1", {"expand": ["balance_transaction"]})
    assert charge.balance_transaction.net == 5191


def test_a_failed_refund_brings_the_money_and_the_refundable_amount_back(sandbox: Sandbox) -> None:
    sandbox.charge()
    sandbox.refund()

    sandbox.press("POST", "refunds/re_1/fail", {"at": "2026-03-06T10:00:00Z"})

    refund = sandbox.client.refunds.retrieve("re_1", {"expand": ["failure_balance_transaction"]})
    assert (refund.status, refund.failure_balance_transaction.amount) == ("failed", 5377)
    assert refund.failure_balance_transaction.type == "refund_failure"
    assert sandbox.client.charges.retrieve("ch_1").amount_refunded == 0


def test_a_dispute_takes_amount_and_fee_and_gives_back_only_the_amount_when_won(sandbox: Sandbox) -> None:
    sandbox.charge()
    sandbox.press("POST", "disputes", {"id": "du_1", "charge": "ch_1", "at": "2026-03-04T11:00:00Z", "fee": "15.00"})

    won = sandbox.press("POST", "disputes/du_1/win", {"at": "2026-03-20T11:00:00Z"})

    assert won["status"] == "won"
    assert [(t["reporting_category"], t["amount"], t["fee"]) for t in won["balance_transactions"]] == [
        ("dispute", -5377, 1500),
        ("dispute_reversal", 5377, 0),
    ]
    assert sandbox.client.charges.retrieve("ch_1").disputed


# --- payouts


def test_an_automatic_payout_lists_what_it_covers_and_its_own_negative_line(sandbox: Sandbox) -> None:
    sandbox.charge()
    sandbox.charge("ch_2", amount="10.00", fee="0.59")
    sandbox.refund(amount="3.77")

    payout = sandbox.pay_out("48.14", "ch_1", "re_1")

    items = sandbox.client.balance_transactions.list({"payout": "po_1", "expand": ["data.source"]}).data
    assert {(item.type, item.net, item.source.id) for item in items} == {
        ("payout", -4814, "po_1"),
        ("refund", -377, "re_1"),
        ("charge", 5191, "ch_1"),
    }
    assert (payout["automatic"], payout["reconciliation_status"], payout["arrival_date"]) == (
        True,
        "completed",
        1772668800,
    )
    assert sandbox.total() == 941


def test_a_payout_is_in_transit_until_its_arrival_and_may_fail_after_it(sandbox: Sandbox) -> None:
    sandbox.charge()
    sandbox.pay_out("51.91", "ch_1")
    before = sandbox.client.payouts.retrieve("po_1").status

    sandbox.press("PUT", "clock", {"now": "2026-03-05T00:00:00Z"})
    paid = sandbox.client.payouts.retrieve("po_1").status
    failed = sandbox.press("POST", "payouts/po_1/fail", {"at": "2026-03-08T00:00:00Z"})

    assert (before, paid, failed["status"]) == ("in_transit", "paid", "failed")
    back = sandbox.client.balance_transactions.retrieve(failed["failure_balance_transaction"])
    assert (back.type, back.reporting_category, back.net) == ("payout_failure", "payout_reversal", 5191)


def test_what_is_held_back_leaves_the_balance_that_is_paid_out(sandbox: Sandbox) -> None:
    sandbox.charge()
    sandbox.press("POST", "topups", {"id": "tu_1", "at": CHARGED, "amount": "30.00"})
    sandbox.press("POST", "topups/tu_1/reverse", {"at": CHARGED})
    sandbox.press("POST", "reserves", {"id": "rs_1", "at": CHARGED, "amount": "-20.00"})
    sandbox.press("POST", "reserves", {"id": "rs_2", "at": CHARGED, "amount": "5.00"})
    paid = sandbox.press("POST", "payouts", {"id": "po_1", "arrives": "2026-03-05", "minimum_balance": "10.00"})

    items = sandbox.client.balance_transactions.list({"payout": "po_1", "limit": 100}).data
    everything = sandbox.client.balance_transactions.list({"limit": 100}).data
    assert (paid["amount"], sum(each.net for each in items), sandbox.total()) == (5191 - 1500 - 1000, 0, 1000)
    assert [(each.type, each.net) for each in everything if each.balance_type == "risk_reserved"] == [
        ("reserve_release", -500),
        ("reserve_hold", 2000),
    ]
    assert {each.type for each in everything} - {each.type for each in items} == {"payout_minimum_balance_release"}


@pytest.mark.parametrize(
    ("payout", "reason"),
    [
        pytest.param({"amount": "51.90"}, "adds up to 5191 minor units, `amount` says 5190", id="wrong-amount"),
        pytest.param({"covers": ["ch_9"]}, "There is no charge ch_9", id="unknown-charge"),
        pytest.param(
            {"id": "po_2", "covers": ["ch_0"]}, "ch_0 went out with payout po_0 already", id="paid-out-before"
        ),
    ],
)
def test_a_payout_that_contradicts_the_account_is_refused(
    sandbox: Sandbox, payout: dict[str, Any], reason: str
) -> None:
    sandbox.charge("ch_0")
    sandbox.pay_out("51.91", "ch_0", id="po_0")
    sandbox.charge()
    body = {"id": "po_1", "arrives": "2026-03-05", "covers": ["ch_1"], "amount": "51.91"} | payout

    answer = sandbox.http.post("/_sandbox/payouts", json=body)

    assert answer.status_code == 409
    assert reason in answer.json()["error"]


def test_a_manual_payout_can_not_be_itemised(sandbox: Sandbox) -> None:
    sandbox.charge()
    sandbox.press("PUT", "clock", {"now": "2026-03-05T00:00:00Z"})
    payout = sandbox.client.payouts.create({"amount": 5000, "currency": "usd"})

    with pytest.raises(stripe.InvalidRequestError, match="can only be filtered on automatic") as refused:
        sandbox.client.balance_transactions.list({"payout": payout.id})

    assert (payout.automatic, payout.reconciliation_status) == (False, "not_applicable")
    assert (refused.value.http_status, refused.value.param) == (400, "payout")
    assert sandbox.total() == 191


def test_an_instant_payout_costs_what_is_on_its_own_movement(sandbox: Sandbox) -> None:
    sandbox.charge()
    paid = sandbox.pay_out("10.00", method="instant", fee="0.50")
    own = sandbox.client.balance_transactions.retrieve(paid["balance_transaction"])
    assert (paid["automatic"], paid["method"], paid["reconciliation_status"]) == (False, "instant", "not_applicable")
    assert (own.amount, own.fee, own.net) == (-1000, 50, -1050)


def test_the_golden_payouts_empty_the_balance(sandbox: Sandbox) -> None:
    file = golden_file("cases.json")
    paths = {"pay": "charges", "refund": "refunds"}
    events = [(event, case["order"]) for case in file["cases"] for event in case["events"] if event["do"] in paths]
    for event, order in sorted(events, key=lambda played: (played[0]["step"], played[0]["at"])):
        sandbox.press("POST", paths[event["do"]], {"event": event, "order": order})

    for payout in file["payouts"]:
        sandbox.press("POST", "payouts", payout)

    assert sandbox.total() == sandbox.sum_of_nets() == 0


# --- lists


@pytest.fixture
def five_charges(sandbox: Sandbox) -> Sandbox:
    for number in range(1, 6):
        sandbox.charge(f"ch_{number}", f"2026-03-02T16:0{number}:00Z")
    return sandbox


def test_a_list_pages_by_object_id_newest_first(five_charges: Sandbox) -> None:
    first = five_charges.client.charges.list({"limit": 2})
    second = five_charges.client.charges.list({"limit": 2, "starting_after": "ch_4"})
    back = five_charges.client.charges.list({"limit": 2, "ending_before": "ch_2"})

    assert [charge.id for charge in first.data] == ["ch_5", "ch_4"]
    assert ([charge.id for charge in second.data], second.has_more, second.url) == (
        ["ch_3", "ch_2"],
        True,
        "/v1/charges",
    )
    assert [charge.id for charge in back.data] == ["ch_4", "ch_3"]
    assert len(list(first.auto_paging_iter())) == 5


@pytest.mark.parametrize(
    ("path", "found"),
    [
        pytest.param("charges?created[gte]=1772467440&created[lt]=1772467500", ["ch_4"], id="created"),
        pytest.param("charges?created=1772467440", ["ch_4"], id="created-exactly"),
        pytest.param("balance_transactions?source=ch_2&expand[]=data.source", ["ch_2"], id="source"),
        pytest.param("balance_transactions?type=refund", [], id="type"),
        pytest.param("payouts?arrival_date[gt]=1772668800", [], id="arrival-date"),
        pytest.param("payouts?arrival_date[gte]=1772668800&status=in_transit", ["po_1"], id="status"),
    ],
)
def test_a_list_is_filtered(five_charges: Sandbox, path: str, found: list[str]) -> None:
    five_charges.pay_out("51.91", "ch_1")

    data = five_charges.get(f"/v1/{path}").json()["data"]

    assert [item["source"]["id"] if item["object"] == "balance_transaction" else item["id"] for item in data] == found


def test_expansion_reaches_four_levels(sandbox: Sandbox) -> None:
    sandbox.charge()
    sandbox.refund()

    refunds = sandbox.get("/v1/refunds?expand[]=data.charge.payment_intent.latest_charge").json()

    assert refunds["data"][0]["charge"]["payment_intent"]["latest_charge"]["id"] == "ch_1"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        pytest.param("refunds?expand[]=data.charge.payment_intent.latest_charge.payment_intent",
                     "more than 4 levels", id="too-deep"),
        pytest.param("charges?expand[]=balance_transaction", "Lists start with `data.`", id="without-data"),
        pytest.param("charges?expand[]=data.colour", "cannot be expanded (data.colour)", id="no-reference"),
        pytest.param("charges?limit=101", "between 1 and 100", id="limit"),
        pytest.param("charges?colour=red", "unknown parameter: colour", id="unknown-parameter"),
        pytest.param("charges?created[after]=1", "unknown parameter: created[after]", id="unknown-bound"),
        pytest.param("charges?created[gte]=monday", "Invalid integer: monday", id="no-time"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_a_400_that_names_it(sandbox: Sandbox, path: str, message: str) -> None:
    sandbox.charge()

    answer = sandbox.get(f"/v1/{path}")

    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert message in error["message"]


# --- requests


def test_an_unknown_object_is_a_404_with_stripes_code(sandbox: Sandbox) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.client.charges.retrieve("ch_9")

    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    assert refused.value.user_message == "No such charge: 'ch_9'"
    assert (refused.value.request_id or "").startswith("req_")


def test_an_unknown_url_is_a_404(sandbox: Sandbox) -> None:
    for path in ("/v1/customers", "/v1/charges/ch_1/colour"):
        answer = sandbox.get(path)
        assert (answer.status_code, "Unrecognized request URL" in answer.text) == (404, True)


def test_a_wrong_key_is_a_401(sandbox: Sandbox) -> None:
    wrong = stripe.StripeClient("sk_test_guess", base_addresses={"api": sandbox.url}).v1

    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key provided: sk_test_"):
        wrong.balance.retrieve()


def test_a_restricted_key_opens_only_what_it_may(sandbox: Sandbox) -> None:
    sandbox.press("POST", "keys", {"api_key": "rk_test_reader", "permissions": ["charges_read"]})

    assert sandbox.get("/v1/charges", key="rk_test_reader").status_code == 200
    refused = sandbox.get("/v1/payouts", key="rk_test_reader")
    assert (refused.status_code, "payouts_read" in refused.text) == (403, True)


def test_the_answer_names_version_and_request_and_carries_the_business_date(sandbox: Sandbox) -> None:
    sandbox.charge()

    answer = sandbox.get("/v1/charges", **{"Stripe-Version": "2025-03-31.basil"})

    assert answer.headers["Stripe-Version"] == "2025-03-31.basil"
    assert answer.headers["Request-Id"].startswith("req_")
    assert answer.headers.get_list("Date") == ["Mon, 02 Mar 2026 16:00:00 GMT"]
    assert sandbox.get("/v1/charges").headers["Stripe-Version"] == "2026-10-28.endive"


def test_more_requests_than_a_second_allows_are_refused_until_the_next(sandbox: Sandbox) -> None:
    sandbox.press("PUT", "settings", {"requests_per_second_per_endpoint": 2})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: sandbox.get("/v1/charges"), range(40)))

    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].json()["error"]["code"] == "rate_limit"
    assert refused[0].headers["Stripe-Should-Retry"] == "true"
    assert any(answer.status_code == 200 for answer in answers)


def test_stripes_own_client_pages_to_the_end_and_reads_each_kind_of_refusal(sandbox: Sandbox) -> None:
    for number in range(7):
        sandbox.charge(f"ch_{number}")
    listed = [charge.id for charge in sandbox.client.charges.list({"limit": 3}).auto_paging_iter()]
    assert sorted(listed) == [f"ch_{number}" for number in range(7)]

    once = {"idempotency_key": "key-1"}
    sandbox.client.refunds.create({"charge": "ch_1", "amount": 1000}, once)
    with pytest.raises(stripe.IdempotencyError):
        sandbox.client.refunds.create({"charge": "ch_1", "amount": 1001}, once)

    sandbox.press("POST", "keys", {"api_key": "rk_test_reader", "permissions": ["charges_read"]})
    reader = stripe.StripeClient("rk_test_reader", base_addresses={"api": sandbox.url}, max_network_retries=0).v1
    with pytest.raises(stripe.PermissionError, match="payouts_read"):
        reader.payouts.list()

    sandbox.press("PUT", "settings", {"requests_per_second_per_endpoint": 0})
    with pytest.raises(stripe.RateLimitError) as limited:
        sandbox.client.charges.list()
    assert limited.value.headers["Stripe-Should-Retry"] == "true"


def test_the_api_refunds_a_charge_and_refuses_more_than_is_left(sandbox: Sandbox) -> None:
    sandbox.charge()
    refund = sandbox.client.refunds.create({"charge": "ch_1", "amount": 3000, "metadata": {"why": "late"}})

    with pytest.raises(
        stripe.InvalidRequestError, match=r"\(3000\) is greater than unrefunded amount on charge \(2377\)"
    ):
        sandbox.client.refunds.create({"charge": "ch_1", "amount": 3000})

    assert (refund.status, refund.metadata["why"]) == ("succeeded", "late")
    assert sandbox.client.charges.retrieve("ch_1").amount_refunded == 3000


def test_the_api_charges_and_annotates(sandbox: Sandbox) -> None:
    charge = sandbox.client.charges.create({"amount": 1000, "currency": "gbp", "source": "tok_visa"})

    sandbox.client.charges.update(charge.id, {"metadata": {"order_id": "#2001"}})

    charge = sandbox.client.charges.retrieve(charge.id, {"expand": ["balance_transaction"]})
    assert charge.metadata["order_id"] == "#2001"
    assert (charge.balance_transaction.amount, charge.balance_transaction.fee) == (1250, 66)


def test_an_idempotency_key_gives_the_first_answer_again(sandbox: Sandbox) -> None:
    sandbox.charge()
    form = {"charge": "ch_1", "amount": "1000"}

    first, again = sandbox.post("/v1/refunds", form, "key-1"), sandbox.post("/v1/refunds", form, "key-1")
    other = sandbox.post("/v1/refunds", {"charge": "ch_1", "amount": "1001"}, "key-1")

    assert first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")
    assert sandbox.client.charges.retrieve("ch_1").amount_refunded == 1000


def test_a_refused_request_frees_its_idempotency_key(sandbox: Sandbox) -> None:
    assert sandbox.post("/v1/refunds", {"charge": "ch_1"}, "key-1").status_code == 404
    sandbox.charge()

    assert sandbox.post("/v1/refunds", {"charge": "ch_1"}, "key-1").status_code == 200


def test_only_one_of_many_simultaneous_requests_with_one_key_refunds(sandbox: Sandbox) -> None:
    sandbox.charge()
    with ThreadPoolExecutor(8) as pool:
        form = {"charge": "ch_1", "amount": "1000"}
        answers = list(pool.map(lambda _: sandbox.post("/v1/refunds", form, "key-1"), range(8)))

    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 200}) == 1
    assert sandbox.client.charges.retrieve("ch_1").amount_refunded == 1000


# --- events


def test_events_tell_what_happened_for_thirty_days(sandbox: Sandbox) -> None:
    sandbox.charge()
    sandbox.refund(amount="3.77")
    sandbox.pay_out("48.14", "ch_1", "re_1")

    events = sandbox.client.events.list({"limit": 100}).data
    sandbox.press("PUT", "clock", {"now": "2026-04-02T10:00:00Z"})
    late = sandbox.client.events.list({"limit": 100}).data

    assert [event.type for event in reversed(events)] == [
        "charge.succeeded",
        "refund.created",
        "charge.refunded",
        "payout.created",
        "payout.reconciliation_completed",
    ]
    assert events[-1].data.object.id == "ch_1"
    assert events[-1].data.object.amount_refunded == 0
    assert [event.type for event in late] == [event.type for event in events[:-1]]


# --- faults


def test_a_refund_whose_answer_is_lost_is_found_again_by_its_idempotency_key(sandbox: Sandbox) -> None:
    sandbox.charge()
    sandbox.press("POST", "faults", {"kind": "lost_after_commit", "method": "POST", "path": "/v1/refunds"})
    with pytest.raises(httpx.RemoteProtocolError):
        sandbox.post("/v1/refunds", {"charge": "ch_1"}, "key-1")

    again = sandbox.post("/v1/refunds", {"charge": "ch_1"}, "key-1")

    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert sandbox.total() == -186


def test_an_ordered_failure_has_stripes_error_object(sandbox: Sandbox) -> None:
    sandbox.press("POST", "faults", {"kind": "status", "status": 500, "times": 1})

    with pytest.raises(stripe.APIError, match="An unknown error occurred") as failed:
        sandbox.client.balance.retrieve()

    assert failed.value.http_status == 500
    assert sandbox.total() == 0


# --- webhooks


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def test_stripes_own_client_accepts_a_webhooks_signature(sandbox: Sandbox, receiver: Receiver) -> None:
    endpoint = sandbox.client.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["charge.succeeded"]})

    sandbox.charge()

    received = receiver.next()
    signature = received.headers["stripe-signature"]
    event = stripe.Webhook.construct_event(received.body, signature, endpoint.secret)
    assert (event.type, event.data.object.id, event.pending_webhooks) == ("charge.succeeded", "ch_1", 1)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(received.body, signature, "whsec_guess")


def test_an_endpoint_gets_only_the_events_it_wants(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.client.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["refund.created"]})

    sandbox.charge()
    sandbox.refund()

    assert json.loads(receiver.next().body)["type"] == "refund.created"
    assert len(sandbox.press("GET", "deliveries")["deliveries"]) == 1


def test_a_retry_is_signed_anew_over_the_same_event(sandbox: Sandbox, receiver: Receiver) -> None:
    receiver.status = 500
    endpoint = sandbox.client.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
    sandbox.charge()
    first = receiver.next()
    deadline = time.monotonic() + 20
    while sandbox.press("GET", "deliveries")["deliveries"][0]["is_on_its_way"]:
        assert time.monotonic() < deadline
    receiver.status = 200

    sandbox.http.post("/_sandbox/deliveries/retry")

    again = receiver.next()
    assert again.body == first.body
    assert stripe.Webhook.construct_event(again.body, again.headers["stripe-signature"], endpoint.secret)


def test_a_deleted_endpoint_hears_no_more_and_a_secret_is_shown_once(sandbox: Sandbox, receiver: Receiver) -> None:
    endpoint = sandbox.client.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
    [listed] = sandbox.client.webhook_endpoints.list().data

    sandbox.client.webhook_endpoints.delete(endpoint.id)
    sandbox.charge()

    assert endpoint.secret.startswith("whsec_")
    assert "secret" not in listed
    assert sandbox.client.webhook_endpoints.list().data == []
    assert sandbox.press("GET", "deliveries")["deliveries"] == []
