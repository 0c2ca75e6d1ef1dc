"""Find records by what people are called, whose names are kept encrypted; `ledgerbridge index-names` fills it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0110"
down_revision = "0105"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "name_word",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("word", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kept_in", sa.String(length=16), nullable=False),
        sa.Column("row_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("company", "word", "kept_in", "row_id"),
    )
    op.create_index("ix_name_word_row", "name_word", ["kept_in", "row_id"])


def downgrade() -> None:
    op.drop_table("name_word")
