"""Keep who takes on what waits on the work list, its tags and what people say of it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0105"
down_revision = "0091"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "work_item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("assignee", sa.String(length=255), nullable=True),
        sa.Column("comments", sa.JSON(), nullable=True),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "subject"),
    )
    op.create_index("ix_work_item_assignee", "work_item", ["kind", "assignee", "subject"])
    op.create_table(
        "work_tag",
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("tag", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("item", "tag"),
        sa.ForeignKeyConstraint(["item"], ["work_item.id"]),
    )
    op.create_index("ix_work_tag", "work_tag", ["tag", "item"])


def downgrade() -> None:
    op.drop_table("work_tag")
    op.drop_table("work_item")
