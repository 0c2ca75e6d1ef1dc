"""
Calls to the eConnect Integration Service: SOAP 1.1 with HTTP Basic (facts/gp.md §2).

Namespaces and actions come from the site's own WSDL, read once per process; nothing of them is written here.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from hooks.gp_econnect_errors import ProcedureFault, parse_procedure_errors, system_error
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError, TransientError

__all__ = ["EConnectAddress", "EConnectClient"]

_SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"


@dataclass(frozen=True)
class EConnectAddress:
    """
    Where and as whom to call.

    :param base_url: scheme, host and port as we reach them; replaces the machine name the WSDL was written with.
    :param company: SQL database name (INTERID) such as ``TWO``.
    :param data_source: SQL Server as the eConnect service reaches it.
    """

    base_url: str
    wsdl_path: str
    login: str
    password: str
    company: str
    data_source: str
    timeout_seconds: float

    @property
    def wsdl_url(self) -> str:
        return self.base_url + self.wsdl_path

    @property
    def connection_string(self) -> str:
        """What eConnect opens: integrated security, the identity is the service account's."""
        return (
            f"data source={self.data_source};initial catalog={self.company};"
            "integrated security=SSPI;persist security info=False;packet size=4096"
        )


class EConnectClient:
    """
    The eConnect service of one company; safe to use from several threads, each with a connection of its own.

    All calls raise TransientError (not reached, busy, answer lost: then ``outcome_unknown``), ConfigurationError
    (login, company, address) or, where GP refused what was sent, ProcedureFault.
    """

    def __init__(self, address: EConnectAddress) -> None:
        self._address = address
        self._transport = _Transport(address)
        self._lock = threading.Lock()
        self._service: _Service | None = None

    def create_master(self, xml: str) -> None:
        """Create or update a master record (CreateEntity)."""
        self._call("CreateEntity", xml=xml, writing=True)

    def create_transaction(self, xml: str) -> str:
        """Create a document in work; its XML with the numbers GP gave (CreateTransactionEntity)."""
        return str(self._call("CreateTransactionEntity", xml=xml, writing=True))

    def get_entity(self, xml: str) -> str:
        """The Requester's answer, ``<root>`` with one ``<eConnect>`` per record (GetEntity)."""
        return str(self._call("GetEntity", xml=xml, writing=False))

    def next_journal_entry(self) -> int:
        """A journal entry number for us alone; an unused one leaves a gap."""
        answer = str(self._call("GetNextGLJournalEntryNumber", xml=None, writing=False)).strip()
        if not answer.isdecimal():
            raise TransientError(
                "LB-GP-016",
                f"GetNextGLJournalEntryNumber answered {answer!r}, a number expected",
                remedy="Check the next journal entry in GP's General Ledger Setup.",
            )
        return int(answer)

    def server_time(self) -> datetime:
        """The GP server's time now, from the Date header of a small answer."""
        return self._transport.server_time()

    def _call(self, operation: str, *, xml: str | None, writing: bool) -> Any:
        from zeep.exceptions import Error, Fault

        service = self._connected()
        arguments = service.arguments(operation, connection_string=self._address.connection_string, xml=xml)
        try:
            return service.proxy[operation](**arguments)
        except Fault as fault:
            raise self._fault_error(fault, operation=operation, writing=writing) from fault
        except Error as error:
            raise TransientError(
                "LB-GP-016",
                f"{operation} was answered with something that is no SOAP answer: {type(error).__name__}",
                remedy="Look for a proxy between us and GP that answers in its place.",
                outcome_unknown=writing,
            ) from error
        except requests.RequestException as error:
            raise _connection_error(error, self._address.base_url, writing=writing) from error
        except _HttpError as error:
            raise _status_error(error, self._address, writing=writing) from error

    def _connected(self) -> _Service:
        with self._lock:
            if self._service is None:
                try:
                    self._service = _Service.load(self._address, self._transport)
                except requests.RequestException as error:
                    raise _connection_error(error, self._address.base_url, writing=False) from error
                except _HttpError as error:
                    raise _status_error(error, self._address, writing=False) from error
            return self._service

    def _fault_error(self, fault: Any, *, operation: str, writing: bool) -> Exception:
        texts = [fault.message or ""]
        sql_number = None
        if fault.detail is not None:
            for element in fault.detail.iter():
                text = (element.text or "").strip()
                if text:
                    texts.append(text)
                if str(element.tag).endswith("}Number") and text.lstrip("-").isdecimal():
                    sql_number = int(text)
        errors = [error for text in texts for error in parse_procedure_errors(text)]
        if errors:
            return ProcedureFault(errors)
        return system_error(
            max(texts, key=len),
            sql_number=sql_number,
            company=self._address.company,
            operation=operation,
            writing=writing,
        )


