"""
What a user may see and do in the console: the rule of all pages, asked of each leg by the DAG of its stage.

Who may read the task instances of a DAG sees its letters and documents without values; who may edit the DAG sees values
and mends; who may change Airflow's variables besides is an engineer, and edits the files the DAG is built by.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Literal

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails, VariableDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.configuration import conf
from airflow.models.dag import DagModel
from fastapi import Depends, Header, HTTPException

from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.flows import dag_of
from ledgerbridge.state.letter_list import Place
from operators import settings
from pages.console.flow_files import flow_named
from pages.masters import form_token

__all__ = ["NO_ENGINEER", "TOKEN_OF", "Access", "AccessDep", "FormDep", "dag_of_place", "order_in_flow"]

TOKEN_OF = "console"
"""What the console's form token is of; those of the pages are of a DAG each."""
NO_ENGINEER = "LB-DRF-008"
"""Who may not edit files; told as what is forbidden."""


@dataclass(frozen=True)
class Access:
    """
    What one user may do.

    :param user: as Airflow's auth manager knows them.
    """

    user: Any

    @property
    def name(self) -> str:
        """How the audit names the user."""
        return str(self.user.get_name())

    def may_read(self, place: Place) -> bool:
        """Whether the user sees that there is something, and what state it is in."""
        return self.may_read_dag(dag_of_place(place))

    def may_mend(self, place: Place) -> bool:
        """Whether the user sees values and may change what becomes of them."""
        return self.may_mend_dag(dag_of_place(place))

    def may_read_dag(self, dag: str) -> bool:
        """The same of all that a stage does, by its DAG."""
        return self._may(dag, "GET", DagAccessEntity.TASK_INSTANCE)

    def may_mend_dag(self, dag: str) -> bool:
        """The same of all that a stage does, by its DAG."""
        return self._may(dag, "PUT", None)

    def may_answer(self, dag: str) -> bool:
        """Whether the user may answer what a DAG asks people; of a question that names people, if they are of them."""
        return self._may(dag, "PUT", DagAccessEntity.HITL_DETAIL)

    def may_start(self, dag: str) -> bool:
        """Whether the user may start runs of a DAG."""
        return self._may(dag, "POST", DagAccessEntity.RUN)

    def may_edit(self, dags: Collection[str]) -> bool:
        """Whether the user may edit the files that DAGs are built by: who may mend them all, and is an engineer."""
        return all(map(self.may_mend_dag, dags)) and self._is_engineer(dags)

    def must_edit(self, dags: Collection[str], what: str) -> None:
        """
        Let only those go on who may edit the files that DAGs are built by.

        :param what: what they would do, for who reads that they may not.
        :raises LedgerbridgeError: the user may not; it names the right that they lack.
        """
        if not self.may_edit(dags):
            mends = all(map(self.may_mend_dag, dags))
            lacks = "change its variables" if mends else "edit the DAGs of all stages that it concerns"
            raise LedgerbridgeError(
                NO_ENGINEER,
                f"only engineers {what}; Airflow does not let you {lacks} (`PUT`).",
                remedy="Let an engineer do it, or ask for that role: docs/how-to/give-roles.md.",
            )

    def may_read_audit(self) -> bool:
        """Whether the user may read the audit of everything, as Airflow's own audit log."""
        entity = DagAccessEntity.AUDIT_LOG
        return bool(get_auth_manager().is_authorized_dag(method="GET", access_entity=entity, user=self.user))

    def readable(self, places: Iterable[Place]) -> list[Place]:
        """Of these places those whose letters the user sees."""
        return [each for each in places if self.may_read(each)]

    def _may(self, dag: str, method: Literal["GET", "POST", "PUT"], entity: DagAccessEntity | None) -> bool:
        details = DagDetails(id=dag, team_name=_team(dag))
        manager = get_auth_manager()
        return bool(manager.is_authorized_dag(method=method, access_entity=entity, details=details, user=self.user))

    def _is_engineer(self, dags: Iterable[str]) -> bool:
        """Variables hold nothing of ours: the right to change them tells engineers from operators (decision 200)."""
        may_change = get_auth_manager().is_authorized_variable
        teams = {_team(dag) for dag in dags}
        return all(may_change(method="PUT", details=VariableDetails(team_name=team), user=self.user) for team in teams)


def access(user: GetUserDep) -> Access:
    """What who asks may do."""
    return Access(user)


AccessDep = Annotated[Access, Depends(access)]


def own_page(access: AccessDep, token: Annotated[str, Header(alias="X-Ledgerbridge-Token")] = "") -> Access:
    """The same of somebody who writes: a browser sends the session's cookie whichever site's page asks it to."""
    if not hmac.compare_digest(token.encode(), form_token(str(access.user.get_id()), TOKEN_OF).encode()):
        raise HTTPException(HTTPStatus.FORBIDDEN, "This was not asked by a page of yours. Load the console again.")
    return access


FormDep = Annotated[Access, Depends(own_page)]


def _team(dag: str) -> str | None:
    return DagModel.get_team_name(dag) if conf.getboolean("core", "multi_team", fallback=False) else None


def dag_of_place(place: Place) -> str:
    """The DAG of the stage a leg is in; of a flow that has no file the DAG of its name, which people wrote by hand."""
    _, stage = order_in_flow(place.flow, place.leg)
    return dag_of(place.flow, stage, settings.in_dag_ids(place.company)) if stage else place.flow


def order_in_flow(flow: str, leg: str) -> tuple[int, str]:
    """The position of a leg in its flow, and its stage; behind all others that of a leg which no file names."""
    config = flow_named(flow)
    legs = [] if config is None else [(leg, stage) for stage in config.stages for leg in config.of_stage(stage)]
    return next(((at, stage) for at, (name, stage) in enumerate(legs) if name == leg), (len(legs), ""))
