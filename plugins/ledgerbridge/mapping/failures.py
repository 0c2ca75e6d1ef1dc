"""What went wrong with which row, gathered column-wise."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FAILURE_COLUMNS", "ColumnError", "Failures"]

FAILURE_COLUMNS = ["record", "code", "field", "value", "message", "rule", "remedy"]


class ColumnError(ValueError):
    """
    A column that can't be made of these records.

    :param value: what its rule reads in the first row; None where they are several records.
    """

    def __init__(self, field_name: str, value: str | None, cause: Exception) -> None:
        super().__init__(f"{field_name}: {cause}")
        self.field = field_name
        self.value = value
        self.cause = cause


@dataclass
class Failures:
    """Failed rows of a mapping; ``record`` is the record's position in the batch."""

    frames: list[pd.DataFrame] = field(default_factory=list)

    def add(
        self,
        record: npt.NDArray[np.int64],
        failed: npt.NDArray[np.bool_],
        *,
        code: str,
        field_name: str,
        values: pa.Array | None,
        message: str,
        rule: str,
        remedy: str,
    ) -> None:
        """Note every row where ``failed`` holds; ``{value}`` in message and remedy is the row's value."""
        import pandas as pd

        if not failed.any():
            return
        found = _texts(values, failed)
        self.frames.append(
            pd.DataFrame(
                {
                    "record": record[failed],
                    "code": code,
                    "field": field_name,
                    "value": found,
                    "message": [message.replace("{value}", str(value)) for value in found],
                    "rule": rule,
                    "remedy": [remedy.replace("{value}", str(value)) for value in found],
                }
            )
        )

    def frame(self) -> pd.DataFrame:
        """All failures, one row each."""
        import pandas as pd

        if not self.frames:
            return _none().copy()
        return pd.concat(self.frames, ignore_index=True)


@cache
def _none() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(columns=FAILURE_COLUMNS)


def _texts(values: pa.Array | None, failed: npt.NDArray[np.bool_]) -> list[str | None]:
    if values is None:
        return [None] * int(failed.sum())
    return [None if value is None else str(value) for value in values.filter(pa.array(failed)).to_pylist()]
