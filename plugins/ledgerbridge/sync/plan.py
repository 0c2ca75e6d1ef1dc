"""What one side of things has to be told, of what is kept of both."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ledgerbridge.links import MERGED, KeptSide, Thing
from ledgerbridge.sync.merge import Merged, Rules, Side, merge, plain
from ledgerbridge.sync.questions import Asked
from ledgerbridge.sync.records import BY_HAND

__all__ = ["Change", "Plan", "changes_only", "plan"]

Row = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """
    What a side is to hold of a thing.

    :param key: the id of its record; None: it has none yet.
    :param held, wanted: its canonical fields, as they were read last and as they are to be.
    :param fields: by canonical field the value that comes from the other side, as that one holds it; or the one that
        stood here before, where the other has no such field.
    :param number: what people call it: on this side, unless it has no number here.
    :param source_key: the id of the other side's record; ``change`` is that of ``held``.
    """

    key: str | None
    number: str | None
    held: dict[str, Any]
    wanted: dict[str, Any]
    fields: dict[str, Any]
    source_key: str
    change: int | None


@dataclass
class Plan:
    """
    What follows for one side.

    :param changes: by record key what it has to be told.
    :param settled: by entity and id the fields that both hold alike now.
    :param waiting: by record key why nothing can be said yet.
    :param asked: by record key of which fields a person says whose value stands, answered or not.
    :param uncleared: by record key what people have to clear, for the side can't be told to.
    """

    changes: dict[str, Change] = field(default_factory=dict)
    settled: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    asked: dict[str, Asked] = field(default_factory=dict)
    uncleared: dict[str, str] = field(default_factory=dict)


def plan(
    things: Iterable[Thing],
    sides: Sequence[str],
    target: str,
    rules: Rules,
    answers: Mapping[str, Mapping[str, tuple[Mapping[str, Any], str]]] = MappingProxyType({}),
    *,
    made_if: Collection[str] = (),
    apart: Mapping[str, str] = MappingProxyType({}),
    made_by_hand: bool = False,
    cleared_by_hand: Mapping[str, str] = MappingProxyType({}),
) -> Plan:
    """
    What has to be told to a side of these things.

    :param sides: the entities of the two sides, :param target: that of the one that is written.
    :param answers: as ``answers_of`` gives them; one about other values than are held now is none.
    :param made_if: fields none of which may be false for a thing to be made where it is not.
    :param apart: by record key of things that one side has, why they are not made on the other yet.
    :param made_by_hand: people make what a side lacks, so that one whose record is gone lacks it again; else it is held
        to be inactive there.
    :param cleared_by_hand: fields that no interface of the side clears, by where people do.
    """
    found = Plan(settled={each: {} for each in sides})
    (source,) = (each for each in sides if each != target)
    for thing in things:
        there, other = (_standing(thing.sides.get(each), made_by_hand) for each in (target, source))
        if other is None or other.held is None:
            if other is not None:
                found.waiting[thing.record_key] = f"{source} {other.key} is linked and not read yet"
            continue
        if there is None and thing.record_key in apart:
            found.waiting[thing.record_key] = apart[thing.record_key]
            continue
        if there is None and any(other.held.get(name) is False for name in made_if):
            continue
        if there is None:
            found.changes[thing.record_key] = Change(None, other.number, {}, other.held, other.held, other.key, None)
            continue
        if there.held is None:
            found.waiting[thing.record_key] = f"{target} {there.key} is linked and not read yet"
            continue
        first, second = (_side(thing.sides[each], thing.sides[other]) for each, other in (sides, sides[::-1]))
        merged, asked, said = _merged(first, second, rules, answers.get(thing.record_key, {}))
        if asked:
            found.asked[thing.record_key] = Asked(there.number or other.number, asked)
        if open_fields := sorted(asked.keys() - said):
            found.waiting[thing.record_key] = f"a person is asked whose {', '.join(open_fields)} stands"
        for each in (there, other):
            assert each.held is not None
            found.settled[each.entity][each.key] = _unlike(each, merged)
        writes = dict(merged.writes[_system(target)])
        for name in sorted(cleared_by_hand.keys() & writes.keys()):
            if writes[name] is None:
                del writes[name]
                named = f"{BY_HAND}{target} {_number(there, other) or there.key}"
                why = f"still has {name}, which {source} has no more: clear it in {cleared_by_hand[name]}"
                found.uncleared[thing.record_key] = f"{named} {why}"
        if writes:
            fields = {name: other.held.get(name, value) for name, value in writes.items()}
            wanted = {**there.held, **writes}
            found.changes[thing.record_key] = Change(
                there.key, _number(there, other), there.held, wanted, fields, other.key, there.change
            )
    return found


def _standing(side: KeptSide | None, made_by_hand: bool) -> KeptSide | None:
    return None if side is not None and side.gone and made_by_hand else side


def _merged(
    first: Side, second: Side, rules: Rules, answers: Mapping[str, tuple[Mapping[str, Any], str]]
) -> tuple[Merged, dict[str, dict[str, Any]], set[str]]:
    """What follows, the values of each side of all fields that a person says, and those of them that one has said."""
    asked = merge(first, second, rules).asked
    said = {name: system for name, (values, system) in answers.items() if asked.get(name) == values}
    return merge(first, second, rules, said), asked, {*said}


def changes_only(after: Row, before: Mapping[str, Any], always: Collection[str]) -> Row:
    """
    A row with only what it has to change: what stands there as it is to be is left out, what is to go is cleared.

    Fields of one nested object, ``PaymentTerms.Sales.Day``, go together: an object is one value.

    :param before: the row that would say what stands there now; :param always: fields that are said in any case.
    """
    changed = {name for name, value in after.items() if value != before.get(name)}
    objects = {_object_of(name) for name in changed} - {""}
    said = {name for name in after if name in always or name in changed or _object_of(name) in objects}
    return {
        name: _cleared(before[name]) if value is None and name in changed - {*always} else value
        for name, value in after.items()
        if name in said
    }


def _object_of(name: str) -> str:
    return name.rpartition(".")[0]


def _cleared(before: Any) -> Any:
    """What takes a text away; there is nothing that takes away what is none."""
    return "" if isinstance(before, str) else None


def _number(there: KeptSide, other: KeptSide) -> str | None:
    """What people call a thing on a side, or on the other one; who was merged into it bears that one's there still."""
    return there.number or (None if there.matched_by == MERGED else other.number)


