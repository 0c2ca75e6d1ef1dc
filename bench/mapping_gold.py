"""
The gold set of pairs: which source field goes into which target field, made by hand of the fields' descriptions.

One file a pair of systems; of those in ``HELD_OUT`` nothing may be learned and nothing tuned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from hooks.described import described_entity
from ledgerbridge.suggest import Entity, Known, known_names, mappings_in, read_catalogue
from ledgerbridge.yaml_files import plain_yaml

__all__ = ["HELD_OUT", "Task", "tasks"]

HELD_OUT = frozenset({"magento_gp", "magento_xero", "stripe_xero"})
_FOLDER = Path(__file__).parent / "gold"
_MAPPINGS = Path(__file__).parents[1] / "include/mappings"


@dataclass(frozen=True)
class Task:
    """
    One pair of entities.

    :param known: what mappings that exist tell of the target, without those that read the source's system: of a system
        that is new here, none does.
    :param answers: path of a target field to the paths of all source fields that may go into it; a target field that
        is not here has no counterpart.
    """

    systems: str
    source: Entity
    target: Entity
    known: Known
    answers: Mapping[str, frozenset[str]]

    def bare(self) -> Task:
        """The same with names alone: no descriptions, and nothing known of other mappings."""
        source, target = (
            Entity(side.name, tuple(replace(each, about="") for each in side.fields))
            for side in (self.source, self.target)
        )
        return Task(self.systems, source, target, {}, self.answers)

    @property
    def held_out(self) -> bool:
        """Whether nothing may be learned of it."""
        return self.systems in HELD_OUT


@cache
def tasks() -> list[Task]:
    """Every task, in the order of the files."""
    found = []
    mappings = mappings_in(_MAPPINGS)
    for path in sorted(_FOLDER.glob("*.yaml")):
        for title, pairs in plain_yaml(path).items():
            source, _, target = title.partition(" -> ")
            sides = _source(source), described_entity(target, written=True)
            if sides[0] is None or sides[1] is None:
                raise LookupError(f"{path.name}: nothing is known of {source} or of {target}")
            answers = {field: frozenset([pair] if isinstance(pair, str) else pair) for field, pair in pairs.items()}
            known = known_names(mappings, target, without=source.partition(".")[0])
            found.append(Task(path.stem, sides[0], sides[1], known, answers))
    return found


def _source(name: str) -> Entity | None:
    """Of a system that nothing here reads, what the gold set's own files say."""
    system, _, entity = name.partition(".")
    foreign = _FOLDER / "entities" / f"{system}.yaml"
    if not foreign.exists():
        return described_entity(name, written=False)
    return Entity(name, read_catalogue(foreign)[entity].fields)
