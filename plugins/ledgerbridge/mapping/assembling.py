"""The rows a mapping made of a batch, put together: one frame a part, of the records that did not fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ledgerbridge.mapping.column import alike
from ledgerbridge.mapping.convert import mask_of, text_array
from ledgerbridge.mapping.rows import CUSTOM, Index

__all__ = ["Piece", "assembled", "frame_of"]

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
    what has a header.

    :param declared: the parts and fields of a canonical record; what the mapping says nothing about is empty.
    """
    kept = {name: [_without(piece, failed) for piece in pieces] for name, pieces in made.items()}
    header = kept["header"][0]
    keys = header.columns["record_key"]
    links = frame_of({"record": pa.array(header.record), "record_key": keys}).astype({"record": "int64"})
    parts = {name: _concat([_owned(piece, header) for piece in pieces]) for name, pieces in kept.items()}
    parts["header"] = _filtered(parts["header"], _last_of_each(keys))
    for name, part in parts.items():
        if name != "header":
            parts[name] = _filtered(part, mask_of(pc.is_in(part["record_key"], parts["header"]["record_key"])))
    return {name: frame_of(part) for name, part in _whole(parts, declared).items()}, links


def frame_of(columns: dict[str, pa.Array]) -> pd.DataFrame:
    """A frame of Arrow columns, which it holds as they are."""
    return pd.DataFrame({name: pd.array(column, pd.ArrowDtype(column.type)) for name, column in columns.items()})


def _without(piece: Piece, failed: set[int]) -> Piece:
    return piece.take(~np.isin(piece.record, list(failed))) if failed else piece


def _owned(piece: Piece, header: Piece) -> dict[str, pa.Array]:
    """The piece's columns with the key of each row's record, the first one where it became several."""
    if "record_key" in piece.columns:
        return piece.columns
    places = pc.index_in(pa.array(piece.record), pa.array(header.record))
    return {"record_key": text_array(header.columns["record_key"]).take(places), **piece.columns}


def _concat(pieces: list[dict[str, pa.Array]]) -> dict[str, pa.Array]:
    if len(pieces) == 1:
        return pieces[0]
    sizes = [len(piece["record_key"]) for piece in pieces]
    names = dict.fromkeys(name for piece in pieces for name in piece)
    columns = {
        name: alike([piece.get(name, pa.nulls(size)) for piece, size in zip(pieces, sizes, strict=True)])
        for name in names
    }
    return {name: pa.concat_arrays(column) for name, column in columns.items()}


def _last_of_each(keys: pa.Array) -> Mask:
    encoded = keys.dictionary_encode(null_encoding="encode")
    codes = encoded.indices.to_numpy()
    stays = np.ones(len(codes), dtype=bool)
    if len(encoded.dictionary) < len(codes):
        last = np.full(len(encoded.dictionary), -1)
        last[codes] = np.arange(len(codes))
        stays = last[codes] == np.arange(len(codes))
    return stays


def _filtered(columns: dict[str, pa.Array], stays: Mask) -> dict[str, pa.Array]:
    if stays.all():
        return columns
    chosen = pa.array(stays)
    return {name: column.filter(chosen) for name, column in columns.items()}


def _whole(parts: dict[str, dict[str, pa.Array]], declared: Types) -> dict[str, dict[str, pa.Array]]:
    """Every declared part with every declared field, and a mapping's own fields after them."""
    whole = dict(parts)
    for name, fields in declared.items():
        part = parts.get(name, {})
        size = len(part["record_key"]) if part else 0
        own = {field: column for field, column in part.items() if field.startswith(CUSTOM)}
        whole[name] = {field: part.get(field, pa.nulls(size, kind)) for field, kind in fields.items()} | own
    return whole
