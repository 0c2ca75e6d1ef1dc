"""What the demo tells the product about its company is what the product reads."""

from __future__ import annotations

from pathlib import Path

from demo.company import connection_environment, write_company_file
from hooks.systems import gateway_fields
from ledgerbridge.flows.company import load_company
from sandbox.orders import harbor_light_supply
from sandbox.places import Addresses


def test_company_file_is_read_with_connections_that_exist(tmp_path: Path) -> None:
    sandbox_company = harbor_light_supply()
    write_company_file(tmp_path / "main.yaml", sandbox_company)
    company = load_company(tmp_path / "main.yaml", gateway_fields())
    assert company.base_currency == "USD"
    assert company.connections_of("shopify") == ["shopify_us", "shopify_world", "shopify_uk"]
    assert company.tables()["accounts_gp"]["000-1110-00"]["role"] == company.gateways[0].role
    given = connection_environment(sandbox_company, Addresses())
    named = [name for system in company.connections.values() for name in system]
    assert sorted(given) == sorted(f"AIRFLOW_CONN_{name.upper()}" for name in named)
