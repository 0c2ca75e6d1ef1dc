"""The golden orders: what happens to each, and the books they must leave in both ledgers, to the cent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["GOLDEN", "golden_file"]

GOLDEN = Path(__file__).parent
"""The folder of the files; its README says what they hold."""


def golden_file(name: str) -> dict[str, Any]:
    """The content of a file, such as ``cases.json``."""
    content: dict[str, Any] = json.loads((GOLDEN / name).read_text())
    return content
