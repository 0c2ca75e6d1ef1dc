"""`python -m demo.trigger`: one more pass of the flow in the Airflow that `make demo` keeps up, and how it ended."""

from __future__ import annotations

import argparse
import json
import sys
import time

import httpx

from demo.airflow_api import AirflowApi
from demo.airflow_home import CHECKOUT, USER
from demo.stack import STAGES

HOME = CHECKOUT / ".airflow"


def main() -> int:
    """Run one stage after the other, up to one that fails; 0 when all ended well."""
    parser = argparse.ArgumentParser(prog="python -m demo.trigger", description=__doc__)
    parser.add_argument("--airflow-port", type=int, default=8080)
    options = parser.parse_args()
    try:
        password = json.loads((HOME / "passwords.json").read_text())[USER]
        api = AirflowApi(f"http://127.0.0.1:{options.airflow_port}", USER, password)
        api.has_dag(STAGES[0])
    except (OSError, httpx.HTTPError):
        print(f"No Airflow of the demo on port {options.airflow_port}: `make demo` starts one.", file=sys.stderr)
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
