"""
Calls to Web Services for Dynamics GP: the legacy endpoint, SOAP 1.1 with HTTP NTLM (sources.md GP §3).

A fault's own text says nothing; what was wrong is asked for by the log's GUID in it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from requests.auth import AuthBase

from hooks.gp.soap import SoapService
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError, RecordRejected, TransientError

__all__ = ["GP_NAMESPACE", "ValidationRefused", "WebServicesAddress", "WebServicesClient"]

GP_NAMESPACE = "http://schemas.microsoft.com/dynamics/gp/2006/01"
_DYNAMICS_NAMESPACE = "http://schemas.microsoft.com/dynamics/2006/01"
_LOG_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NO_RIGHT = re.compile(r"not authori[sz]ed|access (is )?denied", re.IGNORECASE)


@dataclass(frozen=True)
class WebServicesAddress:
    """
    Where and as whom to call.

    :param company_id: GP's numeric company id (DYNAMICS..SY01500), -1 for the sample company; not eConnect's.
    :param auth: ``ntlm``, or ``basic`` behind a proxy that speaks NTLM for us.
    """

    base_url: str
    wsdl_path: str
    login: str
    password: str = field(repr=False)
    company_id: int
    culture: str
    auth: str
    timeout_seconds: float


class ValidationRefused(Exception):
    """GP's validation refused the object; each finding is (properties, message)."""

    def __init__(self, findings: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(message for _, message in findings))
        self.findings = tuple(findings)

    def rejected(self, record_key: str) -> RecordRejected:
        """The error of the record that was refused."""
        return RecordRejected(
            "LB-GP-026",
            f"GP's validation refused it: {self}",
            record_key=record_key,
            field=self.findings[0][0],
            remedy="Mend these properties in the source or the mapping, then replay the record.",
        )


class WebServicesClient:
    """
    The Web Services of one company; safe to use from several threads.

    Calls raise TransientError, ConfigurationError or ValidationRefused.
    """

    def __init__(self, address: WebServicesAddress) -> None:
        self._address = address
        self._service = SoapService(
            address.base_url,
            address.wsdl_path,
            login=address.login,
            make_auth=self._auth_maker(),
            timeout_seconds=address.timeout_seconds,
            remedy="Check host, port (48620) and the extra `wsdl_path`; enable the legacy endpoint of the service.",
        )
        self._policies: dict[str, Any] = {}
        self._lock = threading.Lock()

    @property
    def timeout_seconds(self) -> float:
        """How long one call may take."""
        return self._address.timeout_seconds

    def make(self, type_name: str, **fields: Any) -> Any:
        """A value of one of GP's types, as zeep has it."""
        return self.type(type_name)(**fields)

    def type(self, type_name: str) -> Any:
        """zeep's type of that name."""
        return self._service.type(f"{{{GP_NAMESPACE}}}{type_name}")

    def read(self, operation: str, *arguments: Any) -> Any:
        """The result of a Get operation; the context is added."""
        return self._call(operation, [*arguments, self._context()], writing=False)

    def write(self, operation: str, value: Any) -> None:
        """Create, update or void; GP answers nothing. The operation's policy is read once and added."""
        self._call(operation, [value, self._context(), self._policy(operation)], writing=True)

    def server_time(self) -> datetime:
        """The GP server's time now."""
        return self._service.server_time()

    def _call(self, operation: str, arguments: Sequence[Any], *, writing: bool) -> Any:
        names = self._service.parameters(operation)
        return self._service.call(
            operation,
            dict(zip(names, arguments, strict=True)),
            writing=writing,
            fault_error=lambda fault: self._fault_error(fault, operation=operation, writing=writing),
        )

    def _context(self) -> Any:
        dynamics = f"{{{_DYNAMICS_NAMESPACE}}}"
        company = self._service.type(f"{dynamics}CompanyKey")(Id=self._address.company_id)
        return self._service.type(f"{dynamics}Context")(
            OrganizationKey=company, CultureName=self._address.culture, CurrencyType="Transactional"
        )

    def _policy(self, operation: str) -> Any:
        with self._lock:
            if operation not in self._policies:
                self._policies[operation] = self.read("GetPolicyByOperation", operation)
            return self._policies[operation]

    def _fault_error(self, fault: Any, *, operation: str, writing: bool) -> Exception:
        text = " ".join(_texts(fault)).strip()
        log_id = _LOG_ID.search(text)
        if log_id is None or operation.startswith("GetLogged"):
            return self._unlogged(text, operation=operation, writing=writing)
        findings = self._logged_findings(log_id[0])
        if findings:
            return ValidationRefused(findings)
        return self._unlogged(self._logged_exception(log_id[0]) or text, operation=operation, writing=writing)

    def _logged_findings(self, log_id: str) -> list[tuple[str, str]]:
        try:
            result = self.read("GetLoggedValidationResultByKey", log_id)
        except LedgerbridgeError:
            # the log has an exception under this id, or our role may not read it: the fault's own text remains
            return []
        errors = getattr(getattr(result, "Errors", None), "ValidationError", None) or []
        return [(", ".join(getattr(error.PropertyNames, "string", None) or []), str(error.Message)) for error in errors]

    def _logged_exception(self, log_id: str) -> str:
        try:
            logged = self.read("GetLoggedExceptionDataByKey", log_id)
        except LedgerbridgeError:
            return ""
        return str(getattr(logged, "ExceptionDetail", None) or "")

    def _unlogged(self, text: str, *, operation: str, writing: bool) -> LedgerbridgeError:
        if _NO_RIGHT.search(text):
            return ConfigurationError(
                "LB-GP-027",
                f'"{self._address.login}" may not {operation} in company {self._address.company_id}: {text[:200]}',
                remedy="Give the login a role with this operation in the Dynamics Security Console.",
            )
        return TransientError(
            "LB-GP-018",
            f"GP Web Services failed in {operation}: {text[:300]}",
            remedy="Look at the exceptions in the Dynamics GP Web Service Exceptions console.",
            outcome_unknown=writing,
        )

    def _auth_maker(self) -> Callable[[], AuthBase]:
        from requests.auth import HTTPBasicAuth
        from requests_ntlm import HttpNtlmAuth

        kinds: dict[str, Callable[[str, str], AuthBase]] = {"ntlm": HttpNtlmAuth, "basic": HTTPBasicAuth}
        if self._address.auth not in kinds:
            raise ConfigurationError(
                "LB-GP-003",
                f'extra `auth` is "{self._address.auth}", it can be {" or ".join(kinds)}',
                remedy="Set it to ntlm, or leave it out.",
            )
        make = kinds[self._address.auth]
        return lambda: make(self._address.login, self._address.password)


def _texts(fault: Any) -> list[str]:
    """Every text of a fault: where the log's id stands in it differs by version (sources.md GP §3, unverified)."""
    texts = [fault.message or ""]
    if fault.detail is not None:
        texts += [text for text in fault.detail.itertext() if text.strip()]
    return texts
