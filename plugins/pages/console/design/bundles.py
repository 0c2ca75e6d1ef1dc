"""Bundles in the console: which were offered here, what they change, what became of them; pack one, go back."""

from __future__ import annotations

import difflib
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hooks.state_database import signing_key
from ledgerbridge.audit import Actor
from ledgerbridge.drafts.bundle import changed_files, files_in, hash_of, open_bundle, pack
from ledgerbridge.drafts.promotions import asked_of, bundle_of, offer, promotion, promotions, undo
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state import snapshot, transaction
from ledgerbridge.state.models import Promotion
from ledgerbridge.state.signing import Signer
from operators import settings
from operators.page_links import airflow_run
from pages.console.access import Access
from pages.console.design.bundle_models import BundleFileView, BundlesView, BundleView, PromotionView
from pages.console.design.models import DifferenceView, EffectView, RefusalView, SumView, TryView

__all__ = ["bundles_of", "go_back", "offer_bundle", "packed", "shown"]

DAG = "promote"
"""The DAG that checks and asks; who may see it sees bundles, who may edit its files offers them."""
_ACTOR = Actor("", "", "", "console")
_LINES = 400
"""Of a file's difference that are shown."""


def bundles_of(access: Access) -> BundlesView:
    """The bundles that were offered here, the newest first."""
    _must_read(access)
    now = hash_of(files_in(settings.include_folder()))
    with snapshot(settings.state_engine(stays=True)) as opened:
        rows = [PromotionView(**_told(access, each, now)) for each in promotions(opened)]
    return BundlesView(
        environment=settings.environment(), keys=settings.bundle_keys().known, may_offer=access.may_edit([DAG]),
        may_start=access.may_start(DAG), promotions=rows,
    )  # fmt: skip


def shown(access: Access, number: int) -> BundleView:
    """
    One of them, with what it changes: against the files before it, where it is live.

    :raises LedgerbridgeError: there is none of this number.
    """
    _must_read(access)
    here = files_in(settings.include_folder())
    with snapshot(settings.state_engine(stays=True)) as opened:
        row = promotion(opened, number)
        told = _told(access, row, hash_of(here))
        refused, files = None, []
        try:
            before = here if row.before is None else open_bundle(row.before, Signer(signing_key()).public).files
            files = _files(before, bundle_of(row, settings.bundle_keys()).files)
        except LedgerbridgeError as error:
            refused = str(error)
        return BundleView(
            **told, may_start=access.may_start(DAG), refused=refused, files=files, problems=row.problems or [],
            tried=_tried(row.tried) if row.tried else None,
        )  # fmt: skip


def packed(access: Access) -> bytes:
    """
    A bundle of the files here, packed in the user's name.

    :raises ConfigurationError: there is no key to sign it with.
    """
    _must_edit(access)
    files = files_in(settings.include_folder())
    return pack(files, Signer(signing_key()), access.name, datetime.now(UTC), settings.environment())


def offer_bundle(access: Access, content: str) -> int:
    """
    Offer a bundle to this environment in the user's name; its number.

    :raises ConfigurationError: it is not what one of the keys signed.
    """
    _must_edit(access)
    try:
        given = b64decode(content, validate=True)
    except NotBase64:
        given = b""  # which no key signed
    with transaction(settings.state_engine(stays=True)) as opened:
        return offer(opened, _ACTOR, given, settings.bundle_keys(), access.name).id


def go_back(access: Access, number: int) -> None:
    """Let the files be as they were before a bundle; raises as ``undo``."""
    _must_edit(access)
    engine = settings.state_engine(stays=True)
    undo(engine, _ACTOR, settings.include_folder(), number, Signer(signing_key()), access.name)


def _must_read(access: Access) -> None:
    if not access.may_read_dag(DAG):
        raise PermissionError(f"Those see bundles who may read the DAG {DAG}.")


def _must_edit(access: Access) -> None:
    _must_read(access)
    access.must_edit([DAG], "pack and offer bundles, and take them back")


def _told(access: Access, row: Promotion, now: str) -> dict[str, Any]:
    run = None if row.run_id is None else airflow_run(DAG, row.run_id)
    asked = row.state == "checked" and run is not None
    named = settings.bundle_approvers()
    approvers = _asked(row, named) if asked else {}
    own = ("id", "state", "sha256", "environment", "packed_by", "packed_at", "offered_by", "offered_at", "said_by",
           "said_at", "applied_at", "undone_by", "undone_at")  # fmt: skip
    return {name: getattr(row, name) for name in own} | {
        "run": run,
        "approval": f"{run}/tasks/approve/required_actions" if asked else None,
        "approvers": list(approvers.values()),
        "may_approve": asked and (str(access.user.get_id()) in approvers if named else access.may_mend_dag(DAG)),
        "may_go_back": row.state == "applied" and row.files == now and access.may_edit([DAG]),
    }


def _asked(row: Promotion, named: Mapping[str, str]) -> dict[str, str]:
    try:
        return asked_of(row, named)
    except LedgerbridgeError:  # nobody is left: the run says so
        return {}


def _files(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[BundleFileView]:
    return [
        BundleFileView(name=name, how=how, diff=_diff(before.get(name, b""), after.get(name, b"")))
        for name, how in changed_files(before, after).items()
    ]


def _diff(before: bytes, after: bytes) -> list[str]:
    one, other = (each.decode("utf-8", "replace").splitlines() for each in (before, after))
    lines = [each for each in difflib.unified_diff(one, other, lineterm="", n=1) if not each.startswith(("---", "+++"))]
    return lines if len(lines) <= _LINES else [*lines[:_LINES], f"… {len(lines) - _LINES} lines more"]


def _tried(kept: Mapping[str, Any]) -> TryView:
    """What is kept of a trial, as the page shows that of a draft; without documents, which hold values."""
    return TryView(
        days=kept["days"], not_shown=kept["not_shown"],
        effects=[EffectView(**each) for each in kept.get("effects", ())],  # earlier releases kept none
        differences=[
            DifferenceView(
                **{name: value for name, value in leg.items() if name not in ("refusals", "accounts", "totals")},
                refusals=[
                    RefusalView(
                        source_key=f"{each['count']} ×", field=each["field"], code=each["code"], message="", remedy=""
                    )
                    for each in leg["refusals"]
                ],
                accounts=[SumView(**each) for each in leg["accounts"]],
                totals=[SumView(**each) for each in leg["totals"]],
                documents=[],
            )
            for leg in kept["legs"]
        ],
    )  # fmt: skip
