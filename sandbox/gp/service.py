"""The eConnect Integration Service: its operations over a company's database (sources.md GP §2)."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.gp import journals
from sandbox.gp.econnect import parse_document, run_document
from sandbox.gp.errors import SqlError
from sandbox.gp.numbers import next_receivables_number, next_sales_number, next_voucher_number
from sandbox.gp.requester import read_entity
from sandbox.gp.session import Company, Session
from sandbox.gp.site import Site
from sandbox.gp.soap import BadCall, SoapCall

_SOP_TYPES = {"SOPQuote": 1, "SOPOrder": 2, "SOPInvoice": 3, "SOPReturn": 4, "SOPBackOrder": 5}
_RM_TYPES = {
    "RMInvoices": 1,
    "RMDebitMemos": 3,
    "RMFinanceCharges": 4,
    "RMServiceRepairs": 5,
    "RMWarrantys": 6,
    "RMCreditMemo": 7,
    "RMReturns": 8,
    "RMPayments": 9,
}
_ENTITY_OPERATIONS = ("Create", "Update", "Delete")


def call_operation(site: Site, user: str, call: SoapCall) -> str:
    """
    Run one operation; its result as text.

    The procedures decide what a document does; the operations CreateEntity to DeleteTransactionEntity differ in what
    they answer: CreateTransactionEntity the document with its numbers, the others ``true``.

    :param user: who calls, known by their login.
    :raises EConnectRefused: a procedure refused its node; nothing was written.
    :raises SqlError: SQL Server's own errors, an unknown company among them.
    :raises BadCall: no such operation, or one this sandbox doesn't have.
    """
    name = call.operation
    if name == "GetEntity":
        database, company = _open_company(site, user, call)
        with company.reading() as session:
            return read_entity(session, parse_document(call.parameters.get("sXML", "")), database)
    if name.startswith(_ENTITY_OPERATIONS) and name.endswith("Entity"):
        root = parse_document(call.parameters.get("sXML", ""))
        _, company = _open_company(site, user, call)
        with company.writing() as session:
            document = run_document(session, root)
        return document if name == "CreateTransactionEntity" else "true"
    if name in _NEXT_NUMBERS:
        _, company = _open_company(site, user, call)
        with company.writing() as session:
            if call.parameters.get("incrementDecrement") != "Increment":
                raise SqlError(50000, "Only Increment is supported by this sandbox; unused numbers leave gaps.")
            return _NEXT_NUMBERS[name](session, call.parameters)
    raise BadCall(f"The service has no operation {name}.")


def _next_sales(session: Session, parameters: dict[str, str]) -> str:
    kind = _SOP_TYPES.get(parameters.get("sopType", ""), 0)
    return next_sales_number(session, kind, parameters.get("documentId", ""))


_NEXT_NUMBERS: dict[str, Callable[[Session, dict[str, str]], str]] = {
    "GetNextGLJournalEntryNumber": lambda session, _: str(journals.next_entry(session)),
    "GetPMNextVoucherNumber": lambda session, _: next_voucher_number(session),
    "GetNextSOPNumber": _next_sales,
    "GetNextRMNumber": lambda session, parameters: next_receivables_number(
        session, _RM_TYPES.get(parameters.get("documentType", ""), 0)
    ),
}


def _open_company(site: Site, user: str, call: SoapCall) -> tuple[str, Company]:
    """The company database a connection string names, as SQL Server would open it for this user."""
    settings = {}
    for part in call.parameters.get("connectionString", "").split(";"):
        key, _, value = part.partition("=")
        settings[key.strip().lower()] = value.strip()
    name = settings.get("initial catalog") or settings.get("database") or ""
    for company_id in site.opened_by(user):
        if company_id.upper() == name.upper():
            return company_id, site.company(company_id)
    raise SqlError.no_database(name)
