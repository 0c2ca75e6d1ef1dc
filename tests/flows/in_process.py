"""
One pass of a flow in this process: the operators' own ``execute``, without a scheduler.

For cases by the hundred and for quick answers; what only a scheduler shows is tested on a live one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from ledgerbridge.flows import FlowConfig, load_flow
from operators import settings
from operators.extract import ExtractOperator
from operators.gate import GateOperator
from operators.load import LoadOperator
from operators.reconcile import ReconcileOperator
from operators.transform import TransformOperator

STEPS = {"extract": ExtractOperator, "transform": TransformOperator, "gate": GateOperator, "load": LoadOperator}


@dataclass
class InProcess:
    """Runs passes of one flow; ``results`` holds what each task of the last pass returned."""

    name: str
    results: dict[str, Any] = field(default_factory=dict)

    @property
    def flow(self) -> FlowConfig:
        folder = settings.include_folder()
        return load_flow(folder / "flows" / f"{self.name}.yaml", folder)

    def run(self, run_id: str, *, close: bool = False, reconcile: bool = True) -> dict[str, Any]:
        """One pass; skipped tasks have no result."""
        self.results = {}
        flow = self.flow
        for leg in _in_order(flow):
            self._leg(flow, leg, run_id)
        if reconcile and flow.reconcile:
            task = ReconcileOperator(task_id="reconcile", flow=self.name, config=flow)
            self.results["reconcile"] = task.execute(self._context(run_id, close=close))
        return self.results

    def _leg(self, flow: FlowConfig, leg: str, run_id: str) -> None:
        for step, operator in STEPS.items():
            task = operator(task_id=f"{leg}.{step}", flow=self.name, leg=leg, config=flow.legs[leg])
            try:
                self.results[task.task_id] = task.execute(self._context(run_id))
            except AirflowSkipException:
                return

    def _context(self, run_id: str, *, close: bool = False) -> Any:
        return {"run_id": run_id, "params": {"legs": None, "close": close}, "ti": self}

    def xcom_pull(self, task_ids: str) -> Any:
        """As a task instance gives it."""
        return self.results.get(task_ids)


def _in_order(flow: FlowConfig) -> list[str]:
    ordered: list[str] = []
    while len(ordered) < len(flow.legs):
        ordered += [n for n, leg in flow.legs.items() if n not in ordered and set(leg.after) <= set(ordered)]
    return ordered
