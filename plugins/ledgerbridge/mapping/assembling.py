"""The rows a mapping made of a batch, put together: one frame a part, of the records that did not fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ledgerbridge.mapping.column import alike, same_owner
from ledgerbridge.mapping.convert import mask_of, text_array
from ledgerbridge.mapping.rows import CUSTOM, Index, as_array

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Piece", "assembled", "frame_of", "together"]

Types = Mapping[str, Mapping[str, pa.DataType]]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Piece:
    """Rows that one list of rules made; ``record`` is the position in the batch each row belongs to."""

    columns: dict[str, pa.Array]
    record: Index

    def take(self, stays: Mask) -> Piece:
        """Only the rows where ``stays`` holds."""
        if stays.all():
            return self
        chosen = pa.array(stays)
        return Piece({name: column.filter(chosen) for name, column in self.columns.items()}, self.record[stays])


def assembled(
    made: dict[str, list[Piece]], failed: set[int], declared: Types
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """
    The frames, and the links: ``record`` (position in the batch) and the ``record_key`` it became part of.

    Rows of ``failed`` records are in neither; of several headers with one key the last one stays, and of other parts
    the rows that have a header of their own record, in the order of the records: so that nothing depends on what else
    is in the batch.

    :param declared: the parts and fields of a canonical record; what the mapping says nothing about is empty.
    """
    import pandas as pd

    kept = {name: [_without(piece, failed) for piece in pieces] for name, pieces in made.items()}
    header = kept["header"][0]
    keys = pd.arrays.ArrowExtensionArray(header.columns["record_key"])
    links = pd.DataFrame({"record": header.record, "record_key": keys})
    parts = {
        name: _in_order([_with_header(piece, header) for piece in pieces])
        for name, pieces in kept.items()
        if name != "header"
    }
    whole = _whole({"header": _last_of_each(header.columns), **parts}, declared)
    return {name: frame_of(part) for name, part in whole.items()}, links


def together(several: Sequence[Mapping[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """The frames of several runs of one mapping as one; of headers with one key the last one stays."""
    if len(several) == 1:
        return dict(several[0])
    parts = {
        name: _concat([{str(column): as_array(frames[name][column]) for column in frames[name]} for frames in several])
        for name in several[0]
    }
    return {name: frame_of(part) for name, part in {**parts, "header": _last_of_each(parts["header"])}.items()}


def frame_of(columns: dict[str, pa.Array]) -> pd.DataFrame:
    """A frame of Arrow columns, which it holds as they are."""
    import pandas as pd

    arrays = {name: pd.arrays.ArrowExtensionArray(column) for name, column in columns.items()}
    return pd.DataFrame(arrays, copy=False)


def _without(piece: Piece, failed: set[int]) -> Piece:
    return piece.take(~np.isin(piece.record, list(failed))) if failed else piece


def _with_header(piece: Piece, header: Piece) -> Piece:
    """The rows that have a header, under its key: the first one where their record became several."""
    keys = text_array(header.columns["record_key"])
    if "record_key" in piece.columns:
        own, owners = same_owner((piece.record, text_array(piece.columns["record_key"])), (header.record, keys))
        return piece.take(mask_of(pc.is_in(own, owners)))
    places = pc.index_in(pa.array(piece.record), pa.array(header.record))
    owned = Piece({"record_key": keys.take(places), **piece.columns}, piece.record)
    return owned.take(mask_of(places.is_valid()))


def _in_order(pieces: list[Piece]) -> dict[str, pa.Array]:
    if len(pieces) == 1:
        return pieces[0].columns
    order = pa.array(np.argsort(np.concatenate([piece.record for piece in pieces]), kind="stable"))
    return {name: column.take(order) for name, column in _concat([piece.columns for piece in pieces]).items()}


def _concat(pieces: list[dict[str, pa.Array]]) -> dict[str, pa.Array]:
    sizes = [len(piece["record_key"]) for piece in pieces]
    names = dict.fromkeys(name for piece in pieces for name in piece)
    columns = {
        name: alike([piece.get(name, pa.nulls(size)) for piece, size in zip(pieces, sizes, strict=True)])
        for name in names
    }
    return {name: pa.concat_arrays(column) for name, column in columns.items()}


def _last_of_each(header: dict[str, pa.Array]) -> dict[str, pa.Array]:
    keys = header["record_key"].dictionary_encode(null_encoding="encode")
    codes = keys.indices.to_numpy()
    if len(keys.dictionary) == len(codes):
        return header
    last = np.empty(len(keys.dictionary), dtype=np.int64)
    last[codes] = np.arange(len(codes))
    stays = pa.array(np.sort(last))
    return {name: column.take(stays) for name, column in header.items()}


def _whole(parts: dict[str, dict[str, pa.Array]], declared: Types) -> dict[str, dict[str, pa.Array]]:
    """Every declared part with every declared field, and a mapping's own fields after them."""
    whole = dict(parts)
    for name, fields in declared.items():
        part = parts.get(name, {})
        size = len(part["record_key"]) if part else 0
        own = {field: column for field, column in part.items() if field.startswith(CUSTOM)}
        whole[name] = {field: part.get(field, pa.nulls(size, kind)) for field, kind in fields.items()} | own
    return whole
