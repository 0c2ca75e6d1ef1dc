"""
NTLM over HTTP: three legs on one connection, which then stays that user's (sandbox.md Web Services 2).

The exchange itself is pyspnego's. A connection is told by its peer's address and forgotten after a pause longer than
a server keeps it open, since nobody tells us when it closes.
"""

from __future__ import annotations

import base64
import binascii
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import spnego
from spnego.exceptions import SpnegoError

_FORGOTTEN_AFTER_SECONDS = 30.0
_environment = threading.Lock()


@dataclass
class _Connection:
    exchange: Any = None
    user: str = ""
    seen: float = field(default_factory=time.monotonic)


class NtlmGate:
    """
    Who calls on which connection.

    :param credentials: a file of this server's own, which pyspnego reads the logins from.
    """

    def __init__(self, credentials: Path) -> None:
        self._credentials = credentials
        self._connections: dict[tuple[str, int], _Connection] = {}
        self._lock = threading.Lock()

    def accept(self, peer: tuple[str, int], authorization: str, logins: Mapping[str, str]) -> tuple[str, str]:
        """
        The user of this connection, or the challenge to answer 401 with.

        :param authorization: the request's header, blank for none.
        :param logins: password by ``DOMAIN\\user``.
        :returns: (user, "") when the caller is known, else ("", value of WWW-Authenticate).
        """
        connection = self._connection(peer)
        if not authorization:
            return (connection.user, "") if connection.user else ("", "NTLM")
        scheme, _, encoded = authorization.partition(" ")
        if scheme.upper() != "NTLM":
            return "", "NTLM"
        try:
            token = base64.b64decode(encoded, validate=True)
            answer = self._step(connection, token, logins)
        except (binascii.Error, SpnegoError):
            connection.exchange, connection.user = None, ""
            return "", "NTLM"
        if connection.exchange.complete:
            connection.user, connection.exchange = connection.exchange.client_principal, None
            return connection.user, ""
        return "", f"NTLM {base64.b64encode(answer).decode()}"

    def _step(self, connection: _Connection, token: bytes, logins: Mapping[str, str]) -> bytes:
        with _environment:  # pyspnego finds its credentials by an environment variable of the whole process
            entries = [(*login.rpartition("\\")[::2], password) for login, password in logins.items()]
            self._credentials.write_text("".join(f"{':'.join(entry)}\n" for entry in entries))
            os.environ["NTLM_USER_FILE"] = str(self._credentials)
            if connection.exchange is None:
                connection.exchange = spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
            return connection.exchange.step(token) or b""

    def _connection(self, peer: tuple[str, int]) -> _Connection:
        now = time.monotonic()
        with self._lock:
            for known, connection in list(self._connections.items()):
                if now - connection.seen > _FORGOTTEN_AFTER_SECONDS:
                    del self._connections[known]
            found = self._connections.setdefault(peer, _Connection())
            found.seen = now
            return found
