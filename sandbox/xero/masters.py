"""Master data that documents refer to: accounts, tax rates, items, tracking categories, currencies."""

from __future__ import annotations

from decimal import Decimal

from sandbox.xero import rules
from sandbox.xero.errors import Refused
from sandbox.xero.models import Book, Record
from sandbox.xero.wire import Element, new_id, read_decimal, rounded

__all__ = [
    "CLASSES",
    "add_tracking_option",
    "save_account",
    "save_contact_group",
    "save_currency",
    "save_item",
    "save_tax_rate",
    "save_tracking_category",
]

CLASSES = {
    "BANK": "ASSET",
    "CURRENT": "ASSET",
    "FIXED": "ASSET",
    "INVENTORY": "ASSET",
    "NONCURRENT": "ASSET",
    "PREPAYMENT": "ASSET",
    "EQUITY": "EQUITY",
    "DEPRECIATN": "EXPENSE",
    "DIRECTCOSTS": "EXPENSE",
    "EXPENSE": "EXPENSE",
    "OVERHEADS": "EXPENSE",
    "CURRLIAB": "LIABILITY",
    "LIABILITY": "LIABILITY",
    "TERMLIAB": "LIABILITY",
    "OTHERINCOME": "REVENUE",
    "REVENUE": "REVENUE",
    "SALES": "REVENUE",
}
_MOST_ACTIVE_CATEGORIES = 2


def save_account(book: Book, element: Element, *, create: bool) -> Record:
    """
    Create an account, or change the one with this AccountID.

    :raises Refused: a code or type that can't be, or a system account is to be archived.
    """
    existing = book.find("Accounts", str(element["AccountID"])) if element.get("AccountID") and not create else None
    body = existing.body if existing else _new_account(book, element)
    code = str(element.get("Code") or body["Code"])
    holder = book.numbered("Accounts", code)
    if holder and (existing is None or holder.id != existing.id):
        raise Refused("Please enter a unique Code.")
    body |= rules.checked_texts(element, {"Code": 10, "Name": 150, "Description": 4000, "TaxType": 50})
    if element.get("Status") == "ARCHIVED" and body.get("SystemAccount"):
        raise Refused("System accounts can't be archived.")
    for name in ("Status", "EnablePaymentsToAccount", "ShowInExpenseClaims"):
        body[name] = element.get(name, body[name])
    if existing is None:
        return book.add("Accounts", "AccountID", body)
    book.save(existing)
    return existing


def _new_account(book: Book, element: Element) -> Element:
    account_type = element.get("Type")
    if account_type not in CLASSES:
        raise Refused(f"Account Type '{account_type}' is not valid.")
    if not element.get("Code") or not element.get("Name"):
        raise Refused("An account needs a Code and a Name.")
    body: Element = {
        "Code": str(element["Code"]),
        "Name": str(element["Name"]),
        "Status": "ACTIVE",
        "Type": account_type,
        "TaxType": "NONE",
        "Description": "",
        "Class": CLASSES[account_type],
        "EnablePaymentsToAccount": False,
        "ShowInExpenseClaims": False,
        "AddToWatchlist": False,
        "ReportingCode": "",
        "HasAttachments": False,
    }
    if account_type == "BANK":
        body |= {"BankAccountNumber": str(element.get("BankAccountNumber") or ""), "BankAccountType": "BANK"}
        body["CurrencyCode"] = str(element.get("CurrencyCode") or book.base_currency())
    else:
        body["CurrencyCode"] = book.base_currency()
    return body


def save_tax_rate(book: Book, element: Element, *, create: bool) -> Record:
    """
    Create a tax rate, or change the one of this TaxType or name.

    :raises Refused: no name, no components, or a name that is taken.
    """
    components = element.get("TaxComponents")
    if not element.get("Name") or not components:
        raise Refused("A tax rate needs a Name and at least one TaxComponent.")
    same_name = book.named("TaxRates", str(element["Name"]))
    existing = book.numbered("TaxRates", str(element["TaxType"])) if element.get("TaxType") else None
    if existing is None and same_name and create:
        raise Refused("The tax rate name must be unique.")
    existing = existing if existing or create else next(iter(same_name), None)
    rate = sum((read_decimal(component.get("Rate", 0)) for component in components), Decimal(0))
    body: Element = {
        "Name": str(element["Name"]),
        "TaxType": existing.body["TaxType"] if existing else str(element.get("TaxType") or _free_tax_type(book)),
        "CanApplyToAssets": True,
        "CanApplyToEquity": True,
        "CanApplyToExpenses": True,
        "CanApplyToLiabilities": True,
        "CanApplyToRevenue": True,
        "DisplayTaxRate": rounded(rate, 4),
        "EffectiveRate": rounded(rate, 4),
        "Status": str(element.get("Status") or "ACTIVE"),
        "TaxComponents": [
            {
                "Name": str(component["Name"]),
                "Rate": rounded(read_decimal(component.get("Rate", 0)), 4),
                "IsCompound": bool(component.get("IsCompound", False)),
                "IsNonRecoverable": bool(component.get("IsNonRecoverable", False)),
            }
            for component in components
        ],
    }
    if existing is None:
        existing = Record("TaxRates", new_id(), body)
    existing.body = body
    book.save(existing)
    return existing


def _free_tax_type(book: Book) -> str:
    count = 1
    while book.numbered("TaxRates", f"TAX{count:03}"):
        count += 1
    return f"TAX{count:03}"


def save_item(book: Book, element: Element, *, create: bool) -> Record:
    """
    Create an item, or change the one with this ItemID or Code.

    :raises Refused: no code, or one that is taken.
    """
    texts = rules.checked_texts(element, {"Code": 30, "Name": 50, "Description": 4000, "PurchaseDescription": 4000})
    if not texts.get("Code"):
        raise Refused("Item Code must be specified.")
    holder = book.numbered("Items", texts["Code"])
    existing = book.find("Items", str(element["ItemID"])) if element.get("ItemID") else holder
    if holder and (create or (existing and holder.id != existing.id)):
        raise Refused(f"Price List Item with Code '{texts['Code']}' already exists")
    body: Element = (
        existing.body
        if existing and not create
        else {"IsTrackedAsInventory": False, "IsSold": True, "IsPurchased": True}
    )
    body |= texts
    for part in ("SalesDetails", "PurchaseDetails"):
        body[part] = _details(book, element.get(part) or {}) or body.get(part, {})
    if existing is None or create:
        return book.add("Items", "ItemID", body)
    existing.body = body
    book.save(existing)
    return existing


def _details(book: Book, details: Element) -> Element:
    kept: Element = {}
    if details.get("UnitPrice") is not None:
        kept["UnitPrice"] = rounded(read_decimal(details["UnitPrice"]), 4)
    if details.get("AccountCode"):
        kept["AccountCode"] = rules.line_account(book, {"AccountCode": details["AccountCode"]})["Code"]
    if details.get("TaxType"):
        kept["TaxType"] = rules.tax_rate(book, str(details["TaxType"]))["TaxType"]
    return kept


def save_tracking_category(book: Book, element: Element, *, create: bool) -> Record:
    """
    Create a tracking category (with its options, if given), or rename or archive one.

    :raises Refused: a third active category, or a name that is taken.
    """
    existing = (
        book.find("TrackingCategories", str(element["TrackingCategoryID"]))
        if element.get("TrackingCategoryID") and not create
        else None
    )
    body: Element = existing.body if existing else {"Status": "ACTIVE", "Options": []}
    body |= rules.checked_texts(element, {"Name": 100})
    body["Status"] = str(element.get("Status") or body["Status"])
    if not body.get("Name"):
        raise Refused("A tracking category needs a Name.")
    others = [one for one in book.select("TrackingCategories") if existing is None or one.id != existing.id]
    if any(one.body["Name"].casefold() == body["Name"].casefold() for one in others):
        raise Refused(f"A tracking category with the name {body['Name']} already exists.")
    if body["Status"] == "ACTIVE" and sum(one.body["Status"] == "ACTIVE" for one in others) >= _MOST_ACTIVE_CATEGORIES:
        raise Refused("Maximum number of active tracking categories reached: two.")
    category = existing or book.add("TrackingCategories", "TrackingCategoryID", body)
    for option in element.get("Options") or []:
        add_tracking_option(category, option)
    book.save(category)
    return category


def add_tracking_option(category: Record, element: Element) -> Element:
    """
    Add an option to a category; the caller keeps the category.

    :raises Refused: no name, or one the category has.
    """
    name = rules.checked_texts(element, {"Name": 100}).get("Name")
    if not name:
        raise Refused("A tracking option needs a Name.")
    if any(option["Name"] == name for option in category.body["Options"]):
        raise Refused(f"The tracking option {name} already exists.")
    option: Element = {
        "TrackingOptionID": new_id(),
        "Name": name,
        "Status": "ACTIVE",
        "TrackingCategoryID": category.id,
    }
    category.body["Options"].append(option)
    return option


def save_contact_group(book: Book, element: Element, *, create: bool) -> Record:
    """
    Create a contact group, or rename or delete the one with this ContactGroupID.

    :raises Refused: no name, or one that another group has.
    """
    named = str(element.get("ContactGroupID") or "")
    existing = book.find("ContactGroups", named) if named and not create else None
    body: Element = existing.body if existing else {"Status": "ACTIVE"}
    body |= rules.checked_texts(element, {"Name": 255})
    body["Status"] = str(element.get("Status") or body["Status"])
    if not body.get("Name"):
        raise Refused("A contact group needs a Name.")
    others = [one for one in book.select("ContactGroups") if existing is None or one.id != existing.id]
    if any(one.body["Name"].casefold() == body["Name"].casefold() for one in others):
        raise Refused(f"A contact group with the name {body['Name']} already exists.")
    if existing is None:
        return book.add("ContactGroups", "ContactGroupID", body)
    book.save(existing)
    return existing


def save_currency(book: Book, element: Element, *, rate: Decimal | None = None) -> Record:
    """
    Subscribe the organisation to a currency.

    :param rate: the day's rate, foreign for one unit of base currency; one where nobody says.
    :raises Refused: no code of three letters.
    """
    code = str(element.get("Code") or "")
    if len(code) != 3:
        raise Refused(f"Currency code '{code}' is not valid.")
    book.connection.execute(
        "INSERT OR REPLACE INTO exchange_rate VALUES (?, ?, ?)", (book.tenant_id, code, str(rate or 1))
    )
    existing = book.numbered("Currencies", code)
    currency = existing or Record("Currencies", new_id(), {"Code": code, "Description": code})
    book.save(currency)
    return currency
