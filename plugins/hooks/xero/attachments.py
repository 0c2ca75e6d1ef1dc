"""
Files attached to Xero's records: listed, fetched, put there once.

Source: Xero OpenAPI 16.1.0, /{Resource}/{id}/Attachments.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote

from hooks.xero.api import XeroApi
from hooks.xero.refusals import RequestRefused
from ledgerbridge.errors import ConfigurationError, RecordRejected

__all__ = ["Attachment", "Attachments"]

_RESOURCES: Mapping[str, str] = MappingProxyType(
    {
        "account": "Accounts",
        "bank_transaction": "BankTransactions",
        "bank_transfer": "BankTransfers",
        "bill": "Invoices",
        "contact": "Contacts",
        "credit_note": "CreditNotes",
        "invoice": "Invoices",
        "manual_journal": "ManualJournals",
        "purchase_order": "PurchaseOrders",
        "supplier_credit": "CreditNotes",
    }
)


@dataclass(frozen=True)
class Attachment:
    """A file attached to a record; ``size_bytes`` of its content."""

    attachment_id: str
    file_name: str
    mime_type: str
    size_bytes: int


class Attachments:
    """
    The files of one kind of record.

    :param entity: as in ``XeroHook.entity``.
    :raises ConfigurationError: records of that kind have no files.
    """

    most_bytes = 10 * 1024 * 1024
    """Of a file (unverified: Xero's pages of several years say 3, 10 and 25 MB)."""
    most_files = 10
    """Of a record."""

    def __init__(self, hook: XeroApi, entity: str) -> None:
        if entity not in _RESOURCES:
            raise ConfigurationError(
                "LB-XERO-023",
                f"there are no attachments of `xero.{entity}`",
                remedy=f"Use one of {', '.join(_RESOURCES)}.",
            )
        self._hook = hook
        self._resource = _RESOURCES[entity]

    def held_by(self, record: Mapping[str, object]) -> bool:
        """Whether a record, as it was read, has files."""
        return bool(record.get("HasAttachments"))

    def of(self, record_id: str) -> list[Attachment]:
        """
        The files of a record.

        :raises TransientError, ConfigurationError: as ``XeroHook.get``.
        """
        answer = self._hook.get(f"{self._resource}/{record_id}/Attachments")
        return [
            Attachment(one["AttachmentID"], one["FileName"], one["MimeType"], int(one["ContentLength"]))
            for one in answer["Attachments"]
        ]

    def content(self, record_id: str, file_name: str) -> bytes:
        """
        A file as it was attached.

        :raises TransientError, ConfigurationError: as ``XeroHook.get``; ConfigurationError when there is none.
        """
        return self._hook.download(self._path(record_id, file_name))

    def attach(self, record_id: str, file_name: str, content: bytes, mime_type: str) -> None:
        """
        Attach a file; one of the same name is replaced, so that a repetition changes nothing.

        Needs the scope ``accounting.attachments``.

        :raises RecordRejected: Xero takes no more, or not this one.
        :raises TransientError, ConfigurationError: as ``XeroHook.write``.
        """
        known = {found.file_name for found in self.of(record_id)}
        method = "POST" if file_name in known else "PUT"
        key = hashlib.sha256(f"{method} {record_id} {file_name} ".encode() + content).hexdigest()
        path = self._path(record_id, file_name)
        try:
            self._hook.write(method, path, content, idempotency_key=key, content_type=mime_type)
        except RequestRefused as refused:
            raise RecordRejected(
                "LB-XERO-034",
                f"Xero refuses a file of {len(content)} bytes: {'; '.join(refused.messages)}",
                record_key=f"xero:{self._hook.tenant_id}:{self._resource}:{record_id}",
                field="Attachments",
                remedy="Take another file off the record in Xero, or make this one smaller; the next run tries again.",
            ) from refused

    def _path(self, record_id: str, file_name: str) -> str:
        return f"{self._resource}/{record_id}/Attachments/{quote(file_name, safe='')}"
