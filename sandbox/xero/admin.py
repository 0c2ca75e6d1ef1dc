"""``/_sandbox``: seed a company, read its books, set limits."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Response
from pydantic import BaseModel, Field

from sandbox.xero.identity import connect, register_app
from sandbox.xero.models import Book, State
from sandbox.xero.reports import account_balances, journals
from sandbox.xero.scopes import KNOWN
from sandbox.xero.seeding import Company, seed_company
from sandbox.xero.wire import Element, day_on_wire, new_id, read_day, render

__all__ = ["admin_routes", "tenant_named_or_first"]

_DOCUMENT_FIELDS = (
    "Type",
    "Reference",
    "Status",
    "Date",
    "SubTotal",
    "TotalTax",
    "Total",
    "CurrencyCode",
    "CurrencyRate",
)
_INVOICE_FIELDS = ("InvoiceID", "InvoiceNumber", *_DOCUMENT_FIELDS, "AmountDue", "AmountPaid", "AmountCredited")
_CREDIT_NOTE_FIELDS = ("CreditNoteID", "CreditNoteNumber", *_DOCUMENT_FIELDS, "RemainingCredit")


class _App(BaseModel):
    client_id: str
    client_secret: str | None = None
    kind: str = Field("custom_connection", pattern="^(custom_connection|web|pkce)$")
    scopes: list[str] = list(KNOWN)
    redirect_uris: list[str] = []


class _Seed(_App):
    company: Company
    settings: dict[str, int | bool] = {}


def admin_routes(state: State) -> APIRouter:
    """The admin API beside health and clock."""
    routes = APIRouter(prefix="/_sandbox")

    @routes.post("/seed")
    def seed(order: _Seed) -> dict[str, str]:
        """One organisation a company name; seeding it again only changes the app and the settings."""
        tenant_id = _tenant_named(state, order.company.name)
        with state.write(tenant_id or new_id(), app="") as book:
            if tenant_id is None:
                seed_company(book, order.company)
            _register(book, order)
            at = book.now.strftime("%Y-%m-%dT%H:%M:%S.%f0")
            connect(book.connection, order.client_id, book.tenant_id, order.company.name, at)
            _put_settings(state, book, order.settings)
        return {"tenant_id": book.tenant_id}

    @routes.post("/apps")
    def add_app(app: _App) -> dict[str, str]:
        with state.write("", app="") as book:
            _register(book, app)
        return {"client_id": app.client_id}

    @routes.get("/settings")
    def read_settings() -> dict[str, int | bool]:
        return state.settings.all()

    @routes.put("/settings")
    def change_settings(values: dict[str, int | bool]) -> dict[str, int | bool]:
        with state.write("", app="") as book:
            _put_settings(state, book, values)
        return state.settings.all()

    @routes.put("/organisation")
    def change_organisation(values: dict[str, Any], tenant_id: str | None = None) -> Response:
        """Lock dates and whatever else a person sets in the organisation's settings."""
        with state.write(tenant_named_or_first(state, tenant_id), app="") as book:
            organisation = book.select("Organisation")[0]
            organisation.body |= {name: _setting_on_wire(name, value) for name, value in values.items()}
            book.save(organisation)
        return _json(organisation.body)

    @routes.get("/ledger")
    def read_ledger(tenant_id: str | None = None) -> Response:
        return _json(_ledger(state.read(tenant_named_or_first(state, tenant_id))))

    @routes.get("/entries")
    def read_entries(tenant_id: str | None = None, offset: int = 0) -> Response:
        """The journals after number ``offset``, a hundred a call."""
        return _json({"entries": _as_text(journals(state.read(tenant_named_or_first(state, tenant_id)), offset))})

    return routes


def _setting_on_wire(name: str, value: Any) -> Any:
    return day_on_wire(read_day(value)) if name.endswith("LockDate") and value else value


def _register(book: Book, app: _App) -> None:
    register_app(
        book.connection,
        client_id=app.client_id,
        client_secret=app.client_secret,
        kind=app.kind,
        scopes=tuple(app.scopes),
        redirect_uris=tuple(app.redirect_uris),
    )


def _put_settings(state: State, book: Book, values: dict[str, int | bool]) -> None:
    try:
        state.settings.put(book.connection, values)
    except KeyError as error:
        known = ", ".join(state.settings.all())
        raise HTTPException(422, f"There is no setting {error}; there are {known}.") from error


def _tenant_named(state: State, name: str) -> str | None:
    row = state.store.connection.execute(
        "SELECT tenant_id FROM record WHERE resource = 'Organisation' AND json_extract(body, '$.Name') = ?", (name,)
    ).fetchone()
    return row["tenant_id"] if row else None


def tenant_named_or_first(state: State, tenant_id: str | None) -> str:
    """
    The organisation asked for, or the first one seeded.

    :raises HTTPException: 404, there is none.
    """
    rows = state.store.connection.execute(
        "SELECT tenant_id FROM record WHERE resource = 'Organisation' ORDER BY position"
    ).fetchall()
    known = [row["tenant_id"] for row in rows]
    if not known or (tenant_id is not None and tenant_id not in known):
        raise HTTPException(404, f"There is no organisation {tenant_id or 'yet'}; POST /_sandbox/seed makes one.")
    return tenant_id or str(known[0])


def _ledger(book: Book) -> Element:
    balances = account_balances(book)
    return {
        "tenant_id": book.tenant_id,
        "accounts": {code: str(balance) for code, balance in balances.items()},
        "invoices": _documents(book, "Invoices", "InvoiceNumber", _INVOICE_FIELDS),
        "credit_notes": _documents(book, "CreditNotes", "CreditNoteNumber", _CREDIT_NOTE_FIELDS),
    }


def _documents(book: Book, resource: str, number_field: str, fields: tuple[str, ...]) -> list[Element]:
    documents = []
    for record in book.select(resource):
        shown = {name: record.body[name] for name in fields if name in record.body}
        contact = record.body["Contact"]["ContactID"]
        documents.append({"number": record.body.get(number_field, ""), "contact_id": contact, **shown})
    return [_as_text(document) for document in documents]


def _as_text(value: Any) -> Any:
    """Amounts as strings: what people and tests compare."""
    if isinstance(value, dict):
        return {name: _as_text(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_as_text(part) for part in value]
    return value if isinstance(value, str | bool | int | None) else str(value)


def _json(content: Any) -> Response:
    return Response(render(content), media_type="application/json")
