"""Add which batch stands at an address, with its hash, so that every read of one compares it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_AT_A_TIME = 500


def upgrade() -> None:
    staged = op.create_table(
        "staged_batch",
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("uri"),
    )
    rows = [
        {"uri": uri, "rows": rows, "sha256": digest}
        for uri, (rows, digest) in _told_by_the_audit(op.get_bind()).items()
    ]
    for start in range(0, len(rows), _AT_A_TIME):
        op.get_bind().execute(staged.insert(), rows[start : start + _AT_A_TIME])


def _told_by_the_audit(connection: sa.Connection) -> dict[str, tuple[dict[str, int], str]]:
    """Rows and hash of the last batch at each address: records that wait in one are read after the upgrade, too."""
    audit = sa.table(
        "audit_entry",
        sa.column("id", sa.Integer()),
        sa.column("action", sa.String()),
        sa.column("content_hash", sa.String()),
        sa.column("details", sa.JSON()),
    )
    told = (
        sa.select(audit.c.details, audit.c.content_hash)
        .where(audit.c.action.startswith("batch-"), audit.c.content_hash.is_not(None))
        .order_by(audit.c.id)
    )
    return {
        details["uri"]: (details["rows"], digest)
        for details, digest in connection.execute(told)
        if "uri" in details and "rows" in details
    }


def downgrade() -> None:
    op.drop_table("staged_batch")
