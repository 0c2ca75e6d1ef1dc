"""The project as a provider: Airflow knows its connections, and each form belongs to a hook that is there."""

from __future__ import annotations

from importlib import import_module

import pytest
from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

from hooks.provider import get_provider_info

TYPES = get_provider_info()["connection-types"]


@pytest.mark.parametrize("form", TYPES, ids=lambda form: form["connection-type"])
def test_form_names_a_hook_of_that_connection_type(form: dict[str, str]) -> None:
    module, _, name = form["hook-class-name"].rpartition(".")
    hook = getattr(import_module(module), name)
    assert hook.conn_type == form["connection-type"]
    assert hook.hook_name == form["hook-name"]


def test_airflow_finds_every_connection_type() -> None:
    known = ProvidersManagerTaskRuntime().hooks
    assert {form["connection-type"] for form in TYPES} <= set(known)
