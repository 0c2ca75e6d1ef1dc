"""Keep the bundles that are offered to an environment until they are approved, and what was before"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0190"
down_revision = "0160"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "promotion",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("environment", sa.String(length=64), nullable=True),
        sa.Column("packed_by", sa.String(length=255), nullable=False),
        sa.Column("packed_at", sa.DateTime(), nullable=False),
        sa.Column("offered_by", sa.String(length=255), nullable=False),
        sa.Column("offered_at", sa.DateTime(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=True),
        sa.Column("problems", sa.JSON(), nullable=True),
        sa.Column("tried", sa.JSON(), nullable=True),
        sa.Column("files", sa.String(length=64), nullable=True),
        sa.Column("said_by", sa.String(length=255), nullable=True),
        sa.Column("said_at", sa.DateTime(), nullable=True),
        sa.Column("before", sa.LargeBinary(), nullable=True),
        sa.Column("applied_at", sa.DateTime(), nullable=True),
        sa.Column("undone_by", sa.String(length=255), nullable=True),
        sa.Column("undone_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    op.drop_table("promotion")
