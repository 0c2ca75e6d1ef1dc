"""The reference of Dynamics GP names everything its hooks offer, need and report."""

from __future__ import annotations

from pathlib import Path

import pytest

from hooks.gp.econnect.fields import NODES
from hooks.gp.econnect.hook import GPEConnectHook
from hooks.gp.econnect.reader import DOCTYPES
from hooks.gp.web_services.entities import ENTITIES
from ledgerbridge.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs/reference/dynamics_gp.md").read_text()


@pytest.fixture
def entities(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names the hook itself gives when asked for one it doesn't have."""
    monkeypatch.setenv(
        "AIRFLOW_CONN_GP_TEST", '{"conn_type": "gp_econnect", "host": "gp", "extra": {"company": "TWO"}}'
    )
    with pytest.raises(ConfigurationError) as refused:
        GPEConnectHook("gp_test").entity("")
    return refused.value.message.partition("there are ")[2].split(", ")


def test_every_entity_is_described(entities: list[str]) -> None:
    assert len(entities) > 10
    assert [name for name in entities if f"`{name}`" not in REFERENCE] == []


def test_every_doctype_is_described() -> None:
    assert [name for name in DOCTYPES if f"| `{name}`" not in REFERENCE] == []


def test_every_node_we_write_is_named() -> None:
    written = set(NODES) - {"taSopLineDelete", "taSopVoidDocument"}
    assert [name for name in written if name not in REFERENCE] == []


def test_every_kind_of_web_services_is_named() -> None:
    assert [name for name in ENTITIES if f"{name}s" not in REFERENCE.lower()] == []
