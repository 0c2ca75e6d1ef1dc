"""Keep everything per company; what there is belongs to `main`, the one company there was until now"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

MAIN = "main"
UNIQUE = {
    "source_record": ["flow", "leg", "source_key"],
    "delivery": ["entity", "record_key"],
    "dead_letter": [],
    "alert": ["flow", "leg", "kind"],
    "validation_result": ["flow", "leg", "run_id"],
    "booked_document": ["ledger", "key"],
}
"""The tables, each with what was unique in it and is so within a company now."""
INDEXES = {
    "ix_source_record_outcome": ("source_record", ["flow", "leg", "outcome"]),
    "ix_source_record_label": ("source_record", ["entity", "label"]),
    "ix_source_record_chain": ("source_record", ["entity", "chain_key"]),
    "ix_delivery_chain": ("delivery", ["entity", "chain_key"]),
    "ix_delivery_target": ("delivery", ["entity", "target_id"]),
    "ix_delivery_number": ("delivery", ["entity", "number"]),
    "ix_dead_letter_source": ("dead_letter", ["flow", "leg", "source_key"]),
    "ix_booked_document_record": ("booked_document", ["record_key"]),
}
NAMES = {"uq": "%(table_name)s_%(column_0_N_name)s_key"}
"""As PostgreSQL names what has no name, and SQLite's are found by."""


def upgrade() -> None:
    drop_indexes()
    for table_name, columns in UNIQUE.items():
        with op.batch_alter_table(table_name, naming_convention=NAMES) as table:
            table.add_column(sa.Column("company", sa.String(length=64), nullable=False, server_default=MAIN))
            if columns:
                table.drop_constraint(name_of(table_name, columns), type_="unique")
                table.create_unique_constraint(name_of(table_name, ["company", *columns]), ["company", *columns])
        with op.batch_alter_table(table_name) as table:
            table.alter_column("company", server_default=None)
    create_indexes(["company"])
    # its rows stay as they are: an entry without a company is of `main`, and holds
    op.add_column("audit_entry", sa.Column("company", sa.String(length=64), nullable=True))


def downgrade() -> None:
    refuse_several()
    drop_indexes()
    for table_name, columns in UNIQUE.items():
        with op.batch_alter_table(table_name, naming_convention=NAMES) as table:
            if columns:
                table.drop_constraint(name_of(table_name, ["company", *columns]), type_="unique")
                table.create_unique_constraint(name_of(table_name, columns), columns)
            table.drop_column("company")
    create_indexes([])
    op.drop_column("audit_entry", "company")


def refuse_several() -> None:
    """Rows of two companies would be one's, and the trail of all but `main` would not hold."""
    for table_name in (*UNIQUE, "audit_entry"):
        table = sa.table(table_name, sa.column("company"))
        other = op.get_bind().scalar(sa.select(table.c.company).where(table.c.company != MAIN).limit(1))
        if other is not None:
            raise ValueError(f"{table_name} has rows of company {other}: a release before 0019 knows `{MAIN}` alone")


def name_of(table: str, columns: list[str]) -> str:
    return f"{table}_{'_'.join(columns)}_key"


def drop_indexes() -> None:
    for name, (table, _) in INDEXES.items():
        op.drop_index(name, table)


def create_indexes(first: list[str]) -> None:
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, [*first, *columns])
