"""An answer without end, plain or packed, is given up in the middle: no hook holds more than it would parse."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from requests import Session

from hooks.gp.econnect.hook import GPEConnectHook
from hooks.magento.hook import MagentoHook
from hooks.wire import untrusted
from hooks.wire.limited_answers import AnswerTooLarge, limit_answers, limited_lines
from ledgerbridge.errors import TransientError

LIMIT = 1_000_000


@cache
def packed() -> bytes:
    """Two hundred times the limit in a few bytes."""
    return gzip.compress(b"[" + b" " * 200 * LIMIT + b"]", 1)


class Flood:
    """A server that sends ``body``, then more of it until nobody listens; ``left`` is set when it was hung up on."""

    def __init__(self, body: bytes, headers: dict[str, str], *, endless: bool) -> None:
        self.body, self.headers, self.endless = body, headers, endless
        self.url = ""
        self.left = Event()
        self.sent = 0

    def pour(self, send: Any) -> None:
        try:
            while True:
                send(self.body)
                self.sent += len(self.body)
                if not self.endless:
                    return
        except OSError:
            self.left.set()


@contextmanager
def flooding(flood: Flood) -> Iterator[Flood]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            for name, value in flood.headers.items():
                self.send_header(name, value)
            self.end_headers()
            flood.pour(self.wfile.write)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    flood.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield flood
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(untrusted, "MAX_BYTES", LIMIT)


def endless() -> Flood:
    return Flood(b" " * 65536, {"Content-Type": "application/json"}, endless=True)


def bomb() -> Flood:
    headers = {"Content-Encoding": "gzip", "Content-Length": str(len(packed()))}
    return Flood(packed(), headers, endless=False)


def connection(monkeypatch: pytest.MonkeyPatch, url: str, kind: str, **extra: Any) -> None:
    host, port = url.removeprefix("http://").split(":")
    fields = {
        "conn_type": kind, "schema": "http", "host": host, "port": int(port), "login": "reader", "password": "token",
    }  # fmt: skip
    monkeypatch.setenv("AIRFLOW_CONN_FLOODED", json.dumps({**fields, "extra": extra}))


def test_endless_answer_is_hung_up_on_near_the_limit() -> None:
    with flooding(endless()) as flood:
        with pytest.raises(AnswerTooLarge, match="more than 1000000 bytes"):
            limit_answers(Session()).get(flood.url, timeout=20)
        assert flood.left.wait(20)
    assert flood.sent < 50 * LIMIT  # what was on its way lies in the buffers of the sockets


def test_packed_answer_is_measured_unpacked() -> None:
    assert len(packed()) < LIMIT
    with flooding(bomb()) as flood, pytest.raises(AnswerTooLarge):
        limit_answers(Session()).get(flood.url, timeout=20)


def test_answer_within_the_limit_is_read_whole() -> None:
    body = gzip.compress(b" " * LIMIT)
    packed = Flood(body, {"Content-Encoding": "gzip", "Content-Length": str(len(body))}, endless=False)
    with flooding(packed) as flood:
        assert limit_answers(Session()).get(flood.url, timeout=20).content == b" " * LIMIT


@pytest.mark.parametrize("make", [endless, bomb])
def test_web_api_that_sends_too_much_is_asked_again_later(
    make: Callable[[], Flood], monkeypatch: pytest.MonkeyPatch
) -> None:
    with flooding(make()) as flood:
        connection(monkeypatch, flood.url, "magento", access_token="token", access_token_secret="secret")
        with pytest.raises(TransientError, match="AnswerTooLarge"):
            MagentoHook("flooded").exchange("GET", "/rest/orders")


@pytest.mark.parametrize("make", [endless, bomb])
def test_soap_service_that_sends_too_much_is_asked_again_later(
    make: Callable[[], Flood], monkeypatch: pytest.MonkeyPatch
) -> None:
    with flooding(make()) as flood:
        connection(monkeypatch, flood.url, "gp_econnect", company="HLS", max_parallel=1, timeout_seconds=20)
        with pytest.raises(TransientError, match=r"LB-GP-005 .*AnswerTooLarge"):
            list(GPEConnectHook("flooded").journal_lines())


def test_line_without_end_is_hung_up_on_near_the_limit() -> None:
    with flooding(endless()) as flood:
        with pytest.raises(AnswerTooLarge, match="a line of more than 1000000 bytes"):
            list(limited_lines(Session().get(flood.url, timeout=20, stream=True)))
        assert flood.left.wait(20)


@given(st.lists(st.binary(max_size=90_000).map(lambda line: line.replace(b"\n", b"")), max_size=4), st.booleans())
@settings(max_examples=25, deadline=None)
def test_lines_come_as_they_were_sent_wherever_the_wire_cuts_them(lines: list[bytes], ended: bool) -> None:
    body = b"\n".join(lines) + b"\n" * ended
    sent = Flood(body, {"Content-Length": str(len(body))}, endless=False)
    with flooding(sent):
        read = list(limited_lines(Session().get(sent.url, timeout=20, stream=True)))
    assert read == [line for line in lines if line]
