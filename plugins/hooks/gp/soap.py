"""SOAP 1.1 over HTTP as both services of Dynamics GP speak it: WSDL read once, failures told apart."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.auth import AuthBase
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from hooks.wire.limited_answers import AnswerTooLarge, limit_answers
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError, TransientError
from ledgerbridge.going_out import going_out

__all__ = ["SoapService"]

_SOAP11 = b"http://schemas.xmlsoap.org/soap/envelope/"


class SoapService:
    """
    A service as its WSDL describes it; safe to use from several threads, each with a connection of its own.

    :param base_url: scheme, host and port as we reach them; replaces the machine name the WSDL was written with.
    :param login: as whom we call, for messages only.
    :param make_auth: called once per thread, since NTLM belongs to a connection.
    :param remedy: what to do where the address is not the service.
    """

    def __init__(
        self,
        base_url: str,
        wsdl_path: str,
        *,
        login: str,
        make_auth: Callable[[], AuthBase],
        timeout_seconds: float,
        remedy: str,
    ) -> None:
        self._base_url = base_url
        self._wsdl_url = base_url + wsdl_path
        self._login = login
        self._remedy = remedy
        self._transport = _Transport(base_url, make_auth, timeout_seconds)
        self._lock = threading.Lock()
        self._port: _Port | None = None

    def parameters(self, operation: str) -> list[str]:
        """
        The names of an operation's parameters, in the WSDL's order.

        :raises ConfigurationError: the service offers no such operation.
        """
        operations = self._loaded().operations
        if operation not in operations:
            raise self._unfit(f"has no operation {operation}, only {', '.join(sorted(operations))}")
        return [name for name, _ in operations[operation].input.body.type.elements]

    def type(self, name: str) -> Any:
        """zeep's type of that name (``{namespace}Name``); called, it makes a value."""
        return self._loaded().client.get_type(name)

    def call(
        self,
        operation: str,
        arguments: Mapping[str, Any],
        *,
        writing: bool,
        fault_error: Callable[[Any], Exception],
    ) -> Any:
        """
        The operation's result as zeep gives it.

        :param fault_error: what a SOAP fault means.
        :raises TransientError: not reached, busy, or the answer lost or broken (``outcome_unknown`` when writing).
        :raises ConfigurationError: the login or the address is wrong.

        Asks for leave before a writing call (``ledgerbridge.going_out``).
        """
        from zeep.exceptions import Error, Fault

        port = self._loaded()
        try:
            with going_out() if writing else nullcontext():
                return port.proxy[operation](**arguments)
        except Fault as fault:
            raise fault_error(fault) from fault
        except (Error, AnswerTooLarge) as error:
            raise TransientError(
                "LB-GP-016",
                f"{operation} was answered with something that is no SOAP answer: {type(error).__name__}",
                remedy="Look for a proxy between us and GP that answers in its place.",
                outcome_unknown=writing,
            ) from error
        except (requests.RequestException, _HttpError) as error:
            raise self._failure(error, writing=writing) from error

    def server_time(self) -> datetime:
        """The server's time now, from the Date header of a small answer, whatever its status."""
        try:
            response = self._transport.head(self._wsdl_url)
        except requests.RequestException as error:
            raise self._failure(error, writing=False) from error
        try:
            return parsedate_to_datetime(response.headers.get("Date", ""))
        except ValueError as error:
            raise ConfigurationError(
                "LB-GP-003",
                f"{self._base_url} answers without a Date header",
                remedy="Let the proxy in front of the service pass the Date header on: windows are bounded by it.",
            ) from error

    def _loaded(self) -> _Port:
        with self._lock:
            if self._port is None:
                self._port = self._load()
            return self._port

    def _load(self) -> _Port:
        from lxml.etree import XMLSyntaxError
        from zeep import Client, Settings
        from zeep.exceptions import Error
        from zeep.wsdl.bindings.soap import Soap11Binding

        create: Any = Client  # zeep is not annotated
        try:
            # a page of a thousand documents is one text node beyond libxml2's default limit of 10 MB
            client: Any = create(
                self._wsdl_url, transport=self._transport, settings=Settings(xml_huge_tree=True, forbid_dtd=True)
            )
        except (Error, XMLSyntaxError) as error:
            raise self._unfit(f"is no WSDL: {type(error).__name__}") from error
        except (requests.RequestException, _HttpError) as error:
            raise self._failure(error, writing=False) from error
        for service in client.wsdl.services.values():
            for port in service.ports.values():
                location = port.binding_options["address"]
                # eConnect's default endpoint is net.pipe, for its own machine only
                if isinstance(port.binding, Soap11Binding) and location.startswith("http"):
                    binding: Any = port.binding
                    operations = binding.all()
                    for operation in operations.values():
                        # basicHttpBinding takes no WS-Addressing headers, which zeep would add: sources.md GP §3
                        operation.abstract.wsa_action = None
                    proxy = client.create_service(binding.name, _reached_at(self._base_url, location))
                    return _Port(client, proxy, operations)
        raise self._unfit("offers no basicHttp endpoint")

    def _unfit(self, finding: str) -> ConfigurationError:
        return ConfigurationError("LB-GP-003", f"{self._wsdl_url} {finding}", remedy=self._remedy)

    def _failure(self, error: Exception, *, writing: bool) -> LedgerbridgeError:
        if isinstance(error, _HttpError):
            return self._status_failure(error, writing=writing)
        cause = error.args[0] if error.args else None
        reason = getattr(cause, "reason", cause)
        if isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError | ConnectTimeoutError):
            return TransientError(
                "LB-GP-004",
                f"no connection to {self._base_url}",
                remedy="Start the service on the GP server; check host, port and firewall.",
            )
        return TransientError(
            "LB-GP-005",
            f"the answer of {self._base_url} was lost: {type(error).__name__}",
            remedy="None: what was sent is looked up before it is sent again.",
            outcome_unknown=writing,
        )

    def _status_failure(self, error: _HttpError, *, writing: bool) -> LedgerbridgeError:
        if error.status in (requests.codes.unauthorized, requests.codes.forbidden):
            return ConfigurationError(
                "LB-GP-001",
                f'{self._base_url} refused login "{self._login}" ({error.status})',
                remedy="Mend login and password of the connection, and the Windows account's rights in GP.",
            )
        if error.status == requests.codes.too_many_requests or error.status >= 500:
            return TransientError(
                "LB-GP-006",
                f"{self._base_url} answered {error.status}",
                remedy="None: it is tried again. If it stays, restart the service on the GP server.",
                retry_after_seconds=float(error.retry_after) if error.retry_after.isdecimal() else None,
                outcome_unknown=writing and error.status >= 500,
            )
        return self._unfit(f"answered {error.status}")


