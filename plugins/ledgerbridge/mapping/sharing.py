"""
Splitting: a row becomes several by weight, and an amount is shared out so that nothing is lost or added.

Shares are rounded half-up; the last row takes what is left. No share goes beyond what is left, so that none has the
wrong sign: 0.05 over ten equal rows is five times 0.01.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ledgerbridge.mapping.column import PLAIN, Batch, Column, Place
from ledgerbridge.mapping.convert import mask_of, text_array, to_decimal
from ledgerbridge.mapping.model import Share, Split
from ledgerbridge.mapping.rows import Rows

__all__ = ["ROW", "Splitting", "shared", "sharing", "splitting"]

ROW = "%row"
"""Path of the row that a split row was made of."""

Index = npt.NDArray[np.int64]
Splitting = Callable[[Rows, Batch], Rows]

_SCALE = 5  # what money has here
_AMOUNT = pa.decimal256(24, _SCALE)
_WEIGHT = pa.decimal256(20, 7)
_WEIGHTS = pa.decimal256(22, 7)
_MONEY = pa.decimal128(30, 10)
_UNIT = Decimal("0.00001")


def sharing(options: Share, of: Column, weight: Column, place: Place) -> Column:
    """The column of shares."""

    def share(rows: Rows, batch: Batch) -> pa.Array:
        amounts, _ = to_decimal(of(rows, batch), PLAIN)
        weights, _ = to_decimal(weight(rows, batch), PLAIN)
        owners = np.asarray(rows.column(ROW)) if options.over == "row" else rows.record
        shares, failed = shared(amounts, weights, owners, options.places)
        batch.failures.add(
            rows.record,
            failed,
            code="LB-MAP-004",
            field_name=place.target,
            values=amounts,
            message=f"{{value}} can't be shared out to {place.target}: a weight is missing or negative, or all are 0",
            rule=place.rule,
            remedy="Mend the weights in the source or in the rule's table, then replay the record.",
        )
        return shares

    return share


def shared(amounts: pa.Array, weights: pa.Array, owners: Index, places: int) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """
    Each row's share of its amount.

    :param amounts: decimals, the same in all rows of one owner, at most 5 places; a missing amount has no shares.
    :param weights: decimals, not negative.
    :param owners: whose rows share.
    :returns: the shares, and which rows could not be shared out.
    """
    amounts = pc.round(amounts, ndigits=_SCALE, round_mode="half_towards_infinity")
    given = mask_of(amounts.is_valid())
    codes, group = np.unique(owners, return_inverse=True)
    wrong = mask_of(pc.fill_null(pc.less(weights, 0), True))
    wrong |= np.bincount(group, weights=wrong, minlength=len(codes))[group] > 0
    known = pc.if_else(pa.array(wrong), pa.scalar(0, weights.type), weights)
    sums = pa.table({"group": group, "weight": known}).group_by("group").aggregate([("weight", "sum")]).sort_by("group")
    whole = pc.cast(sums["weight_sum"].combine_chunks(), _WEIGHTS, safe=False).take(pa.array(group))
    failed = given & (wrong | mask_of(pc.equal(whole, 0)))
    able = pa.array(given & ~failed)
    product = pc.multiply(pc.cast(amounts, _AMOUNT, safe=False), pc.cast(known, _WEIGHT, safe=False))
    exact = pc.divide(pc.if_else(able, product, None), pc.if_else(able, whole, None))
    rounded = pc.round(exact, ndigits=places, round_mode="half_towards_infinity")
    units = _filled(_units(rounded), able)
    total = _filled(_units(amounts), able)
    return _from_units(_rest_to_the_last(units, total, group), able), failed


def splitting(split: Split, key: Column | None, rule: str) -> Splitting:
    """A function from rows to the rows they are split into."""
    if split.rows is not None:
        listed = split.rows

        def fixed(rows: Rows, batch: Batch) -> Rows:
            counts = np.full(rows.size, len(listed))
            return _spread(rows, listed, counts, np.zeros(rows.size, dtype=np.int64))

        return fixed
    assert split.table is not None
    assert key is not None
    table = split.table

    def by_table(rows: Rows, batch: Batch) -> Rows:
        keys = text_array(key(rows, batch)).dictionary_encode()
        wanted = keys.dictionary.to_pylist()
        known = batch.lookups.rows(table, split.by)
        # a batch none of whose rows is in the table has its columns all the same
        whole: list[dict[str, Any]] = [{**dict.fromkeys(batch.lookups.columns(table)), "weight": "1"}]
        groups = [whole, *(known.get(each, whole) for each in wanted)]
        codes = pc.fill_null(pc.cast(keys.indices, pa.int64()), -1).to_numpy(zero_copy_only=False) + 1
        if not split.optional:
            missing = np.array([False, *(each not in known for each in wanted)])[codes]
            batch.failures.add(
                rows.record,
                missing,
                code="LB-MAP-002",
                field_name="split",
                values=keys.dictionary_decode(),
                message=f'"{{value}}" is not known as {table} (table), and the split needs it',
                rule=rule,
                remedy=f'Add "{{value}}" to include/lookups/{table}.csv and replay the record.',
            )
        sizes = np.array([len(group) for group in groups])
        starts = np.cumsum(sizes) - sizes
        return _spread(rows, [row for group in groups for row in group], sizes[codes], starts[codes])

    return by_table


def _spread(rows: Rows, table: list[dict[str, Any]], counts: Index, starts: Index) -> Rows:
    owners = np.repeat(np.arange(rows.size), counts)
    within = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    chosen = pa.array(np.repeat(starts, counts) + within)
    names = dict.fromkeys(name for row in table for name in row)
    fields = {name: pa.array([_text(row.get(name)) for row in table], pa.string()).take(chosen) for name in names}
    return rows.spread(owners, {**fields, "row": pa.array(owners)})


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _units(amounts: pa.Array) -> pa.Array:
    """Whole units of the last place money has."""
    fine = pc.multiply(pc.cast(amounts, _AMOUNT, safe=False), pa.scalar(10**_SCALE, pa.decimal256(6, 0)))
    return pc.cast(pc.cast(fine, pa.decimal128(38, 5)), pa.int64())


def _filled(units: pa.Array, able: pa.Array) -> Index:
    return np.asarray(pc.fill_null(pc.if_else(able, units, None), 0), dtype=np.int64)


def _rest_to_the_last(units: Index, total: Index, group: Index) -> Index:
    import pandas as pd

    order = np.argsort(group, kind="stable")
    frame = pd.DataFrame({"group": group[order], "units": np.abs(units[order])})
    sums = frame.groupby("group")["units"].cumsum().to_numpy()
    reached = np.minimum(sums, np.abs(total[order]))
    is_last = ~frame["group"].duplicated(keep="last").to_numpy()
    reached[is_last] = np.abs(total[order])[is_last]
    before = np.where(frame["group"].duplicated().to_numpy(), np.roll(reached, 1), 0)
    shares = np.empty_like(units)
    shares[order] = (reached - before) * np.sign(total[order])
    return shares


def _from_units(units: Index, able: pa.Array) -> pa.Array:
    shares = pc.multiply(pc.cast(pa.array(units), pa.decimal128(19, 0)), pa.scalar(_UNIT, pa.decimal128(6, _SCALE)))
    return pc.if_else(able, pc.cast(shares, _MONEY), pa.scalar(None, _MONEY))
