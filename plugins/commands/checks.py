"""What can be known to be wrong with the files users edit: their form, and every name in them."""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path

from commands.files import company_tables
from ledgerbridge.mapping.checks import Role, check_entities, check_tables, check_target_fields
from ledgerbridge.mapping.engine import check_mapping_file
from ledgerbridge.mapping.trial import given_lookups
from ledgerbridge.yaml_files import Problem

__all__ = ["mapping_problems", "offered"]


@cache
def offered() -> dict[str, frozenset[Role]]:
    """Every entity of every system; read of the hooks once."""
    from operators.systems import offered_entities

    return offered_entities()


def mapping_problems(path: Path, options: argparse.Namespace) -> list[Problem]:
    """Everything that is wrong with a mapping file."""
    from operators.systems import target_fields

    checked, _ = check_mapping_file(path)
    if checked.content is not None:
        tables, zone = company_tables(options)
        check_tables(checked, given_lookups(options.include / "lookups", {}, tables, zone))
        check_entities(checked, offered())
        if "target" in offered().get(checked.content.to, ()):
            check_target_fields(checked, target_fields(checked.content.to))
    return checked.problems
