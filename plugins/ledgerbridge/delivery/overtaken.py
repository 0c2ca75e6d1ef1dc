"""Updates that were broken off and that nobody sends again, for their target holds by now what it is to hold."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from ledgerbridge.audit.chain import Actor, Change, append
from ledgerbridge.state.clock import database_now
from ledgerbridge.state.models import Delivery, DeliveryTry
from ledgerbridge.state.upsert import in_chunks

__all__ = ["settle_overtaken"]


def settle_overtaken(session: Session, actor: Actor, entity: str, record_keys: Collection[str]) -> set[str]:
    """
    End the deliveries of these records that were broken off; the keys of those that may be under way still.

    :param record_keys: of records whose target, as it was read, has to be told nothing.
    """
    now = database_now(session)
    alive = exists().where(DeliveryTry.number == Delivery.fence, DeliveryTry.lease_until > now)
    ended: list[Change] = []
    under_way: set[str] = set()
    for chunk in in_chunks(sorted(record_keys)):
        of_records = (Delivery.entity == entity, Delivery.record_key.in_(chunk), Delivery.target_id.is_not(None))
        rows = session.execute(select(Delivery, alive).where(*of_records, Delivery.state == "sending"))
        for row, is_alive in rows:
            if is_alive or (row.settles_at is not None and row.settles_at > now):
                under_way.add(row.record_key)
                continue
            row.state, row.fence, row.called_at, row.settles_at = "delivered", None, None, None
            ended.append(Change("overtaken", entity, row.record_key, row.chain_key, row.content_hash))
    append(session, actor, ended)
    return under_way
