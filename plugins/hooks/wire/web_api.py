"""What the hooks of JSON web APIs share: one session to one connection, and answers without floats."""

from __future__ import annotations

import hashlib
import json
import logging
from copy import copy
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any, ClassVar

from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk import Connection
from requests import Response, Session
from requests.exceptions import RequestException

from hooks.environments import EnvironmentHook
from hooks.wire.limited_answers import limit_answers
from hooks.wire.untrusted import parse_json
from ledgerbridge.errors import ConfigurationError, TransientError

__all__ = ["WebApiHook", "address", "fingerprint", "retry_after_seconds"]

_TIMEOUT_SECONDS = 60


class WebApiHook(EnvironmentHook, HttpHook):
    """
    One session to one web API; an answer that doesn't come is a ``TransientError``.

    Differs from ``HttpHook`` in three points: https unless the connection says otherwise (credentials never cross
    the net in the clear by omission), the connection's extra holds settings and no headers (``timeout``,
    ``verify``, ``proxies``, ``cert`` keep their meaning), and no answer's body is ever logged.
    """

    unreachable_code: ClassVar[str]
    incomplete_code: ClassVar[str]

    @cached_property
    def connection(self) -> Connection:
        """The Airflow connection, read once."""
        return self.get_connection(self.http_conn_id)

    @cached_property
    def session(self) -> Session:
        """The session all requests of this hook share."""
        return limit_answers(self.get_conn())

    @property
    def call_seconds(self) -> float:
        """How long one call may take."""
        return float(self.connection.extra_dejson.get("timeout") or _TIMEOUT_SECONDS)

    def setting(self, name: str, default: str | None = None) -> str:
        """
        A field of the connection's extra.

        :raises ConfigurationError: it is not there and has no default.
        """
        value = self.connection.extra_dejson.get(name, default)
        if not value:
            raise ConfigurationError(
                self.incomplete_code,
                f"connection {self.http_conn_id!r} has no `{name}` in its extra",
                remedy=f"Add `{name}` to the connection.",
            )
        return str(value)

    @property
    def webhooks(self) -> str | None:
        """Where the system is to tell of changes, by the extra of the connection; None: it does not say."""
        return self.connection.extra_dejson.get("webhooks") or None

    def exchange(self, method: str, path: str, **request: Any) -> Response:
        """
        Send one request; any status is an answer.

        :param path: below the connection's host, or a whole URL.
        :param request: as for ``requests.Session.request``.
        :raises TransientError: no answer came (refused, reset, timed out), or one of more than 256 MB.
        """
        session = self.session
        url = path if "://" in path else self.url_from_endpoint(path)
        try:
            return session.request(method, url, timeout=self.call_seconds, **request)
        except RequestException as error:
            raise TransientError(
                self.unreachable_code,
                f"{method} {address(url)} got no answer ({type(error).__name__})",
                remedy="Repeat; if it stays so, check the connection's host and the network.",
            ) from error

    def content(self, response: Response) -> Any:
        """
        The JSON body; a number with a decimal point is a string of plain digits, never a float.

        :raises TransientError: the body isn't JSON (a proxy's page, a cut answer).
        """
        try:
            return parse_json(response.content)
        except ValueError as error:
            raise TransientError(
                self.unreachable_code,
                f"{response.request.method} {address(response.url)} answered {response.status_code} without valid JSON",
                remedy="Repeat; if it stays so, look for a proxy between Airflow and the system.",
            ) from error

    def date(self, response: Response) -> datetime:
        """
        When the system answered, by its own clock (``Date`` header), aware UTC.

        :raises TransientError: no such header, or not a date.
        """
        text = response.headers.get("Date", "")
        try:
            return parsedate_to_datetime(text).astimezone(UTC)
        except ValueError as error:
            raise TransientError(
                self.unreachable_code,
                f"{address(response.url)} answered with the Date header {text!r}, expected an HTTP date",
                remedy="Repeat; if it stays so, look for a proxy that removes the header.",
            ) from error

    def _set_base_url(self, connection: Connection) -> None:
        with_scheme = copy(connection)
        with_scheme.schema = connection.schema or "https"
        super()._set_base_url(with_scheme)

    def _configure_session_from_extra(
        self, session: Session, connection: Connection, extra_options: dict[str, Any]
    ) -> Session:
        headers = dict(session.headers)
        session = super()._configure_session_from_extra(session, connection, extra_options)
        session.headers.clear()
        session.headers.update(headers)
        return session


def address(url: str) -> str:
    """A URL without its query, which may hold a signature: fit for messages and logs."""
    return url.partition("?")[0]


class _Addresses(logging.Filter):
    """Takes the query off the addresses urllib3 logs at DEBUG: it may name persons or hold a signature."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Every record passes, its addresses shortened."""
        if isinstance(record.args, tuple):
            record.args = tuple(address(value) if isinstance(value, str) else value for value in record.args)
        return True


logging.getLogger("urllib3.connectionpool").addFilter(_Addresses())


def retry_after_seconds(response: Response) -> float | None:
    """The ``Retry-After`` header in seconds, None when absent or given as a date."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.replace(".", "", 1).isdigit() else None


def fingerprint(content: Any) -> str:
    """Sixteen hexadecimal digits that differ when the JSON content does, whatever the order of its names."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
