"""Let audit entries be signed, and the database refuse one that does not follow the last"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

REFUSAL = "audit entries are append-only"
# REPLACE deletes without a DELETE, so that a trigger on that sees nothing of it
FOLLOWS = "NEW.id = (SELECT COALESCE(MAX(id), 0) + 1 FROM audit_entry)"
IS_THERE = "EXISTS (SELECT 1 FROM audit_entry WHERE hash = NEW.hash)"


def upgrade() -> None:
    op.add_column("audit_entry", sa.Column("signature", sa.String(length=128), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION ledgerbridge_refuse_audit_gap() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN IF NOT ({FOLLOWS}) THEN RAISE EXCEPTION '{REFUSAL}'; END IF; RETURN NEW; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_entry_follows BEFORE INSERT ON audit_entry"
            " FOR EACH ROW EXECUTE FUNCTION ledgerbridge_refuse_audit_gap()"
        )
        # also for a session that calls itself a replica
        for trigger in ("audit_entry_follows", "audit_entry_is_append_only"):
            op.execute(f"ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER {trigger}")
        return
    op.execute(
        f"CREATE TRIGGER audit_entry_follows BEFORE INSERT ON audit_entry WHEN NOT ({FOLLOWS}) OR {IS_THERE}"
        f" BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER audit_entry_follows ON audit_entry")
        op.execute("DROP FUNCTION ledgerbridge_refuse_audit_gap()")
        op.execute("ALTER TABLE audit_entry ENABLE TRIGGER audit_entry_is_append_only")
    else:
        op.execute("DROP TRIGGER audit_entry_follows")
    op.drop_column("audit_entry", "signature")
