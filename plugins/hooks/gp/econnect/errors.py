"""
What eConnect's faults mean: procedure error blocks parsed and told apart (sources.md GP §1.5).

Error numbers are hints (sites add their own, no full list is public); what is done follows procedure and text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ledgerbridge.errors import (
    ConfigurationError,
    LedgerbridgeError,
    PeriodClosed,
    RecordBusy,
    RecordRejected,
    TransientError,
)

__all__ = [
    "DUPLICATE",
    "ErrorKind",
    "ProcedureError",
    "ProcedureFault",
    "of_the_service",
    "parse_procedure_errors",
    "record_error",
    "refused_reading",
    "system_error",
]

ErrorKind = Literal["duplicate", "missing_master", "amount_mismatch", "closed_period", "lock", "other"]

# the procedure's name may be empty, and the = missing: sources.md GP §1.5
_BLOCK = re.compile(r"Error Number\s*=?\s*(\d+)\s+Stored Procedure\s*=?\s*(\w*?)\s*Error Description\s*=?\s*([^\r\n]*)")
# a site's Pre or Post procedure may give free text instead; the node may follow as XML
_FREE_TEXT = re.compile(r"Sql procedure error codes returned:\s*(.*?)\s*(?:<\w|\Z)", re.DOTALL)
_PARAMETER = re.compile(r"^(\w+) = (.*)$")
_NO_PROCEDURE = re.compile(
    r"could not find stored procedure|stored procedure .* (doesn't|does not) exist", re.IGNORECASE
)
_SQL_DEADLOCK, _SQL_TIMEOUT, _SQL_CANNOT_OPEN, _SQL_LOGIN_FAILED, _SQL_NO_PROCEDURE = 1205, -2, 4060, 18456, 2812

_KINDS: tuple[tuple[ErrorKind, re.Pattern[str]], ...] = (
    ("lock", re.compile(r"\block(ed)?\b|in use by|being (edited|posted)|edited by|is busy", re.IGNORECASE)),
    ("closed_period", re.compile(r"period.* closed|closed .*period", re.IGNORECASE)),
    ("duplicate", re.compile(r"duplicate|already exists", re.IGNORECASE)),
    (
        "amount_mismatch",
        re.compile(r"does not (match|equal)|not equal|amount is incorrect|out of balance|exceeds", re.IGNORECASE),
    ),
    (
        "missing_master",
        re.compile(r"does(n't| not) exist|not found|is not (a )?valid|invalid .*(number|id)\b", re.IGNORECASE),
    ),
)

_KINDS_BY_NUMBER: Mapping[int, ErrorKind] = {
    308: "amount_mismatch",
    399: "amount_mismatch",
    # a row of the document is there twice, not the document
    698: "other",
    7148: "other",
    7738: "other",
    2022: "lock",
    2079: "lock",
    9539: "missing_master",
}
"""GP's own numbers whose words may say something else (sources.md GP §1.5)."""

DUPLICATE = "LB-GP-010"
"""Code of the error that says GP holds a document of that number."""

_CODES: Mapping[ErrorKind, tuple[str, str]] = {
    "duplicate": (
        DUPLICATE,
        "Compare what GP holds under this number with the record, then close the letter.",
    ),
    "missing_master": (
        "LB-GP-011",
        "Add what is missing in Dynamics GP or mend the lookup, then replay the record.",
    ),
    "amount_mismatch": (
        "LB-GP-012",
        "Compare the amounts with their lines and taxes, mend source or mapping, then replay.",
    ),
    "closed_period": (
        "LB-GP-029",
        "Open the fiscal period in Dynamics GP (Tools > Setup > Company > Fiscal Periods); every run tries it again.",
    ),
    "lock": ("LB-GP-013", "Wait until the batch or document is free in Dynamics GP."),
    "other": (
        "LB-GP-014",
        "Look the number up in DYNAMICS..taErrorCode, mend the record or GP, then replay it.",
    ),
}


@dataclass(frozen=True)
class ProcedureError:
    """
    One ``Error Number = …`` block, or free text in its place, which has number 0.

    :param procedure: blank where GP names none.
    :param parameters: what the failed node was sent, as GP lists it.
    :param related: the fields GP names as the cause, with their values.
    """

    number: int
    procedure: str
    description: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    related: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        source = " ".join(part for part in (str(self.number or ""), self.procedure) if part)
        return f"{source}: {self.description}" if source else self.description

    @property
    def kind(self) -> ErrorKind:
        """What sort of refusal it is, by GP's number where we know it, else by its words."""
        if self.number in _KINDS_BY_NUMBER:
            return _KINDS_BY_NUMBER[self.number]
        return next((kind for kind, words in _KINDS if words.search(self.description)), "other")


class ProcedureFault(Exception):
    """eConnect refused the document and rolled it back; ``record_error`` makes it an error of the record."""

    def __init__(self, errors: Sequence[ProcedureError]) -> None:
        super().__init__("; ".join(map(str, errors)))
        self.errors = tuple(errors)


