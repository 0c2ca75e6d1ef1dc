"""Letters of documents that were made and can't go on, with all that was made of their source record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ledgerbridge.delivery import Delivered, document_text, plain
from ledgerbridge.entities import Document, RawRecord
from ledgerbridge.errors import RecordRejected
from ledgerbridge.state.dead_letters import Letter

__all__ = ["Made"]


@dataclass(frozen=True)
class Made:
    """
    What a step was given, by record key.

    :param canonical: headers, :param types: Arrow schemas by part, serialised, :param versions: of the mapping.
    """

    step: str
    documents: Mapping[str, Document]
    canonical: Mapping[str, dict[str, Any]]
    types: dict[str, str]
    versions: Mapping[str, str | None]

    def refused_by_suite(self, record: RawRecord, failure: Mapping[str, Any]) -> Letter:
        """Why one document of a source record does not meet its suite."""
        told = {name: failure[name] for name in ("code", "field", "value", "message", "remedy", "rule")}
        return self._letter(record, failure["record_key"], **told)

    def refused_by_target(self, record: RawRecord, result: Delivered) -> Letter:
        """Why its target did not take one document of a source record."""
        error = result.error
        assert error is not None
        of_field = error if isinstance(error, RecordRejected) else None
        return self._letter(
            record,
            result.record_key,
            code=error.code,
            field=of_field.field if of_field else "",
            value=None if of_field is None or of_field.value is None else str(of_field.value),
            message=error.message,
            remedy=error.remedy,
            error_class=type(error).__name__,
        )

    def _letter(self, record: RawRecord, record_key: str, **why: Any) -> Letter:
        header = self.canonical.get(record_key, {})
        return Letter(
            step=self.step,
            source_key=record.key,
            version=record.version,
            record_key=record_key,
            label=header.get("label"),
            raw=record.payload,
            canonical=plain(header),
            document=document_text(self.documents[record_key]),
            document_types=self.types,
            mapping_version=self.versions.get(record_key),
            changed_at=record.changed_at,
            **why,
        )
