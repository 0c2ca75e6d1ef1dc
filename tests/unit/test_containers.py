"""The files for Docker: valid, without a default secret, and asking for nothing the image doesn't have."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yaml"
TEXT = COMPOSE.read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
ONE_SHOT = {"prepare", "sandbox-company"}


def test_compose_file_meets_the_compose_specification() -> None:
    command = [str(Path(sys.executable).with_name("check-jsonschema")), "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, str(COMPOSE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_secret_has_a_default() -> None:
    secrets = re.findall(r"\$\{(\w*(?:PASSWORD|KEY|SECRET)\w*)(:?[-?][^}]*)?\}", TEXT)
    assert {name for name, _ in secrets} == {
        "POSTGRES_PASSWORD",
        "AIRFLOW_DB_PASSWORD",
        "OWNER_DB_PASSWORD",
        "TASKS_DB_PASSWORD",
        "PAYLOAD_KEY",
        "FERNET_KEY",
        "API_SECRET_KEY",
        "JWT_SECRET",
        "SIGNING_KEY",
    }
    assert {how for _, how in secrets} == {":?run `make env`"}


def test_made_secrets_are_those_the_compose_file_asks_for(tmp_path: Path) -> None:
    script = tmp_path / "docker" / "make_env.py"
    script.parent.mkdir()
    script.write_text((ROOT / "docker/make_env.py").read_text())
    subprocess.run([sys.executable, "-I", "-S", str(script)], check=True, capture_output=True)
    made = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())
    assert set(made) == set(re.findall(r"\$\{(\w+):\?", TEXT))
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
    again = subprocess.run([sys.executable, "-I", "-S", str(script)], check=False, capture_output=True)
    assert again.returncode == 1, "keys that are in use must not be replaced"


def test_secrets_that_came_later_are_added_to_those_in_use(tmp_path: Path) -> None:
    script = tmp_path / "docker" / "make_env.py"
    script.parent.mkdir()
    script.write_text((ROOT / "docker/make_env.py").read_text())
    (tmp_path / ".env").write_text("FERNET_KEY=in-use\nPARALLELISM=8")
    subprocess.run([sys.executable, "-I", "-S", str(script)], check=True, capture_output=True)
    made = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())
    assert set(made) == {*re.findall(r"\$\{(\w+):\?", TEXT), "PARALLELISM"}
    assert (made["FERNET_KEY"], made["PARALLELISM"]) == ("in-use", "8")
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ONE_SHOT))
def test_a_service_that_stays_up_tells_its_health(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_has_no_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert set(service.get("cap_add", [])) <= {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert all(service[limit] for limit in ("mem_limit", "cpus", "pids_limit"))


def test_whoever_edits_connections_can_t_make_airflow_call_any_address() -> None:
    settings = (ROOT / "config/airflow.env").read_text()
    assert "AIRFLOW__CORE__TEST_CONNECTION=Disabled" in settings
    assert "TEST_CONNECTION" not in TEXT


def test_a_build_fetches_nothing_without_its_hash() -> None:
    installs = re.findall(r"pip install[^\n]*", (ROOT / "Dockerfile").read_text())
    assert all("--require-hashes" in each or "--no-deps --no-build-isolation" in each for each in installs)
    assert re.search(r"^hatchling==.* \\\n +--hash", (ROOT / "requirements.txt").read_text(), re.MULTILINE)


def test_image_runs_as_a_user_of_its_own() -> None:
    users = re.findall(r"^USER (\w+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert users[-1:] == ["ledgerbridge"]


def test_image_holds_every_folder_the_services_use() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    kept = {line[1:] for line in ignored if line.startswith("!")}
    assert ignored[0] == "*"
    assert {"config", "dags", "demo", "include", "plugins", "sandbox", "pyproject.toml", "requirements.txt"} <= kept
    assert all((ROOT / name).exists() for name in kept)
