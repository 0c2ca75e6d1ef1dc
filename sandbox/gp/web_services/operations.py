"""The operations of Web Services over a company's tables, and the log of what they refused (sources.md GP §3)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from lxml import etree

from sandbox.gp import safe_xml
from sandbox.gp.session import Company, Session
from sandbox.gp.site import Site
from sandbox.gp.web_services import items
from sandbox.gp.web_services.description import OPERATIONS, Operation, request_schema
from sandbox.gp.web_services.errors import (
    SYSTEM_SENTENCE,
    VALIDATION_SENTENCE,
    NotAuthorized,
    SystemFailure,
    Undeserializable,
    ValidationRefused,
)
from sandbox.gp.web_services.objects import XSI, read_object, write_object
from sandbox.gp.web_services.parties import CUSTOMER, VENDOR, Party, list_parties, party_by_key, save_party
from sandbox.gp.web_services.types import COMPLEX, GP

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_POLICIES = uuid.UUID("f2b3f0ae-7f0c-4a57-9d1c-1de0f5f6c0aa")


class LoggedFault(Exception):
    """A fault as the caller sees it: a sentence, and the GUID of its log entry in the detail."""

    def __init__(self, sentence: str, log_id: str) -> None:
        super().__init__(sentence)
        self.log_id = log_id


def call_operation(site: Site, body: bytes, user: str) -> bytes:
    """
    Answer one SOAP request.

    :raises Undeserializable: it is no request of the service.
    :raises NotAuthorized: this user has no role in the company.
    :raises LoggedFault: it was refused or failed; nothing was written but the log.
    """
    operation, request = _read(body)
    log = site.company(None)  # DYNAMICS, which is one for all companies
    try:
        company = _company(site, user, request.get("context"))
        if operation.name == "GetCompanyList":
            return _write(operation, _companies(site))
        with company.reading() if operation.result else company.writing() as session:
            result = _ANSWERS[operation.name](session, request)
    except (ValidationRefused, SystemFailure) as refused:
        with log.writing() as session:
            log_id = _log(session, refused, user)
        sentence = VALIDATION_SENTENCE if isinstance(refused, ValidationRefused) else SYSTEM_SENTENCE
        raise LoggedFault(sentence, log_id) from refused
    return _write(operation, result)


def _read(body: bytes) -> tuple[Operation, dict[str, Any]]:
    try:
        envelope = safe_xml.parse(body)
    except safe_xml.UnreadableXml as error:
        raise Undeserializable(str(error)) from error
    content = envelope.find(f"{{{ENVELOPE}}}Body")
    if content is None or not len(content):
        raise Undeserializable("The request is no SOAP 1.1 envelope.")
    name = etree.QName(content[0]).localname
    if name not in OPERATIONS or etree.QName(content[0]).namespace != GP:
        raise Undeserializable(f"The service has no operation {name}.")
    _forget_unknown_types(content[0])
    try:
        request_schema().assertValid(content[0])
    except etree.DocumentInvalid as error:
        raise Undeserializable(f"The formatter threw an exception while trying to deserialize: {error}") from error
    request = read_object(content[0])
    return OPERATIONS[name], request if isinstance(request, dict) else {}


def _forget_unknown_types(request: etree._Element) -> None:
    """What is said to be of a type that nothing is kept of is taken as it is."""
    known = {name.rpartition(".")[2] for name in COMPLEX}
    for element in request.iter():
        actual = element.get(f"{{{XSI}}}type")
        if actual is not None and actual.rpartition(":")[2] not in known:
            del element.attrib[f"{{{XSI}}}type"]


def _write(operation: Operation, result: Any) -> bytes:
    envelope = etree.Element(f"{{{ENVELOPE}}}Envelope", nsmap={"s": ENVELOPE, "tns": GP, "xsi": XSI})
    body = etree.SubElement(envelope, f"{{{ENVELOPE}}}Body")
    response = etree.SubElement(body, f"{{{GP}}}{operation.name}Response")
    if operation.result:
        write_object(response, f"{operation.name}Result", operation.result, result)
    return etree.tostring(envelope)


def _company(site: Site, user: str, context: Any) -> Company:
    """
    The company of a context's CompanyKey.

    :raises SystemFailure: there is none of this number.
    :raises NotAuthorized: this user has no role in it.
    """
    wanted = ((context or {}).get("OrganizationKey") or {}).get("Id")
    if wanted not in {str(number) for number in site.names()}:
        raise SystemFailure(f"Company {wanted} does not exist or the user has no access to it.")
    for company_id, number in site.opened_by(user).items():
        if str(number) == wanted:
            return site.company(company_id)
    raise NotAuthorized(user)


def _log(session: Session, refused: ValidationRefused | SystemFailure, user: str) -> str:
    log_id = str(uuid.uuid4())
    findings = refused.findings if isinstance(refused, ValidationRefused) else ()
    session.insert(
        "WSExceptionLog",
        {
            "LogId": log_id,
            "ExceptionType": "ValidationException" if findings else "SystemException",
            "ObjectType": refused.object_type if isinstance(refused, ValidationRefused) else "",
            "Message": str(refused),
            "Findings": json.dumps([[finding.property_name, finding.message] for finding in findings]),
            "UserName": user,
        },
    )
    return log_id


def _logged(session: Session, log_id: str) -> dict[str, Any]:
    row = session.get("WSExceptionLog", LogId=log_id)
    if row is None:
        raise SystemFailure(f"The log has no entry {log_id}.")
    return row


def _validation_result(session: Session, request: dict[str, Any]) -> dict[str, Any]:
    row = _logged(session, request["logId"])
    errors = [
        {"ObjectType": row["ObjectType"], "PropertyNames": {"string": [name]}, "Message": message}
        for name, message in json.loads(row["Findings"])
    ]
    return {"Errors": {"ValidationError": errors}}


def _exception_data(session: Session, request: dict[str, Any]) -> dict[str, Any]:
    row = _logged(session, request["logId"])
    is_validation = row["ExceptionType"] == "ValidationException"
    return {
        "LogId": row["LogId"],
        "ExceptionType": row["ExceptionType"],
        "ExceptionDetail": {"ExceptionType": "System.Exception", "Message": row["Message"]},
        "ValidationResult": _validation_result(session, request) if is_validation else None,
        "ServiceType": "DynamicsGP",
        "User": row["UserName"],
        "LoggedDate": row["DEX_ROW_TS"],
    }


def _policy(_session: Session, request: dict[str, Any]) -> dict[str, Any]:
    name = request.get("operation") or ""
    if name not in OPERATIONS or OPERATIONS[name].result:
        raise SystemFailure(f"Operation {name} has no policy.")
    policy = uuid.uuid5(_POLICIES, name)
    return {"Key": {"Id": policy}, "Behaviors": {"Behavior": []}, "Name": name}


def _companies(site: Site) -> dict[str, Any]:
    return {
        "Company": [
            {"Key": {"Id": number}, "Name": name, "AccountSegmentSeparator": "-"}
            for number, name in site.names().items()
        ]
    }


def _operations(party: Party) -> dict[str, Callable[[Session, dict[str, Any]], Any]]:
    name, parameter = party.name, party.name.lower()
    return {
        f"Get{name}ByKey": lambda session, request: party_by_key(session, party, request.get("key")),
        f"Get{name}List": lambda session, request: list_parties(session, party, request.get("criteria")),
        f"Create{name}": lambda session, request: save_party(session, party, request[parameter], create=True),
        f"Update{name}": lambda session, request: save_party(session, party, request[parameter], create=False),
    }


_ANSWERS: dict[str, Callable[[Session, dict[str, Any]], Any]] = {
    **_operations(CUSTOMER),
    **_operations(VENDOR),
    "GetItemByKey": lambda session, request: items.item_by_key(session, request.get("key")),
    "GetItemList": lambda session, request: items.list_items(session, request.get("criteria")),
    "CreateSalesItem": lambda session, request: items.create_sales_item(session, request["salesItem"]),
    "GetPolicyByOperation": _policy,
    "GetLoggedValidationResultByKey": _validation_result,
    "GetLoggedExceptionDataByKey": _exception_data,
}
