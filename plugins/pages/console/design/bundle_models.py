"""What the API of bundles takes and gives."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from pages.console.design.models import TryView

__all__ = ["BundleFileView", "BundleOffered", "BundleView", "BundlesView", "PromotionView"]

_LARGEST = 20_000_000
"""Characters of a bundle as it is sent; the shipped files are 0.2 million."""


class PromotionView(BaseModel):
    """
    A bundle that was offered here, and what became of it.

    :param run: where Airflow shows the run that checks it and asks for its approval; None: there is none yet.
    :param approval: where somebody approves it; None: nobody is asked. :param approvers: the names of those who are,
        none: all who may edit the DAG. :param may_approve: whether the user is one of them.
    :param may_go_back: whether it is live, nothing was changed since, and the user may take it back.
    """

    id: int
    state: str
    sha256: str
    environment: str | None
    packed_by: str
    packed_at: datetime
    offered_by: str
    offered_at: datetime
    said_by: str | None
    said_at: datetime | None
    applied_at: datetime | None
    undone_by: str | None
    undone_at: datetime | None
    run: str | None
    approval: str | None
    approvers: list[str]
    may_approve: bool
    may_go_back: bool = False


class BundlesView(BaseModel):
    """
    The bundles that were offered to this environment.

    :param environment: what it calls itself; :param keys: whose bundles are taken; :param may_offer: whether the user
        may pack, offer and take back; :param may_start: whether they may start the run that asks for approval.
    """

    environment: str | None
    keys: list[str]
    may_offer: bool
    may_start: bool
    promotions: list[PromotionView]


class BundleFileView(BaseModel):
    """A file that a bundle changes: `new`, `gone` or `changed`, with the lines."""

    name: str
    how: str
    diff: list[str]


class BundleView(PromotionView):
    """The same with what it changes, what is wrong with it, and what it would have changed over the last days."""

    may_start: bool
    refused: str | None = None
    files: list[BundleFileView]
    problems: list[str]
    tried: TryView | None


class BundleOffered(BaseModel):
    """A bundle's bytes, in base64."""

    content: Annotated[str, Field(min_length=1, max_length=_LARGEST)]
