"""Keep the canonical header with each source record, so that rules can look at a whole chain"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("source_record") as table:
        table.add_column(sa.Column("chain_key", sa.String(length=255), nullable=True))
        table.add_column(sa.Column("canonical", sa.JSON(), nullable=True))
        table.create_index("ix_source_record_chain", ["entity", "chain_key"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("source_record") as table:
        table.drop_index("ix_source_record_chain")
        table.drop_column("canonical")
        table.drop_column("chain_key")
