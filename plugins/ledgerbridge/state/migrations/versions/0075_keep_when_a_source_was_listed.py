"""Keep when a source was listed whole"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0075"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reading", sa.Column("listed_at", sa.DateTime()))


def downgrade() -> None:
    with op.batch_alter_table("reading") as table:
        table.drop_column("listed_at")
