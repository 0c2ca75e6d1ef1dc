"""deploy/helm/values.yaml: what a task needs is there, no secret is, and the chart's own schema takes it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
VALUES: dict[str, Any] = yaml.safe_load((ROOT / "deploy/helm/values.yaml").read_text())
SCHEMA = "AIRFLOW_CHART_SCHEMA"


@pytest.mark.skipif(SCHEMA not in os.environ, reason=f"{SCHEMA} names no values.schema.json of Airflow's chart")
def test_the_charts_own_schema_takes_the_values_and_knows_every_name() -> None:
    schema = json.loads(Path(os.environ[SCHEMA]).read_text())
    jsonschema.Draft7Validator(schema).validate(VALUES)
    assert set(VALUES) <= set(schema["properties"])


def test_the_chart_runs_the_airflow_that_is_pinned_with_a_pod_a_task() -> None:
    (pinned,) = re.findall(r"^apache-airflow==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert VALUES["airflowVersion"] == pinned
    assert VALUES["executor"] == "KubernetesExecutor"
    kubernetes = (ROOT / "requirements-kubernetes.txt").read_text()
    assert "apache-airflow-providers-cncf-kubernetes==" in kubernetes


def test_settings_and_folders_are_those_of_the_image() -> None:
    env = {each["name"]: each["value"] for each in VALUES["env"]}
    compose = (ROOT / "docker-compose.yaml").read_text()
    for name in ("AIRFLOW__CORE__DAGS_FOLDER", "AIRFLOW__CORE__PLUGINS_FOLDER"):
        assert f"{name}: {env[name]}\n" in compose
    mounted = {each["mountPath"]: each["name"] for each in VALUES["volumeMounts"]}
    assert set(mounted.values()) == {each["name"] for each in VALUES["volumes"]}
    assert env["AIRFLOW__LEDGERBRIDGE__STATE_FOLDER"] in mounted
    assert env["AIRFLOW__LEDGERBRIDGE__ANCHORS_URL"].removeprefix("file://") in mounted


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
