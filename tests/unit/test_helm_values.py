"""deploy/helm: what a pod needs is in the values, the image or the guide, no secret is; the chart's schema takes it."""

from __future__ import annotations

import importlib
import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "deploy/helm/values.yaml").read_text()
VALUES: dict[str, Any] = yaml.safe_load(TEXT)
EDGE: dict[str, Any] = yaml.safe_load((ROOT / "deploy/helm/edge.yaml").read_text())
ENV = {each["name"]: each["value"] for each in VALUES["env"]}
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
GUIDE = (ROOT / "docs/how-to/run-on-kubernetes.md").read_text()
SCHEMA = "AIRFLOW_CHART_SCHEMA"
# Under which key the chart looks into each secret that its values name.
CHARTS_KEYS = {
    "metadataSecretName": "connection",
    "fernetKeySecretName": "fernet-key",
    "apiSecretKeySecretName": "api-secret-key",
    "jwtSecretName": "jwt-secret",
}


def default(value: str) -> str:
    """What the compose file takes where `.env` says nothing."""
    return re.sub(r"^\$\{\w+:-(.*)\}$", r"\1", value)


def settings(name: str) -> dict[str, str]:
    """The NAME=VALUE lines of a file in config/."""
    return dict(re.findall(r"^([A-Za-z_]+)=(.*)$", (ROOT / "config" / name).read_text(), re.MULTILINE))


@pytest.mark.skipif(SCHEMA not in os.environ, reason=f"{SCHEMA} names no values.schema.json of Airflow's chart")
@pytest.mark.parametrize("values", [VALUES, VALUES | EDGE], ids=["values", "with edge.yaml"])
def test_the_charts_own_schema_takes_the_values_and_knows_every_name(values: dict[str, Any]) -> None:
    schema = json.loads(Path(os.environ[SCHEMA]).read_text())
    jsonschema.Draft7Validator(schema).validate(values)
    assert set(values) <= set(schema["properties"])


