"""
A limit on a whole call: requests' ``timeout`` is for each wait alone, and a byte a second never lets one pass.

The limit is the call's ``timeout`` and a second, from connecting to the last byte of the answer, headers included. It
is kept by shutting the socket down, which ends whatever waits on it, in TLS and behind proxies too. Of a request that
was given leave to write (``ledgerbridge.going_out``) nothing leaves when the limit has passed since then: a process
that stood still meanwhile may have been taken for dead, and another one may have sent the same.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from threading import Condition, Lock, Thread
from time import monotonic
from typing import Any

from requests import PreparedRequest, Response
from requests.exceptions import RequestException, Timeout
from requests_toolbelt.adapters.socket_options import TCPKeepAliveAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager

from ledgerbridge.going_out import left_at
from ledgerbridge.state.clock import seconds_since_start

__all__ = ["AnswerTooSlow", "TimedAdapter", "within_time"]

_MORE_SECONDS = 1.0
"""So that a host that says nothing at all is told as what it is, a ``ReadTimeout``."""
_STREAM_SECONDS = 3600.0
"""For what is worked with while it comes: how long it may take is up to the reader too."""

_whole_seconds: ContextVar[float] = ContextVar("whole_seconds", default=_STREAM_SECONDS)
_leave_ends: ContextVar[float | None] = ContextVar("leave_ends", default=None)
"""Seconds since the start of the machine up to which bytes of this request may leave; None: at any time."""


class AnswerTooSlow(Timeout):
    """The whole answer was not there in time; the connection was closed on it."""


class TimedAdapter(TCPKeepAliveAdapter):  # type: ignore[misc]  # requests-toolbelt is not annotated
    """Sends with a limit on the whole call; an answer of ``stream=True`` has an hour."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        _timed(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        return _timed(super().proxy_manager_for(proxy, **options))

    def send(self, request: PreparedRequest, stream: bool = False, timeout: Any = None, **options: Any) -> Response:
        """
        Send one request; the answer's body is still to be read.

        :raises AnswerTooSlow: its headers were not there in time.
        """
        seconds = _STREAM_SECONDS if stream or timeout is None else _longest(timeout)
        left = left_at()
        leave = _leave_ends.set(None if left is None else left + seconds)
        token = _whole_seconds.set(seconds)
        before = _last_deadline.set(None)
        try:
            response: Response = super().send(request, stream=stream, timeout=timeout, **options)
        except RequestException as error:
            deadline = _last_deadline.get()
            if deadline is not None and deadline.passed:
                raise AnswerTooSlow(f"no answer within {seconds:g} s", request=request) from error
            raise
        else:
            return response
        finally:
            _last_deadline.reset(before)
            _whole_seconds.reset(token)
            _leave_ends.reset(leave)


@contextmanager
def within_time(response: Response) -> Iterator[None]:
    """
    Inside, the body is read.

    :raises AnswerTooSlow: it was not there in time; where no length is told, a cut body would look like a whole one.
    """
    deadline: _Deadline | None = getattr(response.raw, "deadline", None)
    try:
        yield
    except RequestException as error:
        if deadline is not None and deadline.passed:
            raise _too_slow(response, deadline) from error
        raise
    if deadline is not None and deadline.passed:
        raise _too_slow(response, deadline)


def _too_slow(response: Response, deadline: _Deadline) -> AnswerTooSlow:
    response.close()
    return AnswerTooSlow(f"not all of the answer within {deadline.seconds:g} s", request=response.request)


def _longest(timeout: Any) -> float:
    """requests takes one time, or one to connect and one for each wait."""
    times = timeout if isinstance(timeout, tuple) else (timeout,)
    return max((float(each) + _MORE_SECONDS for each in times if each is not None), default=_STREAM_SECONDS)


