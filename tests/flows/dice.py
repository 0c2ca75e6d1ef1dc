"""Where chance comes from: a seed, or a search for the smallest file that fails."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Protocol, TypeVar

__all__ = ["Dice", "SeededDice"]

Choice = TypeVar("Choice")


class Dice(Protocol):
    """What a writer of random files asks for."""

    def pick(self, options: Sequence[Choice]) -> Choice:
        """One of them; the first is the simplest."""

    def number(self, low: int, high: int) -> int:
        """Both included; the lowest is the simplest."""

    def chance(self, percent: int) -> bool:
        """True in so many of a hundred; False is simpler."""


class SeededDice:
    """The same seed throws the same."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def pick(self, options: Sequence[Choice]) -> Choice:
        """One of them."""
        return self._random.choice(options)

    def number(self, low: int, high: int) -> int:
        """Both included."""
        return self._random.randint(low, high)

    def chance(self, percent: int) -> bool:
        """True in so many of a hundred."""
        return self._random.randrange(100) < percent
