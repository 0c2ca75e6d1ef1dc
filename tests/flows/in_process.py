"""
One pass of a flow in this process: the operators' own ``execute``, without a scheduler.

For cases by the hundred and for quick answers; what only a scheduler shows is tested on a live one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import pytest
from airflow.sdk.crypto import get_fernet
from airflow.sdk.exceptions import DownstreamTasksSkipped
from cryptography.fernet import Fernet
from sqlalchemy import Engine, select, update

from demo.company import connection_environment, write_company_file
from demo.passes import deliveries_sent
from ledgerbridge.flows import FlowConfig, load_flow
from ledgerbridge.state import connect, migrate, transaction
from ledgerbridge.state.companies import MAIN, for_company
from ledgerbridge.state.models import Installation, ReconciliationResult
from ledgerbridge.state.signing import new_key
from operators import settings
from operators.builder import steps_of
from operators.read import ReadOperator
from operators.reconcile import ReconcileOperator
from sandbox.orders import make_orders
from sandbox.places import Addresses
from sandbox.player import STEPS as FILE_STEPS
from sandbox.player import Player, opening_of
from tests.migrated_state import kept_open, migrated

LEDGER_SECONDS = 5
"""How long a call to a simulated ledger may take; what is waited for after a lost answer follows from it."""
STEPS = ("extract", "transform", "gate", "load")


@lru_cache(maxsize=8)
def _flow_as_written(name: str, folder: Path, written: tuple[tuple[str, int], ...]) -> FlowConfig:
    """A flow read again only when a file of its folder is another: each task of it asks for it."""
    return load_flow(folder / "flows" / f"{name}.yaml", folder)


@dataclass
class InProcess:
    """
    Runs passes of a company's flow, the default one's unless named; ``results``: what each task of the last returned.

    Each task is on its last try unless ``max_tries`` allows for more. A run is the schedule's or a person's, unless
    ``told`` has the events that started it, by asset.
    """

    name: str
    company: str | None = None
    results: dict[str, Any] = field(default_factory=dict)
    try_number: int = 1
    max_tries: int = 0
    told: Mapping[Any, list[Any]] = field(default_factory=dict)

    @property
    def flow(self) -> FlowConfig:
        folder = settings.include_folder()
        written = tuple(sorted((str(path), path.stat().st_mtime_ns) for path in folder.rglob("*.*")))
        return _flow_as_written(self.name, folder, written).for_company(settings.company(self.company).without)

    def run(
        self, run_id: str, *, close: bool = False, reconcile: bool = True, legs: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """One pass through all stages, of these legs or of all; skipped tasks have no result."""
        self.results = {}
        for stage in self.flow.stages:
            self.run_stage(stage, run_id, close=close, reconcile=reconcile, legs=legs)
        return self.results

    def run_stage(
        self,
        stage: str,
        run_id: str,
        *,
        close: bool = False,
        reconcile: bool = True,
        legs: Sequence[str] | None = None,
    ) -> None:
        """One run of a stage's DAG; what its tasks return is added to ``results``."""
        flow = self.flow
        config = flow.stages[stage]
        if config.legs:
            read = ReadOperator(task_id="read", flow=self.name, company=self.company, config=flow, stage=stage)
            for leg in read.legs_with_work(self.context(run_id, legs=legs)):
                self._leg(flow, leg, run_id, legs)
        if reconcile and config.reconcile:
            self._reconcile(flow, stage, run_id, close=close)

    def reconcile(self, run_id: str) -> None:
        """The part of a pass that compares the books."""
        flow = self.flow
        for stage, config in flow.stages.items():
            if config.reconcile:
                self._reconcile(flow, stage, run_id, close=False)

    def _reconcile(self, flow: FlowConfig, stage: str, run_id: str, *, close: bool) -> None:
        task = ReconcileOperator(task_id="reconcile", flow=self.name, company=self.company, config=flow, stage=stage)
        self.results["reconcile"] = task.execute(self.context(run_id, close=close))

    def _leg(self, flow: FlowConfig, leg: str, run_id: str, legs: Sequence[str] | None) -> None:
        for step in STEPS:
            task = self._task(flow, leg, step)
            try:
                self.results[task.task_id] = task.execute(self.context(run_id, legs=legs))
            except DownstreamTasksSkipped:
                return

    def task(self, leg: str, step: str) -> Any:
        """One task of a leg, as the flow's DAG has it."""
        return self._task(self.flow, leg, step)

    def _task(self, flow: FlowConfig, leg: str, step: str) -> Any:
        more: dict[str, Any] = {}
        if step == "extract":
            behind, done_by = flow.behind(leg), flow.behind_stages(leg)
            more = {"behind": behind, "done_by": done_by, "max_records": flow.max_records}
        more["company"] = self.company
        return steps_of(flow.legs[leg])[step](
            task_id=f"{leg}.{step}", flow=self.name, leg=leg, config=flow.legs[leg], **more
        )

    def context(self, run_id: str, *, close: bool = False, legs: Sequence[str] | None = None) -> Any:
        """What Airflow hands to a task."""
        params = {"legs": legs, "close": close}
        return {"run_id": run_id, "params": params, "ti": self, "triggering_asset_events": self.told}

    def xcom_pull(self, task_ids: str) -> Any:
        """As a task instance gives it."""
        return self.results.get(task_ids)


