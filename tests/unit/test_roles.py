"""The roles of deploy/keycloak/realm.json may do what docs/how-to/give-roles.md says, and nothing more."""

from __future__ import annotations

import json
import re
from itertools import product
from pathlib import Path

from airflow.api_fastapi.auth.managers.base_auth_manager import ExtendedResourceMethod
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManagerRole
from airflow.api_fastapi.common.types import MenuItem

from demo.airflow_home import read_settings

ROOT = Path(__file__).parents[2]
CLIENT = json.loads((ROOT / "deploy/keycloak/realm.json").read_text())["clients"][0]
RULES = CLIENT["authorizationSettings"]
ROLES = ("auditor", "operator", "approver", "engineer")
TABLE = dict(re.findall(r"^\| ([^|]+) \| ([^\n]+) \|$", (ROOT / "docs/how-to/give-roles.md").read_text(), re.MULTILINE))
# `Dag#PUT` and so on, as Airflow's Keycloak provider 0.11.2 asks for them (auth_manager/resources.py)
ASKED = {
    "see what was done, what waits and why, and the audit, without values": {"Dag#GET", "Dag#LIST", "View#GET"},
    "see values and amounts; mend, answer what is asked, comment on drafts": {"Dag#PUT"},
    "start runs and backfills": {"Dag#POST", "Backfill#POST"},
    "draft, try and publish flows, mappings, suites, tables; pack, offer and take back bundles": {"Variable#PUT"},
    "keep connections, variables and pools, and see the configuration": {
        "Configuration#GET",
        *(f"{each}#{method}" for each, method in product(("Connection", "Variable", "Pool"), ("GET", "POST", "PUT"))),
    },
    "delete DAGs and what is kept of their runs": {"Dag#DELETE"},
}


def may(role: str, permission: str) -> bool:
    resource, _, scope = permission.partition("#")
    rules = [rule["config"] for rule in RULES["policies"] if rule["type"] == "scope"]
    return any(
        resource in json.loads(rule["resources"])
        and scope in json.loads(rule["scopes"])
        and role in json.loads(rule["applyPolicies"])
        for rule in rules
    )


def test_each_role_may_do_what_the_guide_says_and_nothing_more() -> None:
    told = {what: [each == "yes" for each in TABLE[what].split(" | ")] for what in ASKED}
    found = {what: [all(may(role, each) for each in asked) for role in ROLES] for what, asked in ASKED.items()}
    some = {what: [any(may(role, each) for each in asked) for role in ROLES] for what, asked in ASKED.items()}
    assert found == some == told


def test_the_realm_knows_every_method_and_menu_of_this_airflow_and_each_rule_names_what_is_there() -> None:
    scopes = {scope["name"] for scope in RULES["scopes"]}
    assert scopes == {*(method.value for method in ExtendedResourceMethod), "LIST"}
    resources = {resource["name"] for resource in RULES["resources"]}
    assert resources >= {item.value for item in MenuItem}
    for rule in (rule["config"] for rule in RULES["policies"] if rule["type"] == "scope"):
        assert set(json.loads(rule["resources"])) <= resources
        assert set(json.loads(rule["scopes"])) <= scopes
        assert set(json.loads(rule["applyPolicies"])) <= set(ROLES)


def test_what_is_shipped_has_a_user_of_each_role_the_guide_names_and_not_one_admin() -> None:
    users = read_settings(ROOT / "config/airflow.env")["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"]
    named = dict(each.split(":") for each in users.split(","))
    assert named == {"admin": "admin", "engineer": "op", "operator": "user", "approver": "user", "auditor": "viewer"}
    assert set(named) == {*ROLES, "admin"}
    assert set(named.values()) == {role.name.lower() for role in SimpleAuthManagerRole}


def test_the_realm_holds_no_secret_and_lets_nobody_register() -> None:
    assert CLIENT["secret"] == "${AIRFLOW_CLIENT_SECRET}"
    assert not CLIENT["publicClient"]
    assert not CLIENT["directAccessGrantsEnabled"]
