"""What is to be known of a system before anything of it is imported: one object in the `system.py` of its package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ConnectionForm", "System", "addresses", "number", "subscribed", "text", "webhook_secrets"]


@dataclass(frozen=True)
class ConnectionForm:
    """
    The form under which people enter a connection.

    :param type: the connection type, which connections that are stored bear: it never changes.
    :param title: its name in the list of types; the hook's ``hook_name``.
    :param hook: path of the hook's class, ``package.module:Class``.
    :param extra: the fields of the connection's extra, made by ``text`` and ``number``.
    :param labels: what the common fields (host, login …) are called instead.
    :param examples: what stands in an empty field.
    :param hidden: common fields that mean nothing here.
    """

    type: str
    title: str
    hook: str
    extra: Mapping[str, dict[str, Any]]
    labels: Mapping[str, str]
    examples: Mapping[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class System:
    """
    A system that flows can name.

    Whatever needs a library is named by its path, ``package.module:name``, and imported by those who use it: parsing a
    DAG file or showing a form takes none of it.

    :param name: as flows, mappings and the company file write it; that of its package.
    :param hook: path of the hook's class, made of a connection's id.
    :param entities: path of its entities: the class of each by name, made of what the hook gives it.
    :param forms: the forms of its connections.
    :param target_fields: path of a function that gives the fields of a target by part, and a text's length; None
        where any field goes.
    :param described: path of a function that gives what is to be known of an entity's fields, ``(name, written=…)`` to
        an entity of ``ledgerbridge.suggest`` or None; None where `fields.yaml` of its package says it, or nothing does.
    :param books: path of a class that tells what was booked, where the system is a ledger.
    :param effects: path of a function that gives what it will book of a document, an ``EffectOf`` of
        ``ledgerbridge.reconciliation``, where the system is a ledger; it asks nothing.
    :param gateway_books: path of a class that tells what moved its balance, where it is a payment gateway.
    :param webhooks: path of a class that knows its webhooks, made of a connection's id; None where it sends none.
    :param gateway_fields: what it has to be told of each gateway in the company file: key and what it says.
    :param calls_per_day: how many calls it takes of a caller, where a connection's `calls_per_day` says nothing else;
        None: it limits none.
    :param addresses: by entity where people see a document of it, ``{id}`` and ``{number}`` in it, and by ``home``
        where they begin; a connection's `addresses` go before.
    """

    name: str
    hook: str
    entities: str
    forms: tuple[ConnectionForm, ...]
    target_fields: str | None = None
    described: str | None = None
    books: str | None = None
    effects: str | None = None
    gateway_books: str | None = None
    webhooks: str | None = None
    gateway_fields: Mapping[str, str] = field(default_factory=dict)
    calls_per_day: int | None = None
    addresses: Mapping[str, str] = field(default_factory=dict)


def text(label: str, description: str, **schema: Any) -> dict[str, Any]:
    """A field of a form that holds text; ``schema`` is JSON Schema, such as ``enum`` or ``format``."""
    return {"label": label, "description": description, "schema": {"type": ["string", "null"], **schema}}


def number(label: str, description: str, **schema: Any) -> dict[str, Any]:
    """A field of a form that holds a whole number; ``schema`` is JSON Schema, such as ``minimum``."""
    return {"label": label, "description": description, "schema": {"type": ["integer", "null"], **schema}}


def addresses(example: str) -> dict[str, dict[str, Any]]:
    """The field for where people see the documents of a connection."""
    told = (
        "Where people see its documents, one entity a line, `home` for where they begin; {id} and {number} are filled"
        " in. For example"
    )
    return {"addresses": text("Addresses", f"{told} `{example}`.", format="multiline")}


def webhook_secrets(description: str) -> dict[str, dict[str, Any]]:
    """The fields for what a system signs its webhooks with, and its predecessor while that is rotated."""
    before = "Its predecessor, as long as something is signed with that."
    return {
        "webhook_secret": text("Webhook secret", description, format="password"),
        "webhook_secret_before": text("Webhook secret before", before, format="password"),
    }


def subscribed() -> dict[str, dict[str, Any]]:
    """The field for where a system tells of changes, of one that ends that by itself."""
    told = "The receiver's address, as of `connect … --webhooks`: the DAG `watch` tells when it is no longer used."
    return {"webhooks": text("Webhooks", told)}
