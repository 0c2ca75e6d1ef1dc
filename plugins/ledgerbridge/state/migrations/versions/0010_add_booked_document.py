"""Keep what each ledger booked for a document, so that a trace ends in the general ledger"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "booked_document",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ledger", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("record_key", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("number", sa.String(length=255), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("effects", sa.JSON(), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ledger", "key"),
    )
    op.create_index("ix_booked_document_record", "booked_document", ["record_key"])


def downgrade() -> None:
    op.drop_table("booked_document")
