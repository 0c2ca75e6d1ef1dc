"""Which field is made of which, as mapping files say it and as OpenLineage's own provider takes it from our tasks."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from ledgerbridge.mapping import load_mapping
from ledgerbridge.mapping.lineage import composed, filters_of, origins_of
from ledgerbridge.mapping.trial import try_mapping
from tests.unit.extra_packages import installed_beside
from tests.unit.mapping_runs import lookups

ROOT = Path(__file__).parents[2]
MAPPINGS = ROOT / "include" / "mappings"
ORDER, TO_GP = MAPPINGS / "shopify_order_to_sales_order.yaml", MAPPINGS / "sales_order_to_gp_sales_order.yaml"
NET = "agreements[].sales[].totalAmount.shopMoney.amount"
TAX = "agreements[].sales[].totalTaxAmount.shopMoney.amount"
DETAIL = "agreements[].sales[].taxes[].amount.shopMoney.amount"


def money(amount: str) -> dict[str, Any]:
    return {"shopMoney": {"amount": Decimal(amount)}}


def sale(kind: str, line: str, amount: str) -> dict[str, Any]:
    return {
        "id": f"sale-{line}", "quantity": 2, "lineType": kind,
        "totalAmount": money(amount), "totalTaxAmount": money("0.60"),
        "lineItem": {"id": line} if kind == "PRODUCT" else None, "duty": {"id": line} if kind == "DUTY" else None,
        "shippingLine": {"id": line} if kind == "SHIPPING" else None,
        "taxes": [{"id": f"tax-{line}", "amount": money("0.60"),
                   "taxLine": {"title": "MA-STATE", "rate": Decimal("0.0625"), "channelLiable": False}}],
    }  # fmt: skip


def order() -> dict[str, Any]:
    address = {"firstName": "Kira", "lastName": "Dunn", "company": "Dunn", "address1": "1 Road", "address2": "Flat 2",
               "city": "Salem", "provinceCode": "MA", "zip": "01970", "countryCodeV2": "US"}  # fmt: skip
    return {
        "name": "#1", "processedAt": "2026-03-02T15:15:00Z", "currencyCode": "USD", "email": "a@b.example",
        "poNumber": "7",
        "customer": {"defaultEmailAddress": {"emailAddress": "kira@example.com"}}, "cancelledAt": None,
        "shippingAddress": address, "lineItems": [{"id": "l1", "sku": "SKU-1", "title": "Shirt"}],
        "refunds": [{"transactions": [{"id": "gid/1", "paymentId": "p1"}]}],
        "agreements": [
            {"id": "a1", "reason": "ORDER", "sales": [sale("PRODUCT", "l1", "20.60"), sale("SHIPPING", "s1", "5.60")]}
        ],
    }  # fmt: skip


def leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(each, (*place, key))
    elif value is not None:
        yield place


def changed(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    return (
        value + 1
        if isinstance(value, int | Decimal)
        else value.replace("2026-03-02", "2026-03-09") + "x" * ("-" not in value)
    )


def test_what_a_changed_field_changes_is_what_lineage_says_is_made_of_it(tmp_path: Path) -> None:
    """Witness: the mapping itself, run on an order of which one value is another one."""
    mapping, plain = load_mapping(ORDER), order()
    places = list(leaves(plain))
    records = [plain]
    for place in places:
        record = copy.deepcopy(plain)
        holder = record
        for key in place[:-1]:
            holder = holder[key]
        holder[place[-1]] = changed(holder[place[-1]])
        records.append(record)
    (tmp_path / "tax_titles.csv").write_text("title,detail\nMA-STATE,MA-STATE\n")
    given = [{"key": f"k{number}", "payload": each} for number, each in enumerate(records)]
    tried = try_mapping(mapping, given, lookups(tmp_path, key_salt=b"s"))
    before, origins, deciding = tried[0].after, origins_of(mapping), filters_of(mapping)
    assert tried[0].errors == []
    seen = set()
    for place, trial in zip(places, tried[1:], strict=True):
        path = ".".join("[]" if isinstance(key, int) else str(key) for key in place).replace(".[]", "[]")
        for part, rows in trial.after.items():
            for field in rows[0] if len(rows) == len(before[part]) else ():
                name = field if part == "header" else f"{part}.{field}"
                of_key = field == "record_key" or "@key" in origins.get(name, ())
                if not of_key and [row[field] for row in rows] != [row[field] for row in before[part]]:
                    assert path in origins[name] or path in deciding, f"{path} changes {name}"
                    seen.add(name)
    assert len(seen) > 15


def test_lineage_goes_through_both_mappings_of_a_leg_to_the_fields_of_the_source() -> None:
    found = composed(origins_of(load_mapping(ORDER)), origins_of(load_mapping(TO_GP)))
    told = {
        target: {path: " ".join(sorted(each.kind + "*" * each.masking for each in hows)) for path, hows in made.items()}
        for target, made in found.items()
    }
    assert told["DOCID"] == {}  # always the same
    assert told["CSTPONBR"] == {"name": "TRANSFORMATION"}
    assert told["CURNCYID"] == {"currencyCode": "CONDITIONAL IDENTITY"}
    assert told["CUSTNMBR"] == {
        "@key": "JOIN", "customer.defaultEmailAddress.emailAddress": "JOIN*", "email": "JOIN*",
    }  # fmt: skip
    assert told["SUBTOTAL"] == {NET: "AGGREGATION", TAX: "AGGREGATION", "agreements[].sales[].lineType": "FILTER"}
    assert told["taxes.STAXAMNT"] == {DETAIL: "IDENTITY"}


ASKED = """
import json, sys
from airflow.providers.openlineage.extractors.base import DefaultExtractor
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
from openlineage.client.serde import Serde
from ledgerbridge.flows import load_flow
from operators import settings
from operators.load import LoadOperator

