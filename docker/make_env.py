"""Writes .env with new secrets for docker-compose.yaml; those that are there stay. Needs only Python."""

from __future__ import annotations

import base64
import os
import secrets
import sys
from pathlib import Path

FILE = Path(__file__).resolve().parent.parent / ".env"


def main() -> int:
    """Write the secrets that are missing, readable by the owner alone; 1 when there are all."""
    values = {
        # of the superuser, whom nobody is after the first start; of the databases' own roles
        "POSTGRES_PASSWORD": secrets.token_hex(24),
        "AIRFLOW_DB_PASSWORD": secrets.token_hex(24),
        "OWNER_DB_PASSWORD": secrets.token_hex(24),
        "TASKS_DB_PASSWORD": secrets.token_hex(24),
        # of the workers' queue
        "REDIS_PASSWORD": secrets.token_hex(24),
        # Fernet's form: 32 bytes, URL-safe base64
        "FERNET_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "PAYLOAD_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "API_SECRET_KEY": secrets.token_hex(32),
        "JWT_SECRET": secrets.token_hex(64),
        # Ed25519: any 32 bytes are a key
        "SIGNING_KEY": secrets.token_hex(32),
    }
    kept = FILE.read_text() if FILE.exists() else ""
    present = {line.split("=", 1)[0] for line in kept.splitlines()}
    missing = {name: value for name, value in values.items() if name not in present}
    if not missing:
        print(f"{FILE} is there already and stays: its keys are needed to read what was written with them.")
        return 1
    # a last line that was typed without its end
    start = "\n" if kept and not kept.endswith("\n") else ""
    with os.fdopen(os.open(FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w") as file:
        file.write(start + "".join(f"{name}={value}\n" for name, value in missing.items()))
    FILE.chmod(0o600)
    print(f"{FILE} has {', '.join(missing)} now. Keep it: without it the databases can't be read.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
