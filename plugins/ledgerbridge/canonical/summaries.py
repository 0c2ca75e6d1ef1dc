"""Entries summed up to one journal by day, batch or period: what each puts in is settled once, and what came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ledgerbridge.canonical.allocation import frame_of, rows_of_frame
from ledgerbridge.canonical.models import CANONICAL
from ledgerbridge.canonical.sent import SentDocuments, Summarised

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Summaries", "come_to", "sum_up"]

JOURNAL = "canonical.journal"
_CARRIED_AS = ("entry", "day", "batch", "period")
_NUMBERS_TOLD = 10


@dataclass
class Summaries:
    """
    What becomes of entries that are summed up.

    :param frames: the canonical frames that go on: summaries, and the entries that stay by themselves.
    :param made_of: by record key of a summary, those of its entries that were given.
    :param entries: what is to be kept of entries before anything is sent.
    :param empty: why a summary needs no journal, by its record key. :param failures: as ``checks`` gives them.
    """

    frames: dict[str, pd.DataFrame] = field(default_factory=dict)
    made_of: dict[str, list[str]] = field(default_factory=dict)
    entries: list[Summarised] = field(default_factory=list)
    empty: dict[str, str] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)


def sum_up(frames: Mapping[str, pd.DataFrame], sent: SentDocuments, documents: str) -> Summaries:
    """
    Journals of the entries that the company wants summed up (accounting-rules.md rule 29).

    What is in a summary stays in it, and a summary has the entries it was made of first, whatever else is taken now.

    :param documents: entity of the journals delivered.
    """
    rows, lines = rows_of_frame(frames["header"]), _lines_of(frames["distributions"])
    keys = [row["record_key"] for row in rows]
    entries = {each.record_key: each for each in sent.summarised(documents, keys)}
    arrived = sent.sent(documents, "record_key", sorted({each.summary for each in entries.values()}))
    by_themselves = sent.sent(documents, "record_key", keys)
    found, alone = Summaries(), list[str]()
    fresh: dict[str, list[Summarised]] = defaultdict(list)
    for row in rows:
        key, carried_as = row["record_key"], row["carried_as"] or "entry"
        now = Summarised(documents, key, "", row["label"], row["posted_on"], lines[key])
        if carried_as not in _CARRIED_AS:
            found.failures.append(_unknown(key, carried_as))
        elif before := entries.get(key):
            if now.lines == before.lines:
                found.made_of.setdefault(before.summary, []).append(key)
            elif before.summary in arrived:
                found.failures.append(_changed(now, before))
            else:
                found.made_of.setdefault(before.summary, []).append(key)
                found.entries.append(replace(now, summary=before.summary))
        elif carried_as == "entry" or key in by_themselves:
            alone.append(key)
        else:
            fresh[_group(row, carried_as)].append(now)
    for group, of_group in sorted(fresh.items()):
        summary = _key_of(group, of_group)
        found.made_of[summary] = [each.record_key for each in of_group]
        found.entries += [replace(each, summary=summary) for each in of_group]
    entries.update({each.record_key: each for each in found.entries})
    of_summary: dict[str, list[Summarised]] = defaultdict(list)
    for _, each in sorted(entries.items()):
        of_summary[each.summary].append(each)
    summaries = {key: of_summary[key] for key in found.made_of}
    found.empty = {key: "its entries come to nothing" for key, of in summaries.items() if not come_to(of)}
    found.frames = _frames(frames, alone, {key: of for key, of in summaries.items() if key not in found.empty})
    return found


def come_to(entries: Iterable[Summarised]) -> dict[tuple[str, str], Decimal]:
    """What entries come to, by code of the other ledger's account, and what tells it apart, if anything."""
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for each in entries:
        for _, code, tracking, amount in each.lines:
            sums[code, tracking] += Decimal(amount)
    return {key: amount for key, amount in sorted(sums.items()) if amount}


