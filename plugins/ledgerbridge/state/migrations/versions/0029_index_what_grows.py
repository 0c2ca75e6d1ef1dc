"""Find what a run took, the ends of a link, a delivery by its record: nothing is to look at all there ever were"""

from __future__ import annotations

from alembic import op

revision = "0029"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_source_record_run", table_name="source_record")
    op.create_index("ix_source_record_run", "source_record", ["company", "flow", "leg", "run_id"])
    op.drop_index("ix_link_end_link", table_name="link_end")
    op.create_index("ix_link_end_link", "link_end", ["link_id", "company", "entity"])
    op.create_index("ix_delivery_record", "delivery", ["record_key"])


def downgrade() -> None:
    op.drop_index("ix_delivery_record", table_name="delivery")
    op.drop_index("ix_link_end_link", table_name="link_end")
    op.create_index("ix_link_end_link", "link_end", ["link_id"])
    op.drop_index("ix_source_record_run", table_name="source_record")
    op.create_index("ix_source_record_run", "source_record", ["run_id"])
