"""A client of Airflow's REST API, as far as a run needs it: trigger, watch, explain what failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

__all__ = ["AirflowApi", "ImportFailed", "TaskRun"]

COMPONENTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")
PAGE = 100  # the most Airflow gives unless [api] maximum_page_limit says otherwise
UNFINISHED = {"queued", "running"}


class ImportFailed(RuntimeError):
    """Airflow could not load a DAG file; carries its message, which says where and what to do."""


@dataclass(frozen=True)
class TaskRun:
    """One task of a run and where it stands; ``starts``: of a process, none of which an empty task needs."""

    task_id: str
    state: str | None
    try_number: int
    starts: int
    map_index: int
    end_date: datetime | None


class AirflowApi:
    """
    One Airflow, one user.

    :param url: base address, ``http://127.0.0.1:8080``.
    """

    def __init__(self, url: str, user: str, password: str) -> None:
        self._user, self._password = user, password
        self._http = httpx.Client(base_url=url, timeout=60)

    def close(self) -> None:
        """Release the connections."""
        self._http.close()

    def is_healthy(self) -> bool:
        """Whether all four processes answer for themselves."""
        try:
            answer = self._http.get("/api/v2/monitor/health")
        except httpx.TransportError:
            return False
        health = answer.json() if answer.is_success else {}
        return all(health.get(component, {}).get("status") == "healthy" for component in COMPONENTS)

    def serves_tasks(self) -> bool:
        """
        Whether tasks can report to it.

        The first call on these addresses makes Airflow build their versions, 6.5 s of the processor in which nothing
        else is answered: better this call than a task's.
        """
        try:
            return self._http.get("/execution/health").is_success
        except httpx.TransportError:
            return False

    def has_dag(self, dag_id: str) -> bool:
        """
        Whether Airflow has loaded a DAG.

        :raises ImportFailed: a DAG file can't be loaded.
        """
        if self._get(f"/api/v2/dags/{dag_id}", missing_is_none=True):
            return True
        errors = self._get("/api/v2/importErrors")["import_errors"]
        if errors:
            raise ImportFailed("\n".join(f"{error['filename']}:\n{error['stack_trace']}" for error in errors))
        return False

    def trigger(self, dag_id: str, conf: dict[str, Any], run_id: str | None = None) -> str:
        """Start a run now, without a logical date; its run id, which Airflow makes unless it is given."""
        asked = {"logical_date": None, "conf": conf, **({} if run_id is None else {"dag_run_id": run_id})}
        answer = self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=asked)
        return str(answer["dag_run_id"])

    def unpause(self, dag_id: str) -> None:
        """Let a DAG's runs begin."""
        self._call("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": False})

    def pause(self, dag_id: str) -> None:
        """Let no run of a DAG begin."""
        self._call("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": True})

    def state(self, dag_id: str, run_id: str) -> str:
        """The state of a run: queued, running, success or failed."""
        return str(self._get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def is_finished(self, dag_id: str, run_id: str) -> bool:
        """Whether a run has ended, well or not."""
        return self.state(dag_id, run_id) not in UNFINISHED

    def tasks(self, dag_id: str, run_id: str) -> list[TaskRun]:
        """All tasks of a run."""
        found = self._pages(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances", "task_instances")
        return [
            TaskRun(
                task_id=task["task_id"],
                state=task["state"],
                try_number=task["try_number"],
                starts=0 if task["operator"] == "EmptyOperator" else task["try_number"],
                map_index=task["map_index"],
                end_date=datetime.fromisoformat(task["end_date"]) if task["end_date"] else None,
            )
            for task in found
        ]

    def times(self, dag_id: str, run_id: str) -> tuple[datetime, dict[str, tuple[datetime, datetime]]]:
        """When a run was queued, and when each task of it began and ended, by task id; none of those that did not."""
        run = self._get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")
        found = self._pages(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances", "task_instances")
        of_task = {
            str(task["task_id"]): (datetime.fromisoformat(task["start_date"]), datetime.fromisoformat(task["end_date"]))
            for task in found
            if task["start_date"] and task["end_date"]
        }
        return datetime.fromisoformat(run["queued_at"]), of_task

    def runs(self, dag_id: str) -> list[str]:
        """The run ids of a DAG, oldest first."""
        found = self._pages(f"/api/v2/dags/{dag_id}/dagRuns", "dag_runs", order_by="run_after")
        return [str(run["dag_run_id"]) for run in found]

    def returned(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """What a task of a run returned; None if it did not."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value"
        answer = self._get(path, missing_is_none=True, params={"stringify": "false"})
        return answer and answer["value"]

    def open_questions(self, dag_id: str) -> list[dict[str, Any]]:
        """What the runs of a DAG ask people, and nobody has answered yet."""
        found = self._get(f"/api/v2/dags/{dag_id}/dagRuns/~/hitlDetails", params={"response_received": "false"})
        return list(found["hitl_details"])

    def answer(self, question: dict[str, Any], option: str) -> None:
        """Answer one of them."""
        task = question["task_instance"]
        of_run = f"/api/v2/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}"
        path = f"{of_run}/taskInstances/{task['task_id']}/{task['map_index']}/hitlDetails"
        self._call("PATCH", path, json={"chosen_options": [option], "params_input": {}})

    def clear(self, dag_id: str, run_id: str) -> None:
        """Let every task of a run happen again."""
        self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/clear", json={"dry_run": False})

    def clear_failed(self, dag_id: str, run_id: str) -> None:
        """Let the tasks of a run that failed happen again, with all that waited for them."""
        asked = {
            "dry_run": False,
            "dag_run_id": run_id,
            "only_failed": True,
            "include_downstream": True,
            "reset_dag_runs": True,
        }
        self._call("POST", f"/api/v2/dags/{dag_id}/clearTaskInstances", json=asked)

    def clear_leg(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Let a task of a run happen again, with all that comes after it."""
        asked = {
            "dry_run": False,
            "dag_run_id": run_id,
            "task_ids": [task_id],
            "only_failed": False,
            "include_downstream": True,
            "reset_dag_runs": True,
        }
        self._call("POST", f"/api/v2/dags/{dag_id}/clearTaskInstances", json=asked)

    def queue_again(self, dag_id: str, run_id: str) -> None:
        """Let a run that failed go on with the tasks that have not happened."""
        self._call("PATCH", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}", json={"state": "queued"})

    def log_tail(self, dag_id: str, run_id: str, task: TaskRun, lines: int = 12) -> list[str]:
        """The last lines a task logged, an exception with its message."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task.task_id}/logs/{task.try_number}"
        answer = self._get(path, params={"map_index": task.map_index, "full_content": "true"})
        seen: list[str] = []
        for line in answer["content"]:
            if not isinstance(line, dict):
                seen.append(str(line))
                continue
            seen.append(str(line["event"]))
            seen += [f"{error['exc_type']}: {error['exc_value']}" for error in line.get("error_detail") or []]
        return seen[-lines:]

    def _pages(self, path: str, field: str, **params: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        while True:
            answer = self._get(path, params={**params, "limit": PAGE, "offset": len(rows)})
            rows += answer[field]
            if not answer[field] or len(rows) >= answer["total_entries"]:
                return rows

    def _get(self, path: str, *, missing_is_none: bool = False, params: dict[str, Any] | None = None) -> Any:
        return self._call("GET", path, missing_is_none=missing_is_none, params=params)

    def _call(self, method: str, path: str, *, missing_is_none: bool = False, **request: Any) -> Any:
        if "authorization" not in self._http.headers:
            self._log_in()
        answer = self._http.request(method, path, headers={"accept": "application/json"}, **request)
        if answer.status_code == httpx.codes.UNAUTHORIZED:  # the token has run out
            self._log_in()
            answer = self._http.request(method, path, headers={"accept": "application/json"}, **request)
        if missing_is_none and answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if not answer.is_success:
            raise RuntimeError(f"Airflow answered {method} {path} with {answer.status_code}: {answer.text[:800]}")
        return answer.json()

    def _log_in(self) -> None:
        answer = self._http.post("/auth/token", json={"username": self._user, "password": self._password})
        answer.raise_for_status()
        self._http.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
