"""The pages of masters that two ledgers keep in step: how far they are, and who is who; the last takes answers."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any

from airflow.configuration import conf
from sqlalchemy.orm import Session

from ledgerbridge.audit import Actor
from ledgerbridge.flows import FlowConfig, SideLegConfig
from ledgerbridge.state.models import MatchProposal
from ledgerbridge.sync import (
    Overview,
    Page,
    alone_in,
    answer_proposals,
    asked_about,
    different,
    linked,
    open_proposals,
    overview,
)

__all__ = ["LISTS", "Asked", "Masters", "answer", "asked", "form_token", "masters_of"]


LISTS = {"linked": "Linked", "different": "Different, or not there yet", "waiting": "A person says"}
"""The lists of records that each kind of master has, and what a page calls them."""


@dataclass(frozen=True)
class Masters:
    """One kind of master of a stage: its two sides, the legs that keep them in step, whether they have a meeting."""

    kind: str
    sides: tuple[str, str]
    legs: list[str]
    meets: bool

    def overview(self, session: Session, company: str, flow: str, most: int) -> Overview:
        """How far the two sides are in step."""
        return overview(session, company, flow, self.kind, self.sides, self.legs, most=most)

    def records(self, session: Session, company: str, flow: str, name: str, offset: int, limit: int) -> Page:
        """
        Some of the records behind a count.

        :param name: one of ``LISTS``, or one of the sides: what it alone has.
        :raises LookupError: there is no such list.
        """
        match name:
            case "linked":
                return linked(session, company, self.kind, self.sides, offset, limit)
            case "different":
                return different(session, company, flow, self.sides, self.legs, offset, limit)
            case "waiting":
                return asked_about(session, company, self.kind, self.sides, offset, limit)
            case side if side in self.sides:
                return alone_in(session, company, self.kind, self.sides, side, offset, limit)
        raise LookupError(name)


@dataclass(frozen=True)
class Asked:
    """Two records of which a person says whether they are one, with what each holds, field by field."""

    id: int
    score: float
    numbers: tuple[str | None, str | None]
    agreements: list[dict[str, Any]]
    fields: list[tuple[str, Any, Any]]


def masters_of(flow: FlowConfig, stage: str) -> dict[str, Masters]:
    """The kinds of master of a stage, by the name of what keeps them in step in the flow's file."""
    found: dict[str, Masters] = {}
    for name, leg in flow.of_stage(stage).items():
        if isinstance(leg, SideLegConfig):
            sync = leg.sync
            sides, meets = (sync.sides[0].entity, sync.sides[1].entity), sync.matching.meeting is not None
            written = name.removesuffix(f"_{leg.target.partition('.')[0]}")
            found.setdefault(written, Masters(sync.entity, sides, [], meets)).legs.append(name)
    return found


def asked(session: Session, company: str, kind: str, offset: int, limit: int) -> tuple[list[Asked], int]:
    """What people are asked and have not answered, likeliest first, and how many there are."""
    rows = open_proposals(session, company, kind)
    return [_asked(row) for row in rows[offset : offset + limit]], len(rows)


def answer(session: Session, flow: str, company: str, kind: str, proposal: int, by: str, *, accept: bool) -> None:
    """
    Carry out what a person says.

    :raises LookupError: this kind of master has no such proposal.
    :raises LedgerbridgeError: it can't be carried out: somebody has answered, or both are linked with others.
    """
    row = session.get(MatchProposal, proposal)
    if row is None or (row.company, row.kind) != (company, kind):
        raise LookupError(proposal)
    answer_proposals(session, Actor(flow, "", "", "page"), {proposal: accept}, by)


def form_token(user: str, dag_id: str) -> str:
    """
    What a form of a user's page carries, and no page of another site can know: a browser sends a session's cookie
    whoever wrote the form.
    """
    key = conf.get_mandatory_value("api", "secret_key").encode()
    return hmac.new(key, f"ledgerbridge-form {user} {dag_id}".encode(), "sha256").hexdigest()


def _asked(row: MatchProposal) -> Asked:
    left, right = ((row.shown or {}).get(side, {}) for side in row.sides)
    fields = [(name, left.get(name), right.get(name)) for name in dict.fromkeys([*left, *right])]
    told = [each for each in fields if each[1:] != (None, None)]
    return Asked(row.id, row.score, (row.left_number, row.right_number), row.agreements, told)
