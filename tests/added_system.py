"""A system that is added as anybody would add one: a package with a `system.py` beside those of Ledgerbridge."""

from __future__ import annotations

from pathlib import Path

import pytest

import hooks

__all__ = ["add_system"]


def add_system(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, system: str, **modules: str) -> None:
    """
    Put a package into a folder where packages of systems are looked for.

    :param system: the content of its `system.py`, behind the import of what that needs.
    :param modules: the content of its other modules, by name.
    """
    package = folder / "added_hooks" / name
    package.mkdir(parents=True)
    head = "from ledgerbridge.systems import ConnectionForm, System, number, text\n\n"
    for module, content in {"__init__": "", "system": head + system, **modules}.items():
        (package / f"{module}.py").write_text(content)
    monkeypatch.setattr(hooks, "__path__", [*hooks.__path__, str(package.parent)])
