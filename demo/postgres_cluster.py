"""A PostgreSQL of its own for a test session: thrown away at its end, reached by a socket in its folder or a port."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import URL, NullPool, create_engine, make_url, text

from demo.ending import held

__all__ = ["PostgresCluster", "postgres_binaries"]


def postgres_binaries() -> Path | None:
    """The folder of the newest PostgreSQL installed as Debian does it."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    return found[-1].parent if found else None


class PostgresCluster:
    """
    A running server; PostgreSQL refuses to run as root, so root lends it another user.

    :param port: of 127.0.0.1 it listens on too; None: only its socket.
    :param superuser: the first role.
    """

    def __init__(self, binaries: Path, *, port: int | None = None, superuser: str = "postgres") -> None:
        self._binaries, self._superuser = binaries, superuser
        # not pytest's own folder: the other user may not enter that
        self._folder = Path(tempfile.mkdtemp(prefix="ledgerbridge-postgres-"))
        self._user = "nobody" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self._folder, self._user)
        self._run(
            "initdb", "--auth=trust", f"--username={superuser}", "--encoding=UTF8", "--no-sync", "--locale=C.UTF-8"
        )
        self._port = port or 5432
        listen = "" if port is None else "127.0.0.1"
        self._settings = f"-c listen_addresses={listen} -p {self._port} -k {self._folder}"
        self.start()

    def start(self) -> None:
        """Let it run, anew after ``halt``."""
        self._run("pg_ctl", "start", "--wait", f"--log={self._folder / 'log'}", f"--options=-F {self._settings}")

    def halt(self) -> None:
        """End it as a crash does; its data stays."""
        self._run("pg_ctl", "stop", "--mode=immediate")

    def stop(self) -> None:
        """Stop it and forget its data."""
        with held():
            self.halt()
            shutil.rmtree(self._folder)

    def new_database(self, *, over_tcp: bool = False) -> str:
        """The URL of an empty database, reached by the socket or by the port."""
        name = f"state_{uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name}")
        if over_tcp:
            return f"postgresql+psycopg2://{self._superuser}@127.0.0.1:{self._port}/{name}"
        return self._url(name).render_as_string()

    def replace(self, name: str, template: str) -> None:
        """Make an empty database a copy of another one that nobody is connected to."""
        self.execute(f"DROP DATABASE {name}")
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")

    def dump(self, url: str, path: Path) -> None:
        """Keep a database in a file."""
        with path.open("wb") as file:
            self._client("pg_dump", "--format=custom", self._named(url), stdout=file)

    def restore(self, url: str, path: Path) -> None:
        """Make a database what the file kept."""
        with path.open("rb") as file:
            self._client("pg_restore", "--clean", "--if-exists", f"--dbname={self._named(url)}", stdin=file)

    def _named(self, url: str) -> str:
        return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)

    def _client(self, command: str, *arguments: str, **streams: Any) -> None:
        subprocess.run([self._binaries / command, *arguments], check=True, **streams)

    def execute(self, statement: str) -> None:
        """Run one statement as the superuser."""
        engine = create_engine(self._url("postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))

    def _url(self, database: str) -> URL:
        return URL.create(
            "postgresql+psycopg2",
            self._superuser,
            database=database,
            port=self._port,
            query={"host": str(self._folder)},
        )

    def _run(self, command: str, *arguments: str) -> None:
        subprocess.run(
            [self._binaries / command, "--pgdata", self._folder / "data", *arguments],
            user=self._user,
            cwd=self._folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )
