"""
What a user may see and do in the console: the rule of all pages, asked of each leg by the DAG of its stage.

Who may read the task instances of a DAG sees its letters and documents without values; who may edit the DAG sees values
and mends.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Literal

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.configuration import conf
from airflow.models.dag import DagModel
from fastapi import Depends, Header, HTTPException

from ledgerbridge.flows import dag_of
from ledgerbridge.state.letter_list import Place
from operators import settings
from pages.console.flow_files import flow_named
from pages.masters import form_token

__all__ = ["TOKEN_OF", "Access", "AccessDep", "FormDep", "dag_of_place", "order_in_flow"]

TOKEN_OF = "console"
"""What the console's form token is of; those of the pages are of a DAG each."""


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

    def may_start(self, dag: str) -> bool:
        """Whether the user may start runs of a DAG."""
        return self._may(dag, "POST", DagAccessEntity.RUN)

    def may_read_audit(self) -> bool:
        """Whether the user may read the audit of everything, as Airflow's own audit log."""
        entity = DagAccessEntity.AUDIT_LOG
        return bool(get_auth_manager().is_authorized_dag(method="GET", access_entity=entity, user=self.user))

    def readable(self, places: Iterable[Place]) -> list[Place]:
        """Of these places those whose letters the user sees."""
        return [each for each in places if self.may_read(each)]

    def _may(self, dag: str, method: Literal["GET", "POST", "PUT"], entity: DagAccessEntity | None) -> bool:
        team = DagModel.get_team_name(dag) if conf.getboolean("core", "multi_team", fallback=False) else None
        details = DagDetails(id=dag, team_name=team)
        manager = get_auth_manager()
        return bool(manager.is_authorized_dag(method=method, access_entity=entity, details=details, user=self.user))


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


def dag_of_place(place: Place) -> str:
    """The DAG of the stage a leg is in; of a flow that has no file the DAG of its name, which people wrote by hand."""
    _, stage = order_in_flow(place.flow, place.leg)
    return dag_of(place.flow, stage, settings.in_dag_ids(place.company)) if stage else place.flow


def order_in_flow(flow: str, leg: str) -> tuple[int, str]:
    """The position of a leg in its flow, and its stage; behind all others that of a leg which no file names."""
    config = flow_named(flow)
    legs = [] if config is None else [(leg, stage) for stage in config.stages for leg in config.of_stage(stage)]
    return next(((at, stage) for at, (name, stage) in enumerate(legs) if name == leg), (len(legs), ""))
