"""What Airflow learns of Ledgerbridge through its provider entry point: connection types and settings."""

from __future__ import annotations

from typing import Any

from hooks.systems import systems
from ledgerbridge.systems import ConnectionForm

__all__ = ["get_provider_info"]


def get_provider_info() -> dict[str, Any]:
    """Connection forms and the `[ledgerbridge]` section, as plain data (sources.md Airflow §2)."""
    return {
        "package-name": "ledgerbridge",
        "name": "Ledgerbridge",
        "description": "Ledgers, shops and payment gateways for accounting flows.",
        "connection-types": [_connection_type(form) for system in systems().values() for form in system.forms],
        "cli": ["commands.under_airflow.get_cli_commands"],
        "config": {"ledgerbridge": {"description": "Settings of Ledgerbridge.", "options": _OPTIONS}},
    }


def _connection_type(form: ConnectionForm) -> dict[str, Any]:
    return {
        "connection-type": form.type,
        "hook-class-name": form.hook.replace(":", "."),
        "hook-name": form.title,
        "ui-field-behaviour": {
            "hidden-fields": list(form.hidden),
            "relabeling": dict(form.labels),
            "placeholders": dict(form.examples),
        },
        "conn-fields": dict(form.extra),
    }


def _option(description: str, example: str) -> dict[str, Any]:
    return {"description": description, "version_added": "0.1.0", "type": "string", "example": example, "default": ""}


_OPTIONS = {
    "anchors_to": _option(
        "Apprise connection that is sent every anchor of the audit chain, such as a mailbox the database's"
        " administrators can't delete from. Blank: nobody.",
        "audit_mailbox",
    ),
    "anchors_url": _option(
        "Folder where the DAG verify_audit keeps the heads of the audit chain, an object each: let it be where the"
        " database's administrators can't write, with retention. Default: audit_anchors/ under staging_url.",
        "s3://bucket/audit_anchors",
    ),
    "attachments_url": _option(
        "Folder that people of a ledger reach to which no interface attaches files: any ObjectStoragePath URL. The DAG"
        " attachments lays files of delivered documents there, and attaches what people lay there. Blank: none is.",
        "file:///mnt/gp/attachments",
    ),
    "bundle_approvers": _option(
        "Who may approve a bundle that `promote` asks about: the id of each in Airflow, with `=` and their name where"
        " that is another one; commas between them. They have to be allowed to edit the DAG promote too; Airflow takes"
        " the answer of nobody else. Whoever packed or offered a bundle is not asked about it. Blank: all who may edit"
        " that DAG.",
        "vera,5f0c2f6e-8f0b-4a52-9f57-2f6a3c1f7d11=Otto Ames",
    ),
    "bundle_keys": _option(
        "Public keys whose bundles `promote` takes here, 64 hexadecimal characters each, commas between them: those"
        " that `ledgerbridge audit key` shows in the environment before this one. Default: the key of this one.",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ),
    "environment": _option(
        "What this environment calls itself. Then every connection of a system, and ledgerbridge_db, has to say the"
        " same in its extra (`environment`), so that none of another is ever used. Default: it has no name.",
        "prod",
    ),
    "files_url": _option(
        "Where people edit the files of the include folder, for the console's links: {path} is filled in with the"
        " file's path below that folder, {line} with its line. Begins with https, http or vscode. Blank: no links.",
        "https://git.example.com/books/-/edit/main/include/{path}#L{line}",
    ),
    "publish": _option(
        "Where the console publishes drafts of the include folder's files, which has to lie in a git repository:"
        " `straight`, the file is written and committed on what is checked out, and is live at once; `branch`, a commit"
        " on a branch of its own, which people merge. Default: branch.",
        "straight",
    ),
    "circuit_pause_seconds": _option(
        "How long a system that failed three times in a row is left alone at first; doubles with each failed probe"
        " up to four times as long. Default: 15.",
        "60",
    ),
    "companies_folder": _option(
        "The companies whose books are kept, a file each, named by its key. Default: companies/ of the include folder.",
        "/etc/ledgerbridge/companies",
    ),
    "include_folder": _option(
        "Flows, mappings, expectations, lookups. Default: include/ of the checkout.", "/srv/include"
    ),
    "lookups_folder": _option("Lookup tables. Default: lookups/ of the include folder.", "/srv/lookups"),
    "payload_key": {
        **_option(
            "Fernet keys that encrypt payloads at rest, staged batches and the state database; commas between them,"
            " the first encrypts. Blank: not encrypted.",
            "",
        ),
        "sensitive": True,
    },
    "lease_seconds": _option(
        "How long a worker that gives no sign of life keeps others out of what it has taken. Default: 60.", "30"
    ),
    "queues": _option(
        "The queue, and the executor, of tasks that ask a system which only some workers reach: `system=queue` or"
        " `system=queue@executor`, commas between them. Blank: every worker reaches all.",
        "gp=gp@EdgeExecutor",
    ),
    "settle_seconds": _option(
        "How long after a broken call a target may still end what it had begun, before it is asked; at least as long as"
        " the connection lets a call take. Default: 20.",
        "60",
    ),
    "signing_key": {
        **_option(
            "Ed25519 keys that sign the audit's heads, anchors and evidence packs, 64 hexadecimal characters each;"
            " commas between them, the first signs. Blank: nothing is signed. `ledgerbridge audit key --new` makes one."
            " Let it come from a secrets backend (`signing_key_secret`, `signing_key_cmd`), out of reach of whoever"
            " administers the state database.",
            "",
        ),
        "sensitive": True,
    },
    "staging_url": _option("Where batches are staged: any ObjectStoragePath URL.", "s3://bucket/ledgerbridge"),
    "state_folder": _option(
        "By default the state database and what is staged lie here: production has both elsewhere (the connection"
        " ledgerbridge_db, staging_url). Default: .state/ beside the DAGs.",
        "/var/lib/ledgerbridge",
    ),
    "timestamp_roots": _option(
        "PEM file with the root certificates of the authority at timestamp_url.", "/etc/ledgerbridge/tsa_roots.pem"
    ),
    "timestamp_url": _option(
        "A time-stamping authority (RFC 3161) that stamps every anchor. Blank: none.", "https://tsa.example.com/tsr"
    ),
}
