"""What a change of the files would have made of what was recorded: both versions in shadow, and the difference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from ledgerbridge.changes.log import newest
from ledgerbridge.entities import RawRecord
from ledgerbridge.flows import Company, LegConfig, load_flow
from ledgerbridge.mapping import Lookups
from ledgerbridge.pipeline.difference import Difference
from ledgerbridge.pipeline.shadow import Answered, LegVersion, load_version
from ledgerbridge.state import transaction
from ledgerbridge.state.installation import company_key, key_salt
from ledgerbridge.state.master_rows import has_master_rows, master_rows_since
from ledgerbridge.state.models import LoggedChange
from ledgerbridge.state.reader import DatabaseReader
from operators.staging import raw_chunks, standing

__all__ = ["Compared", "what_if"]

_AT_A_TIME = 1_000
"""Records that are in memory."""
_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


class Compared:
    """
    What a change of files would have made of what was recorded.

    :param differences: of each leg that another version makes.
    :param not_shown: legs that differ, with why their difference can't be shown.
    """

    def __init__(self) -> None:
        self.differences: list[Difference] = []
        self.not_shown: dict[str, str] = {}


def what_if(
    before: Path, after: Path, company: Company, engine: Engine, since: datetime, *, most: int | None = None
) -> Compared:
    """
    Run every leg that two folders make otherwise over what became known since, in shadow.

    Nothing is written, and no system is asked: what mappings look up in one is answered as it was before.

    :param before, after: include folders. :param since: aware.
    :param most: newest records a leg is run over; None: all.
    :raises ConfigurationError: a file is wrong, or a staged record is gone.
    """
    found = Compared()
    for flow, leg, old, new in _legs(before, after, company):
        name = f"{flow}.{leg}"
        if old is None or new is None:
            found.not_shown[name] = "it is only in one of the two versions"
        elif type(old) is not LegConfig or type(new) is not LegConfig:
            found.not_shown[name] = "it keeps two sides in step: what it sends depends on what each held"
        elif (old.source, old.target) != (new.source, new.target):
            found.not_shown[name] = "it reads or writes another entity than before"
        else:
            versions = load_version(before, old), load_version(after, new)
            difference = Difference(flow, leg, new.target, _roles(company, new.target))
            _run(difference, versions, (before, after), company, engine, since, most)
            found.differences.append(difference)
    return found


def _run(
    difference: Difference,
    versions: tuple[LegVersion, LegVersion],
    folders: tuple[Path, Path],
    company: Company,
    engine: Engine,
    since: datetime,
    most: int | None,
) -> None:
    reader = DatabaseReader(engine, difference.flow)
    with transaction(engine) as session:
        salt, of_company = key_salt(session), company_key(session)
    answers = Answered(_kept_answers(company, engine))
    lookups = [
        Lookups(folder / "lookups", company.tables(), reader, answers, company.time_zone, salt, of_company)
        for folder in folders
    ]
    for records in _recorded(engine, company.key, versions[1].config.source, since, most):
        made = [
            version.make(records, looked_up, reader, company.send_from, flow=difference.flow, leg=difference.leg)
            for version, looked_up in zip(versions, lookups, strict=True)
        ]
        difference.add(len(records), *made)
    difference.assumed = answers.assumed


def _recorded(
    engine: Engine, company: str, entity: str, since: datetime, most: int | None
) -> Iterator[list[RawRecord]]:
    """The newest version of each record that became known since, some at a time, in order of their numbers."""
    with transaction(engine) as session:
        known = (
            select(LoggedChange.source_key)
            .where(
                LoggedChange.company == company,
                LoggedChange.entity == entity,
                LoggedChange.known_at >= since,
                LoggedChange.payload_uri.is_not(None),
            )
            .order_by(LoggedChange.number.desc())
        )
        keys = list(dict.fromkeys(session.scalars(known)))[:most]
        latest = sorted(newest(session, company, entity, keys).values(), key=lambda each: each.number)
        places = [(each.source_key, str(each.payload_uri)) for each in latest]
    for start in range(0, len(places), _AT_A_TIME):
        yield _read(engine, places[start : start + _AT_A_TIME])


def _read(engine: Engine, places: Sequence[tuple[str, str]]) -> list[RawRecord]:
    found: dict[str, RawRecord] = {}
    for uri in dict.fromkeys(uri for _, uri in places):
        with transaction(engine) as session:
            file = standing(session, uri)
        wanted = {key for key, place in places if place == uri}
        found.update({record.key: record for chunk in raw_chunks(file, wanted) for record in chunk})
    return [found[key] for key, _ in places]


def _legs(before: Path, after: Path, company: Company) -> Iterator[tuple[str, str, LegConfig | None, LegConfig | None]]:
    """Every leg that one of the folders defines otherwise than the other, or of files that are others."""
    flows = {path.stem for folder in (before, after) for path in (folder / "flows").glob("*.yaml")}
    for flow in sorted(flows):
        old, new = (_legs_of(folder, flow, company) for folder in (before, after))
        for leg in {**old, **new}:
            one, other = old.get(leg), new.get(leg)
            if one != other or (one is not None and _content(before, one) != _content(after, one)):
                yield flow, leg, one, other


def _legs_of(include: Path, flow: str, company: Company) -> dict[str, LegConfig]:
    path = include / "flows" / f"{flow}.yaml"
    return load_flow(path, include).for_company(company.without).legs if path.is_file() else {}


def _content(include: Path, leg: LegConfig) -> list[bytes]:
    """What makes the documents of a leg: its mappings and suites, and the tables that any mapping may read."""
    files = [include / "mappings" / f"{name}.yaml" for name in leg.mappings]
    files += [include / "expectations" / f"{name}.yaml" for name in leg.suites]
    files += sorted((include / "lookups").glob("*.csv"))
    return [each.read_bytes() for each in files if each.is_file()]


def _roles(company: Company, target: str) -> dict[str, str]:
    ledger = target.partition(".")[0]
    return {str(each[ledger]): str(each["role"]) for each in company.accounts if each.get(ledger)}


def _kept_answers(company: Company, engine: Engine) -> Any:
    """What the state database holds of master data, of whatever age."""

    def look_up(entity: str, keys: Sequence[str]) -> dict[str, dict[str, Any]] | None:
        connection = company.connections_of(entity.partition(".")[0])[0]
        with transaction(engine) as session:
            if not has_master_rows(session, connection, entity):
                return None
            return master_rows_since(session, connection, entity, keys, _ALWAYS)

    return look_up
