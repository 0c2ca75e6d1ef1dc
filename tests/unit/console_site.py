"""What a browser needs of the console without an api-server: its page and API, a state database, files in git."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from ledgerbridge.state import connect
from ledgerbridge.state.companies import MAIN
from tests.browsing import BUILT, Person, chromium
from tests.drafted import include_in_git, plant_customers
from tests.migrated_state import kept_open, migrated
from tests.served_console import served_console
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
    """An engineer, with the console open in Chromium."""
    with served_console({user: "op"}) as url, chromium() as browser:
        yield Person(browser, url, user)
