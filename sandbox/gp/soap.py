"""
SOAP 1.1 of the eConnect Integration Service: reading calls, writing answers and faults, and its WSDL.

The real namespace and actions are in no public source (sources.md GP §2): these are the sandbox's own, and a client has
to take them from the WSDL.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from sandbox.gp import safe_xml
from sandbox.gp.errors import EConnectRefused, SqlError

NAMESPACE = "urn:sandbox:gp:econnect"
CALL_PATH = "/Microsoft/Dynamics/GP/eConnect/EntityOperations"
WSDL_PATH = "/Microsoft/Dynamics/GP/eConnect/mex"
_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_WSDL = (Path(__file__).parent / "econnect.wsdl").read_text()


class BadCall(Exception):
    """The body is no SOAP 1.1 call of an operation."""


@dataclass(frozen=True)
class SoapCall:
    """One call: the operation's name and its parameters as text."""

    operation: str
    parameters: dict[str, str]


def read_call(body: bytes) -> SoapCall:
    """
    The call in a SOAP envelope.

    :raises BadCall: not well-formed, with a document type, or without a body element of our namespace.
    """
    try:
        envelope = safe_xml.parse(body)
    except safe_xml.UnreadableXml as error:
        raise BadCall(str(error)) from error
    content = envelope.find(f"{{{_ENVELOPE}}}Body")
    if content is None or not len(content) or etree.QName(content[0]).namespace != NAMESPACE:
        raise BadCall(f"The request is no SOAP 1.1 envelope with an operation of {NAMESPACE}.")
    call = content[0]
    return SoapCall(etree.QName(call).localname, {etree.QName(p).localname: p.text or "" for p in call})


def write_answer(operation: str, result: str) -> str:
    """The envelope of a successful answer."""
    content = f"<{operation}Result>{_text(result)}</{operation}Result>"
    return _envelope(f"<{operation}Response xmlns={quoteattr(NAMESPACE)}>{content}</{operation}Response>")


def write_fault(error: Exception) -> str:
    """The envelope of a fault: eConnectFault for refusals, eConnectSqlFault for SQL Server's own errors."""
    if isinstance(error, EConnectRefused):
        exception_type, detail = "Microsoft.Dynamics.GP.eConnect.eConnectException", _refusal_detail(error)
    elif isinstance(error, SqlError):
        exception_type, detail = "System.Data.SqlClient.SqlException", _sql_detail(error)
    else:
        exception_type, detail = "System.ServiceModel.FaultException", ""
    return _envelope(
        "<s:Fault><faultcode>s:Client</faultcode>"
        f'<faultstring xml:lang="en-US">{_text(str(error) or exception_type)}</faultstring>'
        f"{f'<detail>{detail}</detail>' if detail else ''}</s:Fault>"
    )


def wsdl(base_url: str) -> str:
    """The service's description, with the address it is reached at."""
    return _WSDL.replace("{address}", base_url.rstrip("/") + CALL_PATH)


def _refusal_detail(error: EConnectRefused) -> str:
    return (
        f"<eConnectFault xmlns={quoteattr(NAMESPACE)}>"
        "<ExceptionType>Microsoft.Dynamics.GP.eConnect.eConnectException</ExceptionType>"
        f"<Message>{_text(str(error))}</Message><Source>Microsoft.Dynamics.GP.eConnect</Source>"
        "<StackTrace></StackTrace></eConnectFault>"
    )


def _sql_detail(error: SqlError) -> str:
    return (
        f"<eConnectSqlFault xmlns={quoteattr(NAMESPACE)}><Errors><eConnectSqlError>"
        f"<Class>16</Class><Message>{_text(str(error))}</Message><Number>{error.number}</Number>"
        f"<Procedure>{_text(error.procedure)}</Procedure><Server>SANDBOX</Server>"
        "<Source>.Net SqlClient Data Provider</Source><State>1</State>"
        "</eConnectSqlError></Errors></eConnectSqlFault>"
    )


def _envelope(content: str) -> str:
    return f'<s:Envelope xmlns:s="{_ENVELOPE}"><s:Body>{content}</s:Body></s:Envelope>'


def _text(value: str) -> str:
    """Escaped text; carriage returns as references, or an XML parser would make them line feeds."""
    return escape(value, {"\r": "&#13;"})
