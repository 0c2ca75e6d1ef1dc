"""The company a sandbox starts with: accounts, posting set-up, items, taxes, checkbooks and document IDs."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.gp.models import TABLES, Row
from sandbox.gp.session import Session

SITE, UNIT, UNIT_SCHEDULE = "MAIN", "Each", "EACH"
_LONG_AGO = datetime(2020, 1, 1)
_FAR_AHEAD = date(2099, 12, 31)
_PERCENT = Decimal(100)
_FIRST_CURRENCY = 1000

_CHECKBOOKS = {
    "STRIPE": "clearing",
    "SHOPIFY": "shopify_clearing",
    "PAYPAL": "paypal_clearing",
    "BANK": "bank",
    "GIFTCARD": "gift_cards",
    "STORECREDIT": "store_credit",
}
"""Checkbooks by name, and the role of the account each keeps."""


class Account(BaseModel):
    """An account by the role it plays; ``gp`` is its number, None where GP has none."""

    role: str
    gp: str | None = None


class TaxDetail(BaseModel):
    """A tax detail and its rate (0.0625 is 6.25 %)."""

    detail: str
    rate: Decimal


class Item(BaseModel):
    """An item with its cost in the base currency."""

    sku: str
    title: str = ""
    cost: Decimal = Decimal(0)


class Currency(BaseModel):
    """A foreign currency: base units for one of it, and the ID GP knows it by (its ISO code unless given)."""

    code: str
    rate: Decimal
    currency_id: str | None = None


class CompanyFile(BaseModel):
    """The ``company`` of an order file (sandbox/README.md); what GP has no use for is ignored."""

    model_config = ConfigDict(extra="ignore")

    base_currency: str
    name: str
    accounts: list[Account]
    tax_details: list[TaxDetail] = []
    items: list[Item] = []
    currencies: list[Currency] = []
    salespeople: list[str] = []
    inactive_salespeople: list[str] = []


class SeedRequest(BaseModel):
    """Which company to set up, and who may call eConnect for it."""

    company: CompanyFile
    company_id: str = Field(pattern=r"^\w{1,20}$", description="SQL database name (INTERID), e.g. HLS.")
    company_number: int = Field(default=1, description="Its number in Web Services (CompanyKey), not INTERID.")
    login: str
    password: str


def seed_company(session: Session, request: SeedRequest) -> None:
    """Replace whatever the database holds by the masters of this company; the business clock stays."""
    for table in TABLES:
        session.connection.execute(f"DELETE FROM {table}")  # noqa: S608
    for table in ("state", "sequence"):
        session.connection.execute(f"DELETE FROM {table}")  # noqa: S608
    session.stamp_as(_LONG_AGO)
    company = request.company
    session.keep_state("functional_currency", company.base_currency)
    session.keep_state("default_checkbook", "BANK")
    session.keep_state("invoice_document_id", "STDINV")
    session.start_sequence("JRNENTRY", 1001)
    roles = _seed_accounts(session, company)
    _seed_taxes(session, company, roles)
    _seed_items(session, company, roles)
    _seed_setup(session, company, roles)


def _seed_accounts(session: Session, company: CompanyFile) -> dict[str, int]:
    roles: dict[str, int] = {}
    numbers: dict[str, int] = {}
    for account in company.accounts:
        if account.gp is None:
            continue
        if account.gp not in numbers:
            numbers[account.gp] = len(numbers) + 1
            segments = [*account.gp.split("-"), "", "", ""]
            row: Row = {"ACTINDX": numbers[account.gp]} | {f"ACTNUMBR_{n}": segments[n - 1] for n in (1, 2, 3)}
            description = account.role.replace("_", " ").capitalize()
            session.insert("GL00100", row | {"ACTDESCR": description, "ACTIVE": 1, "ACCTTYPE": 1})
            session.insert("GL00105", row | {"ACTNUMST": account.gp})
        if account.role in roles:  # several accounts of one role: GP books on the first by itself
            continue
        roles[account.role] = numbers[account.gp]
        session.insert("SY01100", {"PTGACDSC": account.role, "SERIES": 3, "ACTINDX": numbers[account.gp]})
    return roles


def _seed_taxes(session: Session, company: CompanyFile, roles: dict[str, int]) -> None:
    for tax in company.tax_details:
        row = {"TAXDTLID": tax.detail, "TXDTLDSC": tax.detail, "TXDTLTYP": 1, "ACTINDX": roles.get("tax_payable", 0)}
        session.insert("TX00201", row | {"TXDTLPCT": tax.rate * _PERCENT})
        session.insert("TX00101", {"TAXSCHID": tax.detail, "TXSCHDSC": tax.detail})
        session.insert("TX00102", {"TAXSCHID": tax.detail, "TAXDTLID": tax.detail})
    session.insert("TX00101", {"TAXSCHID": "ALLDETAILS", "TXSCHDSC": "All tax details"})
    for tax in company.tax_details:
        session.insert("TX00102", {"TAXSCHID": "ALLDETAILS", "TAXDTLID": tax.detail})


def _seed_items(session: Session, company: CompanyFile, roles: dict[str, int]) -> None:
    accounts = {
        "IVSLSIDX": roles.get("sales", 0),
        "IVSLRNIX": roles.get("returns", 0),
        "IVIVINDX": roles.get("inventory", 0),
        "IVCOGSIX": roles.get("cost_of_goods_sold", 0),
    }
    for item in company.items:
        session.insert(
            "IV00101",
            {
                "ITEMNMBR": item.sku,
                "ITEMDESC": item.title,
                "ITMSHNAM": item.title[:15],
                "ITEMTYPE": 1,
                "UOMSCHDL": UNIT_SCHEDULE,
                "SELNGUOM": UNIT,
                "STNDCOST": item.cost,
                "CURRCOST": item.cost,
                "DECPLQTY": 1,
                "DECPLCUR": 3,
                "TAXOPTNS": 1,
                "ALWBKORD": 1,
                **accounts,
            },
        )


def _seed_setup(session: Session, company: CompanyFile, roles: dict[str, int]) -> None:
    home = company.base_currency
    session.insert("MC40200", {"CURNCYID": home, "CURRNIDX": _FIRST_CURRENCY, "CRNCYDSC": home, "ISOCURRC": home})
    for index, currency in enumerate(company.currencies, start=_FIRST_CURRENCY + 1):
        known: Row = {"CURNCYID": currency.currency_id or currency.code}
        row = {"CURRNIDX": index, "CRNCYDSC": currency.code, "ISOCURRC": currency.code}
        session.insert("MC40200", known | row)
        session.insert("MC40300", known | {"EXGTBLID": currency.code, "EXGTBDSC": currency.code})
        rate = {"EXCHDATE": _LONG_AGO.date(), "EXPNDATE": _FAR_AHEAD, "XCHGRATE": currency.rate}
        session.insert("MC00100", known | rate | {"EXGTBLID": currency.code})
    for checkbook, role in _CHECKBOOKS.items():
        row = {"CHEKBKID": checkbook, "DSCRIPTN": role.replace("_", " ").capitalize(), "CURNCYID": home}
        session.insert("CM00100", row | {"ACTINDX": roles.get(role, 0)})
    session.insert("SY03100", {"CARDNAME": "STRIPE"})
    for document_type, document_id, first in (
        (1, "STDQTE", "QTEST1001"),
        (2, "STDORD", "ORDST1001"),
        (3, "STDINV", "STDINV1001"),
        (4, "STDRTN", "RTNST1001"),
        (5, "STDBKO", "BKOST1001"),
    ):
        session.insert("SOP40200", {"SOPTYPE": document_type, "DOCID": document_id, "SOPNUMBE": first})
    for person in company.salespeople:
        session.insert("RM00301", {"SLPRSNID": person})
    for person in company.inactive_salespeople:
        session.insert("RM00301", {"SLPRSNID": person, "INACTIVE": 1})
    for terms, days in (("Net 30", 30), ("Due on receipt", 0), ("Prepaid", 0)):
        session.insert("SY03300", {"PYMTRMID": terms, "DUEDTDS": days})
    session.insert("IV40700", {"LOCNCODE": SITE, "LOCNDSCR": "Main site"})
