"""`python -m demo.trigger`: one more run of the flow in the Airflow that `make demo` keeps up, and how it ended."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import httpx

from demo.airflow_api import AirflowApi
from demo.airflow_home import CHECKOUT, USER, read_settings
from demo.stack import FLOW


def main() -> int:
    """Trigger the flow and wait for its end; 0 when it ended well."""
    parser = argparse.ArgumentParser(prog="python -m demo.trigger", description=__doc__)
    parser.add_argument("--airflow-port", type=int, help="default: that of the demo that was started last")
    parser.add_argument("--folder", type=Path, default=CHECKOUT, help="where its .airflow lies (default: here)")
    options = parser.parse_args()
    home = options.folder / ".airflow"
    url = "" if options.airflow_port is None else f"http://127.0.0.1:{options.airflow_port}"
    try:
        url = url or read_settings(home / "ledgerbridge.env")["AIRFLOW__API__BASE_URL"]
        password = json.loads((home / "passwords.json").read_text())[USER]
        api = AirflowApi(url, USER, password)
        run_id = api.trigger(FLOW, {})
    except (OSError, httpx.HTTPError):
        print(f"No Airflow of the demo answers{url and f' at {url}'}: `make demo` starts one.", file=sys.stderr)
        return 2
    while not api.is_finished(FLOW, run_id):
        time.sleep(1)
    state = api.state(FLOW, run_id)
    print(f"{FLOW} {run_id}: {state}")
    for task in api.tasks(FLOW, run_id):
        if task.state == "failed":
            print("\n".join([f"{task.task_id}:", *api.log_tail(FLOW, run_id, task)]))
    return 0 if state == "success" else 1


if __name__ == "__main__":
    sys.exit(main())
