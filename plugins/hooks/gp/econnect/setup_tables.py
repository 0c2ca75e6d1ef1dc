"""The tables of setup.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ledgerbridge.yaml_files import plain_yaml

__all__ = ["SETUP_TABLES", "SetupTable"]


@dataclass(frozen=True)
class SetupTable:
    """A table: its DOCTYPE, the column of its key, and what it is."""

    doctype: str
    key: str
    about: str


SETUP_TABLES: Mapping[str, SetupTable] = {
    name: SetupTable(**table) for name, table in plain_yaml(Path(__file__).with_name("setup.yaml")).items()
}
"""By the name of their entity."""