@dataclass(frozen=True)
class _Service:
    """The port of the site's WSDL that we can speak to."""

    proxy: Any
    operations: Mapping[str, Any]

    @classmethod
    def load(cls, address: EConnectAddress, transport: _Transport) -> _Service:
        from lxml.etree import XMLSyntaxError
        from zeep import Client, Settings
        from zeep.exceptions import Error
        from zeep.wsdl.bindings.soap import Soap11Binding

        try:
            create: Any = Client  # zeep is not annotated
            # a page of a thousand documents is one text node beyond libxml2's default limit of 10 MB
            client: Any = create(address.wsdl_url, transport=transport, settings=Settings(xml_huge_tree=True))
        except (Error, XMLSyntaxError) as error:
            raise ConfigurationError(
                "LB-GP-003", f"{address.wsdl_url} is no WSDL: {type(error).__name__}", remedy=_WSDL_REMEDY
            ) from error
        services: Mapping[str, Any] = client.wsdl.services
        for service in services.values():
            for port in service.ports.values():
                location = port.binding_options["address"]
                # the service's default endpoint is net.pipe, for its own machine only
                if isinstance(port.binding, Soap11Binding) and location.startswith("http"):
                    base, seen = urlsplit(address.base_url), urlsplit(location)
                    url = urlunsplit((base.scheme, base.netloc, seen.path, seen.query, ""))
                    binding: Any = port.binding
                    return cls(client.create_service(binding.name, url), binding.all())
        raise ConfigurationError("LB-GP-003", f"{address.wsdl_url} offers no basicHttp endpoint", remedy=_WSDL_REMEDY)

    def arguments(self, operation: str, *, connection_string: str, xml: str | None) -> dict[str, str]:
        """The operation's parameters by the names the WSDL gives them, which no public source does."""
        if operation not in self.operations:
            raise ConfigurationError(
                "LB-GP-003",
                f"the WSDL has no operation {operation}, only {', '.join(sorted(self.operations))}",
                remedy=_WSDL_REMEDY,
            )
        values: dict[str, str] = {}
        for name, _element in self.operations[operation].input.body.type.elements:
            if "connection" in name.lower():
                values[name] = connection_string
            elif "xml" in name.lower():
                values[name] = xml or ""
            else:
                values[name] = "Increment"
        return values


class _HttpError(Exception):
    """An answer that is not SOAP, told by its status."""

    def __init__(self, response: requests.Response) -> None:
        super().__init__(response.status_code)
        self.status = response.status_code
        self.retry_after = response.headers.get("Retry-After", "")


class _Transport:
    """What zeep sends and loads with: a session per thread, HTTP Basic, statuses told apart before any parsing."""

    def __init__(self, address: EConnectAddress) -> None:
        self._address = address
        self._local = threading.local()

    def load(self, url: str) -> bytes:
        base, seen = urlsplit(self._address.base_url), urlsplit(url)
        # imported schemas carry the server's own machine name
        response = self._session().get(
            urlunsplit((base.scheme, base.netloc, seen.path, seen.query, "")), timeout=self._address.timeout_seconds
        )
        if response.status_code != requests.codes.ok:
            raise _HttpError(response)
        return response.content

    def post_xml(self, address: str, envelope: Any, headers: Mapping[str, str]) -> requests.Response:
        from lxml import etree

        body = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
        response = self._session().post(address, data=body, headers=headers, timeout=self._address.timeout_seconds)
        if response.status_code != requests.codes.ok and _SOAP11.encode() not in response.content:
            raise _HttpError(response)
        return response

    def server_time(self) -> datetime:
        try:
            response = self._session().head(self._address.wsdl_url, timeout=self._address.timeout_seconds)
        except requests.RequestException as error:
            raise _connection_error(error, self._address.base_url, writing=False) from error
        try:
            return parsedate_to_datetime(response.headers.get("Date", ""))
        except ValueError as error:
            raise ConfigurationError(
                "LB-GP-003",
                f"{self._address.base_url} answers without a Date header",
                remedy="Let the proxy in front of eConnect pass the Date header on: windows are bounded by it.",
            ) from error

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.auth = (self._address.login, self._address.password)
        return session


_WSDL_REMEDY = "Add the basicHttpBinding endpoint to the eConnect service, check the extra `wsdl_path`."


def _connection_error(error: requests.RequestException, base_url: str, *, writing: bool) -> LedgerbridgeError:
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    if isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError | ConnectTimeoutError):
        return TransientError(
            "LB-GP-004",
            f"no connection to {base_url}",
            remedy="Start the eConnect service; check host, port, firewall.",
        )
    return TransientError(
        "LB-GP-005",
        f"the answer of {base_url} was lost: {type(error).__name__}",
        remedy="None: what was sent is looked up before it is sent again.",
        outcome_unknown=writing,
    )


def _status_error(error: _HttpError, address: EConnectAddress, *, writing: bool) -> LedgerbridgeError:
    if error.status in (401, 403):
        return ConfigurationError(
            "LB-GP-001",
            f'{address.base_url} refused login "{address.login}" ({error.status})',
            remedy="Mend login and password of the connection; the Windows account needs DYNGRP.",
        )
    if error.status == requests.codes.too_many_requests or error.status >= 500:
        return TransientError(
            "LB-GP-006",
            f"{address.base_url} answered {error.status}",
            remedy="None: it is tried again. If it stays, restart the eConnect service.",
            retry_after_seconds=float(error.retry_after) if error.retry_after.isdecimal() else None,
            outcome_unknown=writing and error.status >= 500,
        )
    return ConfigurationError("LB-GP-003", f"{address.wsdl_url} answered {error.status}", remedy=_WSDL_REMEDY)
