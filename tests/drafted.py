"""Files to draft: a repository with those shipped, and records that have gone through one of its mappings."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pandas as pd
from sqlalchemy import Engine

from demo.airflow_home import CHECKOUT
from ledgerbridge.audit import Actor, Change, append
from ledgerbridge.mapping.trial import canonical_frames
from ledgerbridge.state import transaction
from operators.staging import remember, write_frames

__all__ = ["FILE", "MAPPING", "NAMES", "git", "include_in_git", "plant_customers"]

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
