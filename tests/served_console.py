"""The console's page and API on an address of their own, for real browsers, without an Airflow around them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.api_fastapi.core_api.security import get_user
from fastapi import FastAPI, Request

from demo.ports import free_port
from pages.console.app import app

__all__ = ["served_console"]


@contextmanager
def served_console(roles: dict[str, str]) -> Iterator[str]:
    """
    The address of the console; who has a name of ``roles`` as their session's token is that person.

    :param roles: of Airflow's simple auth manager, by name.
    """
    site = FastAPI()
    site.get("/favicon.ico", status_code=204)(lambda: None)
    site.mount("/ledgerbridge/console", app)

    def user(request: Request) -> SimpleAuthManagerUser:
        name = request.cookies["_token"]
        return SimpleAuthManagerUser(username=name, role=roles[name])

    app.dependency_overrides[get_user] = user
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(site, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
        del app.dependency_overrides[get_user]
