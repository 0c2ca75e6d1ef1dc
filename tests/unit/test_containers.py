"""The files for Docker: valid, without a default secret, and asking for nothing the image doesn't have."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from celery.utils.nodenames import default_nodename

from demo import machines
from demo.airflow_home import AirflowHome, read_settings
from demo.redis_server import redis_binary
from demo.services import Service, Services
from demo.stack import Stack
from sandbox.places import Addresses

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yaml"
TEXT = COMPOSE.read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
AT_GP = ROOT / "docker-compose.edge.yaml"
ONE_SHOT = {"prepare", "sandbox-company"}
GUIDE = (ROOT / "docs/how-to/run-in-containers.md").read_text()
SETTINGS_SHOWN = "".join(re.findall(r"`settings\.env`[^`]*```ini\n(.*?)```", GUIDE, re.DOTALL))
"""What the guide shows of a user's own settings."""


@pytest.mark.parametrize("file", [COMPOSE, AT_GP], ids=lambda file: file.name)
def test_compose_file_meets_the_compose_specification(file: Path) -> None:
    command = [str(Path(sys.executable).with_name("check-jsonschema")), "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_secret_has_a_default() -> None:
    secrets = re.findall(r"\$\{(\w*(?:PASSWORD|KEY|SECRET)\w*)(:?[-?][^}]*)?\}", TEXT)
    assert {name for name, _ in secrets} == {
        "POSTGRES_PASSWORD",
        "REDIS_PASSWORD",
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


def _make_images(folder: Path, answer: str) -> subprocess.CompletedProcess[str]:
    """`make images` with a docker that answers so: no registry is reached from here."""
    docker = folder / "bin" / "docker"
    docker.parent.mkdir(exist_ok=True)
    docker.write_text(f"#!/bin/sh\n{answer}\n")
    docker.chmod(0o755)
    environment = {**os.environ, "PATH": f"{docker.parent}:{os.environ['PATH']}"}
    command = ["make", "-f", str(ROOT / "Makefile"), "images"]
    return subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True)


def test_images_are_named_by_digest_once_a_registry_was_asked(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FERNET_KEY=in-use\n")
    for digit in "ab":
        assert _make_images(tmp_path, f"echo sha256:{digit * 64}").returncode == 0
        made = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())
        tags = dict(re.findall(r"\$\{(\w+_IMAGE):-([\w.-]+:[\w.-]+)\}", TEXT))
        tags.pop("LEDGERBRIDGE_IMAGE")  # built here, of the others
        assert made == {"FERNET_KEY": "in-use", **{name: f"{tag}@sha256:{digit * 64}" for name, tag in tags.items()}}


def test_images_stay_as_they_are_when_no_registry_answers(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FERNET_KEY=in-use\n")
    assert _make_images(tmp_path, "echo no such host >&2; exit 1").returncode != 0
    assert (tmp_path / ".env").read_text() == "FERNET_KEY=in-use\n"


def test_images_without_an_env_file_say_how_to_make_one(tmp_path: Path) -> None:
    done = _make_images(tmp_path, "echo sha256:0")
    assert done.returncode != 0
    assert "make env" in done.stderr
    assert not (tmp_path / ".env").exists()


@pytest.mark.parametrize(
    "name", sorted(name for name, each in SERVICES.items() if "config/airflow.env" in each.get("env_file", []))
)
def test_every_service_of_airflow_knows_the_keys_and_where_anchors_lie(name: str) -> None:
    environment = SERVICES[name]["environment"]
    assert environment["AIRFLOW__LEDGERBRIDGE__PAYLOAD_KEY"] == "${PAYLOAD_KEY:?run `make env`}"
    assert environment["AIRFLOW__LEDGERBRIDGE__SIGNING_KEY"] == "${SIGNING_KEY:?run `make env`}"
    assert environment["AIRFLOW__LEDGERBRIDGE__ANCHORS_URL"] == "${ANCHORS_URL:-file:///var/lib/anchors}"


def test_own_settings_reach_every_service_of_airflow_and_none_that_the_file_itself_decides() -> None:
    airflow = {name: each for name, each in SERVICES.items() if "config/airflow.env" in each.get("env_file", [])}
    assert all(each["env_file"][-1] == {"path": "settings.env", "required": False} for each in airflow.values())
    decided = {name for each in airflow.values() for name in each["environment"]}
    shown = re.findall(r"^(AIRFLOW__\w+)=", SETTINGS_SHOWN, re.MULTILINE)
    assert "AIRFLOW__LOGGING__REMOTE_LOGGING" in shown
    assert not decided & set(shown)


def test_anchors_lie_where_the_services_whose_tasks_write_them_alone_look() -> None:
    mounting = {name for name, each in SERVICES.items() if "anchors:/var/lib/anchors" in each.get("volumes", [])}
    assert mounting == {"scheduler", "celery-worker-1", "celery-worker-2", "edge-worker"}


def test_only_the_service_that_migrates_knows_the_owner_of_the_tables() -> None:
    knowing = {
        secret: {name for name, each in SERVICES.items() if f"{{{secret}:" in str(each.get("environment"))}
        for secret in ("OWNER_DB_PASSWORD", "POSTGRES_PASSWORD")
    }
    assert knowing == {"OWNER_DB_PASSWORD": {"postgres", "prepare"}, "POSTGRES_PASSWORD": {"postgres"}}


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ONE_SHOT))
def test_a_service_that_stays_up_tells_its_health(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", machines.WORKERS)
def test_the_health_of_a_celery_worker_is_asked_of_it_by_the_name_it_goes_by(name: str) -> None:
    command, check = SERVICES[name]["command"], SERVICES[name]["healthcheck"]["test"]
    goes_by = default_nodename(command[command.index("--celery-hostname") + 1])
    assert check[check.index("--destination") + 1] == goes_by


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


def test_every_page_that_names_the_test_button_says_where_it_works() -> None:
    pages = [page for page in (ROOT / "docs").rglob("*.md") if re.search(r"Press \*\*Test\*\*", page.read_text())]
    assert {page.stem for page in pages} >= {"connect-real-gp", "connect-real-stripe", "connect-real-xero"}
    for page in pages:
        assert re.search(r"\*\*Test\*\*[^)]*\[let\]\(\.\./reference/connections\.md\)", page.read_text()), page
    assert "`AIRFLOW__CORE__TEST_CONNECTION` is `Enabled`" in (ROOT / "docs/reference/connections.md").read_text()


def test_a_build_fetches_nothing_without_its_hash() -> None:
    installs = re.findall(r"pip install[^\n]*", (ROOT / "Dockerfile").read_text())
    assert all("--require-hashes" in each or "--no-deps --no-build-isolation" in each for each in installs)
    assert re.search(r"^hatchling==.* \\\n +--hash", (ROOT / "requirements-workers.txt").read_text(), re.MULTILINE)


def _started_by_make_stack(folder: Path) -> dict[str, Service]:
    """All that `make stack` starts and is no simulated system, by the names of the compose file."""
    database = "postgresql://127.0.0.1:5/any"
    home = AirflowHome(folder, 1, extra=machines.settings(2), state_db=database, airflow_db=database)
    (folder / "keys.json").write_text(
        json.dumps(dict.fromkeys(("fernet_key", "secret_key", "jwt_secret", "signing_key"), "any"))
    )
    stack = Stack(Services(folder / "logs", ROOT), home, Addresses(), folder)
    beside = machines.beside(stack, "{}", redis=2, receiver=3, postgres=5, to_airflow=6, to_state=7)
    return {each.name.removeprefix("airflow-"): each for each in (*home.services(), *beside)}


@pytest.mark.skipif(redis_binary() is None, reason="no redis-server: apt-get install redis-server")
def test_make_stack_starts_every_service_of_the_compose_file_by_its_command(tmp_path: Path) -> None:
    started = _started_by_make_stack(tmp_path)
    # the cluster is there before all others, and AirflowHome.prepare does what `prepare` does
    here_otherwise = {"postgres", "prepare"}
    without_sandbox = {name for name, each in SERVICES.items() if each.get("profiles") != ["sandbox"]}
    assert set(started) == without_sandbox - here_otherwise
    differing = {}
    for name, each in started.items():
        ours, theirs = [Path(each.command[0]).name, *each.command[1:]], SERVICES[name]["command"]
        assert [word for word in ours if word in theirs] == [word for word in theirs if word in ours], name
        if ours != theirs:
            differing[name] = (set(ours) - set(theirs), set(theirs) - set(ours))
    assert differing == {
        # here it shares a machine: any port, that nobody outside reaches, and so no password
        "redis": ({"--port", "2", "--bind", "127.0.0.1"}, {"--requirepass", "${REDIS_PASSWORD:?run `make env`}"}),
        # the same, and in a container what is published has to listen to all
        machines.RECEIVER: ({"3"}, {"--host", "0.0.0.0", "8915"}),
        # a container's /tmp is gone with it, as the gateway's folder is here
        machines.EDGE: ({str(tmp_path / "gateway" / "edge-worker.pid")}, {"/tmp/edge-worker.pid"}),
    }


@pytest.mark.skipif(redis_binary() is None, reason="no redis-server: apt-get install redis-server")
def test_make_stack_tells_the_workers_what_the_compose_file_tells_them(tmp_path: Path) -> None:
    started = _started_by_make_stack(tmp_path)
    settings = read_settings(ROOT / _variables("workers")["WORKERS_ENV"])
    for name in (*machines.WORKERS, machines.EDGE):
        assert settings.items() <= started[name].environment.items()
    # what leads out of GP's network: the same of Airflow's API, and the state database alone
    at_gp = started[machines.EDGE].environment
    for name, address in SERVICES[machines.EDGE]["environment"].items():
        if "api-server:8080" in address:
            assert at_gp[name] == address.replace("api-server:8080", "127.0.0.1:6")
        elif "@postgres:5432" in address:
            assert "127.0.0.1:7/" in at_gp[name]
    assert not set(machines.NOT_AT_GP) & set(at_gp)
    assert not set(machines.NOT_AT_RECEIVER) & set(started[machines.RECEIVER].environment)


def test_the_receiver_that_strangers_reach_has_the_state_database_and_nothing_that_opens_more() -> None:
    receiver = SERVICES[machines.RECEIVER]
    assert set(receiver["environment"]) == {
        "AIRFLOW_HOME", "AIRFLOW__LEDGERBRIDGE__COMPANIES_FOLDER", "LEDGERBRIDGE_STATE_URL"
    }  # fmt: skip
    assert set(re.findall(r"\$\{(\w+):\?", str(receiver))) == {"TASKS_DB_PASSWORD"}
    assert receiver["env_file"] == [{"path": "webhooks.env", "required": False}]
    assert receiver["volumes"] == ["./include:/opt/ledgerbridge/include:ro"]
    assert set(machines.NOT_AT_RECEIVER) <= set(SERVICES["scheduler"]["environment"])


def test_gp_s_connection_and_no_way_to_airflow_s_database_are_the_edge_worker_s_alone() -> None:
    knowing = {name for name, each in SERVICES.items() if "AIRFLOW_CONN_GP" in each.get("environment", {})}
    assert knowing == {machines.EDGE}
    assert not set(machines.NOT_AT_GP) & set(SERVICES[machines.EDGE]["environment"])


def _variables(name: str) -> dict[str, str]:
    """What an --env-file of the checkout says."""
    return read_settings(ROOT / f"docker/{name}.env")


def test_with_workers_the_edge_worker_alone_of_what_ledgerbridge_runs_reaches_the_simulated_gp() -> None:
    def in_network_of_gp(variables: dict[str, str]) -> set[str]:
        gp = variables.get("GP_NETWORK", "default")
        return {name for name, each in SERVICES.items() if gp in each.get("networks", ["default"])}

    assert SERVICES["sandbox-gp"]["networks"] == ["${GP_NETWORK:-default}"]
    # the one seeds, in the other people type `sandbox …`; no task runs in either
    of_the_sandbox = {"sandbox-company", "sandbox-shopify"}
    assert in_network_of_gp(_variables("workers")) == {machines.EDGE, *of_the_sandbox}
    assert {"scheduler", *of_the_sandbox} < in_network_of_gp(_variables("sandbox"))


def test_the_edge_worker_of_a_machine_of_its_own_is_that_of_the_compose_file_with_addresses_from_outside() -> None:
    (name, there), *others = yaml.safe_load(AT_GP.read_text())["services"].items()
    here = SERVICES[name]
    assert (name, others) == (machines.EDGE, [])
    # beside others it has a profile, a network and what it waits for, and `prepare` builds the image
    assert {key for key in there.keys() | here.keys() if there.get(key) != here.get(key)} == {
        "build", "depends_on", "env_file", "environment", "networks", "profiles", "scale", "volumes"
    }  # fmt: skip
    assert there["build"] == SERVICES["prepare"]["build"]
    assert there["env_file"] == [
        _variables("workers")["WORKERS_ENV"] if each == "${WORKERS_ENV:-config/airflow.env}" else each
        for each in here["env_file"]
    ]
    # what machines share without a volume lies in an object store
    shared = {"anchors:/var/lib/anchors", "state:/var/lib/ledgerbridge"}
    assert set(here["volumes"]) - set(there["volumes"]) == shared
    assert set(there["environment"]) == set(here["environment"])
    required = set(re.findall(r"\$\{(\w+):\?", str(there)))
    assert required == {
        "API_URL", "STATE_URL", "STAGING_URL", "ANCHORS_URL", "GP_CONNECTION",
        "FERNET_KEY", "JWT_SECRET", "PAYLOAD_KEY", "SIGNING_KEY",
    }  # fmt: skip
    for key, value in there["environment"].items():
        assert value == here["environment"][key] or "say it in edge.env" in value, key
    assert not re.search(rf"\b({'|'.join(SERVICES)}):\d", str(there["environment"])), "a name of the other machine's"


def test_the_guide_says_all_that_the_edge_worker_s_own_file_asks_for() -> None:
    (shown,) = re.findall(r"write `edge\.env`:\n\n```ini\n(.*?)```", GUIDE, re.DOTALL)
    said = dict(line.split("=", 1) for line in shown.splitlines())
    asked = re.findall(r"\$\{(\w+)(:\?)?", AT_GP.read_text())
    assert {name for name, required in asked if required} <= set(said) <= {name for name, _ in asked}
    assert json.loads(said["GP_CONNECTION"].strip("'"))["conn_type"] == "gp_econnect"
    assert said["API_URL"].startswith("https://")
    assert "sslmode=verify-full" in said["STATE_URL"]


def test_the_guide_names_every_variable_of_the_compose_file() -> None:
    by_files = {*_variables("sandbox"), *_variables("workers")}
    named = set(re.findall(r"`(\w+)`", GUIDE.partition("## What to set")[2].partition("\n## ")[0]))
    assert set(re.findall(r"\$\{(\w+)", TEXT)) - by_files <= named


def test_what_the_guides_install_into_an_image_is_in_the_one_it_is_made_from() -> None:
    kept = set(re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    guides = [guide.read_text() for guide in (ROOT / "docs/how-to").glob("*.md")]
    named = {name for guide in guides for name in re.findall(r"/opt/ledgerbridge/(requirements-\w+\.txt)", guide)}
    assert len(named) >= 4
    assert named <= kept
    assert all((ROOT / name).exists() for name in named)


def test_no_optional_requirement_moves_a_pin_of_the_runtime() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[\w.-]+(?:\[.*\])?==[^ ;]+", (ROOT / name).read_text(), re.MULTILINE))

    runtime = {pin.partition("==")[0]: pin for pin in pins("requirements.txt")}
    for optional in ROOT.glob("requirements-*.txt"):
        moved = {pin for pin in pins(optional.name) if runtime.get(pin.partition("==")[0], pin) != pin}
        assert not moved, optional.name


def test_image_runs_as_a_user_of_its_own() -> None:
    users = re.findall(r"^USER (\w+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert users[-1:] == ["ledgerbridge"]


def test_image_holds_every_folder_the_services_use() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    kept = {line[1:] for line in ignored if line.startswith("!")}
    assert ignored[0] == "*"
    assert {
        "config",
        "dags",
        "demo",
        "include",
        "plugins",
        "sandbox",
        "pyproject.toml",
        "requirements-workers.txt",
    } <= kept
    assert all((ROOT / name).exists() for name in kept)
