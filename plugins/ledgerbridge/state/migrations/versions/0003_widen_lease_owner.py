"""Widen the lease owner: a flow, a leg and the longest run id of Airflow; PostgreSQL refuses a longer text"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("delivery") as table:
        table.alter_column("lease_owner", existing_type=sa.String(length=250), type_=sa.String(length=400))


def downgrade() -> None:
    with op.batch_alter_table("delivery") as table:
        table.alter_column("lease_owner", existing_type=sa.String(length=400), type_=sa.String(length=250))
