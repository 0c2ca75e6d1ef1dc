"""
What Web Services refuse with: each fault is logged under a GUID, the details are only in the log (sources.md GP §3).

The texts of validation messages and of the validation fault are this sandbox's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SYSTEM_SENTENCE = (
    "The application encountered an unhandled system exception. Contact your system administrator for details."
)
VALIDATION_SENTENCE = "The object did not pass validation. The log holds the details."


@dataclass(frozen=True)
class Finding:
    """One reason of a refusal: the property and a sentence."""

    property_name: str
    message: str


class ValidationRefused(Exception):
    """The object breaks GP's rules; nothing was written."""

    def __init__(self, object_type: str, findings: Sequence[Finding]) -> None:
        super().__init__("; ".join(finding.message for finding in findings))
        self.object_type = object_type
        self.findings = tuple(findings)


class SystemFailure(Exception):
    """Anything else that goes wrong inside: an unknown company, a record that is not there."""


class NotFound(SystemFailure):
    """No record of this key."""


class Undeserializable(Exception):
    """The request is none of the service's: unknown operation, missing value, literal that no enumeration has."""


class NotAuthorized(Exception):
    """The user has no role in the company (Dynamics Security Console)."""

    def __init__(self, user: str) -> None:
        super().__init__(f"The user {user} is not authorized to perform this operation.")
