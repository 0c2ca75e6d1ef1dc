"""Naming one value inside a kept record, ``lineItems.0.sku``, and changing it."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

__all__ = ["PathError", "changed", "value_at"]


class PathError(ValueError):
    """The path leads nowhere; the message says where it ends and what is there."""


def value_at(record: Any, path: str) -> Any:
    """
    The value a path leads to; None for a name an object doesn't have.

    A name may hold dots itself (``Contact.ContactID``): the longest name that fits is taken.

    :raises PathError: it leads nowhere.
    """
    holder, step = _resolve(record, path)
    return holder.get(step) if isinstance(holder, dict) else holder[step]


def changed(record: Any, path: str, text: str) -> Any:
    """
    A copy of ``record`` with another value at ``path``, of the kind that was there: text stays text.

    Where nothing was there, or null, it becomes text. ``null`` takes a value away unless text is there.

    :raises PathError: the path leads nowhere, to an object or a list, or the text is not of the kind that is there.
    """
    copy = deepcopy(record)
    holder, step = _resolve(copy, path)
    holder[step] = _as(holder.get(step) if isinstance(holder, dict) else holder[step], text, path)
    return copy


def _resolve(record: Any, path: str) -> tuple[Any, Any]:
    """What holds the value, and its name or position there."""
    holder: Any = record
    step: str | int
    rest = path
    while True:
        if isinstance(holder, dict):
            step, rest = _name(holder, rest)
        elif isinstance(holder, list):
            text, _, rest = rest.partition(".")
            if not text.isdecimal() or int(text) >= len(holder):
                raise PathError(f'"{path}": "{text}" is no position of a list of {len(holder)}')
            step = int(text)
        else:
            raise PathError(f'"{path}": before "{rest}" stands a value that holds nothing')
        if not rest:
            return holder, step
        holder = holder.get(step) if isinstance(holder, dict) else holder[step]


def _name(holder: dict[str, Any], path: str) -> tuple[str, str]:
    """The longest name that fits and what of the path is left; an unknown name may only be the last one."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if name in holder:
            return name, ".".join(parts[length:])
    if not path or len(parts) > 1:
        raise PathError(f'"{path}" is not there; there are: {", ".join(sorted(holder)) or "no names"}')
    return path, ""


def _as(before: Any, text: str, path: str) -> Any:
    if isinstance(before, dict | list):
        raise PathError(f'"{path}" is no single value: name one inside it')
    if before is None or isinstance(before, str):
        return text
    if text == "null":
        return None
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if type(value) is not type(before):
        raise PathError(f'"{path}" takes a value like {json.dumps(before)}, not "{text}"')
    return value
