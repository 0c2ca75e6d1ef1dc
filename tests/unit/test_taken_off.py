"""
Pieces refunded before they ship, whatever happens in which order: off the order or returned, once (decision 0018).

The rules run against a ledger that the warehouse takes pieces from whenever it likes, and a worker that is killed
before or after the ledger took an update.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sent_documents import ORDER, SentInMemory

from ledgerbridge.canonical.allocation import rows_of_frame
from ledgerbridge.canonical.models import CANONICAL
from ledgerbridge.canonical.rules import RULES

ORDERS, INVOICES, SOURCE = "gp.sales_order", "xero.invoice", "shopify.order"
NET, TAX = Decimal("10.00"), Decimal("0.63")
ORDERED = {"line:1": 5, "line:2": 2}

Row = dict[str, Any]


def frame(part: str, rows: list[Row]) -> pd.DataFrame:
    """Rows of a part of a sales order."""
    schema = pa.schema(list(CANONICAL["canonical.sales_order"][part].items()))
    made: pd.DataFrame = pa.Table.from_pylist(rows, schema).to_pandas(types_mapper=pd.ArrowDtype)
    return made


def order_frames(refunds: dict[str, dict[str, int]], *, cancelled: bool = False) -> dict[str, pd.DataFrame]:
    """The order with its refunds: pieces by line, by the refund's id."""
    lines = [
        {"line_id": line, "line_number": number, "kind": "product", "quantity": pieces, "net": NET * pieces}
        | {"record_key": ORDER, "tax": TAX * pieces}
        for number, (line, pieces) in enumerate(ORDERED.items(), 1)
    ]
    tax = {"record_key": ORDER, "detail": "MA", "kind": "product"}
    taxes = [{**tax, "line_id": line["line_id"], "amount": line["tax"]} for line in lines]
    given_up: list[Row] = []
    for refund, pieces in refunds.items():
        for line, count in pieces.items():
            row = {"record_key": ORDER, "refund_id": refund, "line_id": line}
            given_up += [
                {**row, "quantity": -count, "amount": -NET * count},
                {**row, "detail": "MA", "amount": -TAX * count},
            ]
    total = sum((row["net"] + row["tax"] for row in lines), Decimal(0))
    header = {"record_key": ORDER, "chain_key": ORDER, "total": total, "cancelled": cancelled, "quantity": 7}
    parts = {"header": [header], "lines": lines, "taxes": taxes, "given_up": given_up}
    return {part: frame(part, rows) for part, rows in parts.items()}


