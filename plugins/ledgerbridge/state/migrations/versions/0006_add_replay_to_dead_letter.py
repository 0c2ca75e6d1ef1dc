"""Keep with a dead letter all that its replay needs, and what people did with it"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from ledgerbridge.state.models import Instant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("error_class", sa.String(length=64), nullable=True),
        sa.Column("version", sa.String(length=128), nullable=True),
        sa.Column("changed_at", Instant(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("document_types", sa.JSON(), nullable=True),
        sa.Column("corrections", sa.JSON(), nullable=True),
        sa.Column("stands_for", sa.String(length=128), nullable=True),
        sa.Column("replay_from", sa.String(length=16), nullable=True),
        sa.Column("replayed_at", Instant(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
    ]


def upgrade() -> None:
    with op.batch_alter_table("dead_letter") as table:
        for column in columns():
            table.add_column(column)


def downgrade() -> None:
    with op.batch_alter_table("dead_letter") as table:
        for column in reversed(columns()):
            table.drop_column(column.name)
