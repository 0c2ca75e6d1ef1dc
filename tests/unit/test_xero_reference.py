"""The reference of Xero names everything its hook offers, needs and reports."""

from __future__ import annotations

import re
from pathlib import Path

from hooks.xero.entities import ENTITIES

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs/reference/xero.md").read_text()
SOURCES = "".join(path.read_text() for path in (ROOT / "plugins/hooks/xero").glob("*.py"))


def test_every_entity_is_described() -> None:
    assert [name for name in ENTITIES if f"`{name}`" not in REFERENCE] == []


def test_every_setting_of_the_connection_is_described() -> None:
    settings = set(re.findall(r'(?:setting|extra_dejson\.get)\("(\w+)"', SOURCES))
    assert len(settings) > 5
    assert [name for name in settings if f"`{name}`" not in REFERENCE] == []
