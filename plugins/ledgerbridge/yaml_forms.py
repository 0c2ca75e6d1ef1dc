"""What is written at a place of a YAML file, as values that a form shows and loses nothing of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from ledgerbridge.yaml_files import excess

__all__ = ["Unshowable", "form_of"]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT, _WORD, _NONE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:null"
_TRUE = ("yes", "true", "on")


class Unshowable(Exception):
    """Why a form would lose something of what people wrote."""


def form_of(written: str) -> Any:
    """
    Texts, true, false, None, lists and mappings; a number, day or instant is ``{"yaml": as it is written}``.

    :raises Unshowable: a comment, an anchor, an alias or a tag is in it, or it is no YAML.
    """
    try:
        if excess(written) is not None:
            raise Unshowable("it is more than a form shows")
        _must_be_plain(written)
        return _value(yaml.compose(written, Loader=_LOADER))
    except yaml.YAMLError:
        raise Unshowable("it is no YAML") from None


def _must_be_plain(written: str) -> None:
    end = 0
    events: Iterator[Any] = yaml.parse(written, Loader=_LOADER)
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            raise Unshowable(f"it uses *{event.anchor}, which stands elsewhere")
        if isinstance(event, yaml.NodeEvent) and event.anchor:
            raise Unshowable(f"&{event.anchor} in it is used elsewhere")
        if getattr(event, "tag", None):
            raise Unshowable(f"{event.tag} says what kind of value it is")
        scalar: Any = event if isinstance(event, yaml.ScalarEvent) else None
        if scalar is not None:
            if "#" in written[end : scalar.start_mark.index]:
                raise Unshowable("a comment stands in it")
            end = scalar.end_mark.index
    if "#" in written[end:]:
        raise Unshowable("a comment stands in it")


def _value(node: yaml.Node | None) -> Any:
    if isinstance(node, yaml.MappingNode):
        return dict(_entries(node))
    if isinstance(node, yaml.SequenceNode):
        return [_value(each) for each in node.value]
    if node is None or node.tag == _NONE:
        return None
    if node.tag == _WORD:
        return node.value.lower() in _TRUE
    return node.value if node.tag == _TEXT else {"yaml": node.value}


def _entries(node: yaml.MappingNode) -> Iterator[tuple[str, Any]]:
    seen = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.value in seen:
            raise Unshowable("a key in it is a list, or stands twice")
        seen.add(key.value)
        yield key.value, _value(value)
