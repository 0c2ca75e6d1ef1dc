"""Widen labels: a person's name in Shopify is two of 255 characters; PostgreSQL refuses a longer text"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("source_record", "dead_letter"):
        with op.batch_alter_table(name) as table:
            table.alter_column("label", existing_type=sa.String(length=128), type_=sa.String(length=512))


def downgrade() -> None:
    for name in ("source_record", "dead_letter"):
        with op.batch_alter_table(name) as table:
            table.alter_column("label", existing_type=sa.String(length=512), type_=sa.String(length=128))
