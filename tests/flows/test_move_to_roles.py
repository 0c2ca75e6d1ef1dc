"""An installation whose tasks were PostgreSQL's superuser, moved by the commands of the page on containers."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from demo.airflow_home import CHECKOUT
from demo.ports import free_port
from demo.postgres_cluster import PostgresCluster, postgres_binaries
from ledgerbridge.audit import verify
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state import connect, migrate, transaction
from ledgerbridge.state.rights import grant_use
from tests.unit.test_privacy import keep

PAGE = (CHECKOUT / "docs/how-to/run-in-containers.md").read_text()

pytestmark = pytest.mark.skipif(postgres_binaries() is None, reason="no PostgreSQL in /usr/lib/postgresql")


class Installation:
    """One PostgreSQL on a port of its own."""

    def __init__(self, superuser: str) -> None:
        binaries = postgres_binaries()
        assert binaries is not None
        self._binaries, self._port = binaries, free_port()
        self.cluster = PostgresCluster(binaries, port=self._port, superuser=superuser)
        self.environment = {
            **os.environ,
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self._port),
        }

    def url(self, role: str) -> str:
        return f"postgresql+psycopg2://{role}@127.0.0.1:{self._port}/ledgerbridge"

    def run(self, program: str, arrow: str, file: Path) -> None:
        """The page's command of this program for the state database, without Docker before it."""
        found = re.findall(rf"^docker compose exec -T postgres ({program} .*) {arrow} ledgerbridge\.sql$", PAGE, re.M)
        assert len(found) == 1
        with file.open("rb" if arrow == "<" else "wb") as stream:
            subprocess.run(
                shlex.split(found[0]),
                env=self.environment,
                stdin=stream if arrow == "<" else None,
                stdout=subprocess.DEVNULL if arrow == "<" else stream,
                check=True,
            )


@pytest.fixture
def before() -> Iterator[Installation]:
    installation = Installation("ledgerbridge")
    installation.cluster.execute("CREATE DATABASE ledgerbridge")
    migrate(connect(installation.url("ledgerbridge")))
    keep(connect(installation.url("ledgerbridge"), company="main"))
    yield installation
    installation.cluster.stop()


@pytest.fixture
def now() -> Iterator[Installation]:
    installation = Installation("postgres")
    passwords = {f"{role}_DB_PASSWORD": role for role in ("AIRFLOW", "OWNER", "TASKS")}
    environment = {**installation.environment, **passwords, "PGUSER": "postgres"}
    subprocess.run([CHECKOUT / "docker/create-databases.sh"], env=environment, check=True, capture_output=True)
    yield installation
    installation.cluster.stop()


def test_tasks_that_are_still_superuser_are_refused_before_anything_runs(before: Installation) -> None:
    with pytest.raises(ConfigurationError, match="LB-CFG-026"):
        grant_use(connect(before.url("ledgerbridge")), "ledgerbridge")


def test_a_moved_installation_keeps_its_audit_and_tasks_can_no_longer_lift_its_rules(
    before: Installation, now: Installation, tmp_path: Path
) -> None:
    with transaction(connect(before.url("ledgerbridge"))) as session:
        head = verify(session).head
    before.run("pg_dump", ">", tmp_path / "ledgerbridge.sql")
    now.run("psql", "<", tmp_path / "ledgerbridge.sql")
    owner = connect(now.url("ledgerbridge_owner"))
    migrate(owner)
    grant_use(owner, "ledgerbridge")
    tasks = connect(now.url("ledgerbridge"))
    with transaction(tasks) as session:
        moved = verify(session)
    assert (moved.broken, moved.head) == (None, head)
    for attack in ("DROP TRIGGER audit_entry_is_append_only ON audit_entry", "UPDATE audit_entry SET hash = 'x'"):
        with (
            pytest.raises(ConfigurationError, match=r"must be owner|permission denied"),
            tasks.begin() as connection,
        ):
            connection.execute(text(attack))
    with pytest.raises(DBAPIError, match="append-only"), owner.begin() as connection:
        connection.execute(text("DELETE FROM audit_entry"))
