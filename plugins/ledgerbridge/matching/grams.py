"""Texts as weighted three-letter pieces: how alike two are, and which of many are nearest to one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

__all__ = ["Grams", "Pairs"]

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Rows of the one side and of the other."""
_ROWS_AT_A_TIME = 500
_COMMON = 0.02
"""Pieces that more texts than this share tell no two apart, and cost most of the time."""
_FEW = 200
_AS_IF = 50
"""So many more texts are thought of: of two, a piece that both have is not a common one."""


class Grams:
    """
    The texts of two sides.

    A piece weighs the more the fewer texts have it, so that "International" counts little and a rare name much. Pieces
    are of words, so that their order counts nothing.

    :param left, right: the words of each text.
    """

    def __init__(self, left: Sequence[Sequence[str]], right: Sequence[Sequence[str]]) -> None:
        known: dict[str, int] = {}
        counted = [_counted(texts, known) for texts in (left, right)]
        both = len(left) + len(right)
        seen = sum(np.bincount(columns, minlength=len(known)) for columns, _ in counted)
        weights = np.log(1 + (both + _AS_IF) / np.maximum(seen, 1))
        # of few texts every piece is one that many share
        nearest = np.where(seen > max(_FEW, _COMMON * both), 0.0, weights)
        self._left, self._right = (_weighted(each, weights) for each in counted)
        self._near = tuple(_weighted(each, nearest) for each in counted)

    def alike(self, pairs: Pairs) -> NDArray[np.float64]:
        """How alike the texts of each pair are, 0 to 1."""
        found = np.empty(len(pairs[0]))
        for start in range(0, len(found), 100_000):
            some = slice(start, start + 100_000)
            product = self._left[pairs[0][some]].multiply(self._right[pairs[1][some]])
            found[some] = np.asarray(product.sum(axis=1)).ravel()
        return found

    def nearest(self, most: int, floor: float) -> Pairs:
        """For each text of the left the most alike of the right, at most so many and at least so alike."""
        rows, columns = [], []
        left, right = self._near[0], self._near[1].T.tocsr()
        for start in range(0, left.shape[0], _ROWS_AT_A_TIME):
            found = (left[start : start + _ROWS_AT_A_TIME] @ right).tocoo()
            good = found.data >= floor
            row, column, value = found.row[good], found.col[good], found.data[good]
            order = np.lexsort((-value, row))
            row, column = row[order], column[order]
            firsts = np.searchsorted(row, row)  # where each row's own begin
            best = np.arange(len(row)) - firsts < most
            rows.append(row[best].astype(np.int64) + start)
            columns.append(column[best].astype(np.int64))
        return np.concatenate(rows or [np.empty(0, np.int64)]), np.concatenate(columns or [np.empty(0, np.int64)])


def _counted(texts: Sequence[Sequence[str]], known: dict[str, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The pieces of all texts, and where those of each begin; each piece once a text."""
    columns: list[int] = []
    starts = [0]
    for text in texts:
        pieces = dict.fromkeys(piece for word in text for piece in _pieces(word))
        columns += [known.setdefault(piece, len(known)) for piece in pieces]
        starts.append(len(columns))
    return np.array(columns, dtype=np.int64), np.array(starts, dtype=np.int64)


def _pieces(word: str) -> list[str]:
    padded = f"^{word}$"
    return [padded[at : at + 3] for at in range(len(padded) - 2)] or [padded]


def _weighted(counted: tuple[NDArray[np.int64], NDArray[np.int64]], weights: NDArray[np.float64]) -> csr_matrix:
    columns, starts = counted
    values = weights[columns].astype(np.float32)
    matrix = csr_matrix((values, columns, starts), shape=(len(starts) - 1, len(weights)))
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    matrix.data /= np.repeat(np.maximum(lengths, 1e-9), np.diff(starts)).astype(np.float32)
    matrix.eliminate_zeros()
    return matrix
