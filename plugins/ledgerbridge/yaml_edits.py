"""
Changing one thing in a file that people write by hand: all other bytes of it stay as they are.

The text itself is changed, at the place where the thing stands. Writing a file anew from what was read of it, as
ruamel.yaml does, changes 30 of the 129 files shipped here (decision 110).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NoReturn

import yaml

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.yaml_files import Location, excess, nearest

__all__ = ["NOT_THERE", "YamlText", "in_braces", "in_lines", "under", "with_written"]

NOT_THERE = "LB-CFG-013"

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXTS_ONLY = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_INDENT = 2
_WIDTH = 100
"""Columns that a mapping of plain values may take in braces."""
_COMMENT = re.compile(r"[ \t]*(#[^\n]*)?$")


@dataclass
class _Node:
    """What stands at a place of the text, from ``start`` to ``end``; ``children`` by key or position."""

    start: int
    end: int
    is_block: bool = False
    is_list: bool = False
    alias: str | None = None
    anchor: str | None = None
    children: dict[str | int, _Node] = field(default_factory=dict)
    keys: dict[str | int, _Node] = field(default_factory=dict)
    is_container: bool = False


@dataclass(frozen=True)
class YamlText:
    """
    The text of a YAML file, and the same with one thing changed.

    A place is a path of keys and of positions in lists. What is written there is YAML as it would stand alone, its
    first line not indented; comments and anchors in it are kept.

    :param name: of the file, for messages.
    """

    text: str
    name: str = "file"

    def written(self, location: Location) -> str:
        """
        What is written at a place, as it would stand alone.

        :raises ConfigurationError: LB-CFG-013, nothing stands there.
        """
        parent, node = self._at(location[:-1]), self._at(location)
        if not parent.is_block:
            return self.text[node.start : node.end]
        own_line = self._own_line(parent, location[-1])
        if own_line is None:
            by_dash = parent.is_list and node.is_block
            columns = self._indent(node.start) if by_dash else self._column(parent, location[-1])
            return _dedented(self.text[node.start : node.end], columns)
        return _dedented(self.text[own_line : node.end], self._indent(node.start)).lstrip(" ")

    def line(self, location: Location) -> int:
        """The line, from 1, that a place begins at."""
        parent = self._at(location[:-1])
        start = parent.keys.get(location[-1], self._at(location)).start if location else 0
        return self.text.count("\n", 0, start) + 1

    def last_line(self, location: Location) -> int:
        """The line, from 1, that a place ends at."""
        return self.text.count("\n", 0, self._at(location).end) + 1

    def standing(self, location: Location) -> Location:
        """A place, or the deepest one on the way to it that is written: of what an alias stands for, the alias."""
        node = self._root
        for depth, step in enumerate(location):
            if step not in node.children:
                return location[:depth]
            node = node.children[step]
        return location

    def keys(self, location: Location) -> list[str]:
        """The keys of a mapping, in their order."""
        return [str(key) for key in self._at(location).children]

    def items(self, location: Location) -> int | None:
        """How many items a list has; None: it is none."""
        node = self._at(location)
        return len(node.children) if node.is_list else None

    def is_in_braces(self, location: Location) -> bool:
        """Whether what a mapping or list holds stands in braces, on one line."""
        return not self._at(location).is_block

    def put(self, location: Location, written: str) -> YamlText:
        """
        The text with this written at a place; a key that is not there is added behind the others, as is a list's next
        item.

        :raises ConfigurationError: LB-CFG-013, it can't stand there, or would change what stands elsewhere.
        """
        parent, key = self._at(location[:-1]), location[-1]
        self._must_parse(written, location)
        if key not in parent.children:
            if not parent.children and not parent.is_block and parent.is_container and _takes_own_lines(written):
                # nothing stands in the braces: they give way to lines
                return self.put(location[:-1], under(None if parent.is_list else key, written))
            return self._checked(self._added(parent, location, written), location)
        if written == self.written(location):
            return self
        node = parent.children[key]
        if not parent.is_block:
            self._must_fit_a_line(written, location)
            return self._checked(self.text[: node.start] + written.strip() + self.text[node.end :], location)
        return self._checked(self._replaced(parent, key, written), location)

    def take_away(self, location: Location) -> YamlText:
        """
        The text without what stands at a place, and its key.

        :raises ConfigurationError: LB-CFG-013, nothing stands there, or something elsewhere needs it.
        """
        parent, key = self._at(location[:-1]), location[-1]
        node = self._at(location)
        keys = list(parent.children)
        if len(keys) == 1 and parent.is_block:
            return self.put(location[:-1], "[]" if parent.is_list else "{}")
        if parent.is_block:
            start, end = self._line_start(parent.keys[key].start), self._line_end(node.end) + 1
            if not self.text[start : parent.keys[key].start].isspace() and start != parent.keys[key].start:
                # the first key behind a list's dash: the next one takes its place
                start, end = parent.keys[key].start, parent.keys[keys[1]].start
        elif key == keys[-1]:
            start, end = (parent.children[keys[-2]].end if len(keys) > 1 else parent.keys[key].start), node.end
        else:
            start, end = parent.keys[key].start, parent.keys[keys[keys.index(key) + 1]].start
        if "#" in self.text[node.end : end].partition("\n")[2]:
            self._refuse(location, "a comment stands before what comes next.", "Move the comment first.")
        return self._checked(self.text[:start] + self.text[end:], location, gone=True)

    def rename(self, location: Location, key: str) -> YamlText:
        """
        The text with another key at a place; its value and its neighbours stay.

        :raises ConfigurationError: LB-CFG-013, nothing stands there, or the key is taken.
        """
        parent = self._at(location[:-1])
        self._at(location)
        if parent.is_list or key in parent.children:
            self._refuse(location, f'it can\'t be called "{key}".', "Take a key that is not there yet.")
        known = parent.keys[location[-1]]
        changed = YamlText(self.text[: known.start] + _key(key) + self.text[known.end :], self.name)
        place = (*location[:-1], key)
        renamed = {(*place, *at[len(location) :]) if at[: len(location)] == location else at: each
                   for at, each in _leaves(self.values)}  # fmt: skip
        if dict(_leaves(changed.values)) != renamed:
            self._refuse(location, f'as "{key}" it would change something else.', "Take another key.")
        return changed

    def changed_with(self, location: Location, other: YamlText) -> list[Location]:
        """Places outside this one whose value is another in ``other``: they are written as aliases of a part of it."""
        before, after = dict(_leaves(self.values)), dict(_leaves(other.values))
        differing = [each for each in {**before, **after} if before.get(each) != after.get(each)]
        return [each for each in differing if each[: len(location)] != location]

    @cached_property
    def _root(self) -> _Node:
        try:
            found = excess(self.text)
            if found is None:
                events = iter(yaml.parse(self.text, Loader=_LOADER))
                first = next((each for each in events if isinstance(each, yaml.NodeEvent)), None)
                return _Node(0, 0) if first is None else _read(first, events, self.text)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            found = line, 1, f"{error.problem}.", "Mend the YAML."
        except yaml.YAMLError as error:
            found = 1, 1, f"{error}".partition("\n")[0], "Mend the YAML: UTF-8 without control characters."
        line, _, message, remedy = found
        raise ConfigurationError(NOT_THERE, f"{self.name}:{line}: {message}", remedy=remedy)

    @cached_property
    def values(self) -> Any:
        """What the file holds, every value a text."""
        assert self._root  # what is too much to read is not read
        return yaml.load(self.text, Loader=_TEXTS_ONLY)

    @cached_property
    def _aliases(self) -> list[Location]:
        return [location for location, node in _nodes_in(self._root, ()) if node.alias is not None]

    def _at(self, location: Location) -> _Node:
        node = self._root
        for depth, step in enumerate(location):
            if step not in node.children:
                there = [str(each) for each in node.children]
                hint = nearest(str(step), there)
                self._refuse(
                    location[: depth + 1],
                    f"nothing stands there; it has {', '.join(there) or 'nothing'}.",
                    f'Did you mean "{hint}"?' if hint else "Name one of these.",
                )
            node = node.children[step]
        return node

    def _replaced(self, parent: _Node, key: str | int, written: str) -> str:
        node, own_line = parent.children[key], self._own_line(parent, key)
        head, rest = self._head_end(parent, key), self._line_end(node.end)
        comment = self.text[head : self._line_end(head)] if own_line is not None else self.text[node.end : rest]
        comment = comment.strip()
        tail = self.text[node.end : rest] if own_line is not None else ""
        column = self._column(parent, key)
        indent = self._indent(node.start) if own_line is not None and node.is_block else column + _INDENT
        lines = written.strip("\n").rstrip().split("\n")
        if parent.is_list and own_line is None and _takes_own_lines(written):
            body = " " + _indented(lines, column + _INDENT).lstrip(" ")
        elif _takes_own_lines(written) or (own_line is not None and not node.is_block):
            indent = self._indent(node.start) if own_line is not None else indent
            body = ("  " + comment if comment else "") + "\n" + _indented(lines, indent)
        elif len(lines) == 1:
            body = " " + lines[0].strip() + ("  " + comment if comment else "")
        else:
            body = " " + lines[0] + "\n" + _indented(lines[1:], column + _missing_indent(lines[1:]))
            if comment:  # in a text of several lines it would be a part of the text
                at = self._line_start(head)
                return f"{self.text[:at]}{' ' * column}{comment}\n{self.text[at:head]}{body.rstrip()}{self.text[rest:]}"
        return self.text[:head] + body.rstrip() + tail + self.text[rest:]

    def _added(self, parent: _Node, location: Location, written: str) -> str:
        key, last = location[-1], next(reversed(parent.children), None)
        if not parent.is_container or (parent.is_list and key != len(parent.children)):
            self._refuse(location, "nothing can be added there.", "Name a new key, or a list's next position.")
        if not parent.is_block:
            self._must_fit_a_line(written, location)
            entry = written.strip() if parent.is_list else f"{_key(key)}: {written.strip()}"
            at = parent.end - 1 if last is None else parent.children[last].end
            return self.text[:at] + (entry if last is None else f", {entry}") + self.text[at:]
        assert last is not None  # what stands in lines has an entry
        column, at = self._column(parent, last), self._line_end(parent.children[last].end)
        lines = written.strip("\n").rstrip().split("\n")
        head = f"{' ' * column}-" if parent.is_list else f"{' ' * column}{_key(key)}:"
        if parent.is_list and _takes_own_lines(written):
            body = " " + _indented(lines, column + _INDENT).lstrip(" ")
        elif _takes_own_lines(written):
            body = "\n" + _indented(lines, column + _INDENT)
        else:
            body = " " + "\n".join([lines[0], *_shifted(lines[1:], column + _missing_indent(lines[1:]))])
        return f"{self.text[:at]}\n{head}{body}{self.text[at:] or chr(10)}"

    def _checked(self, text: str, location: Location, *, gone: bool = False) -> YamlText:
        """The changed text, unless it changes more than it is to."""
        changed = YamlText(text, self.name)
        try:
            written = dict(_nodes_in(changed._root, ()))
            anchors = {each.anchor for each in written.values()}
            lost = [each.alias for each in written.values() if each.alias and each.alias not in anchors]
            if lost:
                users = [_words(place) for place, each in written.items() if each.alias == lost[0]]
                self._refuse(
                    location,
                    f"&{lost[0]} stands nowhere, and {', '.join(users)} uses it.",
                    f"Keep &{lost[0]} where it was, or write those out first.",
                )
            after = changed.values
        except yaml.MarkedYAMLError as error:
            self._refuse(location, f"{error.problem}.", "Mend what is written.")
        if gone != (location not in dict(_places(after, ()))) and not (gone and isinstance(location[-1], int)):
            self._refuse(location, "what is written does not stay one value.", "Write one value.")
        if not isinstance(location[-1], int):
            aliased = {*self._aliases, *changed._aliases}
            for each in self.changed_with(location, changed):
                if not any(each[: len(alias)] == alias for alias in aliased):
                    self._refuse(location, f"it would change {_words(each)} too.", "Write one value.")
        return changed

    def _must_parse(self, written: str, location: Location) -> None:
        try:
            events = list(yaml.parse(written, Loader=_LOADER))
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            self._refuse(location, f"line {line} of what is written: {error.problem}.", "Mend the YAML.")
        except yaml.YAMLError as error:
            self._refuse(location, f"{error}.".partition("\n")[0], "Mend the YAML.")
        if sum(isinstance(each, yaml.DocumentStartEvent) for each in events) > 1:
            self._refuse(location, "several documents are written.", "Write one value.")

    def _must_fit_a_line(self, written: str, location: Location) -> None:
        if "\n" in written.strip() or _takes_own_lines(written):
            remedy = "Write it on one line, what has keys in braces; or write the mapping around it on lines first."
            self._refuse(location, "it stands within braces.", remedy)

    def _refuse(self, location: Location, message: str, remedy: str) -> NoReturn:
        raise ConfigurationError(NOT_THERE, f"{self.name}: {_words(location)}: {message}", remedy=remedy)

    def _head_end(self, parent: _Node, key: str | int) -> int:
        """Where the key's colon, or the item's dash, has ended."""
        after = parent.keys[key].end
        return after if parent.is_list else self.text.index(":", after) + 1

    def _own_line(self, parent: _Node, key: str | int) -> int | None:
        """Where the value's own lines begin, comments before it included; None: it begins on the line of its key."""
        head, node = self._head_end(parent, key), parent.children[key]
        at = self.text.find("\n", head, node.start)
        return None if at < 0 else at + 1

    def _column(self, parent: _Node, key: str | int) -> int:
        start = parent.keys[key].start
        return start - self._line_start(start)

    def _indent(self, start: int) -> int:
        return start - self._line_start(start)

    def _line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def _line_end(self, at: int) -> int:
        found = self.text.find("\n", at)
        return len(self.text) if found < 0 else found


