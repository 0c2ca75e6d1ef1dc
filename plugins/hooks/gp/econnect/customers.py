"""Customers of GP, one per person, found by number or e-mail (sources.md GP §1.3, accounting-rules.md rule 14)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from hooks.gp.econnect.documents import HEADER, Transaction
from hooks.gp.econnect.fields import NODES
from hooks.gp.econnect.masters import Beside, KeptMaster
from hooks.gp.econnect.reader import Row, all_of, equal, one_of
from hooks.gp.econnect.targets import Place, difference
from ledgerbridge.entities import Candidate, Document, Found

__all__ = ["Customer"]

_OWNER = frozenset({"Master_Type", "Master_ID"})
"""Whose an internet address is."""


class Customer(KeptMaster):
    """
    Customers, found by CUSTNMBR; those who may be one are reported by the e-mail of ``internet_addresses``.

    Parts: ``addresses`` (taCreateCustomerAddress), ``internet_addresses`` (taCreateInternetAddresses: INET1 is the
    e-mail; Master_Type and Master_ID may be left out).
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
    natural_key = number_field = "CUSTNMBR"
    given = _OWNER
    places = (Place("Customer", "CUSTNMBR"),)
    master_table = "RM00101"
    master_doctype = "Customer"
    master_column = "CUSTNMBR"
    source_name = "customer"
    source_doctypes = ("Customer",)
    source_where = ""
    source_key = ("CUSTNMBR",)
    address_code = "ADRSCODE"
    # an address stamps its customer: sources.md GP §2
    beside = Beside("SY01200", "Internet_Address", "Master_ID", equal("Master_Type", "CUS"))

    def matches(self, documents: Sequence[Document]) -> dict[str, list[Candidate]]:
        """Who is there under the number or has the e-mail, case aside, in any address of theirs; also inactive ones."""
        candidates = defaultdict(list)
        by_email: dict[str, list[Document]] = defaultdict(list)
        for document, own in self._own(documents):
            if own is not None:
                candidates[document.record_key].append(own)
            elif email := self.common(document):
                by_email[email].append(document)
        for row in self._having(by_email):
            found = Candidate(Found(row["CUSTNMBR"], row["CUSTNMBR"], row), "INET1", active=self.is_active(row))
            emails = {_email([each]) for each in row.get("Internet_Address", [])}
            for document in (document for email in emails & by_email.keys() for document in by_email[email]):
                candidates[document.record_key].append(found)
        return dict(candidates)

    def common(self, document: Document) -> str | None:
        return _email(document.parts.get("internet_addresses", [])) or None

    def _having(self, emails: Iterable[str]) -> Iterator[Row]:
        """The customers with these e-mail addresses."""
        if not (wanted := sorted(emails)):
            return
        # the Requester knows no e-mail column of the customer itself: sources.md GP §1.4
        holders = all_of(equal("Master_Type", "CUS"), one_of("INET1", wanted))
        where = f"CUSTNMBR IN (SELECT Master_ID FROM SY01200 WHERE {holders})"  # noqa: S608 - one_of escapes
        for page in self._site.reader.pages("Customer", where, key=("CUSTNMBR",)):
            yield from page

    def updating(self, document: Document, row: Row) -> Document:
        """As ``KeptMaster.updating``, and what stands in GP of each internet address beside what is said of it."""
        return _with_internet_addresses(super().updating(document, row), row)

    def is_active(self, row: Row) -> bool:
        return str(row.get("INACTIVE") or "0") == "0"

    def _write(self, document: Document) -> None:
        number = document.header.get("CUSTNMBR")
        parts = dict(document.parts)
        if "internet_addresses" in parts:
            owner = {"Master_Type": "CUS", "Master_ID": number}
            parts["internet_addresses"] = [{**owner, **row} for row in parts["internet_addresses"]]
        super()._write(replace(document, parts=parts))

    def _differences(self, document: Document, row: Row) -> list[str]:
        """Only another person under our number matters; the rest of a customer is simply brought up to date."""
        in_gp = [_email([each]) for each in row.get("Internet_Address", [])]
        sent = self.common(document)
        return difference("INET1", in_gp[0], sent) if any(in_gp) and sent and sent not in in_gp else []


def _with_internet_addresses(document: Document, row: Row) -> Document:
    """
    The document with what stands in GP of each internet address beside what it says of it.

    GP blanks what is not sent there: the node has defaults, other than that of the customer.
    """
    if "internet_addresses" not in document.parts:
        return document
    names = NODES["taCreateInternetAddresses"].fields.keys() - {*_OWNER, "ADRSCODE"}
    held = {
        each["ADRSCODE"]: {name: each[name] for name in names if each.get(name)}
        for each in row.get("Internet_Address", [])
    }
    of_customer = document.header.get("ADRSCODE")
    rows = [
        {**held.get(each.get("ADRSCODE", of_customer), {}), **each} for each in document.parts["internet_addresses"]
    ]
    return replace(document, parts={**document.parts, "internet_addresses": rows})


def _email(addresses: list[dict[str, Any]]) -> str:
    return str(addresses[0].get("INET1") or "").strip().lower() if addresses else ""
