"""Keep the form of records that people accepted for a mapping, to tell what is otherwise since"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0185"
down_revision = "0195"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accepted_shape",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("mapping", sa.String(length=255), nullable=False),
        sa.Column("records", sa.JSON(), nullable=False),
        sa.Column("source", sa.JSON(), nullable=False),
        sa.Column("target", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("accepted_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("company", "mapping"),
    )


def downgrade() -> None:
    op.drop_table("accepted_shape")
