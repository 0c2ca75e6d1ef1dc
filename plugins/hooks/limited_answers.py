"""Answers over HTTP, read no further than they may be parsed: a system, or a proxy before it, can send without end."""

from __future__ import annotations

from typing import Any, TypeVar

from requests import Response, Session
from requests.exceptions import RequestException

from hooks import untrusted

__all__ = ["AnswerTooLarge", "limit_answers"]

_CHUNK_BYTES = 64 * 1024

S = TypeVar("S", bound=Session)


class AnswerTooLarge(RequestException):
    """The body, unpacked, went beyond ``untrusted.MAX_BYTES``; the connection was closed on it."""


def limit_answers(session: S) -> S:
    """
    The session, none of whose answers is held beyond the limit; with ``stream=True`` the caller reads and limits.

    A response hook, since an adapter would come before NTLM's own hook, which wants the body unread.
    """
    session.hooks["response"].append(_read)
    return session


def _read(response: Response, *, stream: bool = False, **_: Any) -> None:
    """Read the body in the place of ``Session.send``, which would read all of it."""
    if stream:
        return
    body = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
        body += chunk
        if len(body) > untrusted.MAX_BYTES:
            response.close()
            raise AnswerTooLarge(f"more than {untrusted.MAX_BYTES} bytes", request=response.request)
    response._content = bytes(body)  # as requests does it: `content` of a body that was read
