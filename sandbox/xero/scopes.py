"""OAuth scopes: the broad ones of old apps and the granular ones of apps made since 2026-03-02 (sources.md Xero §1)."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["BROAD", "GRANULAR", "KNOWN", "covers", "needs_scope"]

BROAD = ("accounting.transactions", "accounting.transactions.read", "accounting.reports.read")
# Names unverified (sources.md Xero §1); an app's own list can be set with the seed.
GRANULAR = (
    "accounting.invoices",
    "accounting.invoices.read",
    "accounting.payments",
    "accounting.payments.read",
    "accounting.banktransactions",
    "accounting.banktransactions.read",
    "accounting.manualjournals",
    "accounting.manualjournals.read",
    "accounting.reports.trialbalance.read",
)
_SHARED = (
    "openid",
    "profile",
    "email",
    "offline_access",
    "accounting.contacts",
    "accounting.contacts.read",
    "accounting.settings",
    "accounting.settings.read",
    "accounting.attachments",
    "accounting.attachments.read",
    "accounting.journals.read",
)
KNOWN = (*_SHARED, *BROAD, *GRANULAR)

_TRANSACTIONS = "accounting.transactions"
_OF_RESOURCE = {
    "Accounts": ("accounting.settings",),
    "BankTransactions": (_TRANSACTIONS, "accounting.banktransactions"),
    "BankTransfers": (_TRANSACTIONS, "accounting.banktransactions"),
    "ContactGroups": ("accounting.contacts",),
    "Contacts": ("accounting.contacts",),
    "CreditNotes": (_TRANSACTIONS, "accounting.invoices"),
    "Currencies": ("accounting.settings",),
    "Invoices": (_TRANSACTIONS, "accounting.invoices"),
    "Items": ("accounting.settings",),
    "Journals": ("accounting.journals",),
    "ManualJournals": (_TRANSACTIONS, "accounting.manualjournals"),
    "Organisation": ("accounting.settings",),
    "Organisations": ("accounting.settings",),
    "Payments": (_TRANSACTIONS, "accounting.payments"),
    "PurchaseOrders": (_TRANSACTIONS, "accounting.invoices"),
    "Reports": ("accounting.reports", "accounting.reports.trialbalance"),
    "TaxRates": ("accounting.settings",),
    "TrackingCategories": ("accounting.settings",),
}


def needs_scope(path: str) -> bool:
    """Whether there is such an endpoint; the others are not found, whatever the scopes."""
    return path.strip("/").split("/")[0] in _OF_RESOURCE


def covers(scopes: Collection[str], method: str, path: str) -> bool:
    """
    Whether a token's scopes allow this call.

    :param path: below ``/api.xro/2.0/``, e.g. ``Invoices/…/Attachments``.
    """
    parts = path.strip("/").split("/")
    enough = ("accounting.attachments",) if "Attachments" in parts else _OF_RESOURCE.get(parts[0], ())
    endings = ("", ".read") if method == "GET" else ("",)
    return any(f"{scope}{ending}" in scopes for scope in enough for ending in endings)
