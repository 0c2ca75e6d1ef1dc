"""Whatever people do with documents, the simulated Xero's ledger balances and receivables are what is open."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.xero.allocations import allocate, remove_allocation
from sandbox.xero.document_kinds import CREDIT_NOTE, INVOICE, DocumentKind
from sandbox.xero.documents import save_document
from sandbox.xero.errors import Refused
from sandbox.xero.ledger import balances, system_account
from sandbox.xero.models import Book, State
from sandbox.xero.payments import save_payment
from sandbox.xero.seeding import Company, seed_company

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
CURRENCIES = st.sampled_from(["USD", "GBP"])
PICKS = st.integers(0, 1_000)
STEPS = st.one_of(
    st.tuples(
        st.sampled_from(["invoice", "credit_note"]), CURRENCIES, RATES, st.lists(AMOUNTS, min_size=1, max_size=4)
    ),
    st.tuples(st.sampled_from(["pay", "refund"]), PICKS, RATES, AMOUNTS),
    st.tuples(st.just("allocate"), PICKS, PICKS, AMOUNTS),
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
        element = {"Type": type_, "Status": "AUTHORISED", "Contact": {"Name": "Ann"}, "LineItems": lines}
        element |= {"Date": "2026-03-03", "DueDate": "2026-03-03", "CurrencyCode": currency, "CurrencyRate": rate}
        save_document(self.book, kind, element, create=True, unit_places=2)

    def _pay(self, pick: int, rate: Decimal, amount: Decimal) -> None:
        self._settle("Invoice", INVOICE, pick, rate, amount)

    def _refund(self, pick: int, rate: Decimal, amount: Decimal) -> None:
        self._settle("CreditNote", CREDIT_NOTE, pick, rate, amount)

    def _settle(self, field: str, kind: DocumentKind, pick: int, rate: Decimal, amount: Decimal) -> None:
        document = self.pick(kind.resource, pick)
        part = min(amount, document.body[kind.open_field])
        element = {field: {kind.id_field: document.id}, "Account": {"Code": "615"}, "Amount": part}
        save_payment(self.book, element | {"Date": "2026-03-04", "CurrencyRate": rate}, create=True)

    def _allocate(self, pick: int, other: int, amount: Decimal) -> None:
        note, invoice = self.pick("CreditNotes", pick), self.pick("Invoices", other)
        part = min(amount, note.body["RemainingCredit"], invoice.body["AmountDue"])
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


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=1, max_size=25))
def test_the_ledger_balances_and_receivables_are_what_is_open(tmp_path_factory: Any, steps: list[Any]) -> None:
    state = state_of(tmp_path_factory.mktemp("xero"))
    with state.write("t-1", app="") as book:
        bookkeeper = Bookkeeper(book)
        for step in steps:
            bookkeeper.take(step)
        moved = balances(book)
        invoices, notes = book.select("Invoices"), book.select("CreditNotes")
        assert sum(moved.values()) == 0
        open_base = sum(one.open_base or 0 for one in invoices) - sum(one.open_base or 0 for one in notes)
        assert moved.get(system_account(book, "DEBTORS"), 0) == open_base
        for document, field in [(one, "AmountDue") for one in invoices] + [(one, "RemainingCredit") for one in notes]:
            if document.body["CurrencyCode"] == "USD" and document.open_base is not None:
                assert document.open_base == int(document.body[field] * 100)
            if not document.body[field]:
                assert not document.open_base
