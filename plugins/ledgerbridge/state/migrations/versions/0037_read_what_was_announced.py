"""Keep up to which change a source's announcements have been read; what is there already was read by time"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0024"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("reading", sa.Column("announced", _NUMBER, nullable=False, server_default="0"))
    # else the first look for announcements would walk through all that became known since the first day
    op.execute(
        "UPDATE reading SET announced = COALESCE((SELECT MAX(change.number) FROM change"
        " WHERE change.company = reading.company AND change.entity = reading.entity), 0)"
    )


def downgrade() -> None:
    op.drop_column("reading", "announced")
