"""An answer that comes byte by byte is given up when the call's time is over, wherever the bytes are."""

from __future__ import annotations

import datetime
import json
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from requests import Session
from requests.exceptions import Timeout

from hooks.gp.econnect.hook import GPEConnectHook
from hooks.magento.hook import MagentoHook
from hooks.wire.limited_answers import limit_answers, limited_lines
from hooks.wire.timed_calls import AnswerTooSlow
from hooks.xero.oauth import App
from ledgerbridge.errors import TransientError

SECONDS = 1.0
PAUSE_SECONDS = 0.05
DRIPS = 100
"""At so many pauses an answer ends, more than twice as late as it may; none of them is as long as the time-out."""


@dataclass
class Dripper:
    """A server that sends the first part of an answer at once and the rest of it byte by byte."""

    first: bytes
    rest: bytes
    url: str = ""
    stop: threading.Event = field(default_factory=threading.Event)

    def answer(self, connected: socket.socket) -> None:
        with suppress(OSError), connected:
            connected.recv(65536)
            connected.sendall(self.first)
            for byte in self.rest:
                if self.stop.wait(PAUSE_SECONDS):
                    return
                connected.sendall(bytes([byte]))


SLOW_HEADERS = Dripper(b"HTTP/1.1 200 OK\r\n", b"X-Slow: " + b"x" * DRIPS + b"\r\nContent-Length: 2\r\n\r\n{}")
SLOW_BODY = Dripper(b"HTTP/1.1 200 OK\r\nContent-Length: 102\r\n\r\n", b"[" + b" " * DRIPS + b"]")
SLOW_CHUNKS = Dripper(
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * (DRIPS // 6) + b"2\r\n[]\r\n0\r\n\r\n"
)
NO_LENGTH = Dripper(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[]", b" " * DRIPS)
"""Cut anywhere, this one looks whole."""
KINDS = [
    pytest.param(SLOW_HEADERS, id="headers"),
    pytest.param(SLOW_BODY, id="body"),
    pytest.param(SLOW_CHUNKS, id="chunks"),
    pytest.param(NO_LENGTH, id="body-without-length"),
]


@contextmanager
def dripping(dripper: Dripper, tls: ssl.SSLContext | None = None) -> Iterator[Dripper]:
    dripper.stop = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def take(connected: socket.socket) -> None:
        with suppress(OSError):
            dripper.answer(connected if tls is None else tls.wrap_socket(connected, server_side=True))

    def accept() -> None:
        with suppress(OSError):
            while True:
                connected, _ = listener.accept()
                threads.append(threading.Thread(target=take, args=(connected,), daemon=True))
                threads[-1].start()

    dripper.url = f"http{'s' if tls else ''}://localhost:{listener.getsockname()[1]}"
    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield dripper
    finally:
        dripper.stop.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in (acceptor, *threads):
            thread.join()


def connection(monkeypatch: pytest.MonkeyPatch, url: str, kind: str, **extra: Any) -> None:
    host, port = url.removeprefix("http://").split(":")
    fields = {"conn_type": kind, "schema": "http", "host": host, "port": int(port), "login": "r", "password": "t"}
    monkeypatch.setenv("AIRFLOW_CONN_SLOW", json.dumps({**fields, "extra": extra}))


@pytest.mark.parametrize("dripper", KINDS)
def test_web_api_that_drips_is_asked_again_later(dripper: Dripper, monkeypatch: pytest.MonkeyPatch) -> None:
    with dripping(dripper):
        connection(monkeypatch, dripper.url, "magento", access_token="t", access_token_secret="s", timeout=SECONDS)
        with pytest.raises(TransientError, match=r"got no answer \(AnswerTooSlow\)"):
            MagentoHook("slow").exchange("GET", "/rest/orders")


@pytest.mark.parametrize("dripper", KINDS)
def test_soap_service_that_drips_is_asked_again_later(dripper: Dripper, monkeypatch: pytest.MonkeyPatch) -> None:
    with dripping(dripper):
        connection(monkeypatch, dripper.url, "gp_econnect", company="HLS", auth="basic", timeout_seconds=SECONDS)
        with pytest.raises(TransientError, match=r"LB-GP-005 .*AnswerTooSlow"):
            list(GPEConnectHook("slow").journal_lines())


@pytest.mark.parametrize("dripper", KINDS)
def test_identity_service_that_drips_is_asked_again_later(dripper: Dripper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hooks.xero.oauth.TIMEOUT_SECONDS", SECONDS)
    with dripping(dripper):
        app = App("id", "secret", "", "client_credentials", dripper.url, dripper.url, {}, verify=True)
        with pytest.raises(TransientError, match=r"LB-XERO-009 .*\(AnswerTooSlow\)"):
            app.fetch(None)


def test_an_export_is_worked_with_while_it_comes_though_that_takes_longer_than_one_call() -> None:
    slow = Dripper(b"HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\n", b"{}" + b" " * 38 + b"\n1")
    with dripping(slow):
        response = limit_answers(Session()).get(slow.url, timeout=SECONDS, stream=True)
        assert list(limited_lines(response)) == [b"{}" + b" " * 38, b"1"]


def test_an_open_connection_has_its_whole_time_for_each_call() -> None:
    """The second call goes out on the connection of the first; the time of the first is over before its answer is."""
    body = Dripper(b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n", b" " * 14)
    connections = 0

    class KeptOpen(Dripper):
        def answer(self, connected: socket.socket) -> None:
            nonlocal connections
            connections += 1
            with suppress(OSError), connected:
                while connected.recv(65536):
                    connected.sendall(body.first)
                    for byte in body.rest:
                        self.stop.wait(PAUSE_SECONDS)
                        connected.sendall(bytes([byte]))

    with dripping(KeptOpen(b"", b"")) as server:
        session = limit_answers(Session())
        assert [session.get(server.url, timeout=3 * SECONDS).content for _ in range(7)] == [b" " * 14] * 7
        session.close()
    assert connections == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of localhost with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


@pytest.mark.parametrize("dripper", KINDS)
def test_tls_is_no_way_around(dripper: Dripper, certificate: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with dripping(dripper, context), pytest.raises(AnswerTooSlow):
        limit_answers(Session()).get(dripper.url, timeout=SECONDS, verify=str(certificate))


def test_a_server_that_drips_its_side_of_tls_is_given_up() -> None:
    # the header of a handshake record that promises 16,000 bytes
    greeting = Dripper(b"\x16\x03\x03\x3e\x80\x02\x00\x3e\x7c\x03\x03", b"x" * DRIPS)
    with dripping(greeting), pytest.raises(Timeout):
        limit_answers(Session()).get(greeting.url.replace("http:", "https:"), timeout=SECONDS)


def gives_up(url: str) -> bool:
    try:
        limit_answers(Session()).get(url, timeout=SECONDS)
    except AnswerTooSlow:
        return True
    return False


def test_a_call_ends_in_time_while_longer_ones_are_under_way() -> None:
    with dripping(SLOW_BODY) as slow, limit_answers(Session()) as session:
        session.get(slow.url, timeout=SECONDS, stream=True)  # has an hour
        assert gives_up(slow.url)


def test_calls_side_by_side_are_ended_by_one_thread() -> None:
    with dripping(SLOW_BODY) as slow, ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(gives_up, slow.url) for _ in range(8)]
        wait(calls, timeout=SECONDS / 2)
        assert [each.name for each in threading.enumerate()].count("deadlines") == 1
        assert all(each.result() for each in calls)


def test_a_process_that_was_forked_while_calls_were_under_way_ends_its_own() -> None:
    with dripping(SLOW_BODY) as slow, limit_answers(Session()) as session:
        session.get(slow.url, timeout=SECONDS, stream=True)
        child = os.fork()
        if not child:
            os._exit(0 if gives_up(slow.url) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
