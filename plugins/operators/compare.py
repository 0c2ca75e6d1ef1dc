"""Compare: what people have to change by hand, on a side of a master that nothing is written to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ledgerbridge.flows import ComparedLegConfig
from ledgerbridge.links import Read, keep_read
from ledgerbridge.mapping import Lookups
from ledgerbridge.pipeline.kept import with_headers
from ledgerbridge.pipeline.work import Work
from ledgerbridge.state import transaction
from ledgerbridge.state.models import OURS
from ledgerbridge.sync import Change, join_by_number
from operators.merge import MergeOperator
from operators.staging import BatchRef

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CompareOperator"]


class CompareOperator(MergeOperator):
    """
    Let what this leg's side should hold otherwise wait until people have made it so; nothing is sent.

    The reason names the fields and not what they hold: it is kept in the audit, and held values may be personal.
    """

    config: ComparedLegConfig
    made_by_hand = True

    def _conform(self, given: BatchRef, keys: list[str], lookups: Lookups, work: Work) -> dict[str, pd.DataFrame]:
        """No records; why those wait that differ."""
        planned = self._planned(given, keys, lookups, work)
        work.waiting |= {key: self._finding(change) for key, change in planned.changes.items()}
        return with_headers({}, f"{OURS}{self.config.sync.entity}", {})

    def _meet(self, read: Mapping[str, Sequence[Read]], work: Work) -> str | None:
        """By number, where the leg has no meeting: nothing is made whose number could be found then."""
        sync, company = self.config.sync, self.company.key
        if sync.matching.meeting is not None:
            return super()._meet(read, work)
        with transaction(self.engine) as session:
            keep_read(session, company, sync.entity, read)
            if not self._knows_all(session, work):
                return "it is compared when all records of both sides are read"
            join_by_number(session, work.actor, company, sync.entity, (sync.sides[0].entity, sync.sides[1].entity))
        return None

    def _map(self, canonical: dict[str, pd.DataFrame], lookups: Lookups, work: Work) -> dict[str, pd.DataFrame]:
        return canonical

    def _finding(self, change: Change) -> str:
        sync, target = self.config.sync, self.config.target
        if change.key is None:
            lacks = f"{target} has no {sync.entity} {change.number}: make it in {self.config.by_hand}"
            return lacks if sync.leader else f"{lacks}, or take it out of {self.config.source}"
        fields = ", ".join(sorted(change.fields))
        return f"{target} {change.number} differs in {fields}: change it in {self.config.by_hand}"
