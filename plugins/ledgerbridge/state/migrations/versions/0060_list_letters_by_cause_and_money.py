"""Keep of each dead letter how much money it is about, and list and group letters without reading what they keep"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0076"
branch_labels = None
depends_on = None

_INDEXES = {
    "ix_dead_letter_list": ["state", "created_at", "id", "company", "flow", "leg", "code", "step"],
    "ix_dead_letter_cause": ["state", "company", "flow", "leg", "code", "field", "currency", "money"],
    "ix_dead_letter_money": ["state", "money", "id"],
}


def upgrade() -> None:
    op.add_column("dead_letter", sa.Column("currency", sa.String(16)))
    op.add_column("dead_letter", sa.Column("money", sa.BigInteger()))
    for name, columns in _INDEXES.items():
        op.create_index(name, "dead_letter", columns)
    op.drop_index("ix_dead_letter_state", "dead_letter")


def downgrade() -> None:
    op.create_index("ix_dead_letter_state", "dead_letter", ["state"])
    for name in _INDEXES:
        op.drop_index(name, "dead_letter")
    for name in ("money", "currency"):
        op.drop_column("dead_letter", name)