def include_with(folder: Path, flow: str, *settings_of_flow: str) -> Path:
    """The shipped files in a folder, with these lines at the end of a flow's file."""
    include = Path(shutil.copytree(settings.include_folder(), folder / "include"))
    file = include / "flows" / f"{flow}.yaml"
    file.write_text("\n".join([file.read_text().rstrip(), *settings_of_flow, ""]))
    return include


@dataclass
class Office:
    """
    A company between its four systems, and the flow that keeps its ledgers in step.

    :param compares_each_pass: whether books are compared after each pass, as the demo does, or only when nothing moves.
    """

    file: dict[str, Any]
    flow: InProcess
    player: Player
    state: Engine
    folder: Path
    runs: list[str] = field(default_factory=list)
    compares_each_pass: bool = False

    def play(self) -> None:
        """
        Play the whole file, each step until nothing moves, and close the books.

        :raises LedgerbridgeError: the books of a run that compares them differ without a reason.
        """
        self.play_steps()
        self.flow.run("closing", close=True)

    def play_steps(self) -> None:
        """Play the whole file, each step until nothing moves; the books stay open."""
        self.player.set_clock(opening_of(self.file))
        for step in FILE_STEPS:
            if self.player.play(self.file, step):
                self.drain()

    @property
    def verdicts(self) -> list[dict[str, Any]]:
        """What the reconciliations of all runs found, the last one last."""
        with transaction(self.state) as session:
            kept = select(ReconciliationResult.result).order_by(ReconciliationResult.ended_at)
            return list(session.scalars(kept))

    def drain(self) -> None:
        """Pass after pass, posting in between, until nothing moves."""
        while True:
            self.runs.append(f"run-{len(self.runs) + 1}")
            self.flow.run(self.runs[-1], reconcile=self.compares_each_pass)
            if not deliveries_sent(self.state, self.runs[-1]) and not self.player.post():
                break
        if not self.compares_each_pass:
            self.flow.reconcile(self.runs[-1])

    def do_again(self) -> None:
        """All tasks of each run that sent something, as somebody clears them, oldest run first; and post."""
        for run in self.runs:
            if deliveries_sent(self.state, run):
                self.flow.run(run, reconcile=False)
        self.player.post()


def placed_orders(player: Player, number: int) -> dict[str, Any]:
    """A file with so many orders, placed in the shop."""
    file = make_orders(number)
    player.set_clock(opening_of(file))
    player.play(file, 1)
    return file


def salt_keys(state: Engine, salt: str) -> None:
    """Let an installation make keys with a known salt, hexadecimal; blank: as those before there were salts."""
    with transaction(state) as session:
        session.execute(update(Installation).values(value=salt))


class Systems(Protocol):
    """Where the four systems are."""

    addresses: Addresses


@contextmanager
def open_office(
    file: dict[str, Any],
    systems: Systems,
    player: Player,
    folder: Path,
    state_url: str | None = None,
    shared: Mapping[str, Any] | None = None,
) -> Iterator[Office]:
    """
    An office for a file's company in the player's books; settings, and state unless it has a URL, in ``folder``.

    :param shared: as for ``write_company_file``.
    """
    url = state_url or f"sqlite:///{folder / 'state.db'}"
    write_company_file(folder / "companies" / "main.yaml", file["company"], shared)
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {
            **connection_environment(
                file["company"], systems.addresses, ledger_seconds=LEDGER_SECONDS, books=player.books
            ),
            "AIRFLOW_CONN_LEDGERBRIDGE_DB": json.dumps({"conn_type": "generic", "extra": {"url": url}}),
            "AIRFLOW__LEDGERBRIDGE__COMPANIES_FOLDER": str(folder / "companies"),
            "AIRFLOW__LEDGERBRIDGE__STATE_FOLDER": str(folder),
            "AIRFLOW__LEDGERBRIDGE__SETTLE_SECONDS": "0",
            "AIRFLOW__LEDGERBRIDGE__SIGNING_KEY": (signing_key := new_key()),
            "AIRFLOW__CORE__FERNET_KEY": Fernet.generate_key().decode(),
            "GX_ANALYTICS_ENABLED": "false",
        }.items():
            environment.setenv(name, value)
        get_fernet.cache_clear()  # a task process reads its key once; here it may be another office's
        state = connect(url, signing_key=signing_key, company=MAIN)
        if state_url is None:
            migrated(state)
        else:
            migrate(state)
        salt_keys(state, "16" * 32)  # a case that fails fails again
        with kept_open(state):
            yield Office(file, InProcess("order_to_cash"), player, state, folder)
        state.dispose()


@contextmanager
def open_second_office(
    first: Office, key: str, file: dict[str, Any], player: Player, shared: Mapping[str, Any] | None = None
) -> Iterator[Office]:
    """An office of another company in the same installation; its books are the player's; ``shared`` as above."""
    write_company_file(first.folder / "companies" / f"{key}.yaml", file["company"], shared)
    found = connection_environment(
        file["company"], player.addresses, ledger_seconds=LEDGER_SECONDS, key=key, books=player.books
    )
    with pytest.MonkeyPatch.context() as environment:
        for name, value in found.items():
            environment.setenv(name, value)
        state = for_company(first.state, key)
        yield Office(file, InProcess("order_to_cash", key), player, state, first.folder)
