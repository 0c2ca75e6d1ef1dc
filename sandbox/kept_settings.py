"""What a person may set differently on a simulated system while it runs, kept in its store."""

from __future__ import annotations

import json
import sqlite3
from typing import Self

from pydantic import BaseModel, ConfigDict

from sandbox.store import Store

__all__ = ["KeptSettings"]


class KeptSettings(BaseModel):
    """The settings of one system; its store has a table ``setting (name, value)``."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def read(cls, store: Store) -> Self:
        """What is set now; the rest at its default."""
        rows = store.connection.execute("SELECT name, value FROM setting")
        return cls.model_validate({row["name"]: json.loads(row["value"]) for row in rows})

    def keep(self, store: Store) -> Self:
        """Set the given ones, leave the others; what is set after that."""
        with store.write() as connection:
            self._write(connection)
        return self.read(store)

    def _write(self, connection: sqlite3.Connection) -> None:
        connection.executemany(
            "INSERT OR REPLACE INTO setting VALUES (?, ?)",
            [(name, json.dumps(value)) for name, value in self.model_dump(exclude_unset=True).items()],
        )
