"""Add the salt of keys that can be guessed; where records have keys already, these stay as they are"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_SALT_BYTES = 32


def upgrade() -> None:
    installation = op.create_table(
        "installation",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    salt = "" if _has_keys(op.get_bind()) else secrets.token_hex(_SALT_BYTES)
    op.get_bind().execute(installation.insert(), [{"name": "key_salt", "value": salt}])


def _has_keys(connection: sa.Connection) -> bool:
    tables = (sa.table(name, sa.column("id")) for name in ("source_record", "delivery", "cross_reference"))
    return any(connection.execute(sa.select(each.c.id).limit(1)).first() is not None for each in tables)


def downgrade() -> None:
    op.drop_table("installation")
