"""What people accepted and refused of suggestions, kept in a file of the checkout, and what follows from it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import yaml

from ledgerbridge.drafts.publish import write_whole
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.suggest.described import Entity
from ledgerbridge.suggest.known import Known
from ledgerbridge.suggest.ranking import Candidate, Suggestion
from ledgerbridge.yaml_files import plain_yaml

__all__ = ["Decided", "decide", "read_decisions", "with_accepted", "with_decisions"]

_HEAD: Final = (
    "# What people accepted and refused of suggested mappings; `ledgerbridge suggest` writes it and heeds it.\n"
)


@dataclass(frozen=True)
class Decided:
    """
    Of one pair of entities.

    :param accepted: path of a target field to the path of the source field that goes into it.
    :param refused: path of a target field to those that do not.
    """

    accepted: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, frozenset[str]] = field(default_factory=dict)


def read_decisions(path: Path) -> dict[str, Decided]:
    """
    By pair, ``source -> target``; none without the file.

    :raises ConfigurationError: LB-SUG-005, it is no such file.
    """
    if not path.exists():
        return {}
    try:
        return {
            pair: Decided(
                dict(told.get("accepted", {})),
                {target: frozenset(sources) for target, sources in told.get("refused", {}).items()},
            )
            for pair, told in (plain_yaml(path) or {}).items()
        }
    except (yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
        raise ConfigurationError(
            "LB-SUG-005",
            f"{path} does not tell what was accepted and refused: {error}.",
            remedy=f"Put {path} back as version control has it, or delete it: it is written anew.",
        ) from error


def decide(
    path: Path, pair: str, *, accepted: Iterable[tuple[str, str]] = (), refused: Iterable[tuple[str, str]] = ()
) -> None:
    """
    Remember pairs of target field and source field; what was said before of the same two no longer counts.

    :raises ConfigurationError: LB-SUG-005, the file is none of these, or its folder is not there or not to be
        written to.
    """
    if not path.parent.is_dir():
        raise ConfigurationError(
            "LB-SUG-005",
            f"{path.parent} is no folder, to remember anything in.",
            remedy="Name the folder of flows and mappings with `--include`.",
        )
    with _alone(path.parent):
        decided = read_decisions(path)
        decided[pair] = _with(decided.get(pair, Decided()), accepted, refused)
        content = {
            name: {
                "accepted": dict(sorted(each.accepted.items())),
                "refused": {target: sorted(sources) for target, sources in sorted(each.refused.items())},
            }
            for name, each in sorted(decided.items())
        }
        text = _HEAD + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=200)
        try:
            write_whole(path, text.encode())
        except OSError as error:
            raise ConfigurationError(
                "LB-SUG-005",
                f"{path} can't be written: {error.strerror}.",
                remedy="Let the folder of flows and mappings be one that this process may write to.",
            ) from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time: of two who decide each would write what the other had not read."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def _with(before: Decided, accepted: Iterable[tuple[str, str]], refused: Iterable[tuple[str, str]]) -> Decided:
    takes = dict(before.accepted)
    leaves = {target: set(sources) for target, sources in before.refused.items()}
    for target, source in accepted:
        takes[target] = source
        leaves.get(target, set()).discard(source)
    for target, source in refused:
        leaves.setdefault(target, set()).add(source)
        if takes.get(target) == source:
            del takes[target]
    return Decided(takes, {target: frozenset(sources) for target, sources in leaves.items() if sources})


def with_accepted(known: Known, decided: Mapping[str, Decided], target: str) -> Known:
    """What is known of a target's fields, and what was accepted for them of whatever source."""
    found = dict(known)
    for pair, each in decided.items():
        if pair.endswith(f" -> {target}"):
            for path, source in each.accepted.items():
                found[path] = found.get(path, frozenset()) | {source.replace("[]", "")}
    return found


def with_decisions(found: Sequence[Suggestion], decided: Decided, source: Entity) -> list[Suggestion]:
    """The suggestions without what was refused; what was accepted is sure. A field that is gone decides nothing."""
    fields = {each.path: each for each in source.fields}
    told = []
    for each in found:
        refused = decided.refused.get(each.target.path, frozenset())
        left = tuple(one for one in each.candidates if one.source.path not in refused)
        taken = fields.get(decided.accepted.get(each.target.path, ""))
        if taken is not None:
            others = tuple(one for one in left if one.source.path != taken.path)
            told.append(replace(each, candidates=(Candidate(taken, 1.0, "accepted here"), *others), band="sure"))
        elif left[:1] != each.candidates[:1]:
            # the confidence was the refused one's: what is next is an alternative, and no more
            told.append(replace(each, candidates=left, band="open"))
        else:
            told.append(replace(each, candidates=left))
    return told
