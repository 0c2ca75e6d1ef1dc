"""
`make bench`: print what each bench found and keep it as JSON under .bench/, one file a bench.

Without a name all run, which takes some twenty minutes; with ALL=1 also their largest sizes: some two hours.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from demo.ending import INTERRUPTED, end_by_signals

BENCHES = {
    "transform": "rows a second of conform + validate + map, beside pandas, petl and rows in Python",
    "xero_calls": "Xero calls per 1,000 invoices",
    "xero_extract": "seconds to read all invoices from Xero, beside dlt, tap-xero and xero-python",
    "xero_budget": "share of Xero's rate budget that eight writing processes use",
    "matching": "precision, recall, seconds, memory of a first meeting, beside recordlinkage and Splink",
    "masters": "seconds and calls of a pass of master_data in which nothing changed",
    "mapping": "hits, trust, seconds of suggested mappings, beside COMA, Similarity Flooding and a sentence model",
    "validation": "planted errors found, false alarms and seconds of what is told of unusual documents",
    "reconcile": "processor seconds and MiB of a reconciliation with one new invoice",
    "webhooks": "milliseconds until the webhook receiver answers, by events a second",
    "console": "milliseconds of an answer of the console over 100,000 dead letters",
    "canvas": "frames a second of mappings of 300 fields a side and flows of 60 legs, drawn, milliseconds of a preview",
    "forgeries": "what the webhook receiver answers to ten thousand that are not to be believed",
    "latency": "seconds from an order's webhook until it is in GP, at five a second, on a live Airflow with PostgreSQL",
    "backlog": "seconds and MiB of a batch of a backlog of orders, on a live Airflow",
    "export": "seconds and MiB of orders from the shop's bulk export through change log, transform and gate",
    "peers": "orders into GP beside Node-RED, extraction beside dlt and others, mapping beside pandas and petl",
    "delivered": "documents delivered per processor second of a pass, from the shop's answer to the ledgers'",
    "passes": "seconds and task starts of a pass of order_to_cash on a live Airflow",
}
FOLDER = Path(__file__).parent.parent / ".bench"


def main() -> int:
    """Run the benches asked for."""
    options = _parser().parse_args()
    names = options.names or list(BENCHES)
    FOLDER.mkdir(exist_ok=True)
    end_by_signals()
    try:
        for name in names:
            _measure(name, everything=options.all)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _measure(name: str, *, everything: bool) -> None:
    print(f"{name}: {BENCHES[name]}", flush=True)
    found = import_module(f"bench.{name}").measure(everything=everything)
    kept = FOLDER / f"{name}.json"
    kept.write_text(json.dumps({"machine": _machine(), "results": found}, indent=1))
    print(f"  kept in {kept.relative_to(FOLDER.parent)}", flush=True)


def _machine() -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "system": platform.platform(),
        "cores": psutil.cpu_count(),
        "load": round(psutil.getloadavg()[0], 1),
        "memory_gib": round(psutil.virtual_memory().total / (1 << 30)),
        "python": platform.python_version(),
        **{name: version(name) for name in ("apache-airflow", "pandas", "pyarrow")},
    }


def _parser() -> argparse.ArgumentParser:
    benches = "\n".join(f"  {name:12} {what}" for name, what in BENCHES.items())
    parser = argparse.ArgumentParser(
        prog="make bench ARGS=…", description=benches, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which (default: all)")
    parser.add_argument("--all", action="store_true", help="also the largest sizes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
