"""What a requirements file of something optional has on top of this environment, in a folder of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

__all__ = ["installed_beside"]

ROOT = Path(__file__).parents[2]


def installed_beside(requirements: str, folder: Path) -> Path:
    """The folder with the packages; the test is skipped where they can't be fetched."""
    here = set(re.findall(r"^[\w.-]+(?===)", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE))
    pins = re.split(r"^(?=[\w.-]+(?:\[.*\])?==)", (ROOT / requirements).read_text(), flags=re.MULTILINE)
    more = [pin for pin in pins[1:] if re.split(r"[=\[]", pin)[0] not in here]
    (folder / "pins.txt").write_text("".join(more))
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "-q", "--no-deps", "--require-hashes"]
    command = [*uv, "--python", sys.executable, "--target", str(folder), "-r", str(folder / "pins.txt")]
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    if answer.returncode and re.search("Failed to fetch|network was disabled", answer.stderr):
        pytest.skip("the packages can't be fetched now")
    assert answer.returncode == 0, answer.stderr
    return folder
