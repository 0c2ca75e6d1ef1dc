"""Planted secrets and personal data turn up in no log, XCom, exception, table or file, however the systems fail."""

from __future__ import annotations

import base64
import json
import logging
import traceback
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from airflow.models.crypto import get_fernet
from cryptography.fernet import Fernet
from sqlalchemy import select

from commands.database import AIRFLOW_PAYLOAD_KEY, PAYLOAD_KEY
from commands.main import main
from demo.stack import Stack
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state import connect, transaction
from ledgerbridge.state.models import AlertRow, AuditEntry, Circuit, DeadLetter, OAuthToken
from operators.watch import WatchOperator
from sandbox.orders import make_orders
from sandbox.places import CREDENTIALS
from sandbox.player import Player, opening_of
from tests.flows.in_process import open_office

SECRETS = {
    ("xero", "client_secret"): "planted-xero-secret-5Vq",
    ("gp", "password"): "planted-gp-password-5Vq",
    ("stripe", "api_key"): "sk_test_planted5Vq",
    ("shopify", "client_secret"): "shpss_planted5Vq",
}
PERSON = {"email": "zebedee@planted.example", "first_name": "Zebedeo", "last_name": "Quisenberry"}
STREET = "77 Plantation Crescent"
FAULTS = ("status 401", "status 500", "malformed", "reset", "lost_before_commit", "expired_token")
OF_THE_TEST = ("httpx", "httpcore", "faker", "hypothesis")
"""Loggers of what only tests use."""


@dataclass
class Seen:
    """All words that left the product, by where they were found."""

    logs: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    raised: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    """Exceptions that are none of ours."""
    rows: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    payload_key: str = ""
    state_url: str = ""

    def places(self) -> Iterator[tuple[str, str]]:
        yield from (("log", line) for line in self.logs)
        yield from (("XCom", text) for text in self.returned)
        yield from (("exception", text) for text in self.raised)
        yield from self.rows.items()
        yield from ((name, content.decode("utf-8", "replace")) for name, content in self.files.items())

    def find(self, *words: str) -> list[str]:
        """Where any of the words stands, with what stands around it."""
        return [
            f"{place}: …{text[max(0, at - 120) : at + 80]}…"
            for place, text in self.places()
            for word in words
            if (at := text.find(word)) >= 0
        ]


