"""Keep with a record that waits when it is tried again; what waits already is tried by the next pass"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

COLUMNS = {"taken_at": sa.DateTime, "try_again_at": sa.DateTime, "tried_after": sa.Integer}


def upgrade() -> None:
    with op.batch_alter_table("source_record") as table:
        for name, kind in COLUMNS.items():
            table.add_column(sa.Column(name, kind(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("source_record") as table:
        for name in COLUMNS:
            table.drop_column(name)
