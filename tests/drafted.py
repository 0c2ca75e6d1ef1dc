"""Files to draft: a repository with those shipped, and records that have gone through one of its mappings."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from sqlalchemy import Engine

from demo.airflow_home import CHECKOUT
from ledgerbridge.audit import Actor, Change, append
from ledgerbridge.changes.log import Found
from ledgerbridge.changes.log import append as log
from ledgerbridge.changes.sources import SourceId
from ledgerbridge.drafts.publish import live_text
from ledgerbridge.drafts.store import begin, keep
from ledgerbridge.entities import RawRecord
from ledgerbridge.mapping.trial import canonical_frames
from ledgerbridge.state import transaction
from operators.staging import raw_table, remember, write_frames, write_raw

__all__ = ["FILE", "MAPPING", "NAMES", "draft", "git", "include_in_git", "plant_customers", "plant_fee"]

MAPPING = "customer_to_gp_customer"
FILE = f"mappings/{MAPPING}.yaml"
NAMES = ["Zebedeo Quisenberry", "Ada Lovelace"]
"""Of the two customers, who both live in Salem."""


def git(folder: Path, *words: str) -> str:
    """What git answers."""
    named = ("-c", "user.name=shipped", "-c", "user.email=shipped@ledgerbridge.invalid")
    return subprocess.run(["git", *named, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def include_in_git(folder: Path) -> Path:
    """An include folder as it is shipped, in a repository of its own."""
    shutil.copytree(CHECKOUT / "include", folder / "include")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "as shipped")
    return folder / "include"


def plant_customers(state: Engine, staging: Path) -> None:
    """Let two customers have gone through the leg `customer`; the audit tells of it, as of any."""
    keys = [f"customer:{number}" for number in range(len(NAMES))]
    records = [
        {"header": {"record_key": key, "customer_number": f"C{key[-1]}", "name": name, "city": "Salem"}}
        for key, name in zip(keys, NAMES, strict=True)
    ]
    uri = f"{staging.as_uri()}/runs/main/order_to_cash/run-9/customer"
    batch = write_frames(f"{uri}/canonical", canonical_frames("canonical.customer", records, keys, "UTC"))
    header = {"record_key": keys, "CUSTNMBR": ["C0", "C1"], "CUSTNAME": NAMES, "CITY": ["Salem", "Salem"]}
    made = write_frames(f"{uri}/documents", {"header": pd.DataFrame(header).astype("string[pyarrow]")})
    with transaction(state) as session:
        remember(session, batch, made)
        told = {"leg": "customer", "uri": f"{uri}/documents", "rows": {}}
        actor = Actor("order_to_cash", "customer", "run-9", "customer.transform")
        append(session, actor, [Change("batch-transform", "gp.customer", "batch:9", details=told)])


def plant_fee(state: Engine, staging: Path) -> None:
    """Let a bill of Stripe over 3.20 have been read, as the change log keeps it."""
    payload = {
        "id": "txn_1", "created": 1_773_139_200, "amount": "-3.20", "currency": "usd", "fee": "0.00", "source": None,
        "reporting_category": "fee", "type": "stripe_fee",
    }  # fmt: skip
    at = datetime(2026, 3, 10, tzinfo=UTC)
    record = RawRecord("stripe:acct_1:balance_transaction:txn_1", "1", at, payload)
    batch = write_raw(f"{staging.as_uri()}/readings/stripe", raw_table([record]))
    with transaction(state) as session:
        remember(session, batch)
        source = SourceId("main", "stripe.balance_transaction", "stripe")
        log(session, source, [Found(record.key, record.version, at)], how="poll", payload_uri=batch.uri)


def draft(state: Engine, include: Path, file: str, by: str, text: str) -> None:
    """Let somebody have a draft of a file."""
    with transaction(state) as session:
        begun = begin(session, file, live_text(include, file), by)
        keep(session, file, by, begun.version, text)
