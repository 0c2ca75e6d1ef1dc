"""A system that is only a package in the folder of hooks: its form is known, and a flow reads and writes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from added_system import add_system
from in_process import InProcess
from sqlalchemy import Engine

from hooks.provider import get_provider_info
from hooks.systems import offered_entities

SYSTEM = """
_HOOK = "hooks.depot.hook:DepotHook"
FORM = ConnectionForm("depot", "Depot", _HOOK, extra={"path": text("Path", "Folder.")}, labels={"host": "Name"})
SYSTEM = System("depot", _HOOK, "hooks.depot.hook:ENTITIES", forms=(FORM,))
"""
HOOK = '''
import json
from datetime import datetime, UTC
from pathlib import Path

from airflow.sdk import BaseHook

from ledgerbridge.entities import Found, Outcome, RawRecord


class Parcel:
    """Parcels that came in: parcels.json."""

    def __init__(self, folder):
        self.folder = folder

    def read(self, window):
        parcels = json.loads((self.folder / "parcels.json").read_text())
        yield [RawRecord(f"depot:main:parcel:{each['id']}", "1", datetime(2026, 3, 2, tzinfo=UTC), each)
               for each in parcels]

    def clock(self):
        return datetime(2026, 3, 3, tzinfo=UTC)


class Label:
    """Labels, a file each."""

    max_batch = 10

    def __init__(self, folder):
        self.folder = folder

    def find(self, documents):
        return {}

    def send(self, documents):
        for each in documents:
            (self.folder / f"{each.header['number']}.label").write_text(str(each.header["weight"]))
        return [Outcome(each.record_key, each.header["number"], each.header["number"]) for each in documents]


ENTITIES = {"parcel": Parcel, "label": Label}


class DepotHook(BaseHook):
    def __init__(self, connection):
        super().__init__()
        self.folder = Path(self.get_connection(connection).extra_dejson["path"])

    def entity(self, name):
        return ENTITIES[name](self.folder)
'''
FLOW = """
description: A label for each parcel.
owner: depot
stages:
  all:
    legs:
      label: {from: depot.parcel, conform: conform, map: map, gate: gate, to: depot.label}
"""
CONFORM = """
from: depot.parcel
to: canonical.payout
description: A parcel.
header:
  label: "@key"
  dated: {value: "2026-03-02", convert: {date: {}}}
  payout_id: id
  gateway: {value: depot}
  amount: weight
"""
MAP = """
from: canonical.payout
to: depot.label
description: Its label.
header: {number: payout_id, weight: amount}
"""
GATE = """
description: A label has a number.
expectations:
  - {expect: expect_column_values_to_not_be_null, column: number, remedy: Number the parcel.}
"""
COMPANY = """
name: Depot
base_currency: USD
time_zone: UTC
connections: {depot: [depot]}
accounts: []
gateways: []
"""


@pytest.fixture
def depot(tmp_path: Path, state_db: Engine, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a depot with two parcels, its package beside the other systems', and a flow that labels them."""
    depot = tmp_path / "depot"
    files = {
        "include/flows/parcels.yaml": FLOW,
        "include/mappings/conform.yaml": CONFORM,
        "include/mappings/map.yaml": MAP,
        "include/expectations/gate.yaml": GATE,
        "include/companies/main.yaml": COMPANY,
        "depot/parcels.json": json.dumps([{"id": "P1", "weight": "2.5"}, {"id": "P2", "weight": "3"}]),
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    add_system(tmp_path, monkeypatch, "depot", SYSTEM, hook=HOOK)
    url = state_db.url.render_as_string(hide_password=False)
    for name, value in {
        "AIRFLOW_CONN_DEPOT": json.dumps({"conn_type": "depot", "extra": {"path": str(depot)}}),
        "AIRFLOW_CONN_LEDGERBRIDGE_DB": json.dumps({"conn_type": "generic", "extra": {"url": url}}),
        "AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER": str(tmp_path / "include"),
        "AIRFLOW__LEDGERBRIDGE__STATE_FOLDER": str(tmp_path),
        "GX_ANALYTICS_ENABLED": "false",
    }.items():
        monkeypatch.setenv(name, value)
    return depot


def test_an_added_system_is_read_and_written_by_a_flow(depot: Path) -> None:
    InProcess("parcels").run("run-1", reconcile=False)
    labels = {path.name: path.read_text() for path in depot.glob("*.label")}
    assert labels == {"P1.label": "2.50000", "P2.label": "3.00000"}


def test_an_added_system_brings_its_connection_form_and_its_entities(depot: Path) -> None:
    forms = {form["connection-type"]: form for form in get_provider_info()["connection-types"]}
    assert forms["depot"]["hook-class-name"] == "hooks.depot.hook.DepotHook"
    assert forms["depot"]["conn-fields"]["path"]["label"] == "Path"
    offered = {name: roles for name, roles in offered_entities().items() if name.startswith("depot.")}
    assert offered == {"depot.parcel": {"source"}, "depot.label": {"target"}}