@dataclass(frozen=True)
class _Port:
    """The port of the WSDL that we can speak to; all three are zeep's."""

    client: Any
    proxy: Any
    operations: Mapping[str, Any]


class _HttpError(Exception):
    """An answer that is not SOAP, told by its status."""

    def __init__(self, response: requests.Response) -> None:
        super().__init__(response.status_code)
        self.status = response.status_code
        self.retry_after = response.headers.get("Retry-After", "")


class _Transport:
    """What zeep loads and sends with, in place of its own: a line per thread, statuses told before any parsing."""

    def __init__(self, base_url: str, make_auth: Callable[[], AuthBase], timeout_seconds: float) -> None:
        self._base_url = base_url
        self._make_auth = make_auth
        self._timeout_seconds = timeout_seconds
        self._local = threading.local()

    def load(self, url: str) -> bytes:
        # imported schemas carry the server's own machine name
        response = self._line().session.get(_reached_at(self._base_url, url), timeout=self._timeout_seconds)
        if response.status_code != requests.codes.ok:
            raise _HttpError(response)
        return response.content

    def post_xml(self, address: str, envelope: Any, headers: Mapping[str, str]) -> requests.Response:
        from lxml import etree

        body = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
        response = self._line().post(address, body, headers, self._timeout_seconds)
        if response.status_code != requests.codes.ok and _SOAP11 not in response.content:
            raise _HttpError(response)
        return response

    def head(self, url: str) -> requests.Response:
        return self._line().session.head(url, timeout=self._timeout_seconds)

    def _line(self) -> _Line:
        line: _Line | None = getattr(self._local, "line", None)
        if line is None:
            line = self._local.line = _Line(self._base_url, self._make_auth())
        return line


class _Line:
    """
    A session of one thread; what is the same in all its calls is made once: most of what preparing one takes.

    That is what the environment says of proxies and certificates, and a call's request but for its body and cookies.
    """

    def __init__(self, base_url: str, auth: AuthBase) -> None:
        self.session = limit_answers(requests.Session())
        self.session.auth = auth
        self._found = self.session.merge_environment_settings(base_url, {}, None, None, None)
        self._requests: dict[tuple[object, ...], requests.PreparedRequest] = {}

    def post(self, address: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float) -> requests.Response:
        """As ``Session.post``."""
        what = (address, *headers.items())
        if what not in self._requests:
            self._requests[what] = self.session.prepare_request(requests.Request("POST", address, headers))
            self._requests[what].headers.pop("Cookie", None)
        request = self._requests[what].copy()
        request.prepare_cookies(self.session.cookies)
        request.prepare_body(body, None)
        return self.session.send(request, timeout=timeout_seconds, **self._found)


def _reached_at(base_url: str, url: str) -> str:
    base, seen = urlsplit(base_url), urlsplit(url)
    return urlunsplit((base.scheme, base.netloc, seen.path, seen.query, ""))
