"""Airflow connections for the Xero hook's tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.crypto import get_fernet

from hooks.xero.hook import XeroHook
from ledgerbridge.entities import Source, Target
from ledgerbridge.state import connect
from tests.migrated_state import migrated

FERNET_KEY = "bGVkZ2VyYnJpZGdlLXRlc3Qta2V5LTMyLWJ5dGVzISE="


def provide_state(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A state database and a state folder of the test's own."""
    url = f"sqlite:///{folder}/state.db"
    migrated(connect(url))
    database = {"conn_type": "generic", "extra": {"url": url}}
    monkeypatch.setenv("AIRFLOW_CONN_LEDGERBRIDGE_DB", json.dumps(database))
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__STATE_FOLDER", str(folder))
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", FERNET_KEY)
    get_fernet.cache_clear()  # a process reads its key once


def hook_on(monkeypatch: pytest.MonkeyPatch, url: str, **extra: Any) -> XeroHook:
    """A hook on the API at this address, identity service at ``{url}/identity``."""
    settings = {"identity_url": f"{url}/identity", "scopes": "accounting.transactions", "tenant_id": "t-1"} | extra
    connection = {"conn_type": "xero", "host": url, "login": "app", "password": "pa55-phrase", "extra": settings}
    monkeypatch.setenv("AIRFLOW_CONN_XERO_TEST", json.dumps(connection))
    return XeroHook("xero_test")


def target(hook: XeroHook, name: str = "invoice") -> Target:
    found = hook.entity(name)
    assert isinstance(found, Target)
    return found


def source(hook: XeroHook, name: str) -> Source:
    found = hook.entity(name)
    assert isinstance(found, Source)
    return found
