"""Sample records, of a JSON file or of a batch that a run staged."""

from __future__ import annotations

from json import JSONDecodeError, loads
from pathlib import Path
from typing import Any

from commands.database import open_payloads
from ledgerbridge.errors import ConfigurationError

__all__ = ["given_json", "sample_records"]


def sample_records(path: Path) -> list[dict[str, Any]]:
    """
    The records of a JSON file, or of a staged batch (a folder, or one of its files): raw, canonical or documents.

    :raises ConfigurationError: LB-MAP-012, there are none.
    """
    if path.suffix == ".json":
        content = given_json(path)
        return content if isinstance(content, list) else [content]
    return _staged(path if path.is_dir() else path.parent)


def _staged(folder: Path) -> list[dict[str, Any]]:
    """The records of a staged batch: taken or raw ones, or canonical frames put together by record."""
    from operators.recorded import canonical_records  # Airflow's storage paths are slow to import
    from operators.staging import batch_in, read_raw
    from operators.taken import taken_records

    open_payloads()
    batch = batch_in(folder.resolve().as_uri())
    if batch is not None and "raw" in batch.rows:
        return [{"key": record.key, "payload": record.payload} for record in read_raw(batch)]
    if batch is not None and "taken" in batch.rows:
        return [{"key": record.key, "payload": record.payload} for record in taken_records(batch)]
    if batch is None or "header" not in batch.rows:
        raise ConfigurationError(
            "LB-MAP-012",
            f"{folder} holds no staged batch.",
            remedy="Name a JSON file with records, or a folder with raw.<hash>.parquet or header.<hash>.parquet.",
        )
    return canonical_records(batch)


def given_json(path: Path) -> Any:
    """
    What a JSON file holds; decimal numbers are texts.

    :raises ConfigurationError: LB-MAP-012, it is none.
    """
    try:
        return _loads(path.read_text(encoding="utf-8"))
    except (OSError, JSONDecodeError) as error:
        raise ConfigurationError(
            "LB-MAP-012", f"{path}: {error}.", remedy="Name a JSON file, an object or a list of them."
        ) from None


def _loads(text: str) -> Any:
    return loads(text, parse_float=str)  # a float would lose cents
