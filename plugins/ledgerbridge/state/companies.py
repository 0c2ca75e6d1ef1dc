"""
Whose rows a session reads and writes: an engine bound to a company sees that company's alone, whatever is asked of it.

The condition is added here, to every statement, and not by whoever writes one: a statement that forgot it would mix two
companies' books. An engine bound to none is the installation's own: it reads all companies, and what it writes names
its company.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, String
from sqlalchemy.orm import Mapped, ORMExecuteState, Session, mapped_column

from ledgerbridge.entities import MAIN

__all__ = ["ALL_COMPANIES", "MAIN", "OfCompany", "bound_company", "for_company", "only_of"]

_BOUND, _ALL = "ledgerbridge_company", "ledgerbridge_all_companies"

ALL_COMPANIES = {_ALL: True}
"""Execution options of a statement that concerns the whole installation: the audit's chain is one."""


def for_company(engine: Engine, company: str) -> Engine:
    """The same database for one company, by its key."""
    return engine.execution_options(**{_BOUND: company})


def bound_company(database: Session | Connection | Engine) -> str | None:
    """The key of the company whose rows alone are seen; None: all are."""
    bind = database.get_bind() if isinstance(database, Session) else database
    company: str | None = bind.get_execution_options().get(_BOUND)
    return company


def _of_connection(context: Any) -> str:
    """
    The company of a row that names none.

    :raises LookupError: the engine is bound to none.
    """
    company = bound_company(context.connection)
    if company is None:
        raise LookupError(f"a row of {context.compiled.statement.table} names no company, and its engine is of none")
    return company


class OfCompany:
    """A table each row of which is one company's."""

    company: Mapped[str] = mapped_column(String(64), default=_of_connection)


def only_of(state: ORMExecuteState) -> str | None:
    """The company a statement is about to be held to; None: it is the installation's, or loads what is known."""
    if state.is_column_load or state.is_relationship_load or state.execution_options.get(_ALL):
        return None
    return bound_company(state.session)
