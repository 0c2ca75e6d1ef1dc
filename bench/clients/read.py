"""
Runs in a foreign client's environment: read one collection of Xero as the client does it.

``python read.py by_dlt`` takes an access as JSON from stdin (``bench.foreign_clients.Access``) and prints one line of
JSON: how many records came, the seconds and processor seconds, and the records where the access asks for them.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from typing import Any


def main(client: str) -> None:
    """Read, and print what was found."""
    access = json.load(sys.stdin)
    way = import_module(client)
    started, started_cpu = time.perf_counter(), time.process_time()
    count, kept = 0, []
    for page in way.pages(access):
        count += len(page)
        if access["keep"]:
            kept += [way.plain(record) for record in page]
    found: dict[str, Any] = {"records": count}
    found["seconds"] = time.perf_counter() - started
    found["cpu_seconds"] = time.process_time() - started_cpu
    print(json.dumps(found | {"kept": kept}, default=str))


if __name__ == "__main__":
    main(sys.argv[1])
