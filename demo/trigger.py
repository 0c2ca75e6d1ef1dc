"""`python -m demo.trigger`: one more pass of the flow in the Airflow that `make demo` keeps up, and how it ended."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import httpx

from demo.airflow_api import AirflowApi
from demo.airflow_home import CHECKOUT, USER, read_settings
from demo.stack import STAGES


def main() -> int:
    """Run one stage after the other, up to one that fails; 0 when all ended well."""
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
        api.has_dag(STAGES[0])
    except (OSError, httpx.HTTPError):
        print(f"No Airflow of the demo answers{url and f' at {url}'}: `make demo` starts one.", file=sys.stderr)
        return 2
    return 0 if all(_is_good(api, stage) for stage in STAGES) else 1


def _is_good(api: AirflowApi, dag_id: str) -> bool:
    run_id = api.trigger(dag_id, {})
    while not api.is_finished(dag_id, run_id):
        time.sleep(1)
    state = api.state(dag_id, run_id)
    print(f"{dag_id} {run_id}: {state}", flush=True)
    for task in api.tasks(dag_id, run_id):
        if task.state == "failed":
            print("\n".join([f"{task.task_id}:", *api.log_tail(dag_id, run_id, task)]))
    return state == "success"


if __name__ == "__main__":
    sys.exit(main())
