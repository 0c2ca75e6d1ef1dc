"""A GP whose applications book no gain: the flow enters each one by itself, once, and the books agree to the cent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from demo.books import read_result
from demo.passes import deliveries_sent
from demo.stack import Stack
from hooks.gp.econnect.hook import GPEConnectHook
from ledgerbridge.entities import Document
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery
from sandbox.player import Player
from tests.flows.expected_books import with_expectations
from tests.flows.golden_orders import fulfil, order_file, pay, refund, returned
from tests.flows.in_process import Office, open_office
from tests.flows.test_foreign_payments import IN_POUNDS, mugs, sold
from tests.golden.check import differences

CASES = [
    *IN_POUNDS,
    # given back at other rates: two mugs, and five pounds without goods
    sold(
        4551,
        pay("ch_91", "120.00", rate="1.24"),
        fulfil(),
        refund("re_91", "24.00", rate="1.30", lines=[returned(mugs(10), 2)]),
        refund("re_92", "5.00", rate="1.2111", goodwill="5.00"),
    ),
]


def never_books_gains(player: Player) -> None:
    player.call("PUT", "gp", "/_sandbox/settings", {"realised_gain_on_apply": False})


@pytest.fixture(scope="module")
def office(stack: Stack, sandboxes: Player, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """The cases, played to their end, the books compared in every run."""
    never_books_gains(sandboxes)
    with open_office(with_expectations(order_file(CASES)), stack, sandboxes, tmp_path_factory.mktemp("o")) as office:
        office.compares_each_pass = True
        office.play()
        yield office


def gains(office: Office) -> dict[str, Decimal]:
    with transaction(office.state) as session:
        sent = session.scalars(select(Delivery.canonical).where(Delivery.leg == "realised_gain"))
        return {each["label"]: Decimal(each["amount"]) for each in sent}


def test_both_ledgers_end_with_the_same_books(office: Office) -> None:
    result = read_result(office.file, office.player, office.state)
    assert differences(office.file, result) == []
    for books in result["books"].values():
        assert Decimal(books["receivables"]) == 0
        assert Decimal(books["fx_gain_loss"]) == -sum(gains(office).values())
    assert len(gains(office)) == 12
    verdict = office.verdicts[-1]
    assert verdict["agree"]


def test_an_entry_in_a_batch_explains_its_difference(office: Office) -> None:
    reasons = {each["reason"] for verdict in office.verdicts for each in verdict["differences"]}
    assert "booked when it is applied: that entry is in batch LBX 2026-03-03" in reasons


def test_a_rerun_sends_nothing(office: Office) -> None:
    office.flow.run("again")
    assert deliveries_sent(office.state, "again") == 0


def test_a_gain_that_gp_books_after_ours_is_named_as_double(office: Office) -> None:
    label, gain = max(gains(office).items(), key=lambda each: each[1])
    credit, _, invoice = label.partition(" to ")
    account = {each["role"]: each["gp"] for each in office.file["company"]["accounts"]}
    both = {"ORDOCNUM": invoice, "ORCTRNUM": credit}
    lines = [
        {"ACTNUMST": account["receivables"], "DEBITAMT": gain, "CRDTAMNT": Decimal(0), **both},
        {"ACTNUMST": account["fx_gain_loss"], "DEBITAMT": Decimal(0), "CRDTAMNT": gain, **both},
    ]
    header = {
        "BACHNUMB": "RMAPPLY",
        "REFRENCE": f"Apply {credit}",
        "TRXDATE": date(2026, 3, 20),
        "TRXTYPE": 0,
        "SOURCDOC": "RMAPY",
    }
    entry = Document("GP's own", "gp-own", header, {"lines": lines})
    assert GPEConnectHook("gp").entity("gl_transaction").send([entry])[0].error is None
    office.player.post()
    with pytest.raises(LedgerbridgeError, match="double in gp") as differ:
        office.flow.run("doubled")
    told = differ.value.message.splitlines()[1:]
    assert [each.partition(": ")[0] for each in told] == [
        f"double in gp fx_gain_loss {-gain:.2f}",
        f"double in gp receivables {gain:.2f}",
        f"open amount receivables {-gain:.2f}",  # the documents themselves owe nothing
    ]
