"""
Errors, by what should be done about them.

* LedgerbridgeError
  * TransientError - try again later; ``outcome_unknown`` says whether a write may have happened
    * StoreUnavailable - our own database or staging can't be used now; it says nothing of the system called
    * RecordBusy - one record can't be written now, the rest of the batch can; it says nothing of the connection
  * RecordRejected - one record can't go on, the rest of the batch does: a dead letter
    * RecordWaits - it can't go on yet: no dead letter, it is tried again
      * PeriodClosed - the target is closed on its day; its flow may have it posted on another
  * ConfigurationError - nothing will work until a person mends a setting: fail at once
  * TargetConflict - the target holds something else under our key: a person decides

All keep their fields through pickle, so that the dead letter, the task log and a retry policy in another
process see the same. Every code: docs/reference/errors.md.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "ConfigurationError",
    "LedgerbridgeError",
    "PeriodClosed",
    "RecordBusy",
    "RecordRejected",
    "RecordWaits",
    "StoreUnavailable",
    "TargetConflict",
    "TransientError",
]


class LedgerbridgeError(Exception):
    """
    Base of all errors of ours: fields first, the sentence is derived from them.

    :param code: stable code such as ``LB-MAP-004``; one heading each in docs/reference/errors.md.
    :param message: what was found and what was expected, in one sentence.
    :param remedy: what a person does about it.
    """

    def __init__(self, code: str, message: str, *, remedy: str = "") -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.code} {self.message}" + (f" Remedy: {self.remedy}" if self.remedy else "")

    def __reduce__(self) -> tuple[Any, ...]:
        return (_restore, (type(self), self.__dict__.copy(), self.args))


def _restore(cls: type[LedgerbridgeError], state: dict[str, Any], args: tuple[Any, ...]) -> LedgerbridgeError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(state)
    return error


class TransientError(LedgerbridgeError):
    """
    The system can't answer now; the same call may succeed later.

    :param retry_after_seconds: how long the system asked us to wait, if it did.
    :param outcome_unknown: True when a write may have been committed (lost answer, 5xx): look it up by its
        natural key before sending again.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        remedy: str = "",
        retry_after_seconds: float | None = None,
        outcome_unknown: bool = False,
    ) -> None:
        super().__init__(code, message, remedy=remedy)
        self.retry_after_seconds = retry_after_seconds
        self.outcome_unknown = outcome_unknown


class StoreUnavailable(TransientError):
    """Our own database or staging can't be used now; no connection is to blame, no circuit counts it."""


class RecordBusy(TransientError):
    """
    One record can't be written now: a person has it open, another transaction had the same rows.

    The rest of the batch goes on, and no circuit counts it. The task tries the record again; after its last try the
    record waits for the next pass.
    """

    @property
    def reason(self) -> str:
        """Why the record waits."""
        return f"waits: {self.message} ({self.code}). {self.remedy}"


class RecordRejected(LedgerbridgeError):
    """
    One record can't go on; the rest of the batch does. Becomes a dead letter.

    :param record_key: ``system:scope:entity:id`` of the record.
    :param field: the field at fault, in the words of the system the user must mend it in.
    :param value: the value found there.
    """

    def __init__(
        self, code: str, message: str, *, record_key: str, field: str = "", value: object = None, remedy: str = ""
    ) -> None:
        super().__init__(code, message, remedy=remedy)
        self.record_key = record_key
        self.field = field
        self.value = value

    def __str__(self) -> str:
        where = f"record {self.record_key}" + (f" field {self.field}" if self.field else "")
        return f"{self.code} {where}: {self.message}" + (f" Remedy: {self.remedy}" if self.remedy else "")


class ConfigurationError(LedgerbridgeError):
    """Nothing works until a person mends a setting, a connection or a right; retrying is no use."""


class RecordWaits(RecordRejected):
    """
    The target does not take the record yet, for a reason that passes without the record being mended: a closed period.

    The record waits, with this as its reason, and every later pass offers it again (accounting-rules.md §4).
    """

    @property
    def reason(self) -> str:
        """Why the record waits, and until when."""
        return f"{self.field} {self.value} waits: {self.message} ({self.code}). {self.remedy}"


class PeriodClosed(RecordWaits):
    """The target is closed on the day of the record: it waits, or is posted on another, as its flow says."""


class TargetConflict(RecordRejected):
    """The target holds another content under our key; a person decides which one stands."""
