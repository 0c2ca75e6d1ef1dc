"""A process that stood still after its call was given leave lets no more of it out than what had left by then."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from requests import Session
from requests.exceptions import ConnectionError as NotConnected

from hooks.wire import timed_calls
from hooks.wire.limited_answers import limit_answers
from ledgerbridge.going_out import going_out, granting
from ledgerbridge.state.clock import seconds_since_start

SECONDS = 5.0
DOCUMENT = b"a document"
NO_MORE = b"no more"


@contextmanager
def listening(arrived: bytearray) -> Iterator[str]:
    """A server that answers what has come whole, and has kept all that left when the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()

    def answer() -> None:
        while True:
            connected, _ = listener.accept()
            with connected, suppress(OSError):
                while part := connected.recv(65536):
                    if part == NO_MORE:
                        return
                    arrived.extend(part)
                    if arrived.endswith(DOCUMENT):
                        connected.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{address[1]}"
    finally:
        # Connections are read in the order of their coming: who sees this one has seen every byte before it.
        with listener, socket.create_connection(address) as last:
            last.sendall(NO_MORE)
            thread.join()


def stand_still_before(sending: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process stand still for longer than a call may take, right before the so-manieth bytes leave."""
    asked: list[None] = []

    def clock() -> float:
        asked.append(None)
        return seconds_since_start() + (SECONDS + 2 if len(asked) >= sending else 0)

    monkeypatch.setattr(timed_calls, "seconds_since_start", clock)


def send(url: str) -> int:
    with granting(lambda _: None, []), limit_answers(Session()) as session, going_out():
        return session.post(url, data=DOCUMENT, timeout=SECONDS).status_code


@pytest.mark.parametrize(("sending", "has_left"), [(1, b""), (2, b"POST / HTTP/1.1")], ids=["headers", "body"])
def test_what_is_frozen_between_its_leave_and_its_last_byte_never_arrives_whole(
    sending: int, has_left: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived = bytearray()
    with listening(arrived) as url:
        stand_still_before(sending, monkeypatch)
        with pytest.raises(NotConnected, match="stood still"):
            send(url)
    assert arrived.startswith(has_left)
    assert DOCUMENT not in arrived


def test_what_a_call_sends_again_by_itself_leaves_by_the_same_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    """As NTLM does, whose third request carries the document."""
    arrived = bytearray()
    with listening(arrived) as url, limit_answers(Session()) as session, granting(lambda _: None, []), going_out():
        assert session.post(url, data=DOCUMENT, timeout=SECONDS).status_code == 200
        stand_still_before(1, monkeypatch)
        with pytest.raises(NotConnected, match="stood still"):
            session.post(url, data=DOCUMENT, timeout=SECONDS)
    assert arrived.count(DOCUMENT) == 1


def test_a_call_in_time_leaves_and_a_later_one_that_needs_no_leave_too(monkeypatch: pytest.MonkeyPatch) -> None:
    arrived = bytearray()
    with listening(arrived) as url:
        assert send(url) == 200
        stand_still_before(1, monkeypatch)
        with limit_answers(Session()) as session:
            assert session.post(url, data=DOCUMENT, timeout=SECONDS).status_code == 200
    assert arrived.count(DOCUMENT) == 2
