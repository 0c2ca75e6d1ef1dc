"""Read the ledgers' journals anew once: the key of an entry tells its day too, and one kept under both counted twice"""

from __future__ import annotations

from alembic import op

revision = "0205"
down_revision = "0185"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # what a whole reading does not see is gone, and with it what is kept under a key without a day
    op.execute("DELETE FROM books_reading WHERE book LIKE '%-journal'")


def downgrade() -> None:
    pass
