"""Whatever people do with documents, the simulated Xero's ledger balances and receivables are what is open."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.xero.allocations import allocate, remove_allocation
from sandbox.xero.document_kinds import CREDIT_NOTE, INVOICE, DocumentKind
from sandbox.xero.documents import save_document
from sandbox.xero.errors import Refused
from sandbox.xero.ledger import balances, system_account
from sandbox.xero.models import Book, State
from sandbox.xero.payments import save_payment
from sandbox.xero.seeding import Company, seed_company
from sandbox.xero.wire import rounded

COMPANY = Company.model_validate(
    {
        "name": "Harbor Light Supply",
        "base_currency": "USD",
        "accounts": [
            {"role": "receivables", "xero": "610"},
            {"role": "clearing", "xero": "615"},
            {"role": "sales", "xero": "200"},
            {"role": "shipping_income", "xero": "210"},
        ],
        "tax_details": [{"detail": "UK-VAT20", "rate": "0.20"}],
        "xero_tax_rates": [{"tax_type": "TAX003", "name": "UK VAT 20%", "details": ["UK-VAT20"]}],
        "currencies": [{"code": "GBP", "rate": "1.25"}],
    }
)
AMOUNTS = st.integers(1, 20_000).map(lambda cents: Decimal(cents).scaleb(-2))
RATES = st.integers(500_000, 2_000_000).map(lambda millionths: Decimal(millionths).scaleb(-6))
PICKS = st.integers(0, 1)
SHARES = st.integers(1, 3)
"""What part of the open amount is settled: all, half, a third."""
OPENINGS = st.tuples(RATES, st.lists(AMOUNTS, min_size=1, max_size=4))
STEPS = st.one_of(
    st.tuples(st.sampled_from(["pay", "refund"]), PICKS, RATES, SHARES),
    st.tuples(st.just("allocate"), PICKS, PICKS, SHARES),
    st.tuples(st.sampled_from(["delete_payment", "remove_allocation", "void"]), PICKS),
)


class Bookkeeper:
    """Takes random steps; what Xero would refuse does not happen."""

    def __init__(self, book: Book) -> None:
        self.book = book

    def take(self, step: tuple[Any, ...]) -> None:
        name, *arguments = step
        work: Callable[..., None] = getattr(self, f"_{name}")
        try:
            with self.book.attempt():
                work(*arguments)
        except Refused:
            pass

    def pick(self, resource: str, number: int) -> Any:
        records = self.book.select(resource)
        if not records:
            raise Refused("there is none yet")
        return records[number % len(records)]

    def _invoice(self, currency: str, rate: Decimal, amounts: list[Decimal]) -> None:
        self._document(INVOICE, "ACCREC", currency, rate, amounts)

    def _credit_note(self, currency: str, rate: Decimal, amounts: list[Decimal]) -> None:
        self._document(CREDIT_NOTE, "ACCRECCREDIT", currency, rate, amounts)

    def _document(self, kind: DocumentKind, type_: str, currency: str, rate: Decimal, amounts: list[Decimal]) -> None:
        lines: list[dict[str, Any]] = [
            {"Description": "x", "UnitAmount": amount, "AccountCode": ("200", "210")[number % 2], "TaxType": "TAX003"}
            for number, amount in enumerate(amounts)
        ]
        element: dict[str, Any] = {
            "Type": type_,
            "Status": "AUTHORISED",
            "Contact": {"Name": "Ann"},
            "LineItems": lines,
        }
        element |= {"Date": "2026-03-03", "DueDate": "2026-03-03", "CurrencyCode": currency, "CurrencyRate": rate}
        save_document(self.book, kind, element, create=True, unit_places=2)

    def _pay(self, pick: int, rate: Decimal, share: int) -> None:
        self._settle("Invoice", INVOICE, pick, rate, share)

    def _refund(self, pick: int, rate: Decimal, share: int) -> None:
        self._settle("CreditNote", CREDIT_NOTE, pick, rate, share)

    def _settle(self, field: str, kind: DocumentKind, pick: int, rate: Decimal, share: int) -> None:
        document = self.pick(kind.resource, pick)
        part = rounded(document.body[kind.open_field] / share, 2)
        element = {field: {kind.id_field: document.id}, "Account": {"Code": "615"}, "Amount": part}
        save_payment(self.book, element | {"Date": "2026-03-04", "CurrencyRate": rate}, create=True)

    def _allocate(self, pick: int, other: int, share: int) -> None:
        note, invoice = self.pick("CreditNotes", pick), self.pick("Invoices", other)
        part = rounded(min(note.body["RemainingCredit"], invoice.body["AmountDue"]) / share, 2)
        allocate(self.book, note, {"Invoice": {"InvoiceID": invoice.id}, "Amount": part, "Date": "2026-03-04"})

    def _delete_payment(self, pick: int) -> None:
        payment = self.pick("Payments", pick)
        save_payment(self.book, {"PaymentID": payment.id, "Status": "DELETED"}, create=False)

    def _remove_allocation(self, pick: int) -> None:
        note = self.pick("CreditNotes", pick)
        for allocation in note.body["Allocations"][:1]:
            remove_allocation(self.book, note, allocation["AllocationID"])

    def _void(self, pick: int) -> None:
        invoice = self.pick("Invoices", pick)
        element = {"InvoiceID": invoice.id, "Status": "VOIDED"}
        save_document(self.book, INVOICE, element, create=False, unit_places=2)


def state_of(folder: Path) -> State:
    state = State(folder)
    with state.write("t-1", app="") as book:
        seed_company(book, COMPANY)
    return state


@settings(max_examples=40, deadline=None)
@given(openings=st.lists(OPENINGS, min_size=4, max_size=4), steps=st.lists(STEPS, min_size=8, max_size=30))
def test_the_ledger_balances_and_receivables_are_what_is_open(
    tmp_path_factory: pytest.TempPathFactory, openings: list[Any], steps: list[Any]
) -> None:
    state = state_of(tmp_path_factory.mktemp("xero"))
    with state.write("t-1", app="") as book:
        bookkeeper = Bookkeeper(book)
        for number, opening in enumerate(openings):
            bookkeeper.take((("invoice", "credit_note")[number // 2], ("GBP", "USD")[number % 2], *opening))
        for step in steps:
            bookkeeper.take(step)
        assert sum(balances(book).values()) == 0
        assert receivables(book) == open_cents(book, "Invoices") - open_cents(book, "CreditNotes")
        for number in range(2):
            bookkeeper.take(("pay", number, Decimal("0.9"), 1))
            bookkeeper.take(("refund", number, Decimal("0.9"), 1))
        assert receivables(book) == 0


def receivables(book: Book) -> int:
    return balances(book).get(system_account(book, "DEBTORS"), 0)


def open_cents(book: Book, resource: str) -> int:
    return sum(document.open_base or 0 for document in book.select(resource))
