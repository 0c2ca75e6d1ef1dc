"""The sandbox's GP tables have GP's own columns, and none that GP hasn't."""

from __future__ import annotations

import json
import re

import pytest

from sandbox.gp.models import TABLES, Column
from tests.reference_data import GP_TABLES

# the sandbox's own reduction of tables that are more in GP
_OWN = {"POP10160", "RM00301", "SY01100", "WSExceptionLog"}
_SITE_MADE = re.compile(r"ACTNUMBR_\d")  # segments of an account number: as many and as wide as the site has them


@pytest.mark.parametrize("table", sorted(TABLES.keys() - _OWN))
def test_a_table_has_no_column_that_gp_has_not(table: str) -> None:
    real = {name: _kind(sql_type) for name, sql_type in json.loads(GP_TABLES.text())["tables"][table]["columns"]}
    columns = [column for column in TABLES[table].columns.values() if not _SITE_MADE.fullmatch(column.name)]
    assert [column.name for column in columns if column.name not in real] == []
    assert [(column, real[column.name]) for column in columns if not _fits(column, *real[column.name])] == []
    assert ("DEX_ROW_TS" in real) == TABLES[table].stamped


def _kind(sql_type: str) -> tuple[str, int]:
    length = re.fullmatch(r"(?:var)?char\((\d+)\)", sql_type)
    if length:
        return "c", int(length[1])
    kinds = {"numeric(19,7)": "r", "numeric(19,5)": "m", "datetime": "d", "text": "text"}
    return kinds.get(sql_type, "i" if sql_type in ("smallint", "int", "tinyint") else sql_type), 0


def _fits(column: Column, kind: str, length: int) -> bool:
    if kind == "text":
        return column.kind == "c"
    return ({"t": "d"}.get(column.kind, column.kind), column.length) == (kind, length)