include = settings.include_folder()
for path in sorted((include / "flows").glob("*.yaml")):
    flow, config = path.stem, load_flow(path, include)
    for name, leg in config.legs.items():
        if not leg.map:
            continue
        task = LoadOperator(task_id="load", flow=flow, leg=name, config=leg, company="main")
        told = DefaultExtractor(task).extract_on_complete(None)
        event = RunEvent(
            eventTime="2026-03-02T12:00:00Z", eventType=RunState.COMPLETE, inputs=told.inputs, outputs=told.outputs,
            run=Run("0176a8c2-fe01-7439-87e6-56a1a1b4029f"), job=Job("airflow", f"{flow}.{name}.load"),
        )
        print(json.dumps([f"{flow}.{name}", json.loads(Serde.to_json(event))]))
"""


def test_openlineages_own_provider_takes_the_lineage_of_every_leg_that_is_shipped(tmp_path: Path) -> None:
    provider = installed_beside("requirements-openlineage.txt", tmp_path)
    paths = os.pathsep.join([str(ROOT / "plugins"), str(provider)])
    answer = subprocess.run(
        [sys.executable, "-c", ASKED], check=False, capture_output=True, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": paths, "AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER": str(ROOT / "include")},
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    told = dict(json.loads(line) for line in answer.stdout.splitlines() if line.startswith("["))
    event = told["order_to_cash.order"]
    ((given,), (made,)) = event["inputs"], event["outputs"]
    assert (given["namespace"], given["name"]) == ("ledgerbridge://main", "shopify.order")
    assert (made["namespace"], made["name"]) == ("ledgerbridge://main", "gp.sales_order")
    facet = made["facets"]["columnLineage"]
    assert facet["_schemaURL"].startswith("https://openlineage.io/spec/facets/1-")
    (name,) = facet["fields"]["CSTPONBR"]["inputFields"]
    assert (name["name"], name["field"]) == ("shopify.order", "name")
    assert name["transformations"] == [{"type": "DIRECT", "subtype": "TRANSFORMATION", "masking": False}]
    assert {"field": "agreements[].reason"}.items() <= facet["dataset"][0].items()
    of_event = {field["name"] for field in given["facets"]["schema"]["fields"]}
    used = {each["field"] for field in facet["fields"].values() for each in field["inputFields"]}
    assert used <= of_event
    told_nothing = [leg for leg, each in told.items() if not each["outputs"][0]["facets"]["columnLineage"]["fields"]]
    assert told_nothing == []