@dataclass
class Office:
    """The order in a ledger, its warehouse, and the flow's passes over both."""

    sent: SentInMemory = field(default_factory=SentInMemory)
    refunds: dict[str, dict[str, int]] = field(default_factory=dict)
    held: dict[str, int] | None = None
    voided: bool = False
    shipped: dict[str, int] = field(default_factory=dict)
    posted: bool = False
    returned: list[str] = field(default_factory=list)

    @property
    def standing(self) -> dict[str, int]:
        """What the shop says the customer keeps."""
        return {
            line: pieces - sum(refund.get(line, 0) for refund in self.refunds.values())
            for line, pieces in ORDERED.items()
        }

    def refund(self, line: str) -> None:
        """One piece more is given up."""
        if self.standing[line]:
            self.refunds[f"{len(self.refunds) + 1}"] = {line: 1}

    def ship(self, some: bool) -> None:
        """The warehouse transfers what the order has, or a piece of it."""
        if self.held is None or self.voided:
            return
        for line, pieces in self.held.items():
            gone = self.shipped.get(line, 0)
            self.shipped[line] = gone + (min(1, pieces - gone) if some else pieces - gone)

    def post(self) -> None:
        """The invoices of what was shipped are posted, and go on to the other ledger."""
        if any(self.shipped.values()) and not self.posted:
            self.posted = True
            self.sent.add(INVOICES, record_key="gp:invoice:1")

    def run(self, killed: str = "") -> None:
        """A pass: the order, then the returns; ``killed`` before or after the ledger took the order."""
        self._deliver_order(killed)
        if not killed:
            self._deliver_returns()

    def _deliver_order(self, killed: str) -> None:
        ruled = RULES["take_off_given_up"](order_frames(self.refunds), self.sent, orders=ORDERS, invoices=INVOICES)
        [header] = rows_of_frame(ruled.frames["header"])
        wanted = {row["line_id"]: int(row["quantity"]) for row in rows_of_frame(ruled.frames["lines"])}
        assert header["total"] == sum(wanted.values()) * (NET + TAX)
        row = next(iter(self.sent.documents.get(ORDERS, [])), None)
        if row is None:
            row = {"record_key": ORDER, "chain_key": ORDER, "target_id": None, "given_up": header["given_up"]}
            self.sent.documents[ORDERS] = [row]
        row["state"] = "sending"
        if killed == "before":
            return
        state = self._take(wanted, bool(header["cancelled"]), bool(header["giving_up"]))
        if killed:
            return
        row["state"] = state
        self.sent.letters = {ORDER: "letter"} if state == "rejected" else {}
        if state == "delivered":
            row |= {"target_id": "GP", "given_up": header["given_up"]}
        elif not row["target_id"]:
            self.sent.documents[ORDERS] = []

    def _take(self, wanted: dict[str, int], void: bool, giving_up: bool) -> str:
        """As GP and its hook do."""
        same = self.voided if void else (not self.voided and wanted == self.held)
        if same or (void and self.held is None):
            return "delivered"
        if any(self.shipped.values()):
            return "not_sent" if giving_up else "rejected"
        assert not self.voided
        self.held, self.voided = (self.held if void else wanted), void
        return "delivered"

    def _deliver_returns(self) -> None:
        keys = {f"{ORDER}:refund:{refund}": refund for refund in self.refunds}
        rows = [
            {"record_key": key, "chain_key": ORDER, "refund_id": refund, "cancelled": False}
            for key, refund in keys.items()
        ]
        schema = pa.schema(list(CANONICAL["canonical.sales_return"]["header"].items()))
        frames = {"header": pa.Table.from_pylist(rows, schema).to_pandas(types_mapper=pd.ArrowDtype)}
        frames = RULES["unless_taken_off"](frames, self.sent, orders=ORDERS, source=SOURCE).frames
        frames = RULES["after_invoice"](frames, self.sent, invoices=INVOICES).frames
        self.returned += [keys[key] for key in frames["header"]["record_key"] if keys[key] not in self.returned]

    def kept(self) -> dict[str, int]:
        """What the ledgers say the customer keeps: invoiced and not returned."""
        back = [self.refunds[refund] for refund in self.returned]
        return {line: self.shipped.get(line, 0) - sum(refund.get(line, 0) for refund in back) for line in ORDERED}


THINGS = st.one_of(
    st.sampled_from(list(ORDERED)).map(lambda line: ("refund", line)),
    st.booleans().map(lambda some: ("ship", some)),
    st.just(("post",)),
    st.just(("run",)),
)
KILLS = st.sampled_from(["before", "after"]).map(lambda killed: ("run", killed))


def lived(things: list[tuple[Any, ...]]) -> Office:
    """The office after these things, when nothing moves any more."""
    office = Office()
    for verb, *arguments in things:
        getattr(office, verb)(*arguments)
    for _ in range(3):
        office.run()
        office.ship(some=False)
        office.post()
    office.run()
    return office


@given(st.lists(THINGS, max_size=12))
def test_in_any_order_of_things_ledgers_hold_what_the_shop_says_once(things: list[tuple[Any, ...]]) -> None:
    office = lived(things)
    assert (office.kept(), office.sent.letters) == (office.standing, {})


