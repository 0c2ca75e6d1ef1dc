"""
The leave that each call asks for: what it carries is this try's still, and from now on it may be under way.

Two statements in a transaction of their own, made once, of tables, and for the one document that most calls carry by
its key alone: SQLAlchemy's work for objects and for lists costs more than the database's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from threading import Lock
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, Update, bindparam, select, update

from ledgerbridge.delivery.lease import LIVES, Try
from ledgerbridge.errors import TransientError
from ledgerbridge.state.clock import database_now, seconds_since_start
from ledgerbridge.state.models import Delivery

__all__ = ["LEASED", "LEAVES_WITHIN", "Leave"]

LEASED = "LB-DLV-001"
"""Code of the error that says another try holds a record, or may still have a call under way."""
LEAVES_WITHIN = timedelta(seconds=5)
"""How long after it was marked a call may still leave; what was frozen for longer in between does not."""

_OF = Delivery.__table__.c
_OURS = (_OF.company == bindparam("of_company"), _OF.entity == bindparam("of_entity"))


def _held(which: ColumnElement[bool]) -> Select[Any]:
    return select(_OF.record_key, _OF.fence, _OF.target_id).where(*_OURS, which).order_by(_OF.id).with_for_update()


def _leaves(which: ColumnElement[bool]) -> Update:
    return (
        update(Delivery.__table__)  # type: ignore[arg-type]  # SQLAlchemy tells it no more exactly than FromClause
        .where(*_OURS, which, LIVES)
        .values(called_at=bindparam("called"), settles_at=bindparam("settles"))
    )


_ONE = _OF.record_key == bindparam("keys")
_SEVERAL = _OF.record_key.in_(bindparam("keys", expanding=True))
_HELD_ONE, _HELD = _held(_ONE), _held(_SEVERAL)
_LEAVES_ONE, _LEAVES = _leaves(_ONE), _leaves(_SEVERAL)


class Leave:
    """
    What the calls of one delivery ask for; safe to use from several threads.

    :param settle: how long after a call its target is given to end what it may have begun.
    """

    def __init__(self, engine: Engine, company: str, entity: str, tried: Try, settle: timedelta) -> None:
        self._engine = engine
        self._entity = entity
        self._named = {"of_company": company, "of_entity": entity}
        self._try = tried
        self._settle = settle
        # a database connection is kept for one; where several ask at once, each other one's would be made anew
        self._one_asks = Lock()

    def ask(self, carried: Mapping[str, str | None]) -> str | None:
        """
        Let one call leave now, and write down that it may have.

        :param carried: the records it carries, by key with the id in the target that each is known by.
        :return: the key of one that is not this try's any more, or whose try's lease is over: then nothing may leave,
            and nothing is written down.
        :raises TransientError: this process stood still since it was written down: nothing may leave.
        """
        with self._one_asks, self._engine.begin() as connection:
            asked, lost = self._mark(connection, carried)
        if lost is None and seconds_since_start() - asked > LEAVES_WITHIN.total_seconds():
            raise TransientError(
                LEASED,
                f"{self._entity}: this worker stood still after it wrote that {len(carried)} documents go out;"
                " none did.",
                remedy="None: the retry looks them up before it sends them. If it happens often, give the worker"
                " more memory and processor time.",
                outcome_unknown=True,
            )
        return lost

    def _mark(self, connection: Connection, carried: Mapping[str, str | None]) -> tuple[float, str | None]:
        """When it was written down, by ``seconds_since_start``, and the key of one because of which it was not."""
        keys = list(carried)
        held, leaves, which = (_HELD_ONE, _LEAVES_ONE, keys[0]) if len(keys) == 1 else (_HELD, _LEAVES, keys)
        named = {**self._named, "keys": which}
        rows = {row.record_key: row for row in connection.execute(held, named)}
        asked = seconds_since_start()
        now = database_now(connection)
        ours = {key for key, row in rows.items() if (row.fence, row.target_id) == (self._try.number, carried[key])}
        lost = next((key for key in keys if key not in ours), None)
        if lost is not None:
            return asked, lost
        told = {"called": now, "settles": now + self._settle, **self._try.as_at(now)}
        marked = connection.execute(leaves, named | told).rowcount
        return asked, None if marked else keys[0]
