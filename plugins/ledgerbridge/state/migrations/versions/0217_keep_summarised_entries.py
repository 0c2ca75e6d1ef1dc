"""Keep which entries are summed up in which document, and what each puts in"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0217"
down_revision = "0205"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "summarised_entry",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("record_key", sa.String(length=255), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("summary", sa.String(length=255), nullable=False),
        sa.Column("label", sa.String(length=255), nullable=False),
        sa.Column("posted_on", sa.Date(), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("company", "record_key", "entity"),
    )
    op.create_index("ix_summarised_entry_summary", "summarised_entry", ["company", "summary"])


def downgrade() -> None:
    op.drop_table("summarised_entry")
