"""What becomes of a new record when the target holds what may be the same thing: the leg's policy decides."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from ledgerbridge.entities import Candidate, Document, Found
from ledgerbridge.errors import TargetConflict

__all__ = ["MatchPolicy", "decide"]

MatchPolicy = Literal["adopt", "reject", "ask", "number"]
"""
``adopt``: the one that fits is it, and where it is not one a person decides; ``ask``: a person; ``reject``: no;
``number``: only what bears its number is it.
"""


def decide(
    document: Document,
    candidates: Sequence[Candidate],
    policy: MatchPolicy,
    *,
    entity: str,
    field: str,
    overwrites: bool = True,
    refused: Collection[str] = (),
) -> Candidate | TargetConflict | None:
    """
    The one that is the document's thing; a conflict for a person; None: the document is to be written.

    What bears our own number is ours, whatever the policy. Nothing inactive is adopted, and nothing is where two fit:
    that would be a guess.

    :param candidates: what the target holds that may be it.
    :param entity: ``system.name``, for the message; ``field`` is where the document has its number.
    :param overwrites: whether what bears our number is brought up to date; else it is linked as it is, for what people
        made of it is yet to be merged.
    :param refused: ids of the target that a person said are not the document's thing.
    """
    if any(each.own and each.found.target_id in refused for each in candidates):
        return _number_of_another(document, entity, field)
    candidates = [each for each in candidates if each.found.target_id not in refused]
    own = next((each for each in candidates if each.own), None)
    if own is not None and own.active:
        return own if own.current or own.found.differences or not overwrites else None
    fitting = [each for each in candidates if each.active]
    if not candidates or (policy == "number" and own is None):
        return None
    if policy == "adopt" and own is None and len(fitting) == 1:
        return fitting[0]
    return _to_decide([own] if own else candidates, policy, document, entity, field)


def _to_decide(
    candidates: Sequence[Candidate], policy: MatchPolicy, document: Document, entity: str, field: str
) -> TargetConflict:
    named = ", ".join(_named(each) for each in candidates)
    criteria = " and ".join(sorted({each.by for each in candidates}))
    number = document.header.get(field)
    system = entity.partition(".")[0]
    if policy == "reject":
        code, rule = "LB-LNK-003", "this leg takes no record that others made (`match: reject`)"
        remedy = f"Take {criteria} away from them in {system} or from the source, or let the leg `adopt`; then replay."
    else:
        code = "LB-LNK-002"
        rule = "one active one is expected" if policy == "adopt" else "a person is to say which (`match: ask`)"
        remedy = (
            f"Leave one that is active in {system}: merge the others, or set them inactive. Or name the right one by"
            f" its number: `ledgerbridge dead-letters edit ID document.header.{field}=… --reason …`; it is ours from"
            " then on, and brought up to date. If none is right, give them another address. Then replay."
        )
    return TargetConflict(
        code,
        f"{entity} {number} is new, but {system} holds {len(candidates)} by the same {criteria}: {named}; {rule}.",
        record_key=document.record_key,
        field=field,
        value=number,
        remedy=remedy,
    )


def _number_of_another(document: Document, entity: str, field: str) -> TargetConflict:
    number, system = document.header.get(field), entity.partition(".")[0]
    return TargetConflict(
        "LB-LNK-004",
        f"{entity} {number} is to be made, but {system} has another one of this number: a person said that the two are"
        " not one.",
        record_key=document.record_key,
        field=field,
        value=number,
        remedy="Give one of the two another number where it came from; then replay.",
    )


def _named(candidate: Candidate) -> str:
    found: Found = candidate.found
    name = found.number or found.target_id
    return name if candidate.active else f"{name} (inactive)"