def _side(kept: KeptSide, other: KeptSide) -> Side:
    assert kept.held is not None
    assert other.held is not None
    assert kept.changed_at is not None  # it was read
    agreed = {**kept.agreed, **_arrived(kept, other.held, here=True), **_arrived(other, kept.held, here=False)}
    return Side(_system(kept.entity), kept.held, agreed, kept.changed_at)


def _arrived(offering: KeptSide, there: Mapping[str, Any], *, here: bool) -> dict[str, Any]:
    """
    Of what a side offered what the other one holds, though no answer told that it arrived: both agreed on it then.

    :param here: as the offering side held it; else as the other one holds it.
    """
    found = {}
    for name, offers in offering.offered.items():
        arrived = [each for each in offers if name in there and plain(each[1]) == plain(there[name])]
        if arrived:
            found[name] = arrived[-1][0 if here else 1]
    return found


def _unlike(side: KeptSide, merged: Merged) -> dict[str, Any]:
    """Of the fields both hold alike, those it has not been kept of yet that they do."""
    assert side.held is not None
    same = {name: side.held[name] for name in merged.settled & side.held.keys()}
    kept = {name for name, value in side.agreed.items() if name not in side.offered and same.get(name) == value}
    return {name: value for name, value in same.items() if name not in kept}


def _system(entity: str) -> str:
    return entity.partition(".")[0]
