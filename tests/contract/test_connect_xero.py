"""``ledgerbridge connect xero`` against the sandbox's identity service, with a scripted person at the browser."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from commands.main import main
from demo.ports import free_port
from hooks.xero.hook import XeroHook
from sandbox.xero.app import create_app
from tests.contract.consent_page import decide
from tests.contract.served_app import serve
from tests.contract.xero_connection import provide_state
from tests.contract.xero_office import COMPANY, Office

PORT = free_port()
CALLBACK = f"http://localhost:{PORT}/callback"
HARBOR, QUAY = "Harbor Light Supply", "Quay Side Supply"
SCOPES = "offline_access accounting.transactions accounting.settings"


@pytest.fixture(scope="module")
def xero_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Two organisations, and a web app nobody has consented to."""
    with serve(create_app(tmp_path_factory.mktemp("xero"))) as url:
        Office(url)
        Office(url, company=COMPANY | {"name": QUAY})
        yield url


@pytest.fixture
def connection(xero_sandbox: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., XeroHook]:
    """Sets up the Airflow connection ``xero_test`` of an app of the test's own."""
    provide_state(monkeypatch, tmp_path)
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "client")  # connections of this test only, and the command's no more
    app = {"client_id": tmp_path.name, "client_secret": "pa55-phrase", "kind": "web", "redirect_uris": [CALLBACK]}
    requests.post(f"{xero_sandbox}/_sandbox/apps", json=app, timeout=10).raise_for_status()

    def connect(**changed: Any) -> XeroHook:
        extra = {"grant": "refresh_token", "scopes": SCOPES, "login_url": xero_sandbox}
        extra |= {"identity_url": f"{xero_sandbox}/identity"} | changed
        content = {"conn_type": "xero", "host": xero_sandbox, "login": tmp_path.name, "password": "pa55-phrase"}
        monkeypatch.setenv("AIRFLOW_CONN_XERO_TEST", json.dumps(content | {"extra": extra}))
        return XeroHook("xero_test")

    connect()
    return connect