def parse_procedure_errors(message: str) -> list[ProcedureError]:
    """
    Every error block of a fault's message, in its order; empty when no procedure refused.

    Free text after the heading of such a message is one error.
    """
    # some hosts hand the line ends over as the two characters backslash and n
    plain = message.replace("\\r", "\r").replace("\\n", "\n")
    starts = list(_BLOCK.finditer(plain))
    if not starts and (text := _FREE_TEXT.search(plain)):
        return [ProcedureError(0, "", " ".join(text[1].split()) or "no reason given")]
    ends = [*(block.start() for block in starts[1:]), len(plain)]
    return [
        ProcedureError(
            number=int(block[1]),
            procedure=block[2],
            description=block[3].strip(),
            parameters=_parameters(plain[block.end() : end], "Node Identifier Parameters"),
            related=_parameters(plain[block.end() : end], "Related Error Code Parameters"),
        )
        for block, end in zip(starts, ends, strict=False)
    ]


def record_error(fault: ProcedureFault, *, record_key: str) -> LedgerbridgeError:
    """
    The error of the record that was refused: a dead letter, a retry when GP only had it locked, waiting when its period
    is closed.

    The first block decides; the others are named in the message.
    """
    first = fault.errors[0]
    code, remedy = _CODES[first.kind]
    message = f"GP refused it, {fault}"
    if first.kind == "lock":
        return RecordBusy(code, message, remedy=remedy)
    name, value = next(iter(first.related.items()), ("", None))
    if first.kind == "closed_period":
        return PeriodClosed(code, message, record_key=record_key, field=name, value=value, remedy=remedy)
    return RecordRejected(code, message, record_key=record_key, field=name, value=value, remedy=remedy)


def system_error(
    text: str, *, sql_number: int | None, company: str, operation: str, writing: bool
) -> LedgerbridgeError:
    """
    What a fault without procedure errors means: eConnect or SQL Server itself couldn't do the work.

    It answered: in a write that is trouble of the one document, unless others fare no better (``of_the_service``).
    """
    words = text.lower()
    if sql_number in (_SQL_CANNOT_OPEN, _SQL_LOGIN_FAILED) or "cannot open database" in words:
        return ConfigurationError(
            "LB-GP-002",
            f'eConnect can\'t open company database "{company}": {text}',
            remedy="Set the extra `company` to the SQL database name (INTERID); its service account needs DYNGRP.",
        )
    if sql_number == _SQL_NO_PROCEDURE or _NO_PROCEDURE.search(text):
        return ConfigurationError(
            "LB-GP-019",
            f'company "{company}" lacks what {operation} calls: {text}',
            remedy="Install eConnect's procedures for this company (GP Utilities) or remove the custom node.",
        )
    busy = RecordBusy if writing else TransientError
    if sql_number == _SQL_DEADLOCK or "deadlock" in words:
        return busy("LB-GP-006", f"SQL Server chose {operation} as deadlock victim", remedy=_BUSY_REMEDY)
    if sql_number == _SQL_TIMEOUT or "timeout" in words:
        return busy(
            "LB-GP-006", f"SQL Server took too long for {operation}", remedy=_BUSY_REMEDY, outcome_unknown=writing
        )
    if not writing:
        return refused_reading(operation, text)
    return RecordBusy(
        "LB-GP-018",
        f"eConnect failed in {operation} without a procedure error: {text}",
        remedy="Look at the eConnect event log of the GP server; the record is looked up before it is sent again.",
        outcome_unknown=True,
    )


def refused_reading(operation: str, text: str) -> ConfigurationError:
    """The Requester (its procedures, or SQL Server) doesn't do what was asked of it."""
    return ConfigurationError(
        "LB-GP-017",
        f"eConnect refused {operation}: {text}",
        remedy="Enable the DOCTYPE in the eConnect Requester set-up, or name the site's in the extra `doctypes`.",
    )


def of_the_service(errors: Sequence[LedgerbridgeError | None]) -> TransientError | None:
    """What eConnect could do for none of several documents, by what it answered for the first; None: it did for one."""
    unknown = [error for error in errors if isinstance(error, RecordBusy) and error.outcome_unknown]
    if len(unknown) < len(errors) or len(errors) < 2:
        return None
    first = unknown[0]
    return TransientError(first.code, first.message, remedy=first.remedy, outcome_unknown=True)


_BUSY_REMEDY = "None: it is tried again. If it stays, look for long-running jobs on the GP database."


def _parameters(block: str, heading: str) -> dict[str, str]:
    """The ``NAME = value`` lines below a heading, up to the next line that is none."""
    found: dict[str, str] = {}
    lines = iter(block.splitlines())
    for line in lines:
        if line.startswith(heading):
            break
    for line in lines:
        if not line.strip() and not found:
            continue
        parameter = _PARAMETER.match(line.strip())
        if parameter is None:
            break
        found[parameter[1]] = parameter[2].strip()
    return found
