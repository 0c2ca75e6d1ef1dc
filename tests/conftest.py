"""The state database as a part that runs, on SQLite and on PostgreSQL; and nothing is left running after the tests."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import Engine

from demo.marks import ProcessMark
from demo.postgres_cluster import PostgresCluster, postgres_binaries
from ledgerbridge.state import connect
from ledgerbridge.state.companies import MAIN
from tests.migrated_state import kept_open, migrated, migrated_on

# a machine under load must not fail a test that is right
hypothesis.settings.register_profile("ledgerbridge", deadline=None)
hypothesis.settings.load_profile("ledgerbridge")


_STARTED = pytest.StashKey[ProcessMark]()
_HOME = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """A TERM ends the tests as Ctrl-C does; all that they start carries a mark, workers of xdist too."""
    if not hasattr(config, "workerinput"):
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        mark = config.stash[_STARTED] = ProcessMark()
        os.environ[mark.name] = "1"
        os.environ["SPT_NOENV"] = "1"  # titles of Airflow's processes are not to be written over the mark
        # nor does a test meet the state, keys and settings that `make demo` left in this checkout
        os.environ["AIRFLOW_HOME"] = config.stash[_HOME] = tempfile.mkdtemp(prefix="ledgerbridge-home-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """A worker that is told to end in the midst of a test takes nothing down by itself."""
    if (mark := config.stash.get(_STARTED, None)) is not None:
        del os.environ[mark.name]
        mark.kill_all()
        shutil.rmtree(config.stash[_HOME], ignore_errors=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--state-db",
        choices=("sqlite", "postgres", "both"),
        default="both",
        help="where tests of the state database run; PostgreSQL is taken from /usr/lib/postgresql",
    )
    parser.addoption(
        "--orders",
        type=int,
        default=0,
        help="how many orders tests/flows/test_any_orders.py plays, others each time (default: few, always the same)",
    )
    parser.addoption(
        "--rounds",
        type=int,
        default=0,
        help="how many rounds of edits tests/flows/test_master_rounds.py plays, others each time (default: few)",
    )
    parser.addoption(
        "--machines",
        action="store_true",
        help="also play order to cash on several machines of which one dies and one is cut off: minutes for one test",
    )


_LONG = {
    "flows", "test_workers_apart.py", "test_xero.py", "test_books_increments.py", "test_change_log.py",
    "test_delivery_model.py", "test_worker_clocks.py",
}  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take minutes first, so that no worker has one left when all others are done."""
    items.sort(key=lambda item: _LONG.isdisjoint(item.path.parts))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test of the state database on every database asked for."""
    if "state_db_kind" in metafunc.fixturenames:
        asked = metafunc.config.getoption("--state-db")
        absent = asked == "both" and postgres_binaries() is None
        postgres = pytest.param(
            "postgres", marks=pytest.mark.skipif(absent, reason="no PostgreSQL in /usr/lib/postgresql")
        )
        kinds = {"sqlite": ["sqlite"], "postgres": [postgres], "both": ["sqlite", postgres]}
        metafunc.parametrize("state_db_kind", kinds[asked], scope="module")


@pytest.fixture(autouse=True)
def no_secrets_of_earlier_tests() -> None:
    """A task's process masks the secrets it has met; of all tests in one they add up, and each new one costs all."""
    if (masking := sys.modules.get("airflow.sdk._shared.secrets_masker")) is not None:
        masking.reset_secrets_masker()


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[PostgresCluster]:
    """A PostgreSQL for this session."""
    binaries = postgres_binaries()
    assert binaries is not None, "no PostgreSQL in /usr/lib/postgresql: apt-get install postgresql"
    cluster = PostgresCluster(binaries)
    yield cluster
    cluster.stop()


@pytest.fixture
def state_url(state_db_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The URL of a database without tables."""
    if state_db_kind == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    return str(request.getfixturevalue("postgres_cluster").new_database())


@pytest.fixture
def empty_state_db(state_url: str) -> Engine:
    """A database without tables, for the company `main`."""
    return connect(state_url, company=MAIN)


@pytest.fixture
def state_db(empty_state_db: Engine, state_db_kind: str, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A state database with its tables."""
    if state_db_kind == "sqlite":
        with kept_open(migrated(empty_state_db)) as engine:
            yield engine
    else:
        yield migrated_on(request.getfixturevalue("postgres_cluster"), empty_state_db)