def test_the_chart_runs_the_airflow_that_is_pinned_with_a_pod_a_task() -> None:
    (pinned,) = re.findall(r"^apache-airflow==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert VALUES["airflowVersion"] == pinned
    assert VALUES["executor"] == "KubernetesExecutor"
    kubernetes = (ROOT / "requirements-kubernetes.txt").read_text()
    assert "apache-airflow-providers-cncf-kubernetes==" in kubernetes


def test_settings_and_folders_are_those_of_the_image() -> None:
    mounted = {each["mountPath"]: each["name"] for each in VALUES["volumeMounts"]}
    assert set(mounted.values()) == {each["name"] for each in VALUES["volumes"]}
    assert ENV["AIRFLOW__LEDGERBRIDGE__STATE_FOLDER"] in mounted
    assert ENV["AIRFLOW__LEDGERBRIDGE__ANCHORS_URL"].removeprefix("file://") in mounted
    assert re.findall(r"AIRFLOW_HOME=(\S+)", DOCKERFILE) == [VALUES["airflowHome"]]
    assert re.findall(r"useradd --uid (\d+)", DOCKERFILE) == [str(VALUES["uid"])] == [str(VALUES["gid"])]


def test_settings_that_other_installations_have_too_are_theirs() -> None:
    """The compose file's before config/airflow.env's, as there."""
    theirs = settings("airflow.env")
    theirs |= {name: default(value) for name, value in COMPOSE["x-ledgerbridge"]["environment"].items()}
    # what is staged has a volume of its own here, the rest of that folder none
    shared = (set(ENV) & set(theirs)) - {"AIRFLOW__LEDGERBRIDGE__STATE_FOLDER"}
    assert {name: ENV[name] for name in shared} == {name: theirs[name] for name in shared}
    assert {"AIRFLOW__CORE__DAGS_FOLDER", "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"} <= shared


@pytest.mark.parametrize(
    ("component", "probe", "service"),
    [
        ("scheduler", "livenessProbe", "scheduler"),
        ("scheduler", "startupProbe", "scheduler"),
        ("dagProcessor", "livenessProbe", "dag-processor"),
        ("triggerer", "livenessProbe", "triggerer"),
    ],
)
def test_a_probe_is_the_compose_files_and_no_log_is_cleaned_by_a_script_the_image_lacks(
    component: str, probe: str, service: str
) -> None:
    how, *command = COMPOSE["services"][service]["healthcheck"]["test"]
    assert how == "CMD"
    assert VALUES[component][probe]["command"] == command
    assert VALUES[component]["logGroomerSidecar"]["enabled"] is False


@pytest.mark.parametrize(("component", "service"), [("apiServer", "api-server"), ("scheduler", "scheduler")])
def test_a_process_may_take_as_long_to_start_as_in_the_compose_file(component: str, service: str) -> None:
    check = COMPOSE["services"][service]["healthcheck"]
    seconds = int(check["start_period"][:-1]) + check["retries"] * int(check["interval"][:-1])
    assert 0 <= 10 * VALUES[component]["startupProbe"]["failureThreshold"] - seconds < 10


def test_files_that_the_values_name_are_in_the_image() -> None:
    named = set(re.findall(r"/opt/ledgerbridge/([\w./-]+)", TEXT))
    copied = re.findall(r"^!([\w.-]+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert {"dags", "plugins", "config", "config/pools.json"} <= named
    assert [name for name in named if not (ROOT / name).exists() or Path(name).parts[0] not in copied] == []
    assert "requirements-kubernetes.txt" in copied


def test_folders_that_something_is_mounted_in_are_the_images_users() -> None:
    """Where the image lacks one, the container's runtime makes it, for root."""
    (made,) = re.findall(r"install -d -o ledgerbridge -g ledgerbridge ([^&\n]*)", DOCKERFILE.replace("\\\n", " "))
    folders = set(made.split())
    mounted = [each["mountPath"] for each in [*VALUES["volumeMounts"], *VALUES["apiServer"]["extraVolumeMounts"]]]
    assert VALUES["airflowHome"] in folders
    assert [path for path in mounted if not {path, str(Path(path).parent)} & folders] == []


def test_people_log_in_by_an_auth_manager_that_is_installed_with_one_file_of_passwords_for_all_replicas() -> None:
    module, _, name = VALUES["config"]["core"]["auth_manager"].rpartition(".")
    assert name == "SimpleAuthManager"
    assert hasattr(importlib.import_module(module), name)
    server = VALUES["apiServer"]
    (volume,), (mount,), (setting,) = server["extraVolumes"], server["extraVolumeMounts"], server["env"]
    assert setting["name"] == "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
    assert Path(setting["value"]).parent == Path(mount["mountPath"])
    assert volume["name"] == mount["name"]
    assert volume["persistentVolumeClaim"] not in [each["persistentVolumeClaim"] for each in VALUES["volumes"]]
    assert f"cat {setting['value']}\n" in GUIDE


def test_the_edge_worker_comes_on_top_with_the_settings_that_it_has_elsewhere() -> None:
    assert set(EDGE) == {"executor", "extraEnv"}, "lists of values.yaml would be replaced"
    theirs = settings("workers.env")
    ours = {each["name"]: each["value"] for each in yaml.safe_load(EDGE["extraEnv"])}
    assert ours == {name: theirs.get(name) for name in ours}
    _, edge = theirs["AIRFLOW__CORE__EXECUTOR"].split(",")
    assert EDGE["executor"] == f"{VALUES['executor']},{edge}"


def test_every_secret_is_made_by_the_guide_under_the_key_that_is_read() -> None:
    named = {VALUES[name]: {CHARTS_KEYS[name]} for name in CHARTS_KEYS if name in VALUES}
    named |= {VALUES["data"][name]: {CHARTS_KEYS[name]} for name in VALUES["data"]}
    for each in VALUES["migrateDatabaseJob"]["env"]:
        reference = each["valueFrom"]["secretKeyRef"]
        named[reference["name"]] = {reference["key"]}
    (everywhere,) = yaml.safe_load(VALUES["extraEnvFrom"])
    named[everywhere["secretRef"]["name"]] = {
        "LEDGERBRIDGE_STATE_URL",
        "AIRFLOW_CONN_LEDGERBRIDGE_DB",
        "AIRFLOW__LEDGERBRIDGE__PAYLOAD_KEY",
        "AIRFLOW__LEDGERBRIDGE__SIGNING_KEY",
        "AIRFLOW_CONN_XERO",
    }
    commands = re.findall(r"create secret generic (\S+) (.*)", GUIDE.replace("\\\n", " "))
    made = {name: set(re.findall(r"--from-literal=([\w-]+)=", rest)) for name, rest in commands}
    assert made == named
    variables = set(re.findall(r"\$(\w+)", " ".join(rest for _, rest in commands))) - {"STATE_URL"}
    assert variables <= set(re.findall(r'"(\w+)": (?:secrets|base64)', (ROOT / "docker/make_env.py").read_text()))


def test_every_claim_is_made_for_pods_of_several_nodes() -> None:
    volumes = [*VALUES["volumes"], *VALUES["apiServer"]["extraVolumes"]]
    named = {each["persistentVolumeClaim"]["claimName"] for each in volumes}
    claims = list(yaml.safe_load_all((ROOT / "deploy/helm/claims.yaml").read_text()))
    assert {each["metadata"]["name"] for each in claims} == named | {VALUES["logs"]["persistence"]["existingClaim"]}
    assert {tuple(each["spec"]["accessModes"]) for each in claims} == {("ReadWriteMany",)}


def test_the_guide_builds_and_pushes_the_image_of_the_values_and_names_files_that_are_there() -> None:
    image = f"{VALUES['images']['airflow']['repository']}:{VALUES['images']['airflow']['tag']}"
    lines = [line.strip() for line in GUIDE.splitlines()]
    plain, derived = (line for line in lines if line.startswith("docker build"))
    assert plain == f"docker build -t {default(COMPOSE['x-ledgerbridge']['image'])} ."
    assert derived.startswith(f"docker build -t {image} -")
    assert f"docker push {image}" in lines
    files = set(re.findall(r"\b((?:deploy|docker|config)/[\w./-]+\.\w+)", GUIDE))
    assert {"deploy/helm/values.yaml", "deploy/helm/claims.yaml", "docker/create-databases.sh"} <= files
    assert [name for name in files if not (ROOT / name).exists()] == []


def test_every_process_has_a_bound_and_a_task_at_most_a_gibibyte() -> None:
    processes = {name: each for name, each in VALUES.items() if isinstance(each, dict) and "resources" in each}
    limits = {name: each["resources"]["limits"]["memory"] for name, each in processes.items()}
    assert limits == {
        "apiServer": "2Gi", "scheduler": "2Gi", "dagProcessor": "1Gi", "triggerer": "1Gi", "workers": "1Gi"
    }  # fmt: skip


def test_secrets_are_named_and_none_is_in_the_file() -> None:
    assert {name for name in VALUES if name.endswith("SecretName")} == {
        "fernetKeySecretName", "apiSecretKeySecretName", "jwtSecretName"
    }  # fmt: skip
    assert set(VALUES["data"]) == {"metadataSecretName"}
    assert not [each["name"] for each in VALUES["env"] if re.search("KEY|SECRET|PASSWORD|CONN", each["name"])]
