"""What each ledger will book of a document, by account, as accounting-rules.md §2 has it; nothing is asked for it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from hooks.systems import effect_of, offered_entities, systems
from ledgerbridge.entities import Document
from ledgerbridge.reconciliation import Effect, LedgerAccounts

ROLES = (
    "receivables", "payables", "sales", "returns", "shipping_income", "tax_payable", "purchases", "rounding",
    "clearing",
)  # fmt: skip
ACCOUNTS = LedgerAccounts({role: role for role in ROLES}, [{"checkbook": "STRIPE", "role": "clearing"}])


def booked(entity: str, header: dict[str, Any], **parts: list[dict[str, Any]]) -> Effect | None:
    of = effect_of(entity, ACCOUNTS)
    assert of is not None
    return of(Document("k", "i", header, parts))


def money(**amounts: str) -> dict[str, Decimal]:
    return {name: Decimal(amount) for name, amount in amounts.items()}


GOODS = {"AccountCode": "sales", **money(LineAmount="100.00", TaxAmount="8.25")}
FREIGHT = {"AccountCode": "shipping_income", **money(LineAmount="10.00", TaxAmount="0")}
ITEM = money(XTNDPRCE="100.00")
TOTALS = money(FREIGHT="10.00", TAXAMNT="8.25", FRTTXAMT="0.80", DOCAMNT="119.05")
OF_ORDER = {"receivables": "119.05", "sales": "-100.00", "shipping_income": "-10.00", "tax_payable": "-9.05"}


@pytest.mark.parametrize(
    ("entity", "header", "parts", "expected"),
    [
        pytest.param(
            "xero.invoice", {"Type": "ACCREC", "Status": "AUTHORISED"}, {"lines": [GOODS, FREIGHT]},
            {"receivables": "118.25", "sales": "-100", "shipping_income": "-10", "tax_payable": "-8.25"}, id="invoice",
        ),
        pytest.param(
            "xero.invoice", {"Type": "ACCREC", "Status": "AUTHORISED", "LineAmountTypes": "Inclusive"},
            {"lines": [GOODS]},
            {"receivables": "100", "sales": "-91.75", "tax_payable": "-8.25"}, id="tax in the price",
        ),
        pytest.param(
            "xero.invoice", {"Type": "ACCREC", "Status": "AUTHORISED", "LineAmountTypes": "NoTax"},
            {"lines": [{"AccountCode": "sales", **money(Quantity="3", UnitAmount="3.335", TaxAmount="1")}]},
            {"receivables": "10.01", "sales": "-10.01"}, id="no tax, amount reckoned",
        ),
        # 100.00 and 8.25 at 1.3333: 133.33 and 11.00, together 144.33 as the total is
        pytest.param(
            "xero.credit_note",
            {"Type": "ACCRECCREDIT", "Status": "AUTHORISED", "CurrencyCode": "GBP", **money(CurrencyRate="1.3333")},
            {"lines": [{**GOODS, "AccountCode": "returns"}]},
            {"receivables": "-144.33", "returns": "133.33", "tax_payable": "11.00"}, id="credit note at a rate",
        ),
        # 0.05 twice at 1.1 is 0.06 twice, and 0.10 is 0.11
        pytest.param(
            "xero.invoice", {"Type": "ACCREC", "Status": "AUTHORISED", **money(CurrencyRate="1.1")},
            {"lines": [{"AccountCode": code, **money(LineAmount="0.05")} for code in ("sales", "shipping_income")]},
            {"receivables": "0.11", "sales": "-0.06", "shipping_income": "-0.06", "rounding": "0.01"}, id="cent left",
        ),
        pytest.param(
            "xero.bill", {"Type": "ACCPAY", "Status": "AUTHORISED"}, {"lines": [{**GOODS, "AccountCode": "310"}]},
            {"payables": "-108.25", "310": "100", "tax_payable": "8.25"}, id="bill",
        ),
        pytest.param(
            "xero.payment",
            {"Invoice.InvoiceNumber": "I1", "Account.Code": "615",
             **money(Amount="50", CurrencyRate="1.2", BankAmount="60.01")},
            {}, {"615": "60.01", "receivables": "-60.01"}, id="payment, in the bank",
        ),
        pytest.param(
            "xero.payment", {"CreditNote.CreditNoteNumber": "C1", "Account.Code": "615", **money(Amount="50")},
            {}, {"615": "-50", "receivables": "50"}, id="money back",
        ),
        pytest.param(
            "xero.bill_payment", {"Invoice.InvoiceID": "b", "Account.Code": "090", **money(Amount="50")},
            {}, {"090": "-50", "payables": "50"}, id="bill paid",
        ),
        pytest.param(
            "xero.bank_transaction", {"Type": "SPEND", "BankAccount.Code": "615", "LineAmountTypes": "NoTax"},
            {"lines": [{"AccountCode": "404", **money(LineAmount="3.20")}]}, {"615": "-3.20", "404": "3.20"}, id="fee",
        ),
        pytest.param(
            "xero.bank_transfer", {"FromBankAccount.Code": "615", "ToBankAccount.Code": "090", **money(Amount="7")},
            {}, {"615": "-7", "090": "7"}, id="transfer",
        ),
        pytest.param(
            "xero.manual_journal", {"Narration": "n", "Status": "POSTED"},
            {"lines": [{"AccountCode": "404", **money(LineAmount="9")},
                       {"AccountCode": "200", **money(LineAmount="-9")}]},
            {"404": "9", "200": "-9"}, id="journal",
        ),
        pytest.param("xero.manual_journal", {"Narration": "n"}, {"lines": [GOODS]}, {}, id="journal nobody posted"),
        pytest.param("xero.invoice", {"Type": "ACCREC", "Status": "VOIDED"}, {"lines": [GOODS]}, {}, id="voided"),
        pytest.param("xero.allocation", money(Amount="5"), {}, {}, id="allocation"),
        pytest.param("gp.sales_order", TOTALS, {"lines": [ITEM]}, OF_ORDER, id="order"),
        pytest.param(
            "gp.sales_order", TOTALS, {"lines": [{**ITEM, "SLSINDX": "000-2410-00"}]},
            {**{name: each for name, each in OF_ORDER.items() if name != "sales"}, "000-2410-00": "-100.00"},
            id="order of a line with an account",
        ),
        pytest.param("gp.sales_order", {**TOTALS, "VOIDSTTS": 1}, {"lines": [ITEM]}, {}, id="order voided"),
        pytest.param(
            "gp.sales_return", TOTALS, {"lines": [money(UNITPRCE="33.333", QUANTITY="3")]},
            {"receivables": "-119.05", "returns": "100.00", "shipping_income": "10.00", "tax_payable": "9.05"},
            id="return",
        ),
        pytest.param(
            "gp.cash_receipt", {"CHEKBKID": "STRIPE", "CURNCYID": "GBP", **money(ORTRXAMT="50", XCHGRATE="1.2345678")},
            {}, {"clearing": "61.73", "receivables": "-61.73"}, id="receipt at a rate",
        ),
        pytest.param(
            "gp.cash_receipt", {"CHEKBKID": "OTHER", **money(ORTRXAMT="50")},
            {}, {"checkbook OTHER": "50", "receivables": "-50"}, id="receipt in a checkbook nobody told of",
        ),
        pytest.param(
            "gp.credit_memo", money(DOCAMNT="10.80", SLSAMNT="0", FRTAMNT="10", TAXAMNT="0.80"), {},
            {"receivables": "-10.80", "shipping_income": "10", "tax_payable": "0.80"}, id="shipping back",
        ),
        # 0.05 twice at 1.1 is 0.06 twice; the largest part takes the cent, so that it balances
        pytest.param(
            "gp.debit_memo", {"CURNCYID": "GBP", **money(XCHGRATE="1.1", DOCAMNT="0.10")},
            {"distributions": [
                {"ACTNUMST": "1200", **money(DEBITAMT="0.10", CRDTAMNT="0")},
                *({"ACTNUMST": each, **money(DEBITAMT="0", CRDTAMNT="0.05")} for each in ("4300", "7200")),
            ]},
            {"1200": "0.12", "4300": "-0.06", "7200": "-0.06"}, id="memo with distributions at a rate",
        ),
        pytest.param(
            "gp.payables_invoice", money(PRCHAMNT="100", TAXAMNT="8"), {},
            {"payables": "-108", "purchases": "100", "tax_payable": "8"}, id="voucher without distributions",
        ),
        pytest.param(
            "gp.gl_transaction", {},
            {"lines": [{"ACTNUMST": "6100", "DEBITAMT": Decimal("3.20"), "CRDTAMNT": 0},
                       {"ACTNUMST": "1110", "DEBITAMT": 0, "CRDTAMNT": Decimal("3.20")}]},
            {"6100": "3.20", "1110": "-3.20"}, id="entry",
        ),
        pytest.param("gp.application", money(APPTOAMT="5"), {}, {}, id="application"),
    ],
)  # fmt: skip
def test_a_document_is_booked_as_the_rules_say_and_balances(
    entity: str, header: dict[str, Any], parts: dict[str, Any], expected: dict[str, str]
) -> None:
    effect = booked(entity, header, **parts)
    assert effect == Effect({account: Decimal(amount) for account, amount in expected.items()})
    assert sum(effect.by_account.values()) == 0


def test_what_bears_no_rate_is_told_in_its_own_currency() -> None:
    effect = booked("gp.sales_order", {**TOTALS, "CURNCYID": "GBP"}, lines=[ITEM])
    assert effect == Effect({account: Decimal(amount) for account, amount in OF_ORDER.items()}, "GBP")


def test_every_target_of_a_ledger_tells_its_effect_but_masters_and_what_takes_back() -> None:
    without = set()
    for entity, roles in offered_entities().items():
        of = effect_of(entity, ACCOUNTS)
        if "target" in roles and of is not None and of(_blank(entity)) is None:
            without.add(entity)
    assert without == {
        "gp.customer", "gp.item", "gp.receivables_void", "gp.vendor", "xero.contact", "xero.item", "xero.supplier",
    }  # fmt: skip
    assert {name for name, each in systems().items() if each.effects} == {
        name for name, each in systems().items() if each.books
    }


def _blank(entity: str) -> Document:
    journal = {"lines": [GOODS]} if entity.startswith("xero.") else {}
    header = {
        "Type": "SPEND" if entity == "xero.bank_transaction" else "ACCREC", "Amount": Decimal(1),
        **{f"{name}.Code": "1" for name in ("Account", "BankAccount", "FromBankAccount", "ToBankAccount")},
    }  # fmt: skip
    return Document("k", "i", header, journal)
