"""What mkdocs is told besides mkdocs.yml: a part of the nav that is a folder lists the pages in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def on_config(config: Any) -> Any:
    """Put the pages of `decisions/*` in its place, by their numbers; called by mkdocs."""
    config.nav = [_expanded(part, Path(config.docs_dir)) for part in config.nav]
    return config


def _expanded(part: Any, folder: Path) -> Any:
    if isinstance(part, dict):
        return {name: _expanded(content, folder) for name, content in part.items()}
    if isinstance(part, str) and part.endswith("/*"):
        return [path.relative_to(folder).as_posix() for path in sorted((folder / part[:-2]).glob("*.md"))]
    return part
