"""The dashboard for Grafana asks for metrics that Airflow and we emit, by the names that Prometheus has them under."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from airflow._shared.observability import metrics as airflow_metrics
from airflow.sdk._shared.observability.metrics.base_stats_logger import NoStatsLogger
from airflow.sdk._shared.observability.metrics.otel_logger import SafeOtelLogger
from airflow.sdk.observability import stats
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from sqlalchemy import Engine

from demo.airflow_home import CHECKOUT
from ledgerbridge.audit import Actor
from ledgerbridge.state import transaction
from ledgerbridge.state.source_records import Fate, Seen, register, set_outcomes
from operators.leg import RECORDS, LegOperator

DASHBOARD = json.loads((CHECKOUT / "deploy" / "grafana" / "ledgerbridge.json").read_text())
SUFFIXES = {
    "counter": ("_total",),
    "gauge": ("",),
    "timer": ("_milliseconds_bucket", "_milliseconds_count", "_milliseconds_sum"),
}
"""What Prometheus puts behind a name of OpenTelemetry: the kind of it, and before that its unit."""
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def as_prometheus(name: str, kind: str) -> set[str]:
    plain = f"airflow.{name}".replace(".", "_").replace("-", "_")
    return {f"{plain}{suffix}" for suffix in SUFFIXES[kind]}


def emitted() -> set[str]:
    """The names of all metrics: those of Airflow's own list, and ours."""
    [folder] = airflow_metrics.__path__
    listed = yaml.safe_load((Path(folder) / "metrics_template.yaml").read_text())["metrics"]
    names = {name for each in listed for name in as_prometheus(each["name"], each["type"])}
    return names | as_prometheus(RECORDS, "counter")


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_each_expression_asks_for_metrics_that_are_emitted(expression: str) -> None:
    asked = set(re.findall(r"\bairflow_\w+", expression))
    assert asked
    assert asked <= emitted()


@pytest.fixture
def reader() -> Iterator[InMemoryMetricReader]:
    """What Airflow's own OpenTelemetry logger would send."""
    reader = InMemoryMetricReader()
    logger = SafeOtelLogger(MeterProvider(metric_readers=[reader]))
    stats.initialize(factory=lambda: logger, export_legacy_names=False)
    yield reader
    stats.initialize(factory=NoStatsLogger, export_legacy_names=False)


def sent(reader: InMemoryMetricReader) -> dict[str, Any]:
    data = reader.get_metrics_data()
    assert data is not None
    return {each.name: each for of in data.resource_metrics for scope in of.scope_metrics for each in scope.metrics}


def test_airflow_sends_what_takes_time_as_a_histogram_in_milliseconds(reader: InMemoryMetricReader) -> None:
    stats.timing("dagrun.duration.success", 12.0, tags={"dag_id": "order_to_cash.orders"})
    stats.gauge("pool.running_slots", 2, tags={"pool_name": "gp"})
    found = sent(reader)
    duration = found["airflow.dagrun.duration.success"]
    assert (duration.unit, type(duration.data).__name__) == ("ms", "Histogram")
    assert type(found["airflow.pool.running_slots"].data).__name__ == "Gauge"


def test_a_leg_counts_what_it_closes_its_batch_with(state_db: Engine, reader: InMemoryMetricReader) -> None:
    actor = Actor("order_to_cash", "order", "run-1", "order.load")
    with transaction(state_db) as session:
        register(session, actor.flow, actor.leg, actor.run_id, "shopify.order", [Seen("a", "1"), Seen("b", "1")], "uri")
        set_outcomes(session, actor.flow, actor.leg, {"a": Fate("delivered"), "b": Fate("rejected", "no item")})
    leg: Any = SimpleNamespace(
        engine=state_db, flow=actor.flow, leg=actor.leg, config=SimpleNamespace(stop_if_rejected_over=None),
        company=SimpleNamespace(key="main"), log=SimpleNamespace(info=lambda *_: None),
    )  # fmt: skip
    assert LegOperator.close_batch(leg, actor) == Counter(delivered=1, rejected=1)
    points = sent(reader)[f"airflow.{RECORDS}"].data.data_points
    assert {(each.attributes["leg"], each.attributes["outcome"], each.value) for each in points} == {
        ("order", "delivered", 1),
        ("order", "rejected", 1),
    }
