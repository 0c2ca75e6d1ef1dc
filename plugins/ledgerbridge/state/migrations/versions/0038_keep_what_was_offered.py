"""Keep with the ends of a link what was offered to the other side of what each holds; nothing is under way yet"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("link_end", sa.Column("offered", sa.JSON, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("link_end") as table:
        table.drop_column("offered")
