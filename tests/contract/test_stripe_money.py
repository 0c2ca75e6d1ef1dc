"""Money of the simulated Stripe account, read by the hook: every cent of its balance explained."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hooks.stripe.hook import StripeHook
from ledgerbridge.entities import RawRecord, Window
from ledgerbridge.errors import ConfigurationError
from sandbox.stripe.app import create_app
from tests.contract import small_company
from tests.contract.gateway_office import Account
from tests.contract.served_app import serve
from tests.golden import golden_file

PAID = {"do": "pay", "id": "ch_1001", "at": "2026-03-02T16:41:30Z", "amount": "53.77", "fee": "1.86"}
REFUNDED = {"do": "refund", "id": "re_1001", "at": "2026-03-11T19:00:00Z", "amount": "15.00"}


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with serve(create_app(tmp_path)) as url:
        yield Account(url, monkeypatch)


def everything(hook: StripeHook, entity: str, window: Window | None = None) -> list[RawRecord]:
    return [record for page in hook.entity(entity).read(window or Window()) for record in page]


def test_a_charge_names_its_order_and_its_fee(account: Account) -> None:
    account.open()
    account.pay(PAID)

    [record] = everything(account.hook(), "charge")

    assert record.payload["metadata"]["order_id"] == "#1001"
    assert record.payload["amount"] == "53.77"
    booked = record.payload["balance_transaction"]
    assert (booked["fee"], booked["net"]) == ("1.86", "51.91")
    assert record.changed_at == datetime(2026, 3, 2, 16, 41, 30, tzinfo=UTC)


def test_a_charge_in_another_currency_settles_at_the_gateways_rate(account: Account) -> None:
    account.open()
    account.pay({**PAID, "amount": "43.01", "rate": "1.28"}, small_company.order(currency="GBP", rate="1.25"))

    [record] = everything(account.hook(), "charge")

    assert (record.payload["amount"], record.payload["currency"]) == ("43.01", "gbp")
    booked = record.payload["balance_transaction"]
    assert (booked["amount"], booked["currency"]) == ("55.05", "usd")
    assert Decimal(booked["exchange_rate"]) == Decimal("1.28")


def test_a_refund_names_its_charge_and_takes_from_the_balance(account: Account) -> None:
    account.open()
    account.pay(PAID)
    account.refund(REFUNDED)

    [record] = everything(account.hook(), "refund", Window(since=datetime(2026, 3, 10, tzinfo=UTC)))

    assert record.payload["charge"]["metadata"]["order_id"] == "#1001"
    assert record.payload["amount"] == "15.00"
    assert record.payload["balance_transaction"]["net"] == "-15.00"


def test_more_charges_than_a_page_come_once_each(account: Account) -> None:
    account.open()
    account.set(requests_per_second=1000, requests_per_second_per_endpoint=1000)
    for number in range(101):
        account.pay({**PAID, "id": f"ch_{number}"})

    records = everything(account.hook(), "charge")

    assert len(records) == len({record.key for record in records}) == 101


def test_a_limit_per_second_slows_a_read_but_does_not_end_it(account: Account) -> None:
    account.open()
    account.pay(PAID)
    account.set(requests_per_second=1, requests_per_second_per_endpoint=1)
    hook = account.hook()

    assert len(everything(hook, "charge")) == len(everything(hook, "charge")) == 1


def test_a_wrong_key_is_refused(account: Account) -> None:
    account.open()

    with pytest.raises(ConfigurationError, match="401") as refused:
        account.hook("sk_test_other").balance()

    assert refused.value.code == "LB-STRIPE-002"


def test_the_clock_is_the_gateways_business_clock(account: Account) -> None:
    account.open()
    account.pay(PAID)

    assert account.hook().entity("charge").clock() == datetime(2026, 3, 2, 16, 41, 30, tzinfo=UTC)


FIRST_DAY = Window(until=datetime(2026, 3, 2, 23, tzinfo=UTC))
AFTERWARDS = Window(since=datetime(2026, 3, 5, tzinfo=UTC))


def test_a_charge_settled_days_later_comes_again_with_its_fee(account: Account) -> None:
    account.open()
    account.pay({**PAID, "settled": False})
    [early] = everything(account.hook(), "charge", FIRST_DAY)

    account.act("charges/ch_1001/settle", at="2026-03-06T10:00:00Z", fee="1.86")
    [late] = everything(account.hook(), "charge", AFTERWARDS)

    assert early.payload["balance_transaction"] is None
    assert late.payload["balance_transaction"]["fee"] == "1.86"
    assert late.changed_at == datetime(2026, 3, 6, 10, tzinfo=UTC)
    assert (early.key, early.version != late.version) == (late.key, True)


def test_a_charge_captured_in_part_days_later_comes_again(account: Account) -> None:
    account.open()
    account.pay({**PAID, "captured": False})
    [early] = everything(account.hook(), "charge", FIRST_DAY)

    account.act("charges/ch_1001/capture", at="2026-03-06T10:00:00Z", fee="1.50", amount="40.00")
    [late] = everything(account.hook(), "charge", AFTERWARDS)

    assert (early.payload["captured"], late.payload["captured"]) == (False, True)
    assert late.payload["amount_captured"] == "40.00"
    assert early.version != late.version


def test_a_refund_that_fails_later_comes_again_with_the_money_back(account: Account) -> None:
    account.open()
    account.pay(PAID)
    account.refund({**REFUNDED, "at": "2026-03-02T19:00:00Z"})
    [early] = everything(account.hook(), "refund", FIRST_DAY)

    account.act("refunds/re_1001/fail", at="2026-03-06T10:00:00Z")
    [late] = everything(account.hook(), "refund", AFTERWARDS)

    assert (early.payload["status"], late.payload["status"]) == ("succeeded", "failed")
    assert late.payload["failure_balance_transaction"]["net"] == "15.00"
    assert early.version != late.version


def test_a_dispute_won_later_comes_again_with_both_movements(account: Account) -> None:
    account.open()
    account.pay(PAID)
    account.act("disputes", id="du_1", charge="ch_1001", at="2026-03-02T20:00:00Z", fee="15.00")
    [early] = everything(account.hook(), "dispute", FIRST_DAY)

    account.act("disputes/du_1/win", at="2026-03-06T10:00:00Z")
    [late] = everything(account.hook(), "dispute", AFTERWARDS)

    assert [moved["net"] for moved in early.payload["balance_transactions"]] == ["-68.77"]
    assert len(late.payload["balance_transactions"]) == 2
    assert late.payload["charge"]["metadata"]["order_id"] == "#1001"
    assert early.version != late.version


def test_a_payout_is_itemised_once_reconciled_and_seen_to_fail_later(account: Account) -> None:
    account.open()
    account.pay(PAID)
    covered = {"id": "po_1", "arrives": "2026-03-04", "covers": ["ch_1001"], "amount": "51.91"}
    account.act("payouts", **covered, reconciliation_status="in_progress")
    [young] = everything(account.hook(), "payout")
    account.act("payouts/po_1/reconcile", at="2026-03-05T10:00:00Z")
    [reconciled] = everything(account.hook(), "payout", AFTERWARDS)
    account.act("payouts/po_1/fail", at="2026-03-06T10:00:00Z")
    [failed] = everything(account.hook(), "payout", AFTERWARDS)

    assert young.payload["items"] is None
    assert [item["source"]["id"] for item in reconciled.payload["items"]] == ["ch_1001"]
    assert reconciled.payload["unexplained"] == "0.00"
    assert failed.payload["status"] == "failed"
    assert len({young.version, reconciled.version, failed.version}) == 3


def test_a_fee_of_stripes_own_has_no_source(account: Account) -> None:
    account.open()
    account.act("fees", at="2026-03-31T23:00:00Z", amount="9.00")

    [record] = everything(account.hook(), "balance_transaction")

    assert record.payload["source"] is None
    assert record.payload["net"] == "-9.00"


def test_a_restricted_key_that_lacks_a_right_is_named_by_the_connection_test(account: Account) -> None:
    account.open()
    account.act("keys", api_key="rk_test_reader", permissions=["charges_read", "refunds_read", "disputes_read"])

    good, message = account.hook("rk_test_reader").test_connection()

    assert not good
    assert message.startswith("LB-STRIPE-003")
    assert "/v1/payouts answered 403" in message


@pytest.fixture
def golden() -> dict[str, Any]:
    return golden_file("cases.json")


@pytest.fixture
def golden_hook(account: Account, golden: dict[str, Any]) -> StripeHook:
    """The account after all payments, refunds and payouts of the golden cases."""
    account.open(golden["company"])
    moves = [
        (event["step"], event["at"], event["do"], event, case["order"])
        for case in golden["cases"]
        for event in case["events"]
        if event["do"] in ("pay", "refund")
    ]
    for _, _, verb, event, order in sorted(moves, key=lambda move: move[:2]):
        (account.pay if verb == "pay" else account.refund)(event, order)
    for payout in golden["payouts"]:
        account.pay_out(payout)
    return account.hook()


def test_golden_payouts_are_made_of_what_they_cover(golden_hook: StripeHook, golden: dict[str, Any]) -> None:
    payouts = {record.payload["id"]: record.payload for record in everything(golden_hook, "payout")}

    covered = {name: {item["source"]["id"] for item in payout["items"]} for name, payout in payouts.items()}
    assert covered == {payout["id"]: set(payout["covers"]) for payout in golden["payouts"]}
    assert {name: payout["amount"] for name, payout in payouts.items()} == {
        payout["id"]: payout["amount"] for payout in golden["payouts"]
    }
    assert {payout["unexplained"] for payout in payouts.values()} == {"0.00"}


def test_the_golden_balance_is_the_sum_of_its_transactions(golden_hook: StripeHook) -> None:
    booked = everything(golden_hook, "balance_transaction")

    held = sum((Decimal(record.payload["net"]) for record in booked), Decimal(0))
    assert golden_hook.balance() == {"USD": held}


def test_golden_fees_are_the_gateways(golden_hook: StripeHook, golden: dict[str, Any]) -> None:
    fees = {
        record.payload["id"]: record.payload["balance_transaction"]["fee"]
        for record in everything(golden_hook, "charge")
    }

    paid = [event for case in golden["cases"] for event in case["events"] if event["do"] == "pay"]
    assert fees == {event["id"]: event["fee"] for event in paid}
