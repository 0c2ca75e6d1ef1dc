"""``ledgerbridge evidence``: a pack that proves elsewhere what happened to a record or in a period."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from commands.database import open_payloads, state_engine
from commands.options import new_app
from ledgerbridge.audit.evidence import collect, pack_name
from ledgerbridge.state import snapshot

__all__ = ["app"]

app = new_app()


@app.command()
def evidence(
    context: typer.Context,
    wanted: Annotated[
        str, typer.Argument(metavar="ID|PERIOD", help="As for trace; or 2026-03, 2026-03-02, 2026-03-01..2026-03-15.")
    ],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: evidence-ID.zip.")] = None,
    without_values: Annotated[
        bool, typer.Option("--without-values", help="For whoever may not see amounts, names and words of people.")
    ] = False,
) -> int:
    """Write the pack."""
    # Airflow's storage paths are slow to import
    from operators.anchors import kept_anchors
    from operators.settings import anchors_url
    from operators.staged_documents import documents_by_hash, records_of_batch

    open_payloads()
    path = out or Path(pack_name(wanted, values=not without_values))
    anchors = kept_anchors(anchors_url())  # before the snapshot: a head noted since would be none of its
    with snapshot(state_engine(context)) as session:
        pack = collect(session, wanted, documents_by_hash, records_of_batch, anchors, values=not without_values)
    pack.write(path)
    records, payloads = (sum(name.startswith(kind) for name in pack.files) for kind in ("records/", "payloads/"))
    signed = "signed" if "manifest.sig" in pack.files else "not signed, so that it proves nothing by itself"
    print(
        f"{path}: {records} records, {payloads} payloads, {signed}."
        f" Verify it anywhere: python3 -I verify.py --key PUBLIC {path}"
    )
    return 0
