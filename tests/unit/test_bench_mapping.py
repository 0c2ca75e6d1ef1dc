"""The gold set of pairs names fields that are there, and what is held out is never learned of."""

from __future__ import annotations

from bench.mapping import Told, _judged
from bench.mapping_gold import HELD_OUT, tasks


def test_every_pair_of_the_gold_set_names_fields_that_are_there() -> None:
    missing = [
        (each.source.name, each.target.name, field, pairs)
        for each in tasks()
        for field, pairs in each.answers.items()
        if field not in {one.path for one in each.target.fields} or pairs - {one.path for one in each.source.fields}
    ]
    assert missing == []


def test_whole_pairs_of_systems_are_held_out() -> None:
    held = {each.systems for each in tasks() if each.held_out}
    assert held == HELD_OUT
    assert not held & {each.systems for each in tasks() if not each.held_out}
    assert sum(len(each.answers) for each in tasks() if each.held_out) > 150


def test_hits_and_bands_are_counted_as_they_are_told() -> None:
    told = [
        Told(["a", "b"], 0.9, "sure", False, frozenset({"a"})),
        Told(["a", "b"], 0.9, "sure", False, frozenset({"b"})),
        Told(["a", "b"], 0.1, "open", True, frozenset()),
        Told(["c"], 0.5, "likely", False, frozenset()),
    ]
    found = _judged("these", "ledgerbridge", told)
    assert (found["hit@1"][0], found["hit@3"][0], found["mrr"]) == (0.5, 1.0, 0.75)
    assert (found["sure_precision"][0], found["sure_coverage"][0], found["none_recall"][0]) == (0.5, 1.0, 0.5)
    # (|1.8 - 1| + |0.1 - 0| + |0.5 - 0|) / 4
    assert round(found["ece"], 3) == 0.35
