"""A customer's key in the ledgers, the audit and the logs tells nobody whether a guessed address is behind it."""

from __future__ import annotations

import json
import re
from base64 import b32encode
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from demo.stack import Stack
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery
from sandbox.player import Player
from tests.flows.in_process import Office, open_office, placed_orders, salt_keys


@pytest.fixture(scope="module")
def file(sandboxes: Player) -> dict[str, Any]:
    """Six orders, placed in the shop."""
    return placed_orders(sandboxes, 6)


@pytest.fixture
def office(file: dict[str, Any], stack: Stack, sandboxes: Player, tmp_path: Path) -> Iterator[Office]:
    with open_office(file, stack, sandboxes, tmp_path) as office:
        yield office


def customers(office: Office) -> dict[str, str]:
    """Number in GP by record key."""
    with transaction(office.state) as session:
        rows = session.scalars(select(Delivery).where(Delivery.entity == "gp.customer", Delivery.state == "delivered"))
        return {row.record_key: str(row.number) for row in rows}


def guessed(file: dict[str, Any]) -> set[str]:
    """The keys that whoever knows the code and the customers' addresses would make."""
    addresses = set(re.findall(r"[\w.+-]+@[\w.-]+\w", json.dumps(file)))
    digests = (blake2b(each.casefold().encode(), digest_size=20).digest() for each in addresses)
    return {"customer:" + b32encode(digest).decode()[:21] for digest in digests}


def test_a_new_installation_s_customers_can_t_be_found_by_guessing(office: Office) -> None:
    office.flow.run("run-1")
    found = customers(office)
    assert found
    assert not found.keys() & guessed(office.file)


def test_an_older_installation_s_customers_keep_their_keys(office: Office) -> None:
    salt_keys(office.state, "")  # as the migration leaves it where there are records
    office.flow.run("run-1")
    found = customers(office)
    assert found
    assert found.keys() <= guessed(office.file)
