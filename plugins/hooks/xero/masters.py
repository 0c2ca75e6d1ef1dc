"""What mappings and the reconciliation look up in Xero: accounts, tax rates, items, the trial balance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from hooks.xero.api import XeroApi
from ledgerbridge.entities import Master

__all__ = [
    "AccountBalance",
    "AccountCodes",
    "Accounts",
    "Items",
    "SystemAccounts",
    "TaxRates",
    "TrackingOptions",
    "trial_balance",
]


@dataclass(frozen=True)
class AccountBalance:
    """
    One account of the trial balance.

    :param code: None for an account without a code.
    :param system_account: Xero's name for an account with a task of its own (``DEBTORS``), else None.
    :param balance: base currency, debit positive.
    """

    account_id: str
    code: str | None
    system_account: str | None
    balance: Decimal


class _Whole(Master):
    """A master Xero gives in one answer, read once per hook: it is small and not paged."""

    collection: str

    def __init__(self, hook: XeroApi) -> None:
        self.hook = hook

    def lookup(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The records found, by key; one that two records share is left out, for nothing is chosen by guess."""
        return {key: self._by_key[key] for key in keys if key in self._by_key}

    @cached_property
    def _by_key(self) -> dict[str, dict[str, Any]]:
        elements = [element for element in self.hook.get(self.collection)[self.collection] if self.key(element)]
        times = Counter(self.key(element) for element in elements)
        return {key: element for element in elements if (key := self.key(element)) and times[key] == 1}

    def key(self, element: dict[str, Any]) -> str | None:
        """What the element is looked up by; None if it isn't to be found."""
        raise NotImplementedError


class Accounts(_Whole):
    """Active accounts by Code."""

    collection = "Accounts"

    def key(self, element: dict[str, Any]) -> str | None:
        return element.get("Code") if element.get("Status") == "ACTIVE" else None


class AccountCodes:
    """
    Codes of accounts that an answer shows by AccountID and Name alone, as those of payments and transfers.

    Read once per hook, when first needed.
    """

    def __init__(self, hook: XeroApi) -> None:
        self._hook = hook

    def added_to(self, account: Mapping[str, Any]) -> Mapping[str, Any]:
        """The account with its Code; None where it has none."""
        return account if account.get("Code") else {**account, "Code": self._codes.get(account.get("AccountID"))}

    @cached_property
    def _codes(self) -> dict[str | None, str | None]:
        return {account["AccountID"]: account.get("Code") for account in self._hook.get("Accounts")["Accounts"]}


class SystemAccounts(_Whole):
    """Accounts by SystemAccount (``DEBTORS``, ``REALISEDCURRENCYGAIN``), for their codes differ by organisation."""

    collection = "Accounts"

    def key(self, element: dict[str, Any]) -> str | None:
        return element.get("SystemAccount") or None


class Items(_Whole):
    """Items by Code."""

    collection = "Items"

    def key(self, element: dict[str, Any]) -> str | None:
        return element.get("Code")


class TaxRates(_Whole):
    """
    Active tax rates by their sorted component names, ``MA-COUNTY+MA-STATE``.

    A rate with a compound component is left out: that is tax on tax (accounting-rules.md rule 4).
    """

    collection = "TaxRates"

    def key(self, element: dict[str, Any]) -> str | None:
        components = element.get("TaxComponents") or []
        if element.get("Status") != "ACTIVE" or any(component.get("IsCompound") for component in components):
            return None
        return "+".join(sorted(component["Name"] for component in components)) or None


class TrackingOptions(_Whole):
    """Active options of active tracking categories by ``Category/Option``, with both ids and names."""

    collection = "TrackingCategories"

    @cached_property
    def _by_key(self) -> dict[str, dict[str, Any]]:
        return {
            f"{category['Name']}/{option['Name']}": {"TrackingCategoryID": category["TrackingCategoryID"], **option}
            for category in self.hook.get(self.collection)[self.collection]
            for option in category.get("Options", [])
            if category.get("Status") == option.get("Status") == "ACTIVE"
        }


def trial_balance(hook: XeroApi, on: date) -> list[AccountBalance]:
    """Each account's balance at the end of that day; see ``XeroHook.trial_balance``."""
    accounts = {account["AccountID"]: account for account in hook.get("Accounts")["Accounts"]}
    report = hook.get("Reports/TrialBalance", {"date": on.isoformat()})["Reports"][0]
    balances = []
    for section in report["Rows"]:
        for row in section.get("Rows", []):
            if row["RowType"] == "Row":
                balances.append(_balance(row["Cells"], accounts))
    return balances


def _balance(cells: list[dict[str, Any]], accounts: dict[str, dict[str, Any]]) -> AccountBalance:
    """A row of the report: account, debit, credit of the month, then debit and credit of the year to date."""
    attributes = {attribute["Id"]: attribute["Value"] for attribute in cells[0]["Attributes"]}
    account = accounts.get(attributes["account"], {})
    debit, credit = (Decimal(cell["Value"] or "0") for cell in cells[3:5])
    return AccountBalance(
        account_id=attributes["account"],
        code=account.get("Code"),
        system_account=account.get("SystemAccount") or None,
        balance=debit - credit,
    )
