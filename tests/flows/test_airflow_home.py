"""A fresh home: the settings are in effect, Airflow knows our connections, and its processes stay light."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from demo.airflow_home import CHECKOUT, AirflowHome, migrated_database, read_settings
from demo.ports import free_port
from demo.state_database import in_own_schema
from ledgerbridge.state import connect
from ledgerbridge.state.signing import Signer

LOOK = """
import json, sys
from airflow.configuration import conf
from airflow.providers_manager import ProvidersManager
from airflow.plugins_manager import get_import_errors, get_plugin_info
get_plugin_info()
print(json.dumps({
    "connections": sorted(ProvidersManager().hooks),
    "plugin_errors": get_import_errors(),
    "idle": conf.getfloat("scheduler", "scheduler_idle_sleep_time"),
    "state_folder": conf.get("ledgerbridge", "state_folder"),
    "heavy": sorted({"pandas", "great_expectations", "zeep"} & sys.modules.keys()),
}))
"""

FORKS = """
import sys
sys.argv = ["airflow", sys.argv[1]]
import airflow.settings
airflow.settings.initialize()
import yaml
from operators.builder import build_flow
read = []
compose = yaml.compose
yaml.compose = lambda text, **more: read.append(text) or compose(text, **more)
build_flow("order_to_cash")
print(len(read), *sorted({"pandas", "great_expectations", "zeep"} & sys.modules.keys()))
"""
"""How many YAML files are parsed for a DAG in what a process that is started so forks, and what that has imported."""


@pytest.fixture
def seen(airflow_home: AirflowHome) -> dict[str, object]:
    """What a process of this Airflow sees."""
    look = [sys.executable, "-c", LOOK]
    done = subprocess.run(look, env=airflow_home.environment, capture_output=True, text=True, check=True)
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_airflow_knows_our_connections_and_settings(seen: dict[str, object], airflow_home: AirflowHome) -> None:
    connections = seen["connections"]
    assert isinstance(connections, list)
    assert {"gp_econnect", "shopify", "stripe", "xero"} <= set(connections)
    assert seen["plugin_errors"] == {}
    assert seen["idle"] == 0.1
    assert seen["state_folder"] == str(airflow_home.state_folder)
    assert seen["heavy"] == [], "a process that runs no task imports what only tasks need"


@pytest.mark.parametrize(
    ("command", "imported"), [("scheduler", ["great_expectations", "pandas", "zeep"]), ("dag-processor", [])]
)
def test_task_or_parsing_reads_no_file_of_a_flow_that_the_process_that_forks_it_has_read(
    command: str, imported: list[str], airflow_home: AirflowHome
) -> None:
    forks = [sys.executable, "-c", FORKS, command]
    done = subprocess.run(forks, env=airflow_home.environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].split() == ["0", *imported]


def test_second_home_copies_the_migrated_database(airflow_home: AirflowHome) -> None:
    assert (airflow_home.path / "airflow.db").read_bytes() == migrated_database().read_bytes()
    assert airflow_home.password
    password = airflow_home.password
    airflow_home.prepare()
    assert airflow_home.password == password


def test_a_home_from_before_there_was_a_signing_key_gets_one_and_keeps_its_others(airflow_home: AirflowHome) -> None:
    keys = airflow_home.path / "keys.json"
    known = json.loads(keys.read_text())
    keys.write_text(json.dumps({name: value for name, value in known.items() if name != "signing_key"}))
    airflow_home.prepare()
    now = json.loads(keys.read_text())
    assert {**now, "signing_key": ""} == {**known, "signing_key": ""}
    assert Signer(airflow_home.environment["AIRFLOW__LEDGERBRIDGE__SIGNING_KEY"])
    airflow_home.prepare()
    assert json.loads(keys.read_text()) == now


def test_state_in_postgresql_lies_in_a_schema_of_its_own_made_anew(tmp_path: Path, state_url: str) -> None:
    if state_url.startswith("sqlite"):
        with pytest.raises(RuntimeError, match="STATE_DB is on 'sqlite'"):
            in_own_schema(state_url)
        return
    home = AirflowHome(tmp_path / "airflow", free_port(), state_db=state_url)
    home.prepare()
    with connect(home.state_url).begin() as connection:
        connection.execute(text("INSERT INTO oauth_token (key) VALUES ('left')"))
    home.prepare()
    with connect(home.state_url).connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM oauth_token")).scalar_one() == 0
    assert inspect(connect(state_url)).get_table_names() == []
    assert json.loads(home.environment["AIRFLOW_CONN_LEDGERBRIDGE_DB"])["extra"] == {"url": home.state_url}


def test_each_setting_has_its_reason_above_it() -> None:
    path = CHECKOUT / "config" / "airflow.env"
    assert len(read_settings(path)) > 10
    blocks = path.read_text().split("\n\n")
    assert [block for block in blocks if "=" in block and not block.startswith("#")] == []
