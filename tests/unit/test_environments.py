"""No environment uses a connection of another, whatever was copied from there."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from hooks.systems import hook_for, systems
from ledgerbridge.drafts.bundle import files_in, open_bundle, pack
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state.signing import Signer, new_key
from notifications.alerts import send
from operators import settings

ROOT = Path(__file__).parents[2]


def connect(patch: pytest.MonkeyPatch, name: str, kind: str, **extra: str) -> None:
    told = {"conn_type": kind, "host": "127.0.0.1", "extra": extra}
    patch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(told))


@pytest.mark.parametrize("system", systems())
@pytest.mark.parametrize(
    ("here", "told", "is_used"),
    [
        pytest.param("test", "test", True, id="its own"),
        pytest.param("test", "prod", False, id="another's"),
        pytest.param("test", "", False, id="of nobody knows where"),
        pytest.param("", "prod", False, id="another's, and this one has no name"),
        pytest.param("", "", True, id="no names at all"),
    ],
)
def test_a_connection_of_another_environment_is_refused_for_every_system(
    system: str, here: str, told: str, is_used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__ENVIRONMENT", here)
    connect(monkeypatch, "books", system, **({"environment": told} if told else {}))
    hook: Any = hook_for(system, "books")
    # what it signs in with, however it comes to ask for it
    asked = hook.get_connection if not hasattr(type(hook), "connection") else lambda _: hook.connection
    if is_used:
        assert asked("books").conn_id == "books"
    else:
        with pytest.raises(ConfigurationError, match=f"LB-PRO-007 connection books is of {told or 'no environment'}"):
            asked("books")


def test_the_state_database_and_the_alerts_of_another_environment_are_refused(
    state_db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = state_db.url.render_as_string(hide_password=False)
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__ENVIRONMENT", "test")
    connect(monkeypatch, "ledgerbridge_db", "generic", url=url, environment="prod")
    with pytest.raises(ConfigurationError, match="LB-PRO-007 connection ledgerbridge_db is of prod"):
        settings.state_engine()
    connect(monkeypatch, "team", "apprise", environment="prod")
    with pytest.raises(ConfigurationError, match="LB-PRO-007 connection team is of prod"):
        send("team", "late", "body")
    connect(monkeypatch, "ledgerbridge_db", "generic", url=url, environment="test")
    assert settings.state_engine().url == state_db.url


def test_no_bundle_carries_the_company_whose_file_names_connections() -> None:
    files = files_in(ROOT / "include")
    assert [name for name in files if name.startswith("companies/")] == []
    key = new_key()
    company = {"companies/main.yaml": (ROOT / "include" / "companies" / "main.yaml").read_bytes()}
    with pytest.raises(ConfigurationError, match=r"LB-PRO-002 .*companies/main\.yaml is no flow"):
        open_bundle(pack({**files, **company}, Signer(key), "ada", datetime.now(UTC)), Signer(key).public)