def _lines_of(distributions: pd.DataFrame) -> dict[str, list[list[str]]]:
    """By record key what an entry puts in, in one order whatever that of its lines."""
    lines: dict[str, list[list[str]]] = defaultdict(list)
    for row in rows_of_frame(distributions):
        lines[row["record_key"]].append([row["account"], row["code"], row["tracking"] or "", f"{row['amount']:f}"])
    return {key: sorted(of) for key, of in lines.items()}


def _group(row: Mapping[str, Any], carried_as: str) -> str:
    told = {"day": [], "batch": [row["batch"]], "period": [row["period"]]}[carried_as]
    on = [] if carried_as == "period" else [row["posted_on"].isoformat()]
    return " ".join(filter(None, [carried_as, *told, *on]))


def _key_of(group: str, entries: Sequence[Summarised]) -> str:
    keys = sorted(each.record_key for each in entries)
    told = sha256("\n".join([group, *keys]).encode()).hexdigest()[:16]
    return ":".join([*keys[0].split(":")[:2], "journal_summary", told])


def _frames(
    frames: Mapping[str, pd.DataFrame], alone: Sequence[str], summaries: Mapping[str, Sequence[Summarised]]
) -> dict[str, pd.DataFrame]:
    """Entries that stay by themselves, and behind them summaries."""
    import pandas as pd

    types = {name: pd.ArrowDtype(kind) for name, kind in CANONICAL[JOURNAL]["distributions"].items()}
    made = {
        "header": frame_of([_header(key, of) for key, of in summaries.items()], JOURNAL),
        "distributions": pd.DataFrame(
            [line for key, of in summaries.items() for line in _distributions(key, of)], columns=list(types)
        ).astype(types),
    }
    left = {name: frame[frame["record_key"].isin(alone)] for name, frame in frames.items()}
    return {name: pd.concat([frame[[*made[name]]], made[name]], ignore_index=True) for name, frame in left.items()}


def _header(key: str, entries: Sequence[Summarised]) -> dict[str, Any]:
    numbers = sorted(each.label for each in entries)
    told = ", ".join([*numbers[:_NUMBERS_TOLD], *(["…"] if len(numbers) > _NUMBERS_TOLD else [])])
    text = f"{len(numbers)} {'entry' if len(numbers) == 1 else 'entries'}: {told}"
    return {
        "record_key": key,
        "label": text,
        "entry_number": f"summary {key.rpartition(':')[2]}",
        "reference": text,
        "posted_on": max(each.posted_on for each in entries),
    }


def _distributions(key: str, entries: Sequence[Summarised]) -> list[dict[str, Any]]:
    accounts: dict[tuple[str, str], set[str]] = defaultdict(set)
    for each in entries:
        for account, code, tracking, _ in each.lines:
            accounts[code, tracking].add(account)
    return [
        {
            "record_key": key,
            "line_number": place,
            "account": ", ".join(sorted(accounts[code, tracking])),
            "code": code,
            "tracking": tracking or None,
            "title": ", ".join(sorted(accounts[code, tracking])),
            "amount": amount,
        }
        for place, ((code, tracking), amount) in enumerate(come_to(entries).items(), start=1)
    ]


def _unknown(key: str, carried_as: str) -> dict[str, Any]:
    return {
        "record_key": key,
        "code": "LB-CAN-010",
        "field": "carried_as",
        "value": carried_as,
        "message": f'the company\'s file says entries are carried as "{carried_as}", which is none of'
        f" {', '.join(_CARRIED_AS)}",
        "rule": "summarise",
        "remedy": "Correct the setting that says so in the company's file; then replay the letter.",
    }


def _changed(now: Summarised, before: Summarised) -> dict[str, Any]:
    return {
        "record_key": now.record_key,
        "code": "LB-CAN-011",
        "field": "distributions",
        "value": _told(now),
        "message": f"it went as a part of {before.summary}, with other lines: {_told(before)}",
        "rule": "summarise",
        "remedy": "Correct what it differs by with an entry of its own where people key entries, or give its account"
        " the line in the company's file that it had; then close the letter.",
    }


def _told(entry: Summarised) -> str:
    return ", ".join(" ".join(filter(None, [code, tracking, amount])) for _, code, tracking, amount in entry.lines)
