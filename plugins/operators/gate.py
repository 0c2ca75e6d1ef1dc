"""Gate: the expectation suite on what is about to leave; it splits the batch by record."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.sdk import Context

from ledgerbridge.delivery import documents_of
from ledgerbridge.entities import Document
from ledgerbridge.gates import GateResult, Suite, load_suite, run_suite, with_hints
from ledgerbridge.pipeline.kept import schemas_of
from ledgerbridge.pipeline.refused import Made
from ledgerbridge.state import transaction
from ledgerbridge.state.dead_letters import Letter, write_letters
from ledgerbridge.state.models import ValidationResult
from ledgerbridge.state.replays import let_pass
from ledgerbridge.state.seen_documents import latest_seen, remember_seen, seen_of_parties
from ledgerbridge.state.source_records import Fate, set_outcomes
from ledgerbridge.state.upsert import upsert
from ledgerbridge.unusual import Seen, hints, seen_in
from operators import settings
from operators.leg import LegOperator
from operators.links import mapping_versions, source_keys_of
from operators.page_links import BatchLink, DataDocsLink, DeadLettersLink
from operators.staging import BatchRef, read_frames, remember, validations_uri, write_frames, write_validations
from operators.taken import taken_versions

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["GateOperator"]


class GateOperator(LegOperator):
    """
    Let pass the records whose every row meets the suite; the others become dead letters.

    Fails, and lets nothing pass, when transform and gate together rejected more than the leg's
    ``stop_if_rejected_over``.
    """

    step = "gate"
    before = "transform"
    operator_extra_links = (BatchLink(), DeadLettersLink(), DataDocsLink())

    def execute(self, context: Context) -> dict[str, Any]:
        """
        Validate, split, stage; the reference to what passed.

        :raises ConfigurationError: too many of the batch were rejected.
        """
        actor = self.actor(context)
        frames = self.own_documents(context, read_frames(self.given_batch(context)))
        if frames["header"].empty:
            self.close_batch(actor, self.superseded_since(context))
            raise self.nothing_goes_on("newer versions of all its records are taken")
        suite = load_suite(settings.include_folder() / "expectations" / f"{self.config.gate}.yaml")
        result, seen = self._compared(context, suite, frames, run_suite(suite, frames))
        for warning in result.warnings:  # without the value: a log is no place for people's data
            self.log.warning(
                "flow=%s leg=%s record_key=%s field=%s is let pass: %s",
                *(self.flow, self.leg, warning["record_key"], warning["field"], warning["rule"]),
            )
        failed = {failure["record_key"] for failure in result.failures}
        passed, refused = _split(frames, failed)
        batch = write_frames(self.batch_uri(context, self.step), self.going_on(context, passed))
        passing = [each for each in seen if each.record_key not in failed]
        self._keep(context, result, frames, documents_of(refused, self.config.target), batch, passing)
        if passed["header"].empty:
            self.close_batch(actor, self.superseded_since(context))
            raise self.nothing_goes_on("no record of this batch meets the suite")
        return batch.to_xcom()

    def going_on(self, context: Context, passed: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
        """What is sent of the documents that passed: all."""
        return passed

    def _compared(
        self, context: Context, suite: Suite, frames: dict[str, pd.DataFrame], result: GateResult
    ) -> tuple[GateResult, list[Seen]]:
        """What the suite found with what is unusual of the documents, and what is to be remembered of them."""
        if suite.unusual is None:
            return result, []
        seen, entity = seen_in(frames, suite.unusual), self.config.target
        with transaction(self.engine) as session:
            of_parties = seen_of_parties(session, entity, (each.party for each in seen))
            today = datetime.now(ZoneInfo(self.company.time_zone)).date()
            found = hints(seen, of_parties, latest_seen(session, entity), suite.unusual, today=today)
            if found and suite.unusual.otherwise == "reject":
                versions = taken_versions(self.staged(context, "extract"))
                passed = let_pass(session, self.flow, self.leg, "LB-GATE-002", versions)
                found = [each for each in found if each.record_key not in passed]
        return with_hints(result, suite, len(seen), found), seen

    def _keep(
        self,
        context: Context,
        result: GateResult,
        frames: dict[str, pd.DataFrame],
        refused: list[Document],
        batch: BatchRef,
        passing: list[Seen],
    ) -> None:
        actor = self.actor(context)
        letters = self._letters(context, result, schemas_of(frames), refused) if refused else []
        uri = validations_uri(self.company.key, self.flow, actor.run_id, self.leg)
        validations = write_validations(uri, result.validations)
        values = {
            "flow": self.flow,
            "leg": self.leg,
            "run_id": actor.run_id,
            "suite": self.config.gate,
            "rows": len(frames["header"]),
            "rejected": len(refused),
            "results": result.results,
            "validated_at": datetime.now(UTC),
        }
        with transaction(self.engine) as session:
            reasons = write_letters(session, actor, letters)
            fates = {key: Fate("rejected", reason) for key, reason in reasons.items()}
            set_outcomes(session, self.flow, self.leg, fates, run_id=actor.run_id)
            remember(session, batch, validations)
            upsert(session, ValidationResult, [values], key=["flow", "leg", "run_id"])
            remember_seen(session, self.config.target, passing)
            self.audit_batch(session, actor, self.config.target, batch)
            stopped = self.too_many_rejected(session, actor)
        if stopped is not None:
            raise stopped

    def _letters(
        self, context: Context, result: GateResult, types: dict[str, str], refused: list[Document]
    ) -> list[Letter]:
        links = self.staged(context, "links")
        sources, versions = source_keys_of(links), mapping_versions(links)
        raw = self.raw_records(context, {key for each in refused for key in sources[each.record_key]})
        documents = {each.record_key: each for each in refused}
        made = Made(self.step, documents, self.canonical_headers(context), types, versions)
        return [
            made.refused_by_suite(raw[key], failure)
            for failure in result.failures
            for key in sources[failure["record_key"]]
        ]


def _split(
    frames: dict[str, pd.DataFrame], failed: set[str]
) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    """The rows of the records that passed, and of those that failed."""
    passed, refused = {}, {}
    for name, frame in frames.items():
        fails = frame["record_key"].isin(failed)
        passed[name] = frame[~fails].reset_index(drop=True)
        refused[name] = frame[fails].reset_index(drop=True)
    return passed, refused
