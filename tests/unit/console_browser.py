"""Somebody who uses the console's API as its page does, over a real state database, without an api-server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.api_fastapi.app import create_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.api_fastapi.core_api.security import get_user
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from pages.console.app import app

__all__ = ["ROLES", "Browser", "serve"]

ROLES = {"vera": "viewer", "uma": "user", "olga": "op", "otto": "op"}
"""Of Airflow's simple auth manager: a viewer reads DAGs, a user edits them, an op changes variables too."""


def serve(state: Engine, patch: pytest.MonkeyPatch) -> None:
    """Let the API work on this state database."""
    url = state.url.render_as_string(hide_password=False)
    patch.setenv("AIRFLOW_CONN_LEDGERBRIDGE_DB", json.dumps({"conn_type": "generic", "extra": {"url": url}}))
    patch.setenv("AIRFLOW__API__SECRET_KEY", "a key that only this server knows")
    create_auth_manager()


class Browser:
    """Somebody's page of the console."""

    def __init__(self, user: str) -> None:
        self.user = user
        self.client = TestClient(app, base_url="http://airflow")
        self.token = self.get("me")["token"]

    def ask(self, method: str, path: str, **arguments: Any) -> Any:
        user = SimpleAuthManagerUser(username=self.user, role=ROLES[self.user])
        app.dependency_overrides[get_user] = lambda: user
        try:
            return self.client.request(method, f"/api/{path}", **arguments)
        finally:
            del app.dependency_overrides[get_user]

    def get(self, path: str, **parameters: Any) -> Any:
        return self.ask("GET", path, params=parameters).raise_for_status().json()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self.ask("POST", path, json=body, headers={"X-Ledgerbridge-Token": self.token})
