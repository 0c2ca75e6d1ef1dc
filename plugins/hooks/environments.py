"""Environments and their connections: where one has a name, a connection that says another is never used."""

from __future__ import annotations

from airflow.configuration import conf
from airflow.sdk import BaseHook, Connection

from ledgerbridge.errors import ConfigurationError

__all__ = ["EnvironmentHook", "connection_here", "must_be_of_here"]


class EnvironmentHook(BaseHook):
    """A hook that uses no connection of another environment, whoever made it and for whatever."""

    @classmethod
    def get_connection(cls, conn_id: str) -> Connection:
        """
        As every hook's.

        :raises ConfigurationError: LB-PRO-007, it is of another environment.
        """
        found = super().get_connection(conn_id)
        must_be_of_here(found)
        return found


def connection_here(connection: str) -> Connection:
    """
    A connection of this environment.

    :raises ConfigurationError: LB-PRO-007, it is of another.
    """
    found = BaseHook.get_connection(connection)
    must_be_of_here(found)
    return found


def must_be_of_here(connection: Connection) -> None:
    """
    Refuse a connection of another environment: of a copied database or company file, a wrong secret.

    :raises ConfigurationError: LB-PRO-007, this environment has a name and the connection does not say it, or the
        connection says one that this environment has not.
    """
    here = conf.get("ledgerbridge", "environment", fallback="") or None
    told = connection.extra_dejson.get("environment") or None
    if told != here:
        raise ConfigurationError(
            "LB-PRO-007",
            f"connection {connection.conn_id} is of {told or 'no environment'}, this one is {here or 'without a name'};"
            " nothing is sent or read over it.",
            remedy=f'If it is meant to be used here, put "environment": "{here}" into its extra.'
            if here
            else "Set [ledgerbridge] environment, if this is that environment; else take the connection away here.",
        )
