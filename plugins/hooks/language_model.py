"""A language model behind an Airflow connection, by Airflow's provider for them; asked only where a person says so."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from airflow.sdk import BaseHook
from pydantic import BaseModel, Field

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.suggest import INSTRUCTIONS, Opinion

__all__ = ["may_see_values", "opinions_of"]

_SECONDS = 120


class _Order(BaseModel):
    """The candidates of one target field."""

    field: str = Field(description="The target field, as it was given.")
    order: list[int] = Field(description="Numbers of its candidates, the best first; empty: none fits.")


def may_see_values(connection: str) -> bool:
    """Whether values may go to this model, not only what fields are called: ``{"values": true}`` of its extra."""
    return BaseHook.get_connection(connection).extra_dejson.get("values") is True


def opinions_of(connection: str, questions: Iterable[Mapping[str, Any]]) -> dict[str, Opinion]:
    """
    What the model says of each target field, by its path.

    :param connection: of a type of `apache-airflow-providers-common-ai`; the model is in its extra.
    :raises ConfigurationError: LB-SUG-007, the provider is not installed; LB-SUG-008, the model can't be asked or
        answers in no form that was asked for.
    """
    try:
        from airflow.providers.common.ai.hooks.pydantic_ai import PydanticAIHook
        from pydantic_ai.exceptions import AgentRunError, UserError
    except ImportError as error:
        raise ConfigurationError(
            "LB-SUG-007",
            f"a language model can't be asked without Airflow's provider for them: {error}.",
            remedy="Install it, `pip install --require-hashes -r requirements-llm.txt`, or leave `--ask` away.",
        ) from error
    found: dict[str, Opinion] = {}
    try:
        agent = PydanticAIHook.get_hook(connection).create_agent(
            list[_Order], instructions=INSTRUCTIONS, model_settings={"temperature": 0, "timeout": _SECONDS}
        )
        for each in questions:
            answer = agent.run_sync(json.dumps(each, ensure_ascii=False)).output
            found |= {one.field: Opinion(one.field, tuple(one.order)) for one in answer}
    except (AgentRunError, UserError, ValueError) as error:
        raise ConfigurationError(
            "LB-SUG-008",
            f"the language model behind connection {connection} gave no opinion: {error}",
            remedy="Look at host, password and model of the connection, or leave `--ask` away: suggestions need none.",
        ) from error
    return found
