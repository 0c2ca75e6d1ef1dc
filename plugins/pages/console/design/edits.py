"""What people do in a drawing, as changes of the file's text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ledgerbridge.yaml_edits import YamlText, in_braces, in_lines, under
from ledgerbridge.yaml_files import Location
from pages.console.design.flow_models import Edit, Move, Put, TakeAway, Write

__all__ = ["edited"]


def edited(text: YamlText, edits: Sequence[Edit]) -> YamlText:
    """
    The text with these changes, one after the other.

    :raises ConfigurationError: LB-CFG-013, one of them can't be made.
    """
    for each in edits:
        place = tuple(each.location)
        match each:
            case Put():
                text = _put(text, place, each.value)
            case Write():
                text = _write(text, place, each.written)
            case TakeAway():
                text = text.take_away(place)
            case Move():
                text = _moved(text, place, tuple(each.to))
    return text


def _put(text: YamlText, place: Location, value: Any) -> YamlText:
    while len(place) > 1 and text.standing(place[:-1]) != place[:-1]:
        place, value = place[:-1], {place[-1]: value}
    is_plain = not isinstance(value, (dict, list))
    on_a_line = is_plain or _in_braces(text, place[:-1]) or _as_its_neighbours(text, place[:-1])
    return text.put(place, in_braces(value) if on_a_line else in_lines(value))


def _write(text: YamlText, place: Location, written: str) -> YamlText:
    while len(place) > 1 and text.standing(place[:-1]) != place[:-1]:
        place, written = place[:-1], under(place[-1], written)
    return text.put(place, written)


def _moved(text: YamlText, place: Location, to: Location) -> YamlText:
    if place[:-1] == to[:-1]:
        return text.rename(place, str(to[-1]))
    return _write(text, to, text.written(place)).take_away(place)


def _in_braces(text: YamlText, place: Location) -> bool:
    """Whether what stands in a place has to fit into braces, which hold something."""
    return bool(text.keys(place) or text.items(place)) and text.is_in_braces(place)


def _as_its_neighbours(text: YamlText, within: Location) -> bool:
    """Whether every item of a list stands on a line of its own, in braces."""
    items = text.items(within)
    return bool(items) and all(text.is_in_braces((*within, at)) for at in range(items or 0))
