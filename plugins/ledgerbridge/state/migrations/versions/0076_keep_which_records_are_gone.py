"""Keep which linked records are gone"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0076"
down_revision = "0075"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("link_end", sa.Column("gone_at", sa.DateTime()))


def downgrade() -> None:
    with op.batch_alter_table("link_end") as table:
        table.drop_column("gone_at")
