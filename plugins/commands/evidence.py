"""``ledgerbridge evidence``: a pack that proves elsewhere what happened to a record or in a period."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from commands.database import open_payloads, state_engine
from ledgerbridge.audit.evidence import collect
from ledgerbridge.state import snapshot

__all__ = ["register"]


def register(commands: Any) -> None:
    """Add ``evidence``."""
    command = commands.add_parser(
        "evidence", help="a zip that proves elsewhere what happened to a record or in a period"
    )
    command.add_argument(
        "wanted", metavar="ID|PERIOD", help="as for trace; or 2026-03, 2026-03-02, 2026-03-01..2026-03-15"
    )
    command.add_argument("--out", type=Path, metavar="FILE", help="default: evidence-ID.zip")
    command.set_defaults(run=_evidence)


def _evidence(options: argparse.Namespace) -> int:
    # Airflow's storage paths are slow to import
    from operators.anchors import kept_anchors
    from operators.settings import anchors_url
    from operators.staged_documents import documents_by_hash, records_of_batch

    open_payloads()
    path = options.out or Path(f"evidence-{re.sub(r'[^A-Za-z0-9.-]+', '_', options.wanted).strip('_')}.zip")
    anchors = kept_anchors(anchors_url())  # before the snapshot: a head noted since would be none of its
    with snapshot(state_engine(options)) as session:
        pack = collect(session, options.wanted, documents_by_hash, records_of_batch, anchors)
    pack.write(path)
    records, payloads = (sum(name.startswith(kind) for name in pack.files) for kind in ("records/", "payloads/"))
    signed = "signed" if "manifest.sig" in pack.files else "not signed, so that it proves nothing by itself"
    print(
        f"{path}: {records} records, {payloads} payloads, {signed}."
        f" Verify it anywhere: python3 -I verify.py --key PUBLIC {path}"
    )
    return 0
