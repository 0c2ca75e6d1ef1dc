"""The shipped flow, mapping, suite and company files, for a test to spoil."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

INCLUDE = Path(__file__).parents[2] / "include"


@pytest.fixture
def include(tmp_path: Path) -> Path:
    """A copy of the shipped files that a test may spoil."""
    return Path(shutil.copytree(INCLUDE, tmp_path / "include"))
