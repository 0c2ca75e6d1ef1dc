"""The console's page and API on an address of their own, for real browsers, without an Airflow around them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.api_fastapi.core_api.security import get_user
from fastapi import FastAPI, Request

from pages.console.app import app
from tests.contract.served_app import serve

__all__ = ["served_console"]


@contextmanager
def served_console(roles: dict[str, str]) -> Iterator[str]:
    """
    The address of the console; who has a name of ``roles`` as their session's token is that person.

    :param roles: of Airflow's simple auth manager, by name.
    """
    site = FastAPI()
    site.get("/favicon.ico", status_code=204)(lambda: None)  # Airflow's, which every browser asks for
    site.mount("/ledgerbridge/console", app)

    def user(request: Request) -> SimpleAuthManagerUser:
        name = request.cookies["_token"]
        return SimpleAuthManagerUser(username=name, role=roles[name])

    app.dependency_overrides[get_user] = user
    try:
        with serve(site) as url:
            yield url
    finally:
        del app.dependency_overrides[get_user]
