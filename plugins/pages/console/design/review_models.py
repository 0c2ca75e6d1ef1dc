"""What the API of reviews gives."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from pages.console.design.flow_models import StageNode
from pages.console.design.models import PartChange, SaidView

__all__ = ["ReviewView"]


class ReviewView(BaseModel):
    """A draft with what it changes; of a flow its stages as they were and are, of others the parts that differ."""

    id: int
    file: str
    kind: str
    name: str
    by: str
    state: str
    version: int
    changed_at: datetime
    note: str
    diff: list[str]
    comments: list[SaidView]
    may_comment: bool
    changes: list[PartChange] = []
    stages_before: list[StageNode] = []
    stages_after: list[StageNode] = []
