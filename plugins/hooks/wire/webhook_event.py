"""What a verified webhook tells: that a record changed. The record itself is read again from its source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledgerbridge.errors import ConfigurationError

__all__ = ["WebhookEvent", "signing_keys"]


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


def signing_keys(system: str, secrets: Sequence[str]) -> list[bytes]:
    """
    What a system signs its webhooks with.

    :raises ConfigurationError: one is blank, with which anybody can sign.
    """
    if not all(secret.strip() for secret in secrets):
        raise ConfigurationError(
            "LB-CFG-024",
            f"one of the {len(secrets)} secrets that {system} signs its webhooks with is blank, expected one secret, or"
            " two during a rotation.",
            remedy=f"Set it as {system} shows it; leave a predecessor away rather than blank.",
        )
    return [secret.encode() for secret in secrets]