def with_written(text: YamlText, location: Location, written: str) -> YamlText:
    """
    The text with this written at a place; the first key of what was empty, `{}`, stands on a line of its own.

    :raises ConfigurationError: as ``put``.
    """
    within, key = location[:-1], location[-1]
    if not within or isinstance(key, int) or text.items(within) is not None or text.keys(within):
        return text.put(location, written)
    lines = written.strip("\n").rstrip().split("\n")
    if _takes_own_lines(written):
        return text.put(within, f"{_key(key)}:\n{_indented(lines, _INDENT)}")
    return text.put(within, f"{_key(key)}: " + "\n".join([lines[0], *_shifted(lines[1:], _INDENT)]))


def in_braces(value: Any) -> str:
    """A value as it is written on one line."""
    dumped = yaml.safe_dump(value, default_flow_style=True, width=10**9, sort_keys=False, allow_unicode=True)
    return dumped.removesuffix("\n").removesuffix("\n...")


def in_lines(value: Any) -> str:
    """A value as people write it: in lines; in braces lists of plain values, and short mappings within it."""
    if isinstance(value, dict) and value:
        return "\n".join(under(key, _inner(each)) for key, each in value.items())
    if isinstance(value, list) and not all(map(_is_plain, value)):
        return "\n".join(under(None, in_lines(each)) for each in value)
    return in_braces(value)


