"""The commands of a checkout find the simulated systems that run from it, and believe no process that is gone."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

from sandbox.places import Addresses, announced, running

HERE = Addresses.on_ports({"shopify": 8750, "stripe": 8751, "gp": 8752, "xero": 8753})


def test_systems_are_found_where_they_are_announced_as_long_as_they_run(tmp_path: Path) -> None:
    file = tmp_path / "places.json"
    with announced(HERE, file):
        assert running(file) == HERE
    assert running(file) == Addresses()


def test_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_XERO", "http://10.0.0.1:80")
    with announced(HERE, tmp_path / "places.json"):
        assert running(tmp_path / "places.json") == Addresses(**{**asdict(HERE), "xero": "http://10.0.0.1:80"})


def test_what_a_process_announced_that_is_gone_is_not_believed(tmp_path: Path) -> None:
    file = tmp_path / "places.json"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        told = {"process": process.pid, "began": psutil.Process(process.pid).create_time(), "addresses": asdict(HERE)}
        file.write_text(json.dumps(told))
        assert running(file) == HERE
        file.write_text(json.dumps(told | {"began": told["began"] - 60}))  # another process has the number now
        assert running(file) == Addresses()
        file.write_text(json.dumps(told))
        process.communicate(b"\n")
    assert running(file) == Addresses()
