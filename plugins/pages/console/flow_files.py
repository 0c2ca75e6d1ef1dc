"""The flows' files as the console reads them: what has a mistake is passed over, its letters are seen all the same."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.flows import FlowConfig
from ledgerbridge.yaml_files import load_file
from operators import settings

__all__ = ["flow_named", "flows"]


def flows() -> dict[str, FlowConfig]:
    """All flows by name."""
    paths = sorted((settings.include_folder() / "flows").glob("*.yaml"))
    return {path.stem: flow for path in paths if (flow := flow_named(path.stem)) is not None}


def flow_named(name: str) -> FlowConfig | None:
    """A flow; None where there is no file of it, or one with a mistake."""
    path = settings.include_folder() / "flows" / f"{name}.yaml"
    try:
        return _read(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        return None


@lru_cache(maxsize=64)
def _read(path: Path, changed: int) -> FlowConfig | None:
    try:
        return load_file(path, FlowConfig, code="LB-CFG-003")[0]
    except LedgerbridgeError:
        return None
