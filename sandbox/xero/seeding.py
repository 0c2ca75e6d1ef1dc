"""A company file becomes an organisation: its accounts by role, tax rates, items and currencies."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict

from sandbox.xero.masters import save_account, save_currency, save_item, save_tax_rate
from sandbox.xero.models import Book, Record
from sandbox.xero.wire import moment_on_wire, rounded

__all__ = ["Company", "seed_company"]

# Role of a company file to account type and, where Xero itself books to it, system account (accounting-rules.md §1).
_ROLES: dict[str, tuple[str, str | None]] = {
    "receivables": ("CURRENT", "DEBTORS"),
    "tax_payable": ("CURRLIAB", "GST"),
    "clearing": ("BANK", None),
    "shopify_clearing": ("BANK", None),
    "paypal_clearing": ("BANK", None),
    "bank": ("BANK", None),
    "gateway_reserve": ("CURRENT", None),
    "sales": ("REVENUE", None),
    "shipping_income": ("REVENUE", None),
    "returns": ("REVENUE", None),
    "goodwill": ("REVENUE", None),
    "fees": ("EXPENSE", None),
    "fx_gain_loss": ("EXPENSE", "REALISEDCURRENCYGAIN"),
    "gateway_exchange": ("EXPENSE", None),
    "rounding": ("CURRLIAB", "ROUNDING"),
    "tips": ("CURRLIAB", None),
    "gift_cards": ("CURRLIAB", None),
    "store_credit": ("CURRLIAB", None),
    "duties": ("CURRLIAB", None),
    "cancellation_fees": ("REVENUE", None),
    "additional_fees": ("REVENUE", None),
    "intercompany": ("CURRENT", None),
    "payables": ("CURRLIAB", "CREDITORS"),
    "purchases": ("EXPENSE", None),
    "inventory": ("CURRENT", None),
    "inventory_clearing": ("CURRENT", None),
    "rent": ("EXPENSE", None),
    "salaries": ("EXPENSE", None),
    "depreciation": ("EXPENSE", None),
    "fixed_assets": ("FIXED", None),
    "accruals": ("CURRLIAB", None),
    "opening_balances": ("EQUITY", None),
    "retained_earnings": ("EQUITY", "RETAINEDEARNINGS"),
    "cost_of_goods_sold": ("DIRECTCOSTS", None),
}
# What customers pay with though it is no bank account.
_PAID_WITH = {"gift_cards", "store_credit"}
# What every organisation has whether a company file names it or not, with the code Xero usually gives it.
_SYSTEM_ACCOUNTS = {
    "DEBTORS": ("610", "Accounts Receivable", "CURRENT"),
    "CREDITORS": ("800", "Accounts Payable", "CURRLIAB"),
    "GST": ("820", "Sales Tax", "CURRLIAB"),
    "ROUNDING": ("860", "Rounding", "CURRLIAB"),
    "RETAINEDEARNINGS": ("960", "Retained Earnings", "EQUITY"),
    "REALISEDCURRENCYGAIN": ("499", "Realised Currency Gains", "EXPENSE"),
    "UNREALISEDCURRENCYGAIN": ("498", "Unrealised Currency Gains", "EXPENSE"),
    "BANKCURRENCYGAIN": ("497", "Bank Revaluations", "EXPENSE"),
}

# Xero spells zones its own way (OAS, TimeZone); a zone that isn't here reads UTC.
_ZONES = {
    "America/Chicago": "CENTRALSTANDARDTIME",
    "America/Denver": "MOUNTAINSTANDARDTIME",
    "America/Los_Angeles": "PACIFICSTANDARDTIME",
    "America/New_York": "EASTERNSTANDARDTIME",
    "Australia/Sydney": "AUSEASTERNSTANDARDTIME",
    "Europe/Berlin": "WEUROPESTANDARDTIME",
    "Europe/London": "GMTSTANDARDTIME",
    "Pacific/Auckland": "NEWZEALANDSTANDARDTIME",
}


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Account(_Part):
    role: str
    xero: str | None


class _TaxDetail(_Part):
    detail: str
    rate: Decimal


class _TaxRate(_Part):
    tax_type: str
    name: str
    details: list[str]


class _Item(_Part):
    sku: str
    title: str
    cost: Decimal | None = None


class _Currency(_Part):
    code: str
    rate: Decimal


class Company(_Part):
    """What of a company file concerns Xero (sandbox/README.md); a currency's rate is base units for one unit."""

    name: str
    base_currency: str
    time_zone: str = "UTC"
    accounts: list[_Account] = []
    tax_details: list[_TaxDetail] = []
    xero_tax_rates: list[_TaxRate] = []
    items: list[_Item] = []
    currencies: list[_Currency] = []


