"""Replay: dead letters go on, chosen and corrected in the form of a DAG run."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from airflow.sdk import BaseOperator, Context, Param
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.flows import FlowConfig, dag_of
from ledgerbridge.state import transaction
from ledgerbridge.state.mending import (
    Person,
    Wanted,
    correct,
    discard,
    find_letters,
    letters_by_id,
    nothing_chosen,
    replay,
)
from ledgerbridge.state.models import DeadLetter
from ledgerbridge.yaml_files import load_file
from operators import settings

__all__ = ["REPLAY_PARAMS", "ReplayOperator"]


def _text(title: str, description: str) -> Param:
    return Param(None, type=["null", "string"], title=title, description_md=description)


REPLAY_PARAMS = {
    "ids": Param(
        [], type="array", items={"type": "string"}, title="Letters", description_md="Ids, one a line; none: the filter."
    ),
    "company": _text("Company", "Filter: letters of the company with this key."),
    "flow": _text("Flow", "Filter: letters of this flow."),
    "leg": _text("Leg", "Filter: letters of this leg."),
    "code": _text("Error code", "Filter: e.g. `LB-MAP-002`."),
    "label": _text("Record", "Filter: the record's name, e.g. `#1016`."),
    "since": Param(
        None, type=["null", "string"], format="date", title="Since", description_md="Filter: written since."
    ),
    "path": _text("Field to correct", "Of one letter: `raw.lineItems.0.sku`, `document.header.ADDRESS1`. Empty: none."),
    "value": _text("Corrected value", "What the field should be."),
    "action": Param("replay", enum=["replay", "discard"], title="What to do"),
    "force": Param(
        False, type="boolean", title="Also stale ones", description_md="Where the source has changed since."
    ),
    "reason": Param("", type="string", minLength=1, title="Reason", description_md="Kept in the audit."),
}
"""The form of a run."""


class ReplayOperator(BaseOperator):
    """
    Correct, replay or discard the dead letters that the run's params choose.

    Returns what starts the stages concerned: ``trigger_dag_id`` and ``conf`` with the legs.
    """

    ui_color = "#fdf0e3"

    @cached_property
    def engine(self) -> Engine:
        """The state database."""
        return settings.state_engine()

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """
        Do it in one transaction; all letters or none.

        :raises LedgerbridgeError: one of them can't be mended so.
        """
        params = context["params"]
        person = Person(_who(context), params["reason"], self.task_id, str(context["run_id"]))
        with transaction(self.engine) as session:
            letters = _chosen(session, params)
            if params["path"]:
                correct(session, _only(letters), params["path"], params["value"] or "", person)
            if params["action"] == "discard":
                discard(session, letters, person)
                self.log.info("discarded=%d", len(letters))
                return []
            replayed = letters_by_id(session, replay(session, letters, person, force=params["force"]))
        self.log.info("replayed=%s", ",".join(letter.id for letter in replayed))
        legs: dict[str, set[str]] = {}
        for company, flow in {(letter.company, letter.flow) for letter in replayed}:
            dag_of_leg = _dags(company, flow)
            for letter in replayed:
                if (letter.company, letter.flow) == (company, flow):
                    legs.setdefault(dag_of_leg.get(letter.leg, flow), set()).add(letter.leg)
        return [{"trigger_dag_id": dag, "conf": {"legs": sorted(names)}} for dag, names in sorted(legs.items())]


def _dags(company: str, flow: str) -> dict[str, str]:
    """The DAG of each leg of a company's flow; none of a flow without a file: people wrote its DAG by hand."""
    path = settings.include_folder() / "flows" / f"{flow}.yaml"
    if not path.exists():
        return {}
    config, _ = load_file(path, FlowConfig, code="LB-CFG-003")
    return {leg: dag_of(flow, stage, settings.in_dag_ids(company)) for leg, stage in config.stage_of.items()}


def _chosen(session: Session, params: Any) -> list[DeadLetter]:
    if params["ids"]:
        return letters_by_id(session, params["ids"])
    filters = {name: params[name] for name in ("company", "flow", "leg", "code", "label") if params[name]}
    since = datetime.fromisoformat(params["since"]).replace(tzinfo=UTC) if params["since"] else None
    if not filters and since is None:
        raise nothing_chosen()
    return find_letters(session, Wanted(states=("open",), since=since, **filters))


def _only(letters: list[DeadLetter]) -> DeadLetter:
    if len(letters) != 1:
        raise ConfigurationError(
            "LB-LET-006",
            f"a correction concerns one dead letter, the form chooses {len(letters)}.",
            remedy="Give the id of one letter, or leave the field to correct empty.",
        )
    return letters[0]


def _who(context: Context) -> str:
    run = context.get("dag_run")
    return str(getattr(run, "triggering_user_name", None) or "airflow")
