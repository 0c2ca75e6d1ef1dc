"""Keep which records of two sides may be one, what people said of it, and when a record was compared"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "match_proposal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("sides", sa.JSON(), nullable=False),
        sa.Column("left_key", sa.String(length=255), nullable=False),
        sa.Column("right_key", sa.String(length=255), nullable=False),
        sa.Column("left_number", sa.String(length=255), nullable=True),
        sa.Column("right_number", sa.String(length=255), nullable=True),
        sa.Column("shown", sa.JSON(), nullable=True),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("best", sa.Boolean(), nullable=False),
        sa.Column("agreements", sa.JSON(), nullable=False),
        sa.Column("compared_at", sa.DateTime(), nullable=False),
        sa.Column("answer", sa.String(length=16), nullable=True),
        sa.Column("answered_by", sa.String(length=255), nullable=True),
        sa.Column("answered_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("company", "kind", "left_key", "right_key"),
    )
    op.create_index("ix_match_proposal_right", "match_proposal", ["company", "kind", "right_key"])
    op.add_column("link_end", sa.Column("compared_at", sa.DateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("link_end", "compared_at")
    op.drop_table("match_proposal")