class _Deadline:
    """Shuts a socket down when its time has passed, unless it ended before."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.ends_at = monotonic() + seconds
        self.passed = False
        self._socket: socket.socket | None = None
        self._lock = Lock()
        _watch.add(self)

    def watch(self, connected: socket.socket) -> None:
        """Take this socket; a copy of its handle, since TLS takes the first one over."""
        with self._lock:
            self._close()
            self._socket = socket.fromfd(connected.fileno(), connected.family, connected.type)
            if self.passed:
                self._shut_down()

    def end(self) -> None:
        """Let go of the socket: the answer is there, or nobody waits for it any more."""
        _watch.drop(self)
        with self._lock:
            self._close()

    def passes(self) -> None:
        """Its time is over."""
        with self._lock:
            self.passed = True
            self._shut_down()
            self._close()

    def _shut_down(self) -> None:
        if self._socket is not None:
            with suppress(OSError):  # the other side was first
                self._socket.shutdown(socket.SHUT_RDWR)

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class _Watch:
    """
    Ends this process's deadlines when they pass, in one thread: to begin a thread for each costs a call far more.

    Most calls are given the same time, so that a new one seldom ends before what the thread waits for already.
    """

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """In a process that was forked: neither its parent's thread nor the calls that were under way are in it."""
        self._changed = Condition()
        self._deadlines: set[_Deadline] = set()
        self._thread: Thread | None = None
        self._looks_at = 0.0

    def add(self, deadline: _Deadline) -> None:
        """End it when its time is over."""
        begun = None
        with self._changed:
            self._deadlines.add(deadline)
            if self._thread is None:
                self._looks_at = deadline.ends_at
                begun = self._thread = Thread(target=self._run, name="deadlines", daemon=True)
            elif deadline.ends_at < self._looks_at:
                self._changed.notify()
        if begun is not None:
            self._begin(begun)

    def _begin(self, thread: Thread) -> None:
        """Start it, without the lock: what is cleared away in it while it starts may need that (see below)."""
        try:
            thread.start()
        except RuntimeError:  # there are too many; the next call tries again
            self._thread = None
            raise

    def drop(self, deadline: _Deadline) -> None:
        """It ended before."""
        with self._changed:
            self._deadlines.discard(deadline)

    def _run(self) -> None:
        while passed := self._next_passed():
            for each in passed:
                with suppress(OSError):  # one that can't be closed keeps no other one from its end
                    each.passes()

    def _next_passed(self) -> list[_Deadline]:
        """Wait for the next ones; none when nothing was left to wait for, and then the thread ends."""
        with self._changed:
            # each time a copy: Python may clear away a forgotten connection right here, which drops its deadline
            while deadlines := self._deadlines.copy():
                now = monotonic()
                if passed := [each for each in deadlines if each.ends_at <= now]:
                    self._deadlines.difference_update(passed)
                    return passed
                self._looks_at = min(each.ends_at for each in deadlines)
                self._changed.wait(self._looks_at - now)
            self._thread = None
            return []


_watch = _Watch()
os.register_at_fork(after_in_child=_watch.begin_anew)


_last_deadline: ContextVar[_Deadline | None] = ContextVar("last_deadline", default=None)


class _TimedConnection(HTTPConnection):
    """One deadline from connecting, or from a request on an open connection, until the pool has it back."""

    _deadline: _Deadline | None = None
    _answering = False

    def _new_conn(self) -> socket.socket:
        deadline = self._begin()
        connected = super()._new_conn()
        deadline.watch(connected)
        return connected

    def request(self, *arguments: Any, **options: Any) -> None:
        deadline = self._begin()
        if self.sock is not None:
            deadline.watch(self.sock)
        super().request(*arguments, **options)

    def send(self, data: Any) -> None:
        ends = _leave_ends.get()
        if ends is not None and seconds_since_start() > ends:
            raise TimeoutError("this process stood still since the call was given leave: nothing more of it leaves")
        super().send(data)

    def getresponse(self) -> Any:
        self._answering = True
        try:
            response: Any = super().getresponse()
        finally:
            self._answering = False
        response.deadline = self._deadline
        return response

    def close(self) -> None:
        # http.client closes before the body is read where the other side will: the answer still has its deadline
        if not self._answering:
            self.end()
        super().close()

    def end(self) -> None:
        """The exchange is over."""
        if self._deadline is not None:
            self._deadline.end()
            self._deadline = None

    def _begin(self) -> _Deadline:
        if self._deadline is None:
            self._deadline = _Deadline(_whole_seconds.get())
        _last_deadline.set(self._deadline)
        return self._deadline


class _TimedTlsConnection(_TimedConnection, HTTPSConnection):
    """The same with TLS."""


class _TimedPool(HTTPConnectionPool):
    ConnectionCls = _TimedConnection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.end()
        super()._put_conn(conn)


class _TimedTlsPool(_TimedPool, HTTPSConnectionPool):
    ConnectionCls = _TimedTlsConnection


def _timed(manager: PoolManager) -> PoolManager:
    manager.pool_classes_by_scheme = {"http": _TimedPool, "https": _TimedTlsPool}
    return manager
