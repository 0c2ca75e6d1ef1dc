"""Customers of GP, one per person, found by number or e-mail (sources.md GP §1.3, accounting-rules.md rule 14)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from hooks.gp.econnect.documents import HEADER, Transaction
from hooks.gp.econnect.entities import ChangedRows, MasterRows
from hooks.gp.econnect.reader import Row, all_of, equal, one_of
from hooks.gp.econnect.targets import MasterTarget, Place, difference, outcome_of
from ledgerbridge.entities import Document, Found, Outcome

__all__ = ["Customer"]


class Customer(MasterTarget, ChangedRows, MasterRows):
    """
    Customers, found by CUSTNMBR, else by the exact e-mail of their first ``internet_addresses`` row.

    Parts: ``addresses`` (taCreateCustomerAddress), ``internet_addresses`` (taCreateInternetAddresses: INET1 is the
    e-mail; Master_Type and Master_ID may be left out). A customer found by e-mail keeps its number in GP: it is the
    ``target_id``. Sending one that exists updates the fields given.
    """

    transaction = Transaction(
        name="RMCustomerMasterType",
        parts={
            HEADER: "taUpdateCreateCustomerRcd",
            "addresses": "taCreateCustomerAddress",
            "internet_addresses": "taCreateInternetAddresses",
        },
        copied=("CUSTNMBR", "ADRSCODE"),
    )
    natural_key = "CUSTNMBR"
    places = (Place("Customer", "CUSTNMBR"),)
    master_doctype = "Customer"
    master_column = "CUSTNMBR"
    source_name = "customer"
    source_doctypes = ("Customer",)
    source_where = ""
    source_key = ("CUSTNMBR",)

    def _located(self, documents: Sequence[Document]) -> dict[str, Found]:
        found = super()._located(documents)
        by_email: dict[str, list[Document]] = defaultdict(list)
        for document in documents:
            email = _email(document.parts.get("internet_addresses", []))
            if email and document.record_key not in found:
                by_email[email].append(document)
        if not by_email:
            return found
        # the Requester knows no e-mail column of the customer itself: sources.md GP §1.4
        holders = all_of(equal("Master_Type", "CUS"), one_of("INET1", sorted(by_email)))
        where = f"CUSTNMBR IN (SELECT Master_ID FROM SY01200 WHERE {holders})"  # noqa: S608 - one_of escapes
        for page in self._site.reader.pages("Customer", where, key=("CUSTNMBR",)):
            for row in page:
                number = str(row["CUSTNMBR"])
                for document in by_email.pop(_email(row.get("Internet_Address", [])), []):
                    found[document.record_key] = Found(number, number, row)
        return found

    def send(self, documents: Sequence[Document]) -> list[Outcome]:
        """Create or update; who is there under another number is left as it is, its number is the outcome."""
        found = self._located(documents)
        outcomes: dict[str, Outcome] = {}
        to_write: list[Document] = []
        later: list[Document] = []
        emails: set[str] = set()
        for document in documents:
            holder = found.get(document.record_key)
            email = _email(document.parts.get("internet_addresses", []))
            if holder is not None and (holder.differences or not _same_number(document, holder)):
                outcomes[document.record_key] = outcome_of(document.record_key, holder)
            elif holder is None and email and email in emails:
                # one person twice in a batch: once the first is there, the second is found by e-mail
                later.append(document)
            else:
                to_write.append(document)
                emails.add(email)
        outcomes |= {outcome.record_key: outcome for outcome in self._send(to_write, self._write)}
        if later:
            outcomes |= {outcome.record_key: outcome for outcome in self.send(later)}
        return [outcomes[document.record_key] for document in documents]

    def _write(self, document: Document) -> None:
        number = document.header.get("CUSTNMBR")
        parts = dict(document.parts)
        if "internet_addresses" in parts:
            owner = {"Master_Type": "CUS", "Master_ID": number}
            parts["internet_addresses"] = [{**owner, **row} for row in parts["internet_addresses"]]
        super()._write(Document(document.record_key, document.idempotency_key, document.header, parts))

    def _differences(self, document: Document, row: Row) -> list[str]:
        """Only another person under our number matters; the rest of a customer is simply brought up to date."""
        in_gp, sent = _email(row.get("Internet_Address", [])), _email(document.parts.get("internet_addresses", []))
        return difference("INET1", in_gp, sent) if in_gp and sent else []


def _same_number(document: Document, holder: Found) -> bool:
    return str(document.header["CUSTNMBR"]).upper() == holder.number.upper()


def _email(addresses: list[dict[str, Any]]) -> str:
    return str(addresses[0].get("INET1") or "").strip().lower() if addresses else ""
