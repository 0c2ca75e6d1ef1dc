"""Where tasks run: what asks a system that only some workers reach goes to their queue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from airflow.configuration import conf

from hooks.systems import systems
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.flows import LegConfig
from ledgerbridge.mapping import load_mapping
from operators import settings

__all__ = ["for_systems", "systems_of_step"]


def for_systems(asked: Iterable[str]) -> dict[str, str]:
    """
    The `queue` and `executor` of a task that asks these systems; nothing where any worker reaches them.

    :raises ConfigurationError: no worker reaches all of them, or `[ledgerbridge] queues` is wrong.
    """
    if not (queues := _queues()):
        return {}
    found = {system: queues[system] for system in sorted(set(asked)) if system in queues}
    places = list(dict.fromkeys(found.values()))
    if len(places) > 1:
        told = ", ".join(f"{system} on {queue}" for system, (queue, _) in found.items())
        raise ConfigurationError(
            "LB-CFG-028",
            f"[ledgerbridge] queues: a task needs {told}, and no worker reaches both.",
            remedy="Give these systems one queue, of workers that reach them all.",
        )
    if not places:
        return {}
    queue, executor = places[0]
    return {"queue": queue, **({"executor": executor} if executor else {})}


def systems_of_step(leg: LegConfig, step: str) -> Iterator[str]:
    """
    Which systems a step of a leg asks: sources where it is read, targets where it is loaded, masters in between.

    Given one by one: where no system has a queue, no mapping is read for it.
    """
    if step == "load":
        yield leg.target.partition(".")[0]
    if step == "extract":
        yield from _names(leg.sources)
    if step == "transform":
        folder = settings.include_folder() / "mappings"
        for name in leg.mappings:
            yield from _names(load_mapping(folder / f"{name}.yaml").asks())


def _names(entities: Iterable[str]) -> set[str]:
    return {entity.partition(".")[0] for entity in entities}


def _queues() -> dict[str, tuple[str, str]]:
    """Queue and executor by system; the executor may be blank."""
    return _read_queues(conf.get("ledgerbridge", "queues", fallback="") or "")


@cache
def _read_queues(text: str) -> dict[str, tuple[str, str]]:
    """By the text: each task of a flow asks, and to know the systems means to look through folders."""
    return dict(_queue(each) for each in text.replace(",", " ").split())


def _queue(text: str) -> tuple[str, tuple[str, str]]:
    system, _, place = text.partition("=")
    queue, _, executor = place.partition("@")
    known: Sequence[str] = sorted(systems())
    if not queue or system not in known:
        raise ConfigurationError(
            "LB-CFG-028",
            f'[ledgerbridge] queues: "{text}" is no queue of a system.',
            remedy=f"Write `system=queue`, or `system=queue@executor`; the systems are {', '.join(known)}.",
        )
    return system, (queue, executor)
