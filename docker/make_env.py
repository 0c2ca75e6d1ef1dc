"""Writes .env with new secrets for docker-compose.yaml; one that is there stays. Needs only Python."""

from __future__ import annotations

import base64
import os
import secrets
import sys
from pathlib import Path

FILE = Path(__file__).resolve().parent.parent / ".env"


def main() -> int:
    """Write the file, readable by its owner alone; 1 when there is one already."""
    values = {
        # of the superuser, whom nobody is after the first start; of the databases' own roles
        "POSTGRES_PASSWORD": secrets.token_hex(24),
        "AIRFLOW_DB_PASSWORD": secrets.token_hex(24),
        "OWNER_DB_PASSWORD": secrets.token_hex(24),
        "TASKS_DB_PASSWORD": secrets.token_hex(24),
        # Fernet's form: 32 bytes, URL-safe base64
        "FERNET_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "PAYLOAD_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "API_SECRET_KEY": secrets.token_hex(32),
        "JWT_SECRET": secrets.token_hex(64),
        # Ed25519: any 32 bytes are a key
        "SIGNING_KEY": secrets.token_hex(32),
    }
    lines = "".join(f"{name}={value}\n" for name, value in values.items())
    try:
        descriptor = os.open(FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        print(f"{FILE} is there already and stays: its keys are needed to read what was written with them.")
        return 1
    with os.fdopen(descriptor, "w") as file:
        file.write(lines)
    print(f"{FILE} written. Keep it: without it the databases can't be read.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
