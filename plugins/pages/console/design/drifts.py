"""What became of the form of records, and of both sides' descriptions, since people accepted it for a mapping."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import Any

from hooks.described import known_entity
from ledgerbridge.drafts.publish import live_text
from ledgerbridge.drift import drifted, paths_read, shape_of, shape_of_entity
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.flows import company_keys
from ledgerbridge.mapping import load_mapping
from ledgerbridge.state import snapshot, transaction
from ledgerbridge.state.shapes import accept_shape, accepted_shape
from operators import settings
from operators.recorded import recent_raw
from pages.console.access import Access
from pages.console.design.files import must_edit
from pages.console.design.models import DriftsView, DriftView

__all__ = ["accept", "drifts_of", "note_shapes"]

_RECORDS = 200
_KEPT_SECONDS = 60


def drifts_of(file: str) -> DriftsView:
    """What is otherwise, of every company; names of fields, no values."""
    told = DriftsView(accepted_at=None, by=None, records=0, drifts=[])
    if not live_text(settings.include_folder(), file):
        return told
    try:
        mapping = load_mapping(settings.include_folder() / file)
    except LedgerbridgeError:  # it can't be read: the page says what is wrong with it
        return told
    read = paths_read(mapping)
    for company in company_keys(settings.companies_folder()):
        now, records = _shapes(company, mapping.source, mapping.target)
        told.records += records
        with snapshot(settings.state_engine(company, stays=True)) as opened:
            known = accepted_shape(opened, mapping.name)
            before = {} if known is None else {each: getattr(known, each) for each in now}
            if known is not None:
                told.accepted_at, told.by = known.accepted_at, known.by
        for of, shape in before.items():
            if shape and now[of]:
                told.drifts += [
                    DriftView(
                        company=company, of=of, path=each.path, what=each.what, before=each.before, now=each.now,
                        is_read=of != "target" and each.path in read,
                    )
                    for each in drifted(shape, now[of])
                ]  # fmt: skip
    return told


def accept(access: Access, file: str) -> None:
    """
    Say that a mapping fits records as they are now, of every company.

    :raises LedgerbridgeError: the user may not edit it.
    """
    must_edit(access, file)
    note_shapes(access.name, file)


def note_shapes(by: str, file: str) -> None:
    """Keep the form that records have now as what a mapping fits; who publishes one says so too."""
    mapping = load_mapping(settings.include_folder() / file)
    for company in company_keys(settings.companies_folder()):
        now, _ = _shapes(company, mapping.source, mapping.target)
        with transaction(settings.state_engine(company, stays=True)) as opened:
            accept_shape(opened, Path(file).stem, by, now["records"], now["source"], now["target"])


def _shapes(company: str, source: str, target: str) -> tuple[dict[str, dict[str, str]], int]:
    engine = settings.state_engine(company, stays=True)
    records, count = _recent(str(engine.url), company, source, int(monotonic() // _KEPT_SECONDS))
    described = {"source": known_entity(source, written=False), "target": known_entity(target, written=True)}
    return {"records": records, **{side: shape_of_entity(each) for side, each in described.items()}}, count


@lru_cache(maxsize=64)
def _recent(_state: str, company: str, source: str, _now: int) -> tuple[dict[str, Any], int]:
    """The form of the latest records that were read; what is canonical has the form we gave it."""
    if source.startswith("canonical."):
        return {}, 0
    found = recent_raw(settings.state_engine(company, stays=True), company, source, _RECORDS)
    return shape_of(each["payload"] for each in found), len(found)
