"""What mapping rules read of the state database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, or_, select
from sqlalchemy.orm import aliased

from ledgerbridge.canonical.sent import Summarised
from ledgerbridge.state.database import transaction
from ledgerbridge.state.dead_letters import open_letters
from ledgerbridge.state.models import OURS, Delivery, LinkEnd, SourceRecord
from ledgerbridge.state.source_records import done_up_to
from ledgerbridge.state.summaries import entries_of_summaries, summaries_of
from ledgerbridge.state.upsert import in_chunks

__all__ = ["DatabaseReader"]

Row = dict[str, Any]


class DatabaseReader:
    """
    Links, deliveries and labels of the engine's company, found by key in few statements.

    :param flow: whose legs are asked how far they are.
    """

    def __init__(self, engine: Engine, flow: str = "") -> None:
        self._engine = engine
        self._flow = flow

    def cross_references(self, entity: str, by: str, keys: Sequence[str]) -> dict[str, Row]:
        """Rows ``{record_key, target_id, number}`` by any of these; the newest, where one key has several."""
        there, ours = aliased(LinkEnd), aliased(LinkEnd)
        column = {"record_key": ours.key, "target_id": there.key, "number": there.number}[by]
        linked = (
            select(ours.key.label("record_key"), there.key.label("target_id"), there.number)
            .join(there, there.link_id == ours.link_id)
            .where(
                there.entity == entity,
                ours.entity.startswith(OURS, autoescape=True),
            )
            .order_by(there.id, ours.id)
        )
        found: dict[str, Row] = {}
        with transaction(self._engine) as session:
            for chunk in in_chunks(keys):
                for row in session.execute(linked.where(column.in_(chunk))).mappings():
                    found[row[by]] = dict(row)
        return found

    def deliveries(self, entity: str, by: str, keys: Sequence[str]) -> dict[str, Row]:
        """Documents that stand in the target, with their canonical header's fields, by a column of theirs."""
        sent = self.sent(entity, by, keys)
        arrived = {
            key: [row for row in rows if row["state"] == "delivered" or row["target_id"]] for key, rows in sent.items()
        }
        return {key: rows[-1] for key, rows in arrived.items() if rows}

    def sent(self, entity: str, by: str, keys: Sequence[str]) -> dict[str, list[Row]]:
        """
        All documents that arrived or may have arrived, by a column of theirs, oldest first.

        One whose update was refused arrived before.
        """
        column = getattr(Delivery, by)
        there = or_(Delivery.state.in_(("delivered", "sending")), Delivery.target_id.is_not(None))
        found: dict[str, list[Row]] = {}
        with transaction(self._engine) as session:
            for chunk in in_chunks(keys):
                rows = session.scalars(
                    select(Delivery).where(Delivery.entity == entity, there, column.in_(chunk)).order_by(Delivery.id)
                )
                for row in rows:
                    found.setdefault(getattr(row, by), []).append(
                        {
                            **row.canonical,
                            "record_key": row.record_key,
                            "chain_key": row.chain_key,
                            "target_id": row.target_id,
                            "number": row.number,
                            "state": row.state,
                        }
                    )
        return found

    def on_the_way(self, entity: str, by: str, keys: Sequence[str]) -> set[str]:
        """Those of the keys under which something is to arrive that has not yet: one that was refused is not."""
        column = getattr(Delivery, by)
        coming = (Delivery.state.in_(("sending", "not_sent")), Delivery.target_id.is_(None))
        with transaction(self._engine) as session:
            return {
                key
                for chunk in in_chunks(keys)
                for key in session.scalars(select(column).where(Delivery.entity == entity, *coming, column.in_(chunk)))
            }

    def summarised(self, entity: str, keys: Sequence[str]) -> list[Summarised]:
        """All entries of the summaries that any of these records is in."""
        with transaction(self._engine) as session:
            return entries_of_summaries(session, set(summaries_of(session, entity, keys).values()))

    def records(self, entity: str, chain_keys: Sequence[str]) -> dict[str, list[Row]]:
        """
        Source records by chain, oldest first: the canonical header's fields, and ``leg``, ``outcome``, ``reason`` and
        ``change`` (0: there was no change log).
        """
        found: dict[str, list[Row]] = {}
        with transaction(self._engine) as session:
            for chunk in in_chunks(chain_keys):
                rows = session.scalars(
                    select(SourceRecord)
                    .where(SourceRecord.entity == entity, SourceRecord.chain_key.in_(chunk))
                    .order_by(SourceRecord.id)
                )
                for row in rows:
                    found.setdefault(str(row.chain_key), []).append(
                        {**(row.canonical or {}), "leg": row.leg, "outcome": row.outcome, "reason": row.reason}
                        | {"change": row.change or 0}
                    )
        return found

    def done_with(self, entity: str, legs: Sequence[str]) -> int:
        """Number of the last change of a source entity that all these legs of the flow have done with."""
        with transaction(self._engine) as session:
            return min(done_up_to(session, self._flow, leg, entity) for leg in legs)

    def needless(self, source_keys: Sequence[str]) -> dict[str, str]:
        """Why no document is to be made of a source record, by source key; not of one that a document was made of."""
        found: dict[str, str] = {}
        with transaction(self._engine) as session:
            for chunk in in_chunks(source_keys):
                rows = session.execute(
                    select(SourceRecord.source_key, SourceRecord.reason)
                    .where(SourceRecord.source_key.in_(chunk), SourceRecord.outcome == "superseded")
                    .order_by(SourceRecord.id)
                )
                found.update({key: str(reason) for key, reason in rows if reason})
        return found

    def dead_letters(self, source_keys: Sequence[str]) -> dict[str, str]:
        """Id of an open dead letter by source key."""
        with transaction(self._engine) as session:
            return open_letters(session, source_keys)

    def labels(self, entity: str, labels: Sequence[str]) -> dict[str, Row]:
        """Source records by the name people see, as ``namesakes``; a name that several records have is left out."""
        return {label: rows[0] for label, rows in self.namesakes(entity, labels).items() if len(rows) == 1}

    def namesakes(self, entity: str, labels: Sequence[str]) -> dict[str, list[Row]]:
        """All of them by that name, each with ``record_key`` and the fields of its canonical headers."""
        found: dict[str, dict[str, Row]] = {}
        with transaction(self._engine) as session:
            for chunk in in_chunks(labels):
                rows = session.execute(
                    select(SourceRecord.label, SourceRecord.source_key, SourceRecord.canonical)
                    .where(SourceRecord.entity == entity, SourceRecord.label.in_(chunk))
                    .order_by(SourceRecord.id)
                )
                for label, key, canonical in rows:
                    row = found.setdefault(str(label), {}).setdefault(key, {})
                    row.update({**(canonical or {}), **row, "record_key": key})
        return {label: list(rows.values()) for label, rows in found.items()}
