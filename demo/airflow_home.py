"""
An Airflow on one machine: its home, its settings, its four processes.

The settings that are the same everywhere lie in config/airflow.env with their reasons; what depends on the machine
is worked out here.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from demo.services import Service
from demo.state_database import in_own_schema, make_schema_anew
from ledgerbridge.state import connect, migrate
from ledgerbridge.state.signing import new_key

__all__ = ["CHECKOUT", "COMPONENTS", "USER", "AirflowHome", "migrated_database", "read_settings"]

CHECKOUT = Path(__file__).resolve().parent.parent
POOLS = CHECKOUT / "config" / "pools.json"
USER = "admin"
COMPONENTS = {
    # Task logs are read from the shared folder: without serving them there are two processes and two ports less.
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "api-server": ["api-server"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}

FOR_COMMANDS = (
    "AIRFLOW__API__BASE_URL",
    "AIRFLOW__LEDGERBRIDGE__SIGNING_KEY",
    "AIRFLOW__LEDGERBRIDGE__STAGING_URL",
    "AIRFLOW__LEDGERBRIDGE__STATE_FOLDER",
)


@dataclass(frozen=True)
class AirflowHome:
    """
    One AIRFLOW_HOME.

    :param path: absolute folder; everything Airflow and Ledgerbridge keep lies below it.
    :param port: of the api-server.
    :param dags_folder: None takes the checkout's.
    :param extra: more environment, e.g. connections.
    :param state_db: URL of a PostgreSQL database that takes Ledgerbridge's state; None: SQLite below the home.
    :param airflow_db: URL of an empty PostgreSQL database that takes Airflow's own; None: SQLite below the home.
    """

    path: Path
    port: int
    dags_folder: Path | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    state_db: str | None = None
    airflow_db: str | None = None

    @property
    def url(self) -> str:
        """Where people and the REST client find it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def state_folder(self) -> Path:
        """What Ledgerbridge keeps between runs: state database, staged batches."""
        return self.path / "ledgerbridge"

    @property
    def state_url(self) -> str:
        """SQLAlchemy URL of the state database."""
        return f"sqlite:///{self.state_folder / 'state.db'}" if self.state_db is None else in_own_schema(self.state_db)

    @property
    def process_logs(self) -> Path:
        """Where the output of the processes goes."""
        return self.path / "logs" / "processes"

    @property
    def password(self) -> str:
        """The password of the one user, made once per home."""
        passwords: dict[str, str] = json.loads((self.path / "passwords.json").read_text())
        return passwords[USER]

    @property
    def environment(self) -> dict[str, str]:
        """Everything a process of this Airflow, or a `ledgerbridge` command beside it, is started with."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        python_path = [str(CHECKOUT / "config"), *filter(None, [os.environ.get("PYTHONPATH")])]
        key = json.loads((self.path / "keys.json").read_text())
        return {
            **inherited,
            **read_settings(CHECKOUT / "config" / "airflow.env"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            # Airflow looks for its local settings in $AIRFLOW_HOME/config, ours lie in the checkout.
            "PYTHONPATH": os.pathsep.join(python_path),
            "AIRFLOW_HOME": str(self.path),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags_folder or CHECKOUT / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(CHECKOUT / "plugins"),
            # A writer waits for the other three processes instead of failing after 5 s.
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self.airflow_db
            or f"sqlite:///{self.path / 'airflow.db'}?timeout=30",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.path / "passwords.json"),
            "AIRFLOW__CORE__FERNET_KEY": key["fernet_key"],
            "AIRFLOW__API__SECRET_KEY": key["secret_key"],
            "AIRFLOW__API_AUTH__JWT_SECRET": key["jwt_secret"],
            "AIRFLOW__LEDGERBRIDGE__SIGNING_KEY": key["signing_key"],
            "AIRFLOW__LEDGERBRIDGE__STATE_FOLDER": str(self.state_folder),
            "AIRFLOW__LEDGERBRIDGE__STAGING_URL": (self.state_folder / "staging").as_uri(),
            "AIRFLOW_CONN_LEDGERBRIDGE_DB": json.dumps({"conn_type": "generic", "extra": {"url": self.state_url}}),
            **self.extra,
        }

    def prepare(self) -> None:
        """
        Make the home ready with empty databases; earlier runs in it are forgotten.

        Migrating takes 10 s, so that an empty migrated database is kept and copied.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        _write_once(self.path / "passwords.json", lambda: {USER: secrets.token_urlsafe(12)})
        _write_once(self.path / "keys.json", _new_keys)
        self._forget_runs()
        if self.airflow_db is None:
            template = migrated_database()
            if not template.exists():
                self._keep_migrated(template)
            shutil.copyfile(template, self.path / "airflow.db")
        else:
            self._migrate()
        self._tell_commands()
        if self.state_db is not None:
            make_schema_anew(self.state_url)
        migrate(connect(self.state_url))

    def services(self) -> list[Service]:
        """The four processes, the one that takes longest to start first."""
        environment = self.environment
        return [
            Service(f"airflow-{name}", [str(Path(sys.executable).parent / "airflow"), *arguments], environment)
            for name, arguments in COMPONENTS.items()
        ]

    def _migrate(self) -> None:
        self._run("airflow", "db", "migrate")
        self._run("airflow", "pools", "import", str(POOLS))

    def _keep_migrated(self, template: Path) -> None:
        self._migrate()
        _use_write_ahead_log(self.path / "airflow.db")
        template.parent.mkdir(exist_ok=True)
        copy = template.with_suffix(f".{os.getpid()}")
        shutil.copyfile(self.path / "airflow.db", copy)
        copy.replace(template)  # whole or not at all, whoever else makes one now

    def _tell_commands(self) -> None:
        """What commands take where they are told nothing else; the signing key is nobody else's to read."""
        environment = self.environment
        told = {"LEDGERBRIDGE_STATE_URL": self.state_url, **{name: environment[name] for name in FOR_COMMANDS}}
        file = self.path / "ledgerbridge.env"
        file.touch(mode=0o600)
        file.write_text("".join(f"{name}={value}\n" for name, value in told.items()))

    def _forget_runs(self) -> None:
        for name in ("airflow.db", "airflow.db-wal", "airflow.db-shm"):
            (self.path / name).unlink(missing_ok=True)
        for folder in (self.state_folder, self.path / "logs"):
            shutil.rmtree(folder, ignore_errors=True)
        self.state_folder.mkdir()

    def _run(self, script: str, *arguments: str) -> None:
        command = [str(Path(sys.executable).parent / script), *arguments]
        done = subprocess.run(command, env=self.environment, cwd=CHECKOUT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(
                f"`{' '.join([script, *arguments])}` ended with {done.returncode}:\n{done.stderr[-3000:]}"
            )


def migrated_database() -> Path:
    """An empty database of this Airflow version with these pools, in the checkout; made by the first who needs it."""
    pools = hashlib.sha256(POOLS.read_bytes()).hexdigest()[:8]
    return CHECKOUT / ".airflow" / f"migrated-{version('apache-airflow')}-{pools}.db"


def read_settings(path: Path) -> dict[str, str]:
    """The NAME=VALUE lines of an environment file."""
    lines = [line.strip() for line in path.read_text().splitlines()]
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _new_keys() -> dict[str, str]:
    from cryptography.fernet import Fernet

    return {
        "fernet_key": Fernet.generate_key().decode(),
        "secret_key": secrets.token_hex(32),
        "jwt_secret": secrets.token_hex(64),
        "signing_key": new_key(),
    }


def _write_once(path: Path, make: Callable[[], dict[str, str]]) -> None:
    """What is there stays; a home made before there was one of the keys gets it."""
    path.touch(mode=0o600)
    kept = json.loads(path.read_text() or "{}")
    made = {**make(), **kept}
    if made != kept:
        path.write_text(json.dumps(made))


def _use_write_ahead_log(database: Path) -> None:
    """Readers and the one writer stop waiting for each other; the mode stays with the file."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
