"""Keep with the ends of a link what its sides hold and what they last agreed on; nothing is kept in step yet"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

COLUMNS = {"held": sa.JSON, "held_change": sa.Integer, "held_changed_at": sa.DateTime, "agreed": sa.JSON}


def upgrade() -> None:
    with op.batch_alter_table("link_end") as table:
        for name, kind in COLUMNS.items():
            table.add_column(sa.Column(name, kind(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("link_end") as table:
        for name in COLUMNS:
            table.drop_column(name)
