"""What a verified webhook tells: that a record changed. The record itself is read again from its source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["WebhookEvent"]


@dataclass(frozen=True)
class WebhookEvent:
    """
    One event of a system.

    :param event_id: the same for every delivery of the event; what duplicates are recognised by.
    :param topic: in the system's own words (``orders/updated``, ``charge.succeeded``).
    :param occurred_at: by the system's clock, aware UTC.
    :param entity: the entity it concerns (``order``, ``charge``), None for topics no flow reads.
    :param record_id: the record's id within its scope, None where ``entity`` is.
    """

    event_id: str
    topic: str
    occurred_at: datetime
    entity: str | None = None
    record_id: str | None = None
