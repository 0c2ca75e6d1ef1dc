"""Keep of each delivery how much money it is about, in the clear; that of those that are there is not known"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0091"
down_revision = "0090"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("delivery", sa.Column("currency", sa.String(16)))
    op.add_column("delivery", sa.Column("money", sa.BigInteger()))
    op.create_index("ix_delivery_money", "delivery", ["money"])


def downgrade() -> None:
    op.drop_index("ix_delivery_money", "delivery")
    for name in ("money", "currency"):
        op.drop_column("delivery", name)