class Terminal:
    """The command under way, and what it has printed so far.

    It prints in a thread of its own; ``capsys.readouterr`` empties its buffer after reading it and loses what comes
    between the two, so the streams here only ever grow.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._out, self._err = io.StringIO(), io.StringIO()
        self._monkeypatch = monkeypatch
        self._pool = ThreadPoolExecutor(1)
        self._command: Future[int] | None = None

    @property
    def out(self) -> str:
        return self._out.getvalue()

    @property
    def err(self) -> str:
        return self._err.getvalue()

    def start(self, *options: str) -> str:
        """Run the command until it has printed the address to open."""
        self._monkeypatch.setattr(sys, "stdout", self._out)
        self._monkeypatch.setattr(sys, "stderr", self._err)
        arguments = ["connect", "xero", "--connection", "xero_test", "--port", str(PORT), "--no-browser", *options]
        self._command = self._pool.submit(main, arguments)
        while "state=" not in self.out and not self._command.done():
            wait([self._command], timeout=0.01)
        addresses = [word for word in self.out.split() if "/identity/connect/authorize" in word]
        assert addresses, self.err
        return addresses[0]

    def end(self) -> int:
        """Its exit code."""
        assert self._command is not None
        return self._command.result(timeout=30)


@pytest.fixture
def terminal(connection: Callable[..., XeroHook], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    return Terminal(monkeypatch)


def follow(address: str) -> None:
    answer = requests.get(address, timeout=10)
    assert (answer.status_code, "close this page" in answer.text) == (200, True)


def test_a_consent_in_the_browser_gives_every_hook_tokens_that_rotate(
    terminal: Terminal, connection: Callable[..., XeroHook]
) -> None:
    page = terminal.start()
    assert requests.get(f"http://localhost:{PORT}/favicon.ico", timeout=10).status_code == 404
    follow(decide(page, organisations=(HARBOR,)))
    assert terminal.end() == 0, terminal.err
    assert f"Connection xero_test reaches {HARBOR}" in terminal.out
    assert f"Organisation {HARBOR}, base currency USD." in terminal.out
    hook = connection()
    first = hook.tokens.current()
    assert hook.tokens.renew(first) != first
    assert connection().organisation["Name"] == HARBOR


@pytest.mark.parametrize(
    ("options", "typed"),
    [
        pytest.param(["--tenant", "quay side supply"], "", id="named"),
        pytest.param([], "2\n", id="asked"),
    ],
)
def test_one_of_several_organisations_is_chosen_and_stays_so_after_a_renewal(
    terminal: Terminal,
    connection: Callable[..., XeroHook],
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    typed: str,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    follow(decide(terminal.start(*options)))
    assert terminal.end() == 0, terminal.err
    hook = connection()
    hook.tokens.renew(hook.tokens.current())
    assert connection().organisation["Name"] == QUAY


def test_of_several_organisations_none_is_taken_by_chance(
    terminal: Terminal, connection: Callable[..., XeroHook], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    follow(decide(terminal.start()))
    assert terminal.end() == 2
    assert "LB-XERO-005" in terminal.err
    assert HARBOR in terminal.err
    assert QUAY in terminal.err
    assert connection().tokens.tenant_id is None


def test_a_consent_to_another_organisation_than_the_connection_names_is_refused(
    terminal: Terminal, connection: Callable[..., XeroHook]
) -> None:
    connection(tenant_id="t-unknown")
    follow(decide(terminal.start(), organisations=(QUAY,)))
    assert terminal.end() == 2
    assert "expected the tenant t-unknown" in terminal.err


def test_a_person_who_cancels_is_heard(terminal: Terminal) -> None:
    follow(decide(terminal.start(), allow=False))
    assert terminal.end() == 2
    assert "access_denied" in terminal.err
    assert "choose to allow access" in terminal.err


def test_an_answer_to_another_consent_is_refused(terminal: Terminal) -> None:
    terminal.start()
    follow(f"{CALLBACK}?code=stolen&state=forged")
    assert terminal.end() == 2
    assert "LB-XERO-004" in terminal.err


@pytest.mark.parametrize(
    ("changed", "options", "code", "says"),
    [
        pytest.param(
            {"scopes": "offline_access accounting.everything"}, [], "LB-XERO-003", "granular", id="invalid-scope"
        ),
        pytest.param({}, ["--port", str(free_port())], "LB-XERO-029", "Register this very redirect", id="redirect"),
        pytest.param({"scopes": "accounting.transactions"}, [], "LB-XERO-003", "offline_access", id="no-refresh"),
        pytest.param({"grant": "client_credentials"}, [], "LB-XERO-001", "needs no consent", id="custom-connection"),
    ],
)
def test_what_is_wrong_with_the_app_is_told_before_anybody_signs_in(
    connection: Callable[..., XeroHook],
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, str],
    options: list[str],
    code: str,
    says: str,
) -> None:
    connection(**changed)
    given = ["connect", "xero", "--connection", "xero_test", "--port", str(PORT), "--no-browser", *options]
    assert main(given) == 2
    printed = capsys.readouterr()
    assert code in printed.err
    assert says in printed.err
    assert "allow access" not in printed.out


def test_a_connection_that_is_missing_is_named(
    connection: Callable[..., XeroHook], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["connect", "xero", "--connection", "xero_elsewhere"]) == 2
    assert "`xero_elsewhere` isn't defined" in capsys.readouterr().err


def test_a_browser_that_never_comes_back_ends_the_wait(terminal: Terminal) -> None:
    terminal.start("--wait", "0.2")
    assert terminal.end() == 2
    assert "LB-XERO-031" in terminal.err


def test_a_port_in_use_is_named(terminal: Terminal) -> None:
    page = terminal.start()
    assert main(["connect", "xero", "--connection", "xero_test", "--port", str(PORT), "--no-browser"]) == 2
    assert f"port {PORT}" in terminal.err
    follow(f"{CALLBACK}?{urlsplit(page).query}")
    assert terminal.end() == 2


def test_the_browser_is_opened_unless_told_otherwise(
    connection: Callable[..., XeroHook], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser is any command in BROWSER: this one allows access at once."""
    monkeypatch.setenv("BROWSER", f"{sys.executable} -m tests.contract.consent_page %s &")
    command = [Path(sys.executable).with_name("ledgerbridge"), "connect", "xero", "--connection", "xero_test"]
    options = ["--port", str(PORT), "--tenant", QUAY]
    ran = subprocess.run([*command, *options], capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    assert connection().organisation["Name"] == QUAY
