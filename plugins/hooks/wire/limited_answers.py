"""Answers over HTTP, read no further and no longer than they may be: a system, or a proxy, can send without end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from requests import Response, Session
from requests.exceptions import RequestException

from hooks.wire import untrusted
from hooks.wire.timed_calls import TimedAdapter, within_time

__all__ = ["AnswerTooLarge", "limit_answers", "limited_lines"]

_CHUNK_BYTES = 64 * 1024

S = TypeVar("S", bound=Session)


class AnswerTooLarge(RequestException):
    """The body, or one of its lines, went beyond ``untrusted.MAX_BYTES`` unpacked; the connection was closed on it."""


def limit_answers(session: S) -> S:
    """
    The session, none of whose answers is held beyond the limit, nor takes longer than the call's ``timeout`` in all.

    With ``stream=True`` the caller reads and limits. The size is a response hook's matter, since an adapter would come
    before NTLM's own hook, which wants the body unread.
    """
    for scheme in ("http://", "https://"):
        session.mount(scheme, TimedAdapter())
    session.hooks["response"].append(_read)
    return session


def _read(response: Response, *, stream: bool = False, **_: Any) -> None:
    """Read the body in the place of ``Session.send``, which would read all of it."""
    if stream:
        return
    body = bytearray()
    with within_time(response):
        for chunk in response.iter_content(_CHUNK_BYTES):
            body += chunk
            if len(body) > untrusted.MAX_BYTES:
                raise _too_large(response, "more")
    response._content = bytes(body)  # as requests does it: `content` of a body that was read


def limited_lines(response: Response) -> Iterator[bytes]:
    """
    The lines of a body that is read while it comes, of any length, none of them empty.

    :raises AnswerTooLarge: a line does not end within the limit.
    :raises AnswerTooSlow: not all of it came within an hour.
    """
    with within_time(response):
        yield from _lines(response)


def _lines(response: Response) -> Iterator[bytes]:
    begun = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            begun += line
            if begun:
                yield bytes(begun)
            begun.clear()
        begun += rest
        if len(begun) > untrusted.MAX_BYTES:
            raise _too_large(response, "a line of more")
    if begun:
        yield bytes(begun)


def _too_large(response: Response, what: str) -> AnswerTooLarge:
    response.close()
    return AnswerTooLarge(f"{what} than {untrusted.MAX_BYTES} bytes", request=response.request)
