"""Find the few deliveries whose call has no outcome yet among all that ever were"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0090"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    called = sa.text("called_at IS NOT NULL")
    op.create_index("ix_delivery_called", "delivery", ["called_at"], sqlite_where=called, postgresql_where=called)


def downgrade() -> None:
    op.drop_index("ix_delivery_called", "delivery")
