"""Names of fields as words: ``BillToZip`` is *bill to zip*, and shortened names without borders are written out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from ledgerbridge.yaml_files import plain_yaml

__all__ = ["Lexicon", "Role", "lexicon"]

_BORDERS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_SHORTENED = re.compile(r"[A-Z]{3,}[0-9]*|[A-Z]+[0-9]+[A-Z0-9]*")
_PLURAL = 4
# What a piece of a name costs that the lexicon has, and a letter that it has not: few long pieces win.
_PIECE, _LETTER = 1.0, 1.3


@dataclass(frozen=True)
class Role:
    """
    One way in which a field shows what it is for; singular words, as they are written.

    :param own: of each, one has to be of the field's own name.
    :param anywhere: of each, one has to be of its name or of what it belongs to.
    :param only: all that its own name may add to what it belongs to; empty: anything.
    :param kinds: empty: any.
    """

    name: str
    own: tuple[frozenset[str], ...]
    anywhere: tuple[frozenset[str], ...]
    only: frozenset[str]
    never: frozenset[str]
    kinds: frozenset[str]

    def fits(self, own: frozenset[str], parents: frozenset[str], title: frozenset[str], kind: str) -> bool:
        """Whether a field of these words is for it; of what has no parents, the whole it belongs to is its entity."""
        around = parents or title
        there = own | around
        return (
            (not self.kinds or kind in self.kinds)
            and all(any_of & own for any_of in self.own)
            and all(any_of & there for any_of in self.anywhere)
            and not self.never & (own | parents)
            and (not self.only or self.only & own >= own - around != frozenset())
        )


@dataclass(frozen=True)
class Lexicon:
    """
    What words stand for.

    :param abbreviations: piece of a name to words, all in lower case.
    :param same: word to the word that stands for all of its meaning.
    :param weak: words that tell nothing.
    :param plain: words that names without borders may hold as they are.
    """

    abbreviations: Mapping[str, str]
    same: Mapping[str, str]
    weak: frozenset[str]
    plain: frozenset[str] = frozenset()
    roles: tuple[Role, ...] = ()
    kin: tuple[frozenset[str], ...] = ()

    @cached_property
    def _pieces(self) -> Mapping[str, str]:
        """What a shortened name may be made of: abbreviations, and the words they stand for."""
        return {**{word: word for word in self.plain}, **self.abbreviations}

    def words(self, name: str) -> list[str]:
        """The words of a name, in its order, shortened ones written out."""
        found: list[str] = []
        for part in re.split(r"[^A-Za-z0-9]+", name):
            whole = self.abbreviations.get(part.lower()) if len(part) > 1 else None
            if whole is not None:
                found += whole.split()
            elif _SHORTENED.fullmatch(part):
                found += self._segmented(part.lower())
            else:
                for word in _BORDERS.findall(part):
                    found += self.abbreviations.get(word.lower(), word.lower()).split()
        return found

    def concepts(self, words: Iterable[str]) -> list[str]:
        """The words by meaning: one word for all that mean the same, singular, without those that tell nothing."""
        return [self.same.get(each, each) for each in map(_singular, words) if each not in self.weak]

    def role(
        self, own: Iterable[str], parents: Iterable[str], title: Iterable[str], about: Iterable[str], kind: str
    ) -> str:
        """
        What a field is for; empty: nobody can tell.

        :param own: words of its name, then those of its parents' names, of its entity's and of its description.
        """
        name, place, whole, told = (frozenset(map(_singular, words)) for words in (own, parents, title, about))
        for words in (name, name | told):
            for each in self.roles:
                if each.fits(words, place, whole, kind):
                    return each.name
        return ""

    def akin(self, one: str, other: str) -> bool:
        """Whether what is for one may do for the other."""
        return any(one in group and other in group for group in self.kin)

    def _segmented(self, name: str) -> list[str]:
        """A name without borders in the fewest known pieces; letters that fit nowhere stay together."""
        best: list[tuple[float, list[str]]] = [(0.0, [])]
        for end in range(1, len(name) + 1):
            ways = [(best[end - 1][0] + _LETTER, [*best[end - 1][1], name[end - 1]])]
            for begin in range(max(0, end - 12), end - 1):
                if name[begin:end] in self._pieces or name[begin:end].isdigit():
                    ways.append((best[begin][0] + _PIECE, [*best[begin][1], name[begin:end]]))
            best.append(min(ways, key=lambda way: way[0]))
        found: list[str] = []
        loose = ""
        for piece in best[-1][1]:
            if len(piece) == 1 and not piece.isdigit():
                loose += piece
                continue
            if loose:
                found.append(loose)
            loose = ""
            found += self._pieces.get(piece, piece).split()
        return [*found, loose] if loose else found


@cache
def lexicon() -> Lexicon:
    """The lexicon of this package."""
    content = plain_yaml(Path(__file__).with_name("lexicon.yaml"))
    weak = frozenset(content["weak"])
    same = {_singular(word): _singular(group[0]) for group in reversed(content["same"]) for word in group}
    return Lexicon(
        {str(key): str(value) for key, value in content["abbreviations"].items()},
        same,
        weak,
        frozenset(content["words"]),
        tuple(_role(name, way) for name, ways in content["roles"].items() for way in ways),
        tuple(map(frozenset, content["kin"])),
    )


def _role(name: str, way: str) -> Role:
    """A way as the lexicon writes it: ``.own anywhere|or =only -never :kind,kind``."""
    words = {mark: [] for mark in (".", "=", "-", ":", "")}  # type: dict[str, list[frozenset[str]]]
    for word in way.split():
        mark = word[0] if word[0] in words else ""
        choices = word.removeprefix(mark).split("," if mark == ":" else "|")
        words[mark].append(frozenset(choices if mark == ":" else map(_singular, choices)))
    only, never, kinds = (frozenset().union(*words[mark]) for mark in "=-:")
    return Role(name, tuple(words["."]), tuple(words[""]), only, never, kinds)


def _singular(word: str) -> str:
    if len(word) >= _PLURAL and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > _PLURAL and word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if len(word) >= _PLURAL and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