class _Kept(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.lines = lines
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith(OF_THE_TEST):
            self.lines.append(self.format(record))


@pytest.fixture(scope="module", autouse=True)
def planted() -> Iterator[None]:
    """The systems take no other credentials than these."""
    with pytest.MonkeyPatch.context() as patch:
        for (system, name), secret in SECRETS.items():
            patch.setitem(CREDENTIALS[system], name, secret)
        yield


@pytest.fixture(scope="module")
def seen(planted: None, stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """Three orders of one person through every kind of fault of every system, then to their end."""
    seen, folder = Seen(payload_key=Fernet.generate_key().decode()), tmp_path_factory.mktemp("office")
    file = make_orders(20)
    file["cases"] = [case for case in file["cases"] if case["order"]["name"] in ("#1001", "#1002", "#1016")]
    for case in file["cases"]:
        case["order"]["customer"] |= PERSON
        case["order"]["customer"]["address"]["line1"] = STREET
    root, handler = logging.getLogger(), _Kept(seen.logs)
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with pytest.MonkeyPatch.context() as patch, open_office(file, stack, sandboxes, folder) as office:
            patch.setenv("AIRFLOW__LEDGERBRIDGE__PAYLOAD_KEY", seen.payload_key)
            sandboxes.set_clock(opening_of(file))
            sandboxes.play(file, 1)
            number = 0

            def run() -> None:
                nonlocal number
                number += 1
                try:
                    office.flow.run(f"run-{number}", reconcile=False)
                except Exception as error:
                    if not isinstance(error, LedgerbridgeError):
                        seen.foreign.append(repr(error))
                    chain = traceback.TracebackException.from_exception(error, capture_locals=False)
                    seen.raised += ["".join(chain.format()), repr(error), str(error)]
                    with transaction(connect(office.state.url.render_as_string(hide_password=False))) as session:
                        session.query(Circuit).delete()
                seen.returned.append(json.dumps(office.flow.results, default=repr))

            refuse(stack, f"{PERSON['email']} of {STREET} is on hold")
            run()
            refuse(stack, None)
            for system in ("shopify", "gp", "xero", "stripe"):
                for kind in FAULTS:
                    name, _, status = kind.partition(" ")
                    fault = {"kind": name, "times": 6} | ({"status": int(status)} if status else {})
                    sandboxes.order_fault(system, fault)
                    run()
                    sandboxes.forget_faults()
            for step in (1, 3, 4):
                if step > 1:
                    sandboxes.play(file, step)
                run()
                sandboxes.post()
                run()
            task = WatchOperator(task_id="watch", flow="order_to_cash", config=office.flow.flow)
            seen.returned.append(repr(task.execute(office.flow.context("watch"))))
            with transaction(office.state) as session:
                for model in (AlertRow, AuditEntry, Circuit):
                    for row in session.scalars(select(model)):
                        seen.rows[f"{model.__tablename__} {row.id if hasattr(row, 'id') else row}"] = repr(vars(row))
                for token in session.scalars(select(OAuthToken)):
                    opened = json.loads(get_fernet().decrypt(token.ciphertext.encode()))
                    seen.tokens |= {value for name, value in opened.items() if name.endswith("_token")}
            seen.files = {
                str(path.relative_to(folder)): path.read_bytes()
                for path in folder.rglob("*")
                if path.is_file() and path.parent.name != "companies"
            }
            seen.state_url = office.state.url.render_as_string(hide_password=False)
            yield seen
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def refuse(stack: Stack, text: str | None) -> None:
    """GP refuses orders with these words of its own."""
    body = {"procedure": "taSopHdrIvcInsert", "error": text and {"number": 55001, "text": text}}
    httpx.put(f"{stack.addresses.of('gp')}/_sandbox/procedures", json=body).raise_for_status()


def test_faults_made_exceptions_and_logs_and_dead_letters(seen: Seen) -> None:
    """So that the tests below look at something."""
    assert seen.foreign == []
    assert len(seen.raised) >= 30
    assert any("urllib3" in line for line in seen.logs)
    assert {name.partition(" ")[0] for name in seen.rows} >= {"audit_entry"}
    assert any(name.startswith("state.db") for name in seen.files)
    assert len(seen.files) > 10
    assert seen.tokens


def test_no_secret_turns_up_anywhere(seen: Seen) -> None:
    basic = [
        base64.b64encode(f"{CREDENTIALS[system][login]}:{secret}".encode()).decode()
        for (system, _), secret in SECRETS.items()
        for login in ("client_id", "login")
        if login in CREDENTIALS[system]
    ]
    assert seen.find(*SECRETS.values(), *basic, *seen.tokens, seen.payload_key) == []


def test_no_person_turns_up_outside_the_encrypted_payloads(seen: Seen) -> None:
    assert seen.find(*PERSON.values(), STREET) == []


def test_dead_letter_keeps_the_person_for_whoever_has_the_key(seen: Seen, tmp_path: Path) -> None:
    for name in ("state.db", "state.db-wal"):
        if name in seen.files:
            (tmp_path / name).write_bytes(seen.files[name])
    with transaction(connect(f"sqlite:///{tmp_path / 'state.db'}", seen.payload_key)) as session:
        raw = json.dumps([letter.raw for letter in session.scalars(select(DeadLetter))])
    assert PERSON["email"] in raw


def test_evidence_is_readable_with_the_key_and_refused_without(
    seen: Seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(AIRFLOW_PAYLOAD_KEY)
    pack = tmp_path / "pack.zip"
    command = ["--state", seen.state_url, "evidence", "#1001", "--out", str(pack)]
    assert main(command) == 2
    assert "LB-CFG-021" in capsys.readouterr().err
    monkeypatch.setenv(PAYLOAD_KEY, seen.payload_key)
    assert main(command) == 0
    with zipfile.ZipFile(pack) as archive:
        texts = [
            archive.read(name).decode() for name in archive.namelist() if name.startswith(("records/", "payloads/"))
        ]
    assert PERSON["email"] in "".join(texts)
