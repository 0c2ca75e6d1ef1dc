"""Keep the days that documents are posted on whose own was closed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0195"
down_revision = "0200"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "posting_day",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("record_key", sa.String(length=255), nullable=False),
        sa.Column("own", sa.Date(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("by", sa.String(length=16), nullable=False),
        sa.Column("moved_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("company", "entity", "record_key"),
    )


def downgrade() -> None:
    op.drop_table("posting_day")