def seed_company(book: Book, company: Company) -> None:
    """Make the organisation of ``book``'s tenant from the company; the tenant must be new."""
    organisation = Record("Organisation", book.tenant_id, _organisation(book, company))
    book.save(organisation)
    save_currency(book, {"Code": company.base_currency}, rate=Decimal(1))
    for currency in company.currencies:
        save_currency(book, {"Code": currency.code}, rate=rounded(1 / currency.rate, 6))
    _add_accounts(book, company)
    _add_tax_rates(book, company)
    sales = next((account.xero for account in company.accounts if account.role == "sales" and account.xero), None)
    for item in company.items:
        details: dict[str, Any] = {"SalesDetails": {"AccountCode": sales}} if sales else {}
        if item.cost is not None:
            details["PurchaseDetails"] = {"UnitPrice": item.cost}
        save_item(book, {"Code": item.sku, "Name": item.title[:50], "Description": item.title, **details}, create=True)


def _add_accounts(book: Book, company: Company) -> None:
    used, given = set(), set()
    for account in company.accounts:
        if account.xero is None:
            continue
        account_type, system = _ROLES[account.role]
        if account.xero in used:  # two accounts of the other ledger that are one here
            continue
        added = _add_account(book, account.xero, account.role.replace("_", " ").capitalize(), account_type, system)
        if account.role in _PAID_WITH:
            added.body["EnablePaymentsToAccount"] = True
            book.save(added)
        used.add(account.xero)
        given.add(system)
    for system, (code, name, account_type) in _SYSTEM_ACCOUNTS.items():
        if system not in given:
            free = code if code not in used else f"{code}-S"
            _add_account(book, free, name, account_type, system)


def _add_account(book: Book, code: str, name: str, account_type: str, system: str | None) -> Record:
    account = save_account(book, {"Code": code, "Name": name, "Type": account_type}, create=True)
    if system:
        account.body["SystemAccount"] = system
        book.save(account)
    return account


def _add_tax_rates(book: Book, company: Company) -> None:
    percent = {detail.detail: detail.rate * 100 for detail in company.tax_details}
    none = {"Name": "Tax Exempt", "TaxType": "NONE", "TaxComponents": [{"Name": "No Tax", "Rate": 0}]}
    save_tax_rate(book, none, create=True)
    for rate in company.xero_tax_rates:
        components = [{"Name": detail, "Rate": percent[detail]} for detail in rate.details]
        save_tax_rate(book, {"Name": rate.name, "TaxType": rate.tax_type, "TaxComponents": components}, create=True)


def _organisation(book: Book, company: Company) -> dict[str, Any]:
    return {
        "OrganisationID": book.tenant_id,
        "Name": company.name,
        "LegalName": company.name,
        "PaysTax": True,
        "Version": "US" if company.base_currency == "USD" else "GLOBAL",
        "OrganisationType": "COMPANY",
        "OrganisationEntityType": "COMPANY",
        "BaseCurrency": company.base_currency,
        "CountryCode": company.base_currency[:2],
        "IsDemoCompany": False,
        "OrganisationStatus": "ACTIVE",
        "FinancialYearEndDay": 31,
        "FinancialYearEndMonth": 12,
        "SalesTaxBasis": "ACCRUALS",
        "SalesTaxPeriod": "QUARTERLY",
        "CreatedDateUTC": moment_on_wire(book.now),
        "Timezone": _ZONES.get(company.time_zone, "UTC"),
        "ShortCode": "!" + book.tenant_id[:5],
        "Class": "STANDARD",
        "Edition": "BUSINESS",
        "Addresses": [],
        "Phones": [],
        "ExternalLinks": [],
        "PaymentTerms": {},
    }