def _inner(value: Any) -> str:
    braces = in_braces(value)
    fits = isinstance(value, dict) and all(map(_is_plain, value.values())) and len(braces) <= _WIDTH
    return braces if fits else in_lines(value)


def _is_plain(value: Any) -> bool:
    return not isinstance(value, (dict, list))


def under(key: str | int | None, written: str) -> str:
    """A key, or an item's dash (None), with its value, as they stand alone."""
    shifted = _indented(written.strip("\n").split("\n"), _INDENT)
    if key is None:
        return f"- {shifted.lstrip(' ')}"
    return f"{_key(key)}:\n{shifted}" if _takes_own_lines(written) else f"{_key(key)}: {shifted.lstrip(' ')}"


def _read(event: Any, events: Iterator[Any], text: str) -> _Node:
    start, end = event.start_mark.index, event.end_mark.index
    if isinstance(event, yaml.AliasEvent):
        return _Node(start, end, alias=event.anchor)
    if not isinstance(event, yaml.CollectionStartEvent):
        return _Node(start, start + len(text[start:end].rstrip()), anchor=getattr(event, "anchor", None))
    node = _Node(start, end, not event.flow_style, isinstance(event, yaml.SequenceStartEvent), anchor=event.anchor)
    node.is_container = True
    while not isinstance(following := next(events), yaml.CollectionEndEvent):
        if node.is_list:
            item = _read(following, events, text)
            dash = text.rfind("-", 0, item.start) if node.is_block else item.start
            node.keys[len(node.children)] = _Node(dash, dash + 1)
            node.children[len(node.children)] = item
        else:
            key = _read(following, events, text)
            name = getattr(following, "value", "")
            node.keys[name], node.children[name] = key, _read(next(events), events, text)
    # a mapping in lines ends, for the parser, where the next thing begins
    ended: Any = following
    node.end = next(reversed(node.children.values())).end if node.is_block else ended.end_mark.index
    return node


