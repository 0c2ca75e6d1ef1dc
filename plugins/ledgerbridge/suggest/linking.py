"""A line drawn from a source field to a target field, as the rule that it becomes in a mapping's text."""

from __future__ import annotations

from typing import Any

import yaml

from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.mapping.model import CHILDREN
from ledgerbridge.suggest.described import HEADER, Entity, Field
from ledgerbridge.suggest.drafting import path_in, rule_for
from ledgerbridge.yaml_edits import YamlText, in_braces, with_written
from ledgerbridge.yaml_files import Location

__all__ = ["begun", "linked", "place_of_rule", "rows_of"]

NO_LINE = "LB-SUG-009"
_FIELDS = "fields"


def begun(source: str, target: str, description: str) -> str:
    """The text of a mapping that has no rules yet."""
    head = ["# yaml-language-server: $schema=../schemas/mapping.json", f"from: {source}", f"to: {target}"]
    # what people know a record by is no field of any source's, and none goes without it
    rules = ['  label: "@key"'] if target.startswith("canonical.") else ["  fields: {}"]
    return "\n".join([*head, f"description: {in_braces(description)}", "header:", *rules]) + "\n"


def rows_of(text: YamlText, part: str, number: int) -> str | None:
    """The list of the source that a part's rows come from; None: the mapping has no such part."""
    place = _part(text, part, number)
    if place is None:
        return None
    return str(_value(text, (*place, "each"))) if "each" in text.keys(place) else HEADER


def place_of_rule(text: YamlText, part: str, number: int, field: str) -> Location | None:
    """Where a part has, or would have, the rule of a field; None: the mapping has no such part."""
    place = _part(text, part, number)
    if place is None:
        return None
    return (*place, _FIELDS, field) if _FIELDS in text.keys(place) else (*place, field)


def linked(text: YamlText, source: Entity, best: Field, target: Field, number: int = 0, each: str = HEADER) -> YamlText:
    """
    The text with a target field filled from a source field.

    A field that is there is given another path and keeps what else its rule says.

    :param number: which of several lists of rules of the part.
    :param each: where the rows of a part come from that the mapping does not have yet.
    :raises LedgerbridgeError: LB-SUG-009, the field's rule is of another kind, or mappings know no such part.
    """
    place = place_of_rule(text, target.part, number, target.name)
    if place is None:
        if target.part not in CHILDREN:
            raise LedgerbridgeError(
                NO_LINE, f'mappings know no part "{target.part}".', remedy="Leave these fields to what sends documents."
            )
        rule = rule_for(target, best, each, source)
        return text.put((target.part,), f"each: {in_braces(each)}\n{in_braces(target.name)}: {rule}")
    rows = rows_of(text, target.part, number) or HEADER
    if target.name not in text.keys(place[:-1]):
        return with_written(text, place, rule_for(target, best, rows, source))
    written = _value(text, place)
    path = path_in(best, rows)
    if isinstance(written, str) and path is not None:
        return text.put(place, in_braces(path))
    if isinstance(written, dict) and "from" in written and path is not None:
        return text.put((*place, "from"), in_braces(path))
    raise LedgerbridgeError(
        NO_LINE,
        f"{target.name} has a rule that no line is drawn for: it takes its value from more than a path.",
        remedy="Change the rule in its editor, or take it away first.",
    )


def _part(text: YamlText, part: str, number: int) -> Location | None:
    if part not in text.keys(()):
        return None
    return (part,) if text.items((part,)) is None else (part, number)


def _value(text: YamlText, place: Location) -> Any:
    return yaml.safe_load(text.written(place))
