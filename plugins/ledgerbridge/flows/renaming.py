"""A leg under another name: wherever its flow names it, the name follows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ledgerbridge.yaml_edits import YamlText, in_braces
from ledgerbridge.yaml_files import Location

__all__ = ["named_anew"]

_NAME = re.compile(r"[^+/]+")
"""A name in a rule's `made_by`, `goods_back+goodwill/other`."""


def named_anew(text: YamlText, place: Location, was: str) -> YamlText:
    """
    The text of a flow with the new name of a leg wherever it has the old one.

    Legs are named in `after` and in `made_by` of rules, in `waits` of stages and in `expect` of alerts; one with
    several targets or two sides also by the names of each, `fee_gp`.

    :param place: of the leg, which has its new name already.
    :raises ConfigurationError: LB-CFG-013, the name can't be changed at one of these places.
    """
    name = str(place[-1])
    called = [was, *(f"{was}_{each}" for each in _called(_at(text.values, place)))]
    names = {each: name + each[len(was) :] for each in called}
    for at, value in _values(text.values):
        renamed = _NAME.sub(lambda found: names.get(found[0], found[0]), value)
        # what an alias stands for follows what it is an alias of
        if renamed != value and text.standing(at) == at:
            text = text.put(at, in_braces(renamed))
    for at in _keys(text.values):
        if at[-1] in names and text.standing(at) == at:
            text = text.rename(at, names[at[-1]])
    return text


def _called(leg: Any) -> list[str]:
    """What the names of a leg's targets or sides go on with."""
    told = _dict(leg)
    sides = _dict(told.get("sync")).get("sides", told.get("to"))
    each = [_dict(one) for one in sides] if isinstance(sides, list) else []
    return [str(one.get("name") or str(one.get("entity")).partition(".")[0]) for one in each]


def _values(flow: Any) -> Iterator[tuple[Location, str]]:
    """Where legs are named by a value."""
    for stage, told in _dict(_at(flow, ("stages",))).items():
        for leg, says in _dict(_at(told, ("legs",))).items():
            place = ("stages", stage, "legs", leg)
            after = _at(says, ("after",))
            listed = enumerate(after) if isinstance(after, list) else ()
            yield from (((*place, "after", at), each) for at, each in listed if isinstance(each, str))
            if isinstance(after, str):
                yield (*place, "after"), after
            for rule, given in _dict(_at(says, ("rules",))).items():
                if isinstance(made_by := _at(given, ("made_by",)), str):
                    yield (*place, "rules", rule, "made_by"), made_by


def _keys(flow: Any) -> list[tuple[str, ...]]:
    """Where legs are named by a key."""
    waits = [("stages", stage, "waits", "legs") for stage in _dict(_at(flow, ("stages",)))]
    return [(*place, key) for place in [*waits, ("alerts", "expect")] for key in _dict(_at(flow, place))]


def _at(content: Any, place: Location) -> Any:
    for step in place:
        content = _dict(content).get(step)
    return content


def _dict(content: Any) -> dict[Any, Any]:
    """A mapping; what is none is empty: a draft may be anything."""
    return content if isinstance(content, dict) else {}
