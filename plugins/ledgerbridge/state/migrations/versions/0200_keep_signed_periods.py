"""Keep what people signed of a period, and its documents as they were then"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0200"
down_revision = "0190"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sign_off",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("report_hash", sa.String(length=64), nullable=False),
        sa.Column("report_url", sa.Text(), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("proposed_at", sa.DateTime(), nullable=False),
        sa.Column("signatures", sa.JSON(), nullable=False),
        sa.Column("due", sa.Integer(), nullable=True),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_sign_off_period", "sign_off", ["company", "first", "last"])
    op.create_table(
        "signed_document",
        sa.Column("sign_off", sa.Integer(), nullable=False),
        sa.Column("flow", sa.String(length=64), nullable=False),
        sa.Column("ledger", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["sign_off"], ["sign_off.id"]),
        sa.PrimaryKeyConstraint("sign_off", "flow", "ledger", "key"),
    )


def downgrade() -> None:
    op.drop_table("signed_document")
    op.drop_table("sign_off")
