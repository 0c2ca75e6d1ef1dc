"""Let the database's clock and numbered tries decide who delivers, in place of hosts, processes and their clocks"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "delivery_try",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("task", sa.String(length=250), nullable=False),
        sa.Column("worker", sa.String(length=128), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("began_at", sa.DateTime(), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(), nullable=False),
        sa.Column("lease_until", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_delivery_try_lease", "delivery_try", ["lease_until"])
    op.create_table(
        "database_clock",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("start", sa.String(length=64), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("delivery") as table:
        table.add_column(sa.Column("fence", sa.Integer(), nullable=True))
        table.add_column(sa.Column("called_at", sa.DateTime(), nullable=True))
        table.add_column(sa.Column("settles_at", sa.DateTime(), nullable=True))
    # what was interrupted before is looked up first, when the lease it had is over
    op.execute(
        "UPDATE delivery SET called_at = updated_at, settles_at = COALESCE(lease_until, updated_at)"
        " WHERE state = 'sending'"
    )
    with op.batch_alter_table("delivery") as table:
        table.drop_column("lease_owner")
        table.drop_column("lease_until")


def downgrade() -> None:
    with op.batch_alter_table("delivery") as table:
        table.add_column(sa.Column("lease_owner", sa.String(length=400), nullable=True))
        table.add_column(sa.Column("lease_until", sa.DateTime(), nullable=True))
    op.execute("UPDATE delivery SET lease_until = settles_at WHERE state = 'sending'")
    with op.batch_alter_table("delivery") as table:
        table.drop_column("fence")
        table.drop_column("called_at")
        table.drop_column("settles_at")
    op.drop_table("database_clock")
    op.drop_table("delivery_try")
