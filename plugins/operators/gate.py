"""Gate: the expectation suite on what is about to leave; it splits the batch by record."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from ledgerbridge.gates import GateResult, load_suite, run_suite
from ledgerbridge.state import transaction
from ledgerbridge.state.dead_letters import Letter, write_letters
from ledgerbridge.state.models import ValidationResult
from ledgerbridge.state.source_records import Fate, set_outcomes
from ledgerbridge.state.upsert import upsert
from operators import settings
from operators.leg import LegOperator
from operators.links import source_keys_of
from operators.staging import read_frames, read_raw, write_frames

__all__ = ["GateOperator"]


class GateOperator(LegOperator):
    """Let pass the records whose every row meets the suite; the others become dead letters."""

    step = "gate"

    def execute(self, context: Context) -> dict[str, Any]:
        """Validate, split, stage; the reference to what passed."""
        actor = self.actor(context)
        frames = read_frames(self.batch_of(context, "transform"))
        suite = load_suite(settings.include_folder() / "expectations" / f"{self.config.gate}.yaml")
        result = run_suite(suite, frames)
        failed = {failure["record_key"] for failure in result.failures}
        passed = {
            name: frame[~frame["record_key"].isin(failed)].reset_index(drop=True) for name, frame in frames.items()
        }
        self._keep(context, result, frames["header"], len(failed))
        batch = write_frames(self.batch_uri(context, self.step), passed)
        if passed["header"].empty:
            self.close_batch(actor)
            raise AirflowSkipException("no record of this batch meets the suite")
        return batch.to_xcom()

    def _keep(self, context: Context, result: GateResult, header: pd.DataFrame, rejected: int) -> None:
        actor = self.actor(context)
        sources = source_keys_of(self.batch_uri(context, "links"))
        raw = {record.key: record for record in read_raw(self.batch_of(context, "extract").uri)}
        letters = [
            Letter(
                step=self.step,
                source_key=key,
                version=raw[key].version,
                record_key=failure["record_key"],
                code="LB-GATE-001",
                field=failure["field"],
                value=failure["value"],
                message=failure["message"],
                remedy=failure["remedy"],
                rule=failure["rule"],
                raw=raw[key].payload,
            )
            for failure in result.failures
            for key in sources[failure["record_key"]]
        ]
        values = {
            "flow": self.flow,
            "leg": self.leg,
            "run_id": actor.run_id,
            "suite": self.config.gate,
            "rows": len(header),
            "rejected": rejected,
            "results": result.results,
            "validated_at": datetime.now(UTC),
        }
        with transaction(self.engine) as session:
            ids = write_letters(session, actor, letters)
            fates = {key: Fate("rejected", f"dead letter {letter}") for key, letter in ids.items()}
            set_outcomes(session, self.flow, self.leg, fates)
            upsert(session, ValidationResult, [values], key=["flow", "leg", "run_id"])
