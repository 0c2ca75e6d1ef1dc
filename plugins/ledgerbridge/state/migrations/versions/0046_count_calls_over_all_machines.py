"""Count the calls that a system limits in the database, over all machines; what folders had counted is left there"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0050"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "counted_call",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("budget", sa.String(64), nullable=False),
        sa.Column("began_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime()),
    )
    op.create_index("ix_counted_call_budget_began_at", "counted_call", ["budget", "began_at"])
    op.create_table(
        "call_pause",
        sa.Column("budget", sa.String(64), primary_key=True),
        sa.Column("until", sa.DateTime(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("call_pause")
    op.drop_table("counted_call")
