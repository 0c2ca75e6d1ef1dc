"""
What the simulated Stripe refuses: keys, versions, parameters, expansions, too many requests.

Source: sources.md Stripe §1.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sandbox.stripe.errors import InvalidKey, InvalidRequest, MissingPermission, RateLimited
from sandbox.stripe.events import API_VERSION
from sandbox.stripe.models import Account, Listing
from sandbox.stripe.settings import Settings

__all__ = ["authenticate", "count_request", "expand", "read_form", "read_listing", "served_version"]

Json = dict[str, Any]
MAX_LIMIT, DEFAULT_LIMIT, MAX_EXPANSION_DEPTH = 100, 10, 4

_EXPANDABLE = {
    "charge": {
        "balance_transaction": "balance_transaction",
        "failure_balance_transaction": "balance_transaction",
        "payment_intent": "payment_intent",
    },
    "refund": {
        "balance_transaction": "balance_transaction",
        "charge": "charge",
        "failure_balance_transaction": "balance_transaction",
        "payment_intent": "payment_intent",
    },
    "balance_transaction": {"source": ""},
    "payout": {
        "balance_transaction": "balance_transaction",
        "failure_balance_transaction": "balance_transaction",
        "original_payout": "payout",
        "reversed_by": "payout",
    },
    "dispute": {"charge": "charge", "payment_intent": "payment_intent"},
    "payment_intent": {"latest_charge": "charge"},
}
_KIND_BY_PREFIX = {
    "ch": "charge",
    "py": "charge",
    "re": "refund",
    "pyr": "refund",
    "po": "payout",
    "du": "dispute",
    "tu": "topup",
}


def authenticate(account: Account, authorization: str | None, permission: str) -> None:
    """
    Let the key's owner in who has the right ``permission`` (``charges_read``).

    :raises InvalidKey: no key, or one of nobody.
    :raises MissingPermission: a restricted key without that right.
    """
    key = _key_of(authorization or "")
    row = account.store.connection.execute("SELECT permissions FROM api_key WHERE key = ?", (key,)).fetchone()
    if row is None:
        raise InvalidKey(key)
    if row["permissions"] is not None and permission not in json.loads(row["permissions"]):
        raise MissingPermission(permission)


def _key_of(authorization: str) -> str:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return credentials.strip()
    try:
        return base64.b64decode(credentials).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def served_version(asked: str | None) -> str:
    """
    The API version that answers: the one asked for, else the account's default.

    :raises InvalidRequest: it isn't of a version's form.
    """
    version = asked or API_VERSION
    if not re.fullmatch(r"\d{4}-\d\d-\d\d(\.[a-z]+)?", version):
        raise InvalidRequest(f"Invalid Stripe API version: {version}")
    return version


def count_request(account: Account, endpoint: str) -> None:
    """
    Count a request against this second's budgets.

    :raises RateLimited: the account's or the endpoint's is used up.
    """
    settings = Settings.read(account.store)
    second = int(time.time())
    budgets = {"": settings.requests_per_second, endpoint: settings.requests_per_second_per_endpoint}
    with account.store.write() as connection:
        connection.execute("DELETE FROM request_count WHERE second < ?", (second,))
        for name, budget in budgets.items():
            row = connection.execute(
                "INSERT INTO request_count VALUES (?, ?, 1)"
                " ON CONFLICT (second, endpoint) DO UPDATE SET count = count + 1 RETURNING count",
                (second, name),
            ).fetchone()
            if row["count"] > budget:
                raise RateLimited("endpoint-rate" if name else "global-rate")


def read_form(pairs: Iterable[tuple[str, str]]) -> Json:
    """
    Form parameters: ``created[gte]=1&expand[]=charge`` is ``{"created": {"gte": "1"}, "expand": ["charge"]}``.

    :raises InvalidRequest: a name is nested deeper than the simulated endpoints take.
    """
    form: Json = {}
    for name, value in pairs:
        parts = re.fullmatch(r"(\w+)(?:\[(\w*)\])?", name)
        if parts is None:
            raise InvalidRequest(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
        key, inner = parts.groups()
        if inner is None:
            form[key] = value
        elif inner == "" or inner.isdigit():
            form.setdefault(key, []).append(value)
        else:
            form.setdefault(key, {})[inner] = value
    return form


def read_listing(kind: str, query: Mapping[str, Any], fields: Sequence[str], times: Sequence[str] = ()) -> Listing:
    """
    What a list request asks for.

    :param fields: the exact filters this list knows.
    :param times: its time filters besides ``created``.
    :raises InvalidRequest: a parameter is unknown or not of its form.
    """
    known = {"limit", "starting_after", "ending_before", "created", "expand", *fields, *times}
    if kind == "balance_transaction":
        known.add("payout")
    if unknown := sorted(set(query) - known):
        raise InvalidRequest(f"Received unknown parameter: {unknown[0]}", code="parameter_unknown", param=unknown[0])
    limit = _integer("limit", query.get("limit", DEFAULT_LIMIT))
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidRequest(
            f"This value must be between 1 and {MAX_LIMIT} (inclusive).",
            code="parameter_invalid_integer",
            param="limit",
        )
    return Listing(
        kind,
        limit,
        starting_after=query.get("starting_after"),
        ending_before=query.get("ending_before"),
        created=_bounds("created", query.get("created")),
        fields={name: query[name] for name in fields if name in query},
        times={name: _bounds(name, query[name]) for name in times if name in query},
        payout=query.get("payout"),
    )


def _bounds(name: str, value: Any) -> dict[str, int]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        return {"eq": _integer(name, value)}
    if unknown := set(value) - {"gt", "gte", "lt", "lte"}:
        raise InvalidRequest(
            f"Received unknown parameter: {name}[{unknown.pop()}]", code="parameter_unknown", param=name
        )
    return {operator: _integer(name, bound) for operator, bound in value.items()}


def _integer(name: str, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name) from error


def expand(account: Account, document: Json, paths: Sequence[str]) -> Json:
    """
    Put objects in the place of their ids.

    :param paths: such as ``balance_transaction``, or ``data.source`` of a list.
    :raises InvalidRequest: deeper than four levels, or not expandable.
    """
    for path in paths:
        keys = path.split(".")
        if len(keys) > MAX_EXPANSION_DEPTH:
            raise InvalidRequest(
                f"You cannot expand more than 4 levels of a property. Property: {path}", param="expand"
            )
        _expand(account, document, keys, path)
    return document


def _expand(account: Account, document: Json, keys: list[str], path: str) -> None:
    key, *deeper = keys
    if document.get("object") == "list":
        if key != "data":
            raise InvalidRequest(f"This property cannot be expanded ({path}). Lists start with `data.`", param="expand")
        for item in document["data"] if deeper else ():
            _expand(account, item, deeper, path)
        return
    kinds = _EXPANDABLE.get(document["object"], {})
    if key not in kinds:
        raise InvalidRequest(f"This property cannot be expanded ({path}).", param="expand")
    value = document.get(key)
    if isinstance(value, str):
        document[key] = account.find(kinds[key] or _KIND_BY_PREFIX[value.partition("_")[0]], value)
    below = document.get(key)
    # of what may be of several kinds, those expand that have it
    if deeper and below is not None and (kinds[key] or deeper[0] in _EXPANDABLE.get(below["object"], {})):
        _expand(account, below, deeper, path)