@example([("refund", "line:1"), ("run", "after"), ("ship", False), ("post",), ("refund", "line:1")])
@given(st.lists(THINGS | KILLS, max_size=12))
def test_whenever_a_worker_is_killed_nothing_is_taken_off_and_returned(things: list[tuple[Any, ...]]) -> None:
    office = lived(things)
    if office.sent.letters:  # killed as GP took it, then refunded and shipped before the next pass: a person looks
        assert all(office.kept()[line] >= pieces for line, pieces in office.standing.items())
    else:
        assert office.kept() == office.standing


@pytest.mark.parametrize("state", ["sending", "not_sent"])
def test_a_return_waits_while_its_order_is_being_changed(state: str) -> None:
    sent = SentInMemory()
    sent.add(ORDERS, record_key=ORDER, state=state, target_id="GP")
    office = Office(sent, {"1": {"line:1": 1}})
    sent.add(INVOICES, record_key="gp:invoice:1")
    office._deliver_returns()
    assert office.returned == []


def test_nothing_comes_back_of_an_order_that_was_given_up_before_it_was_sent() -> None:
    sent = SentInMemory()
    sent.read(SOURCE, "superseded", "it was cancelled before it was sent", order_number="LBO1")
    schema = pa.schema(list(CANONICAL["canonical.sales_return"]["header"].items()))
    row = {"record_key": f"{ORDER}:refund:1", "chain_key": ORDER, "refund_id": "1", "cancelled": False}
    frames = {"header": pa.Table.from_pylist([row], schema).to_pandas(types_mapper=pd.ArrowDtype)}
    ruled = RULES["unless_taken_off"](frames, sent, orders=ORDERS, source=SOURCE)
    assert ruled.superseded == {f"{ORDER}:refund:1": "its order was given up before it was sent"}


def test_a_cancelled_order_is_voided_as_it_was() -> None:
    frames = order_frames({"1": {"line:1": 1}}, cancelled=True)
    ruled = RULES["take_off_given_up"](frames, SentInMemory(), orders=ORDERS, invoices=INVOICES)
    [header] = rows_of_frame(ruled.frames["header"])
    assert (header["given_up"], header["quantity"]) == (None, 7)


def test_an_order_that_nothing_is_left_of_counts_as_cancelled() -> None:
    ruled = RULES["take_off_given_up"](order_frames({"1": ORDERED}), SentInMemory(), orders=ORDERS, invoices=INVOICES)
    [header] = rows_of_frame(ruled.frames["header"])
    assert (header["cancelled"], header["given_up"], header["giving_up"]) == (True, "1", True)


@pytest.mark.parametrize("kind", ["duties", "additional_fees", "shipping"])
def test_a_part_of_what_has_no_pieces_comes_off_with_the_goods_it_was_for(kind: str) -> None:
    """Else the warehouse was told to send goods that had been given up."""
    frames = order_frames({"1": {"line:1": 1}})
    beside = {"record_key": ORDER, "line_id": "8", "line_number": 3, "kind": kind, "quantity": 1}
    back = {"record_key": ORDER, "refund_id": "1", "line_id": "8", "quantity": -1, "amount": Decimal("-4.00")}
    lines, given_up = rows_of_frame(frames["lines"]), rows_of_frame(frames["given_up"])
    frames["lines"] = frame("lines", [*lines, {**beside, "net": Decimal("8.00"), "tax": Decimal(0)}])
    frames["given_up"] = frame("given_up", [*given_up, back])
    ruled = RULES["take_off_given_up"](frames, SentInMemory(), orders=ORDERS, invoices=INVOICES)
    assert rows_of_frame(ruled.frames["header"])[0]["given_up"] == "1"
    left = {row["line_id"]: (row["quantity"], row["net"]) for row in rows_of_frame(ruled.frames["lines"])}
    assert (left["line:1"][0], left["8"]) == (4, (1, Decimal("4.00")))
