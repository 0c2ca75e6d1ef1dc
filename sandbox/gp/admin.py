"""What people do at GP's own windows: set up a company, transfer orders, post batches, look at the books."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, Literal, TypeVar

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, model_validator

from sandbox.gp.batches import waiting_batches
from sandbox.gp.books import read_books, read_entries
from sandbox.gp.deletions import delete_unposted
from sandbox.gp.errors import BookkeeperError
from sandbox.gp.general_entries import Entry, back_out, key_entry
from sandbox.gp.journals import repeat_entry
from sandbox.gp.master_windows import WINDOWS, Window
from sandbox.gp.nodes import NODES
from sandbox.gp.paid_transactions import remove_paid
from sandbox.gp.payables_voids import void_posted
from sandbox.gp.payables_windows import VendorPayment, Voucher, key_payment, key_voucher
from sandbox.gp.posting import post_batches
from sandbox.gp.screens import Screen, set_screen
from sandbox.gp.seed import SeedRequest, seed_company
from sandbox.gp.site import Site
from sandbox.gp.site_procedures import PreProcedure, install
from sandbox.gp.transfers import find_order, transfer_order
from sandbox.gp.vendor_payments import apply_posted

T = TypeVar("T")


class TransferLine(BaseModel):
    """How many of an item are shipped."""

    ITEMNMBR: str
    QUANTITY: Decimal


class TransferRequest(BaseModel):
    """Which order becomes an invoice, whole (``lines`` null: all that is left) or in part, dated ``date``."""

    model_config = ConfigDict(extra="forbid")

    customer_po: str | None = None
    sopnumbe: str | None = None
    lines: list[TransferLine] | None = None
    date: date

    @model_validator(mode="after")
    def _one_name(self) -> TransferRequest:
        if bool(self.customer_po) == bool(self.sopnumbe):
            raise ValueError("Name the order by either customer_po or sopnumbe.")
        return self


class PostRequest(BaseModel):
    """Which batch to post; null posts all."""

    batch: str | None = None


class RepeatRequest(BaseModel):
    """Which posted entry its recurring batch posts again, and on which date."""

    journal_entry: int
    date: date


class BackOutRequest(BaseModel):
    """Which posted entry is taken back, in which batch."""

    journal_entry: int
    batch: str = "BACKOUT"


class DeleteRequest(BaseModel):
    """Which document to take out of its batch."""

    document: str


class ApplyRequest(BaseModel):
    """
    Which posted payment (``DOCTYPE`` 6), credit memo (5) or return (4) is set against which posted voucher.

    ``amount`` is in the documents' currency; null: as much as is left of both.
    """

    document: str
    DOCTYPE: int = 6
    voucher: str
    amount: Decimal | None = None
    date: date


class VoidPayablesRequest(BaseModel):
    """Which posted payables document, of which nothing is applied, is voided, and on which date."""

    document: str
    DOCTYPE: int = 1
    date: date


class Settings(BaseModel):
    """Behaviour of GP that no public source settles, or that sites differ in; what is absent stays."""

    model_config = ConfigDict(extra="forbid")

    text_overflow: Literal["error", "truncate"] | None = None
    code_page: Literal["replace", "error"] | None = None
    transfer_arithmetic: Literal["shared", "recomputed"] | None = None
    default_batch_checkbook: bool | None = None
    apply_unposted_receipts: bool | None = None
    realised_gain_on_apply: bool | None = None
    server_hours_ahead: int | None = None


class Period(BaseModel):
    """A fiscal period, a calendar month, opened or closed for these series: 2 financial, 3 sales, 4 purchasing."""

    year: int
    period: int
    closed: bool
    series: list[int] = [2, 3, 4, 5]


class BatchStatus(BaseModel):
    """BCHSTTUS of a batch: 0 available, 3 receiving, others locked."""

    batch: str
    status: int


def admin_routes(site: Site) -> APIRouter:
    """The routes below ``/_sandbox`` that only GP has; ``company`` is a database name, the first one if left out."""
    routes = APIRouter(prefix="/_sandbox")

    @routes.post("/seed")
    def seed(request: SeedRequest) -> dict[str, str]:
        company = site.set_up(
            request.company_id,
            number=request.company_number,
            name=request.company.name,
            login=request.login,
            password=request.password,
        )
        with company.writing() as session:
            seed_company(session, request)
        return {"company_id": request.company_id}

    @routes.post("/transfer")
    def transfer(request: TransferRequest, company: str | None = None) -> dict[str, str | None]:
        with site.company(company).writing() as session:
            order = find_order(session, number=request.sopnumbe, customer_po=request.customer_po)
            if order is None:
                return {"invoice": None}
            quantities = _quantities(request.lines)
            return {"invoice": _asked(lambda: transfer_order(session, order, quantities, request.date))}

    @routes.post("/post")
    def post(request: PostRequest, company: str | None = None) -> dict[str, Any]:
        with site.company(company).writing() as session:
            result = _asked(lambda: post_batches(session, request.batch))
        return {"posted": result.posted, "errors": result.errors}

    @routes.post("/repeat")
    def repeat(request: RepeatRequest, company: str | None = None) -> dict[str, int]:
        with site.company(company).writing() as session:
            return {"times": _asked(lambda: repeat_entry(session, request.journal_entry, request.date))}

    @routes.post("/general-entries")
    def key_general_entry(entry: Entry, company: str | None = None) -> dict[str, int]:
        with site.company(company).writing() as session:
            return {"journal_entry": _asked(lambda: key_entry(session, entry))}

    @routes.post("/back-out")
    def back_out_entry(request: BackOutRequest, company: str | None = None) -> dict[str, int]:
        with site.company(company).writing() as session:
            return {"journal_entry": _asked(lambda: back_out(session, request.journal_entry, request.batch))}

    @routes.post("/delete")
    def delete(request: DeleteRequest, company: str | None = None) -> dict[str, str]:
        with site.company(company).writing() as session:
            return {"batch": _asked(lambda: delete_unposted(session, request.document))}

    @routes.post("/apply-payables")
    def apply(request: ApplyRequest, company: str | None = None) -> dict[str, str]:
        with site.company(company).writing() as session:
            session.next_document()
            applied = _asked(
                lambda: apply_posted(
                    session,
                    kind=request.DOCTYPE,
                    number=request.document,
                    voucher=request.voucher,
                    amount=request.amount,
                    day=request.date,
                )
            )
        return {"applied": f"{applied:.2f}"}

    @routes.post("/vouchers")
    def key_a_voucher(voucher: Voucher, company: str | None = None) -> dict[str, str]:
        with site.company(company).writing() as session:
            return {"voucher": _asked(lambda: key_voucher(session, voucher))}

    @routes.post("/vendor-payments")
    def key_a_payment(payment: VendorPayment, company: str | None = None) -> dict[str, str]:
        with site.company(company).writing() as session:
            return {"payment": _asked(lambda: key_payment(session, payment))}

    @routes.post("/void-payables")
    def void_payables(request: VoidPayablesRequest, company: str | None = None) -> dict[str, str]:
        with site.company(company).writing() as session:
            session.next_document()
            _asked(lambda: void_posted(session, kind=request.DOCTYPE, number=request.document, day=request.date))
        return {"voided": request.document}

    @routes.get("/batches")
    def batches(company: str | None = None) -> dict[str, Any]:
        with site.company(company).reading() as session:
            return {"batches": waiting_batches(session)}

    @routes.put("/batches")
    def set_batch_status(request: BatchStatus, company: str | None = None) -> dict[str, Any]:
        with site.company(company).writing() as session:
            session.update("SY00500", {"BACHNUMB": request.batch}, BCHSTTUS=request.status)
            return {"batches": waiting_batches(session)}

    for name, window in WINDOWS.items():
        _add_window(routes, site, name, window)

    @routes.get("/ledger")
    def ledger(company: str | None = None) -> dict[str, Any]:
        with site.company(company).reading() as session:
            return read_books(session)

    @routes.get("/entries")
    def entries(company: str | None = None) -> dict[str, Any]:
        with site.company(company).reading() as session:
            return {"entries": read_entries(session)}

    @routes.get("/settings")
    def settings(company: str | None = None) -> dict[str, Any]:
        with site.company(company).reading() as session:
            return session.settings

    @routes.put("/settings")
    def change_settings(request: Settings, company: str | None = None) -> dict[str, Any]:
        with site.company(company).writing() as session:
            changed = session.settings | request.model_dump(exclude_none=True)
            session.keep_state("settings", changed)
            return changed

    @routes.put("/periods")
    def set_period(request: Period, company: str | None = None) -> dict[str, Any]:
        with site.company(company).writing() as session:
            first = date(request.year, request.period, 1)
            days = {"PERIODDT": first, "PERDENDT": first.replace(day=monthrange(first.year, first.month)[1])}
            for series in request.series:
                place = {"YEAR1": request.year, "PERIODID": request.period, "SERIES": series}
                session.delete("SY40100", **place)
                session.insert("SY40100", place | days | {"CLOSED": int(request.closed)})
        return request.model_dump()

    @routes.put("/screens")
    def set_document(screen: Screen, company: str | None = None) -> dict[str, list[str]]:
        with site.company(company).writing() as session:
            return {"open": set_screen(session, screen)}

    @routes.put("/procedures")
    def set_procedure(procedure: PreProcedure, company: str | None = None) -> dict[str, str]:
        if procedure.procedure not in NODES:
            raise HTTPException(422, f"{procedure.procedure} is no procedure here: {', '.join(NODES)}")
        with site.company(company).writing() as session:
            install(session, procedure)
        return {"installed": f"{procedure.procedure}Pre"}

    @routes.post("/paid-transaction-removal")
    def remove_paid_transactions(company: str | None = None) -> dict[str, int]:
        with site.company(company).writing() as session:
            return {"moved": remove_paid(session)}

    return routes


def _add_window(routes: APIRouter, site: Site, name: str, window: Window) -> None:
    """``GET name`` shows the masters of a window, ``PUT name/number`` saves what a person typed, ``DELETE`` its end."""

    def shown(company: str | None = None) -> dict[str, Any]:
        with site.company(company).reading() as session:
            return {name: window.rows(session)}

    def save(number: str, changes: dict[str, Any], company: str | None = None) -> dict[str, Any]:
        with site.company(company).writing() as session:
            return _asked(lambda: window.save(session, number, changes))

    def delete(number: str, company: str | None = None) -> dict[str, str]:
        with site.company(company).writing() as session:
            window.delete(session, number)
        return {"deleted": number}

    routes.add_api_route(f"/{name}", shown, methods=["GET"])
    routes.add_api_route(f"/{name}/{{number}}", save, methods=["PUT"])
    routes.add_api_route(f"/{name}/{{number}}", delete, methods=["DELETE"])


def _quantities(lines: list[TransferLine] | None) -> dict[str, Decimal] | None:
    if lines is None:
        return None
    wanted: dict[str, Decimal] = {}
    for line in lines:
        wanted[line.ITEMNMBR] = wanted.get(line.ITEMNMBR, Decimal(0)) + line.QUANTITY
    return wanted


def _asked(work: Callable[[], T]) -> T:
    try:
        return work()
    except BookkeeperError as error:
        raise HTTPException(409, str(error)) from error
