"""The `[ledgerbridge]` settings, and what they lead to."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.configuration import conf
from sqlalchemy import Engine

from hooks import state_database
from hooks.state_database import payload_key
from hooks.systems import gateway_fields
from ledgerbridge.audit.timestamps import TimeStamps
from ledgerbridge.delivery import LEASE, SETTLE
from ledgerbridge.drafts.publish import How
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.flows import Company, company_file, default_key, load_company
from ledgerbridge.state.circuits import FIRST_PAUSE
from ledgerbridge.state.companies import for_company
from ledgerbridge.state.signing import PublicKeys, Signer

__all__ = [
    "anchors_to",
    "anchors_url",
    "attachments_url",
    "bundle_approvers",
    "bundle_keys",
    "companies_folder",
    "company",
    "environment",
    "first_pause",
    "in_dag_ids",
    "include_folder",
    "lease",
    "lookups_folder",
    "payload_key",
    "publishes",
    "settle",
    "staging_url",
    "state_engine",
    "state_folder",
    "time_stamps",
    "timestamp_url",
]

_CHECKOUT = Path(__file__).resolve().parents[2]


def include_folder() -> Path:
    """Where the files users edit lie: flows, mappings, expectations, lookups."""
    return Path(conf.get("ledgerbridge", "include_folder", fallback="") or _CHECKOUT / "include")


def lookups_folder() -> Path:
    """Where the lookup tables lie."""
    return Path(conf.get("ledgerbridge", "lookups_folder", fallback="") or include_folder() / "lookups")


def state_folder() -> Path:
    """Where what is nowhere else lies: the default state database, and by default the staged files."""
    home = Path(conf.get("core", "dags_folder")).parent
    return Path(conf.get("ledgerbridge", "state_folder", fallback="") or home / ".state")


def staging_url() -> str:
    """Where batches are staged; any ObjectStoragePath URL."""
    return conf.get("ledgerbridge", "staging_url", fallback="") or f"file://{state_folder() / 'staging'}"


def settle() -> timedelta:
    """How long after a broken call a target is given to end what it may have begun; never shorter than its calls."""
    seconds = conf.get("ledgerbridge", "settle_seconds", fallback="")
    return timedelta(seconds=float(seconds)) if seconds else SETTLE


def lease() -> timedelta:
    """How long a worker that gives no sign of life keeps others out of what it has taken."""
    seconds = conf.get("ledgerbridge", "lease_seconds", fallback="")
    return timedelta(seconds=float(seconds)) if seconds else LEASE


def first_pause() -> timedelta:
    """How long a connection that failed is left alone at first."""
    seconds = conf.get("ledgerbridge", "circuit_pause_seconds", fallback="")
    return timedelta(seconds=float(seconds)) if seconds else FIRST_PAUSE


def anchors_url() -> str:
    """The folder of the anchors, away from the state database; any ObjectStoragePath URL."""
    return conf.get("ledgerbridge", "anchors_url", fallback="") or f"{staging_url()}/audit_anchors"


def attachments_url() -> str:
    """The folder of files that no interface attaches; any ObjectStoragePath URL; blank: none is carried."""
    return conf.get("ledgerbridge", "attachments_url", fallback="") or ""


def files_url() -> str:
    """Where people edit the files of the include folder, ``{path}`` and ``{line}`` in it; blank: nowhere."""
    return conf.get("ledgerbridge", "files_url", fallback="") or ""


def publishes() -> How:
    """
    Where drafts are published.

    :raises ConfigurationError: the setting is neither of the two.
    """
    told = conf.get("ledgerbridge", "publish", fallback="") or "branch"
    if told not in ("straight", "branch"):
        raise ConfigurationError(
            "LB-DRF-006", f'[ledgerbridge] publish is "{told}".', remedy="Write `straight` or `branch`."
        )
    return "straight" if told == "straight" else "branch"


def environment() -> str | None:
    """What this environment calls itself; None: nothing."""
    return conf.get("ledgerbridge", "environment", fallback="") or None


def bundle_keys() -> PublicKeys:
    """
    Whose bundles are taken here: those signed by one of `bundle_keys`, by default by the key of this environment.

    :raises ConfigurationError: one of them is no key.
    """
    told = conf.get("ledgerbridge", "bundle_keys", fallback="") or ""
    return PublicKeys(told.split(",")) if told else Signer(state_database.signing_key()).public


def bundle_approvers() -> dict[str, str]:
    """Who may approve bundles here: the id of each in Airflow, with their name; nobody: all who may edit the DAG."""
    told = conf.get("ledgerbridge", "bundle_approvers", fallback="") or ""
    named = (each.partition("=") for each in told.split(",") if each.strip())
    return {user.strip(): (name or user).strip() for user, _, name in named}


def anchors_to() -> str:
    """The Apprise connection that is sent every anchor; blank: none."""
    return conf.get("ledgerbridge", "anchors_to", fallback="") or ""


def timestamp_url() -> str:
    """Who stamps the anchors with the time (RFC 3161); blank: nobody."""
    return conf.get("ledgerbridge", "timestamp_url", fallback="") or ""


def time_stamps() -> TimeStamps | None:
    """
    What time stamps are verified by; None where none are asked for.

    :raises ConfigurationError: `timestamp_roots` names no certificates.
    """
    path = conf.get("ledgerbridge", "timestamp_roots", fallback="") or ""
    if not path and not timestamp_url():
        return None
    return TimeStamps.of_file(path)


def state_engine(company: str | None = None, *, stays: bool = False) -> Engine:
    """The state database, for the company of that key alone or for all; ``stays`` as in ``hooks.state_database``."""
    engine = state_database.state_engine(stays=stays)
    return engine if company is None else for_company(engine, company)


def companies_folder() -> Path:
    """
    Where the companies' files lie.

    :raises ConfigurationError: the setting of earlier releases, of one file, is there still.
    """
    old = conf.get("ledgerbridge", "company_file", fallback="")
    if old:
        raise ConfigurationError(
            "LB-CFG-027",
            f"[ledgerbridge] company_file names {old}: companies have a folder now, with a file each.",
            remedy="Move that file into a folder, as main.yaml (or named by its `key`), let [ledgerbridge]"
            " companies_folder name the folder, and take company_file away.",
        )
    return Path(conf.get("ledgerbridge", "companies_folder", fallback="") or include_folder() / "companies")


def company(key: str | None = None) -> Company:
    """
    A company the flows work for.

    :param key: None: the only one, or `main` among several.
    :raises ConfigurationError: there is none, or its file is wrong; what is wrong with others' files does not matter.
    """
    return load_company(company_file(companies_folder(), key), gateway_fields())


def in_dag_ids(key: str) -> str:
    """What ids of a company's DAGs begin with; blank for the company of DAGs that name none."""
    return "" if key == default_key(companies_folder()) else key
