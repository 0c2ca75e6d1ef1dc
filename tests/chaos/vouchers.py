"""One round of bills keyed in GP: people key, post, pay and apply them while faults befall the flow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from sandbox.orders import harbor_light_supply
from tests.chaos.bills import FLOW, STEPS, BillsUnderFaults, letters_of
from tests.chaos.faults import ON_VOUCHERS
from tests.chaos.ledgers import Verdict
from tests.flows.dice import SeededDice
from tests.flows.expected_bills import expect_bill, expect_books
from tests.flows.golden_vouchers import happens, key_voucher
from tests.flows.random_bills import random_vouchers

__all__ = ["VouchersUnderFaults"]


class VouchersUnderFaults(BillsUnderFaults):
    """The same the other way round: until all that is posted and applied in GP stands in Xero."""

    kinds = ON_VOUCHERS
    stages = tuple(f"{FLOW}.{stage}" for stage in ("vouchers", "vendor_payments"))

    def _random_file(self, seed: int, count: int) -> dict[str, Any]:
        company = harbor_light_supply() | {"settings": {"bills_keyed_in": "gp"}}
        self._keyed: dict[str, str] = {}
        return random_vouchers(company, SeededDice(seed), count, first=seed * 1000 + 1)

    def _acts(self, step: int) -> Iterator[Callable[[], Any]]:
        for case in self._file["cases"]:
            if step == STEPS[0]:
                yield partial(self._key, case)
        yield self._world.player.post
        for case in self._file["cases"]:
            for event in case["events"]:
                if event["step"] == step:
                    yield partial(happens, self._desk, case, event, self._keyed)

    def _key(self, case: dict[str, Any]) -> None:
        self._keyed[case["bill"]["number"]] = key_voucher(self._desk, case, self._file)

    def _judge(self) -> Verdict:
        """What Xero holds against what the rules say, document by document, and both ledgers' balances by role."""
        expected = {case["id"]: expect_bill(case, self._file) for case in self._file["cases"]}
        wanted = Counter((name, each["xero"]["Total"], each["xero"]["open"]) for name, each in expected.items())
        ledger = self._world.player.ledger("xero")
        held = Counter(
            (each["number"], each["Total"], each.get("AmountDue", each.get("RemainingCredit")))
            for name in ("invoices", "credit_notes")
            for each in ledger[name]
        )
        books = expect_books(expected.values())
        return Verdict(
            expected=wanted.total(),
            lost=[*letters_of(self._world), *(f"{times} x {named}" for named, times in (wanted - held).items())],
            doubled=[f"{times} x {named}" for named, times in (held - wanted).items()],
            cents_off=sum(self._cents_off(books, system) for system in ("gp", "xero")),
        )
