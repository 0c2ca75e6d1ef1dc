"""A gateway's account that two companies share: whose a record is, and what each books of a payout."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest
from mapping_runs import NoState, made

from demo.airflow_home import CHECKOUT
from hooks.stripe.api import StripeApi
from hooks.stripe.books import StripeBooks
from hooks.stripe.hook import StripeHook
from hooks.stripe.sources import PayoutSource
from ledgerbridge.entities import Share
from ledgerbridge.mapping import Lookups, Mapped, load_mapping, map_canonical, nested_records
from ledgerbridge.reconciliation import KeptRecord, Known, Looked, Movement, OnClearing, money_differences

Json = dict[str, Any]
MARCH = 1_773_139_200
QUAY_SHOP = "https://quay.example"
PAID = Share("site_url", True, frozenset({QUAY_SHOP}))
OTHER = Share("site_url", False, frozenset({QUAY_SHOP}))


def moved(identity: str, net: str, source: Json | None, fee: str = "1.00", kind: str = "charge") -> Json:
    return {
        "id": identity, "object": "balance_transaction", "type": kind, "reporting_category": kind, "created": MARCH,
        "amount": str(Decimal(net) + Decimal(fee)), "fee": fee, "net": net, "currency": "usd", "source": source,
    }  # fmt: skip


def charge(shop: str | None) -> Json:
    return {"object": "charge", "id": f"ch_{shop}", "metadata": {"site_url": shop} if shop else {}}


# 52.77 of the paid company, 100.00 less 30.00 of the other, 2.00 for what names no shop: Stripe's own bill
ITEMS = [
    moved("txn_1", "52.77", charge("https://harbor.example")),
    moved("txn_2", "100.00", charge(QUAY_SHOP)),
    moved("txn_3", "-30.00", {"object": "refund", "id": "re_1", "charge": charge(QUAY_SHOP)}, "0", "refund"),
    moved("txn_4", "-2.00", None, "0", "stripe_fee"),
]


def payout_of(share: Share | None) -> Json:
    """The payout as a company reads it."""

    def pages(path: str, parameters: Mapping[str, Any]) -> list[list[Json]]:
        return [[dict(item) for item in ITEMS]]

    read = {
        "id": "po_1", "object": "payout", "amount": "120.77", "currency": "usd", "created": MARCH, "status": "paid",
        "arrival_date": MARCH, "automatic": True, "reconciliation_status": "completed",
    }  # fmt: skip
    api = SimpleNamespace(account="acct_1", share=share, pages=pages)
    return PayoutSource(cast(StripeApi, api)).record(read).payload


def lookups() -> Lookups:
    """Of a company that shares the gateway and has no account for what it owes the other."""
    given = {
        "company": {"base_currency": {"key": "base_currency", "value": "USD"}},
        "gateways": {
            "stripe": {"name": "stripe", "role": "clearing", "contact": "Stripe", "intercompany": "affiliates"}
        },
        "accounts": {"clearing": {"role": "clearing", "gp": "000-1110-00", "xero": "615"}},
    }
    return Lookups(CHECKOUT / "include" / "lookups", given, NoState(), lambda *_: {}, "America/New_York")


def mapped(name: str, payload: Json) -> Mapped:
    """A payout through a shipped mapping."""
    mapping = load_mapping(CHECKOUT / "include" / "mappings" / f"{name}.yaml")
    return mapping.run(nested_records([payload], ["stripe:acct_1:payout:po_1"], [datetime.now(UTC)]), lookups())


@pytest.mark.parametrize(
    ("share", "payouts", "fees", "shares"),
    [
        pytest.param(PAID, ["120.77"], ["1.00"], ["-70.00"], id="paid"),
        pytest.param(OTHER, [], ["1.00"], ["70.00"], id="the other"),
        pytest.param(None, ["120.77"], ["2.00"], [], id="not shared"),
    ],
)
def test_who_is_paid_books_the_payout_and_each_its_fees_and_its_side_of_the_others_money(
    share: Share | None, payouts: list[str], fees: list[str], shares: list[str]
) -> None:
    payload = payout_of(share)
    for name, amounts in (("payout", payouts), ("gateway_fee", fees), ("payout_share", shares)):
        found = mapped(f"stripe_payout_to_{name}", payload)
        assert found.failures.empty
        assert made(found, "amount") == [Decimal(amount) for amount in amounts]


def test_a_role_without_an_account_is_refused_with_what_to_do() -> None:
    share = mapped("stripe_payout_to_payout_share", payout_of(OTHER))
    for name in ("gp_gl_transaction", "xero_bank_transaction"):
        mapping = load_mapping(CHECKOUT / "include" / "mappings" / f"payout_share_to_{name}.yaml")
        [failure] = map_canonical(mapping, share.frames, lookups()).failures.to_dict("records")
        assert failure["value"] == "affiliates"
        assert failure["remedy"].startswith('Give the role "affiliates"')


@pytest.mark.parametrize(
    ("share", "booked"),
    [
        pytest.param(PAID, ["-120.77", "70.00"], id="paid"),
        pytest.param(OTHER, ["-70.00"], id="the other"),
    ],
)
@pytest.mark.parametrize("came_back", [False, True])
def test_the_books_prove_the_whole_account_and_expect_of_each_company_its_own(
    share: Share, booked: list[str], came_back: bool
) -> None:
    moves = movements(share, came_back=came_back)
    entries = [*booked, "120.77"] if came_back and share.is_paid else booked
    assert sum(each.amount - each.fee for each in moves) == (Decimal("120.77") if came_back else 0)
    own = [each for each in moves if each.kind == "payout"]
    assert differing(own, entries) == []
    assert differing(own, entries[:-1]) != []
    of_quay = [each.id for each in moves if each.kind == "money" and not each.ours]
    assert of_quay == ["ch_https://quay.example", "re_1"] if share.is_paid else ["ch_https://harbor.example", "txn_4"]


def differing(moves: list[Movement], amounts: list[str]) -> list[Decimal]:
    """By what the payout differs from these entries, where each company's own fee is posted."""
    entries = [OnClearing("payout", "po_1", Decimal(amount), (), True) for amount in amounts]
    entries.append(OnClearing("fee", "po_1", Decimal("-1.00"), (), True))
    return [each.value for each in money_differences("stripe", "clearing", moves, entries, known=lambda _: Known())]


def movements(share: Share, *, came_back: bool) -> list[Movement]:
    """All movements of the account as a company's books keep and tell them."""
    payload = payout_of(share)
    outgoing = moved("txn_5", "-120.77", {"object": "payout", "id": "po_1"}, "0", "payout")
    back = moved("txn_6", "120.77", {"object": "payout", "id": "po_1"}, "0", "payout_failure")
    hook = cast(StripeHook, SimpleNamespace(account="acct_1", share=share))
    books = StripeBooks(hook, cast(Looked, None), "USD")
    kept, payouts = books.sources()
    now = datetime.fromtimestamp(MARCH, UTC)
    found = [
        KeptRecord(kept.book, f"stripe:acct_1:balance_transaction:{each['id']}", now, kept.keep(each))
        for each in [*payload["items"], *([outgoing, back] if came_back else [outgoing])]
    ]
    return books.movements([*found, KeptRecord(payouts.book, "stripe:acct_1:payout:po_1", now, payouts.keep(payload))])
