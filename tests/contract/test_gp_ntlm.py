"""HTTP NTLM as Windows asks for it: three legs on one connection, before Web Services answer anything."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import spnego

from hooks.gp.web_services.hook import GPWebServicesHook


class NtlmServer:
    """Answers with a page that is no WSDL, to whoever passes the handshake."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        statuses = self.statuses

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            context: spnego.ContextProxy | None = None

            def do_GET(self) -> None:
                status, challenge = self._handshake()
                statuses.append(status)
                self.send_response(status)
                if challenge is not None:
                    self.send_header("WWW-Authenticate", challenge)
                self.send_header("Content-Length", "7")
                self.end_headers()
                self.wfile.write(b"<page/>")

            def _handshake(self) -> tuple[int, str | None]:
                scheme, _, token = self.headers.get("Authorization", "").partition(" ")
                if scheme != "NTLM":
                    return 401, "NTLM"
                # the handler lives as long as its connection, and so does the handshake
                self.context = self.context or spnego.server(protocol="ntlm")
                try:
                    answer = self.context.step(base64.b64decode(token))
                except spnego.exceptions.SpnegoError:
                    return 401, None
                if self.context.complete:
                    return 200, None
                return 401, f"NTLM {base64.b64encode(answer or b'').decode()}"

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def ntlm_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NtlmServer]:
    users = tmp_path / "users"
    users.write_text("HLS:ledgerbridge:secret\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(users))
    server = NtlmServer()
    yield server
    server.close()


@pytest.mark.parametrize(
    ("password", "code", "statuses"),
    [
        pytest.param("secret", "LB-GP-003", [401, 401, 200], id="known-so-the-page-is-seen"),
        pytest.param("wrong", "LB-GP-001", [401, 401, 401], id="unknown-so-the-login-is-named"),
    ],
)
def test_login_by_ntlm(
    ntlm_server: NtlmServer, monkeypatch: pytest.MonkeyPatch, password: str, code: str, statuses: list[int]
) -> None:
    connection = {
        "conn_type": "gp_web_services",
        "schema": "http",
        "host": "127.0.0.1",
        "port": ntlm_server.port,
        "login": "HLS\\ledgerbridge",
        "password": password,
        "extra": {"company_id": -1},
    }
    monkeypatch.setenv("AIRFLOW_CONN_GP_WS_TEST", json.dumps(connection))
    well, message = GPWebServicesHook("gp_ws_test").test_connection()
    assert (well, message.split()[0]) == (False, code)
    assert ntlm_server.statuses == statuses
