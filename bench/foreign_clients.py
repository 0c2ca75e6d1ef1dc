"""
Foreign clients of Xero, each in an environment of its own, because what they pin does not go with Airflow's pins.

The environments lie below this Python's own (``.venv/clients/``), named by their lock, and are made once.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["CLIENTS", "CONSENTED", "Access", "Unavailable", "python_of", "read"]

CLIENTS = ("dlt", "pyxero", "tap_xero", "xero_python")
CONSENTED = {"pyxero", "tap_xero"}
"""They know no client credentials: a person has to consent."""
_FOLDER = Path(__file__).parent / "clients"
_ENVIRONMENTS = Path(sys.prefix, "clients")
_NOT_FETCHED = re.compile("Failed to fetch|network was disabled")


class Unavailable(Exception):
    """The packages of a client can't be fetched now."""


@dataclass(frozen=True)
class Access:
    """
    What a client needs to read one collection of one organisation.

    :param url: Xero's API, as ``https://api.xero.com``.
    :param refresh_token: of a person's consent to ``scopes``; for clients that know no client credentials.
    :param collection: ``Invoices`` and the like.
    :param keep: give the records, not only their number.
    """

    url: str
    token_url: str
    client_id: str
    client_secret: str
    tenant_id: str
    collection: str
    scopes: tuple[str, ...] = ()
    refresh_token: str = ""
    page_size: int = 1000
    keep: bool = False


def python_of(client: str) -> Path:
    """
    The Python that has this client, at its locked versions.

    :raises Unavailable: its packages lie neither here nor can they be fetched.
    """
    lock = _FOLDER / f"{client}.txt"
    kept = _ENVIRONMENTS / f"{client}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    _ENVIRONMENTS.mkdir(exist_ok=True)
    with kept.with_name(f"{kept.name}.lock").open("w") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        if not kept.exists():
            made = kept.with_name(f"{kept.name}.new")
            _run_uv("venv", "--clear", "--python", sys.executable, str(made))
            # a lock has all that a client needs, and may leave out what one says it needs
            _run_uv("pip", "install", "--no-deps", "--python", str(made), "--require-hashes", "-r", str(lock))
            made.rename(kept)
    return kept / "bin" / "python"


def read(client: str, access: Access) -> dict[str, Any]:
    """
    Let the client read.

    :return: ``records`` (how many), ``seconds``, ``cpu_seconds``, ``kept`` (JSON of each, where asked for).
    :raises Unavailable: as ``python_of``.
    """
    command = [str(python_of(client)), str(_FOLDER / "read.py"), f"by_{client}"]
    alone = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    given = json.dumps(asdict(access))
    answer = subprocess.run(command, input=given, env=alone, check=False, capture_output=True, text=True)
    if answer.returncode:
        raise RuntimeError(f"{client} ended with {answer.returncode}: {answer.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return found


def _run_uv(*arguments: str) -> None:
    command = [str(Path(sys.executable).with_name("uv")), *arguments]
    few_tries = {"UV_HTTP_TIMEOUT": "20", "UV_HTTP_RETRIES": "1"}
    answer = subprocess.run(command, env=os.environ | few_tries, check=False, capture_output=True, text=True)
    if answer.returncode:
        failure = Unavailable if _NOT_FETCHED.search(answer.stderr) else RuntimeError
        raise failure(f"`{' '.join(command)}` ended with {answer.returncode}: {answer.stderr.strip()}")
