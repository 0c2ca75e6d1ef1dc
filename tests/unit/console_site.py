"""The console as a browser sees it, served without an api-server: its page, its API, a state database, files in git."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.api_fastapi.core_api.security import get_user
from fastapi import FastAPI, Response
from sqlalchemy import Engine

from ledgerbridge.state import connect
from ledgerbridge.state.companies import MAIN
from pages.console.app import app
from tests.browsing import BUILT, Person, chromium
from tests.contract.served_app import serve as serve_app
from tests.drafted import include_in_git, plant_customers
from tests.migrated_state import kept_open, migrated
from tests.unit.console_browser import serve

__all__ = ["built", "console_of", "planted"]

built = pytest.mark.skipif(not BUILT.is_file(), reason="the console is not built: `make console`")


@contextmanager
def planted(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Engine]]:
    """The shipped files in a repository, and two customers that have gone through the leg `customer`."""
    include = include_in_git(folder)
    patch.setenv("AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER", str(include))
    patch.setenv("AIRFLOW__LEDGERBRIDGE__STATE_FOLDER", str(folder / "state"))
    patch.setenv("AIRFLOW__LEDGERBRIDGE__PUBLISH", "straight")
    with kept_open(migrated(connect(f"sqlite:///{folder / 'state.db'}", company=MAIN))) as engine:
        serve(engine, patch)
        plant_customers(engine, folder / "staging")
        yield include, engine


@contextmanager
def console_of(user: str) -> Iterator[Person]:
    """Somebody who edits all DAGs, with the console open in Chromium."""
    app.dependency_overrides[get_user] = lambda: SimpleAuthManagerUser(username=user, role="op")
    outer = FastAPI()
    outer.get("/favicon.ico")(lambda: Response())  # Airflow's, which every browser asks for
    outer.mount("/ledgerbridge/console", app)
    try:
        with serve_app(outer) as url, chromium() as browser:
            yield Person(browser, url, "a session")
    finally:
        del app.dependency_overrides[get_user]
