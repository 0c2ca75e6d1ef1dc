"""Company files: what is shipped is right, and what is wrong says where and what to do."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from hooks.systems import gateway_fields
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.flows import Company, load_company

INCLUDE = Path(__file__).parents[2] / "include"
COMPANY = """name: A
base_currency: USD
time_zone: America/New_York
connections: {}
accounts: []
gateways: []
"""


def test_shipped_company_has_an_account_for_every_role_both_ledgers_book() -> None:
    tables = load_company(INCLUDE / "companies" / "main.yaml", gateway_fields()).tables()
    one_sided = {"inventory", "cost_of_goods_sold"}
    assert {str(row["role"]) for row in tables["accounts_xero"].values()} == set(tables["accounts"]) - one_sided
    assert tables["gateways_by_role"]["clearing"]["checkbook"] == "STRIPE"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("name: A\n", 'key "base_currency" is missing', id="incomplete"),
        pytest.param(
            "name: A\nbase_currency: USD\ntime_zone: Mars/Olympus\nconnections: {}\naccounts: []\ngateways: []\n",
            ':3:1: time_zone: "Mars/Olympus" is no time zone',
            id="zone",
        ),
        pytest.param(
            "name: A\nbase_currency: USD\ntime_zone: UTC\nconnections: {gp: gp}\naccounts: []\n"
            "gateways: [{name: stripe, contact: Stripe}]\n",
            "gateway stripe has no `checkbook`, which gp asks for: add it",
            id="gateway of which a connected ledger lacks something",
        ),
        pytest.param(
            "name: A\nbase_currency: USD\ntime_zone: UTC\nconnections: {}\naccounts: []\n"
            "gateways: [{name: stripe, chekbook: STRIPE}]\n",
            ':6:27: unknown key "chekbook". Remedy: Remove it, or did you mean "checkbook"?',
            id="gateway with a key no system asks for",
        ),
        pytest.param(
            "name: A\nbase_currency: USD\ntime_zone: UTC\nconnections: {}\naccounts: []\n"
            "gateways: [{name: stripe, shared: {with: quay, only: a.example}}]\n",
            "`shared` takes `with`, of the company that is paid",
            id="gateway of which it both is paid and is not",
        ),
        pytest.param(
            "name: A\nbase_currency: USD\ntime_zone: UTC\nconnections: {}\naccounts: []\n"
            "gateways: [{name: stripe, shared: {with: quay}}]\n",
            "quay.yaml does not say which shops are its own",
            id="gateway shared with a company that names no shops",
        ),
        pytest.param(f"{COMPANY}send_from: spring\n", ":7:1: send_from: ", id="no day"),
        pytest.param(
            f"{COMPANY}send_from: 2026-01-01\nbooks_from: 2025-12-31\n",
            "`books_from` 2025-12-31 is before `send_from` 2026-01-01",
            id="compared before sent",
        ),
    ],
)
def test_wrong_company_file_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "company.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_company(path, gateway_fields())
    assert message in str(caught.value)


def test_books_are_compared_from_the_first_day_sent_unless_told_a_later_one(tmp_path: Path) -> None:
    path = tmp_path / "company.yaml"
    path.write_text(f"{COMPANY}send_from: 2026-01-01\n")
    assert load_company(path, gateway_fields()).compared_from == date(2026, 1, 1)
    assert load_company(path, gateway_fields()).sending_begins == datetime(2026, 1, 1, 5, tzinfo=UTC)
    path.write_text(f"{COMPANY}send_from: 2026-01-01\nbooks_from: 2026-02-01\n")
    assert load_company(path, gateway_fields()).compared_from == date(2026, 2, 1)


def test_what_a_company_has_it_does_not_lack() -> None:
    company = {
        "name": "A", "base_currency": "USD", "time_zone": "UTC", "accounts": [], "gateways": [],
        "connections": {"magento": "magento"},
    }  # fmt: skip
    with pytest.raises(ValueError, match="`without` names magento, which has a connection"):
        Company.model_validate({**company, "without": ["magento"]})
    with pytest.raises(ConfigurationError, match=r"say so: `without: \[shopify\]`"):
        Company.model_validate(company).connections_of("shopify")


def test_whose_money_a_shared_gateway_holds_is_said_once(tmp_path: Path) -> None:
    for key, shared in (("harbor", "{with: quay}"), ("quay", "{only: [q.example, r.example]}")):
        gateways = f"gateways: [{{name: stripe, shared: {shared}}}]"
        (tmp_path / f"{key}.yaml").write_text(COMPANY.replace("gateways: []", gateways))
    harbor, quay = (load_company(tmp_path / f"{key}.yaml", {}).share_of("stripe") for key in ("harbor", "quay"))
    assert harbor is not None
    assert quay is not None
    shops = ("h.example", "q.example", "r.example", None)
    assert [harbor.holds(shop) for shop in shops] == [True, False, False, True]
    assert [quay.holds(shop) for shop in shops] == [False, True, True, False]
    assert load_company(tmp_path / "quay.yaml", {}).share_of("cash") is None