def _nodes_in(node: _Node, location: Location) -> Iterator[tuple[Location, _Node]]:
    yield location, node
    for key, child in node.children.items():
        yield from _nodes_in(child, (*location, key))


def _places(value: Any, location: Location) -> Iterator[tuple[Location, Any]]:
    yield location, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _places(inner, (*location, key))


def _leaves(value: Any) -> Iterator[tuple[Location, Any]]:
    """Every place with its value; of what has others in it, only that it has."""
    for location, each in _places(value, ()):
        yield location, type(each) if isinstance(each, (dict, list)) else each


def _takes_own_lines(written: str) -> bool:
    """Whether it can't begin on the line of its key: keys or items in lines, or a comment before it."""
    events: list[Any] = [each for each in yaml.parse(written, Loader=_LOADER) if isinstance(each, yaml.NodeEvent)]
    if not events:
        return written.lstrip().startswith("#")
    root = events[0]
    if "\n" in written[: root.start_mark.index].strip("\n") or "#" in written[: root.start_mark.index]:
        return True
    in_lines = isinstance(root, yaml.CollectionStartEvent) and not root.flow_style
    return in_lines and len(events) > 1 and bool(events[1].start_mark.line == root.start_mark.line)


def _dedented(text: str, columns: int) -> str:
    first, *rest = text.split("\n")
    return "\n".join([first, *(each[min(columns, len(each) - len(each.lstrip(" "))) :] for each in rest)])


def _missing_indent(lines: list[str]) -> int:
    return max(0, _INDENT - min((len(each) - len(each.lstrip(" ")) for each in lines if each.strip()), default=0))


def _shifted(lines: list[str], columns: int) -> list[str]:
    return [f"{' ' * columns}{each}" if each.strip() else each for each in lines]


def _indented(lines: list[str], columns: int) -> str:
    return "\n".join(_shifted(lines, columns))


def _key(key: str | int) -> str:
    return in_braces(str(key))


def _words(location: Location) -> str:
    return ".".join(map(str, location)) or "the file"
