"""
Calls to the eConnect Integration Service: SOAP 1.1 with HTTP Basic (sources.md GP §2).

Namespaces and actions come from the site's own WSDL, read once per process; nothing of them is written here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from requests.auth import HTTPBasicAuth

from hooks.gp.econnect.errors import ProcedureFault, parse_procedure_errors, refused_reading, system_error
from hooks.gp.soap import SoapService
from ledgerbridge.errors import TransientError

__all__ = ["EConnectAddress", "EConnectClient"]


_READING = "GetEntity"


@dataclass(frozen=True)
class EConnectAddress:
    """
    Where and as whom to call.

    :param base_url: scheme, host and port as we reach them.
    :param company: SQL database name (INTERID) such as ``TWO``.
    :param data_source: SQL Server as the eConnect service reaches it.
    """

    base_url: str
    wsdl_path: str
    login: str
    password: str = field(repr=False)
    company: str
    data_source: str
    timeout_seconds: float

    @property
    def connection_string(self) -> str:
        """What eConnect opens: integrated security, the identity is the service account's."""
        return (
            f"data source={self.data_source};initial catalog={self.company};"
            "integrated security=SSPI;persist security info=False;packet size=4096"
        )


class EConnectClient:
    """
    The eConnect service of one company; safe to use from several threads.

    All calls raise TransientError (not reached, busy, answer lost: then ``outcome_unknown``), ConfigurationError
    (login, company, address, what may be read) or, where GP refused what was sent, ProcedureFault.
    """

    def __init__(self, address: EConnectAddress) -> None:
        self._address = address
        self._service = SoapService(
            address.base_url,
            address.wsdl_path,
            login=address.login,
            make_auth=lambda: HTTPBasicAuth(address.login, address.password),
            timeout_seconds=address.timeout_seconds,
            remedy="Add the basicHttpBinding endpoint to the eConnect service, check the extra `wsdl_path`.",
        )

    @property
    def timeout_seconds(self) -> float:
        """How long one call may take."""
        return self._address.timeout_seconds

    def create_master(self, xml: str) -> None:
        """Create or update a master record (CreateEntity)."""
        self._call("CreateEntity", xml=xml, writing=True)

    def create_transaction(self, xml: str) -> str:
        """Create a document in work; its XML with the numbers GP gave (CreateTransactionEntity)."""
        return str(self._call("CreateTransactionEntity", xml=xml, writing=True))

    def get_entity(self, xml: str) -> str:
        """The Requester's answer, ``<root>`` with one ``<eConnect>`` per record (GetEntity)."""
        return str(self._call(_READING, xml=xml, writing=False))

    def next_journal_entry(self) -> int:
        """A journal entry number for us alone; an unused one leaves a gap."""
        answer = str(self._call("GetNextGLJournalEntryNumber", xml="", writing=False)).strip()
        if not answer.isdecimal():
            raise TransientError(
                "LB-GP-016",
                f"GetNextGLJournalEntryNumber answered {answer!r}, a number expected",
                remedy="Check the next journal entry in GP's General Ledger Setup.",
            )
        return int(answer)

    def server_time(self) -> datetime:
        """The GP server's time now, from the Date header of a small answer."""
        return self._service.server_time()

    def _call(self, operation: str, *, xml: str, writing: bool) -> Any:
        arguments: dict[str, str] = {}
        # no public source has the parameters' names, the site's WSDL does: sources.md GP §2
        for name in self._service.parameters(operation):
            if "connection" in name.lower():
                arguments[name] = self._address.connection_string
            elif "xml" in name.lower():
                arguments[name] = xml
            else:
                arguments[name] = "Increment"
        return self._service.call(
            operation,
            arguments,
            writing=writing,
            fault_error=lambda fault: self._fault_error(fault, operation=operation, writing=writing),
        )

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
        errors = [error for text in dict.fromkeys(texts) for error in parse_procedure_errors(text)]
        if errors:
            refused = ProcedureFault(errors)
            # of a document its record is refused, of a reading the Requester's set-up
            return refused_reading(operation, str(refused)) if operation == _READING else refused
        return system_error(
            max(texts, key=len),
            sql_number=sql_number,
            company=self._address.company,
            operation=operation,
            writing=writing,
        )
