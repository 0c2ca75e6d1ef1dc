"""What a verified webhook tells: that a record changed. The record itself is read again from its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from airflow.sdk import Connection

from ledgerbridge.errors import ConfigurationError

__all__ = ["Delivered", "WebhookEvent", "Webhooks", "secrets_of", "signing_keys"]


@dataclass(frozen=True)
class Delivered:
    """
    One request that says it is a webhook.

    :param headers: names in lower case.
    :param body: raw, before any parsing.
    :param at: this machine's time, aware.
    """

    headers: Mapping[str, str]
    body: bytes
    at: datetime


@dataclass(frozen=True)
class WebhookEvent:
    """
    One event of a system.

    :param event_id: the same for every delivery of the event; what duplicates are recognised by.
    :param topic: in the system's own words (``orders/updated``, ``charge.succeeded``).
    :param occurred_at: by the system's clock, aware UTC.
    :param entity: the entity it concerns (``order``, ``charge``), None for topics no flow reads.
    :param record_id: the record's id within its scope, None where ``entity`` is.
    :param scope: whose it is, where one address hears of several: an app's organisations. None: the connection's.
    """

    event_id: str
    topic: str
    occurred_at: datetime
    entity: str | None = None
    record_id: str | None = None
    scope: str | None = None


class Webhooks(Protocol):
    """How a system tells over one connection that something changed; made of the connection's id."""

    @property
    def scope(self) -> str:
        """The scope of the connection's record keys."""

    @property
    def announces(self) -> Mapping[str, Sequence[str]]:
        """By the entity an event concerns, those of which records change with it."""

    def is_genuine(self, delivered: Delivered) -> bool:
        """
        Whether it comes from the system; takes the same time for every wrong signature.

        :raises ConfigurationError: a secret is blank.
        """

    def events(self, delivered: Delivered) -> list[WebhookEvent]:
        """
        What a genuine one tells.

        :raises ValueError: it has no shape that the system's webhooks have.
        """


def secrets_of(connection: Connection, default: str | None = None) -> list[str]:
    """
    What webhooks of a connection are signed with: `webhook_secret` of its extra, and for a rotation its predecessor.

    :param default: where the system signs with what the connection has anyway.
    """
    extra = connection.extra_dejson
    named = [extra.get("webhook_secret") or default, extra.get("webhook_secret_before")]
    return [str(secret) for secret in named if secret]


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
