"""
`make demo COMPANIES=2`: two companies, each with shops, a GP and a Xero of its own, and one gateway's account for both.

The gateway pays to the bank of the first; what the second is owed of it stands in the books of both.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console

from demo.airflow_home import CHECKOUT, USER
from demo.books import read_result, roles_that_differ
from demo.company import INTERCOMPANY, connection_environment, write_company_file
from demo.passes import FlowRunner
from demo.report import print_report
from demo.services import Services
from demo.stack import STAGES, Stack, start_sandboxes
from ledgerbridge.state import connect
from ledgerbridge.state.companies import MAIN, for_company
from sandbox.orders import make_orders
from sandbox.places import Addresses
from sandbox.player import STEPS, OrderFile, Player, events_of, opening_of

__all__ = ["OWN", "SECOND", "TwoCompanies", "shared_out"]

SECOND = "quay"
"""The key of the second company; the first one is ``main``."""
OWN = ("shopify", "gp", "xero")
"""The systems that the second company has for itself."""
SHOPS = ("https://harbor.example", "https://quay.example")
SHARED: tuple[Mapping[str, Any], ...] = ({"with": [SECOND]}, {"only": [SHOPS[1]]})
"""What their company files say of the gateway."""


@dataclass
class TwoCompanies:
    """
    Both companies on one Airflow.

    :param files: of orders, the first company's first. :param addresses: of each one's systems.
    """

    stack: Stack
    second: Services
    files: Sequence[OrderFile]
    addresses: Sequence[Addresses]
    ports: Sequence[Mapping[str, int]]

    @classmethod
    def describe(cls, folder: Path, orders: int, airflow_port: int, ports: Sequence[Mapping[str, int]]) -> TwoCompanies:
        """
        All parts of a run, nothing started yet; both company files are written.

        :param folder: takes .airflow and .demo.
        :param ports: of the first company's systems, and of those the second has for itself.
        """
        files = shared_out([make_orders(orders, seed=seed) for seed in (1, 2)])
        first = Addresses.on_ports(dict(ports[0]))
        second = replace(Addresses.on_ports(dict(ports[1])), stripe=first.stripe)
        demo = folder / ".demo"
        stack = Stack.describe(
            home=folder / ".airflow",
            folder=demo,
            company=files[0]["company"],
            airflow_port=airflow_port,
            sandbox_ports=ports[0],
            dags_folder=_dags_of_both(demo / "dags"),
            extra=connection_environment(files[1]["company"], second, key=SECOND),
        )
        for key, file, shared in zip((MAIN, SECOND), files, SHARED, strict=True):
            write_company_file(demo / "companies" / f"{key}.yaml", file["company"], shared)
        return cls(stack, Services(demo / "logs", CHECKOUT), files, (first, second), ports)

    def run(self, console: Console) -> bool:
        """Play both files at once, step by step; whether the books of both agree and every order is where it should."""
        self.stack.start_airflow()
        start_sandboxes(self.stack.services, self.ports[0], self.stack.folder / "sandbox")
        start_sandboxes(self.second, self.ports[1], self.stack.folder / f"sandbox-{SECOND}")
        state = connect(self.stack.airflow.state_url)
        with self._players() as players:
            for player, file in zip(players, self.files, strict=True):
                player.seed(file["company"], opening_of(file))
            self.stack.wait_for_airflow().close()
            api = self.stack.wait_for_airflow(f"{SECOND}.{STAGES[-1]}")
            console.print(f"Airflow: {self.stack.airflow.url}  user {USER}  password {self.stack.airflow.password}")
            stages = (STAGES, [f"{SECOND}.{stage}" for stage in STAGES])
            runners = [
                FlowRunner(api, player, for_company(state, key), console, of_company, key)
                for key, player, of_company in zip((MAIN, SECOND), players, stages, strict=True)
            ]
            self._play(runners)
            good = [self._close(console, *each) for each in zip(runners, self.files, strict=True)]
            return all(good)

    def _play(self, runners: Sequence[FlowRunner]) -> None:
        for step in STEPS:
            both = list(zip(runners, self.files, strict=True))
            for runner, file in both:
                if events_of(file, step):
                    runner.player.play(file, step)
            for runner, _ in both:
                runner.drain()

    def _close(self, console: Console, runner: FlowRunner, file: OrderFile) -> bool:
        console.rule(file["company"]["name"])
        closing = runner.run_once(close=True)
        result, verdict = read_result(file, runner.player, runner.state), runner.reconciliation(closing)
        (self.stack.folder / f"result-{runner.company}.json").write_text(json.dumps(result, indent=1))
        print_report(console, file, result, runner.state, verdict)
        return not roles_that_differ(result) and verdict is not None and bool(verdict["agree"])

    @contextmanager
    def _players(self) -> Iterator[list[Player]]:
        with Player(self.addresses[0]) as first, Player(self.addresses[1]) as second:
            yield [first, second]


def shared_out(files: Sequence[OrderFile]) -> list[dict[str, Any]]:
    """
    Two files of orders as of two companies: each charge names its shop, and one payout a day takes those of both.

    :param files: of the same days; their orders may have the same names.
    """
    first, second = (deepcopy(dict(file)) for file in files)
    for file, shop, mark in zip((first, second), SHOPS, ("", "q"), strict=True):
        file["company"] = {**file["company"], "accounts": [*file["company"]["accounts"], INTERCOMPANY]}
        for case in file["cases"]:
            for event in (each for each in case["events"] if each["do"] == "pay"):
                event["id"] += mark
                event["metadata"] = {"order_id": case["order"]["name"], "site_url": shop}
    second["company"]["name"] = "Quay Street Supply"
    for payout, other in zip(first["payouts"], second["payouts"], strict=True):
        payout["covers"] += [f"{charge}q" for charge in other["covers"]]
        payout["amount"] = str(Decimal(payout["amount"]) + Decimal(other["amount"]))
    second["payouts"] = []
    return [first, second]


def _dags_of_both(folder: Path) -> Path:
    """The checkout's DAGs and those of the second company."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in (CHECKOUT / "dags").glob("*.py"):
        (folder / each.name).write_text(each.read_text())
    (folder / f"{SECOND}.py").write_text(
        f'"""The Airflow DAGs of {SECOND}."""\n\n'  # Airflow reads no file that does not name both
        "from operators.builder import build_flow\n\n"
        f'globals().update(build_flow("order_to_cash", company="{SECOND}"))\n'
    )
    return folder
