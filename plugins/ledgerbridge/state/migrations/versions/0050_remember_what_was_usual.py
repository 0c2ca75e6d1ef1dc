"""Remember of each document that passed its gate what the next ones are compared with"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "seen_document",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("company", sa.String(64), nullable=False),
        sa.Column("entity", sa.String(64), nullable=False),
        sa.Column("record_key", sa.String(255), nullable=False),
        sa.Column("party", sa.String(255), nullable=False),
        sa.Column("currency", sa.String(16), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("accounts", sa.JSON(), nullable=False),
        sa.UniqueConstraint("company", "entity", "record_key"),
    )
    op.create_index("ix_seen_document_party", "seen_document", ["company", "entity", "party", "id"])
    op.create_index("ix_seen_document_latest", "seen_document", ["company", "entity", "id"])


def downgrade() -> None:
    op.drop_table("seen_document")
