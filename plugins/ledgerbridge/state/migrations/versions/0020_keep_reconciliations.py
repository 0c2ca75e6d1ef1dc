"""Keep what reconciliations found, and what they read, away from local disks"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0017"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DUE = sa.text("due IS NOT NULL")


def upgrade() -> None:
    create_books()
    op.create_index("ix_delivery_updated", "delivery", ["updated_at"])
    op.create_table(
        "reconciliation_result",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("flow", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("agree", sa.Boolean(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("company", "flow", "run_id"),
    )


def downgrade() -> None:
    op.drop_index("ix_delivery_updated", "delivery")
    op.drop_table("reconciliation_result")
    op.drop_table("books_case")
    op.drop_table("books_sum")
    op.drop_table("books_open_item")
    op.drop_table("books_document")
    op.drop_table("books_name")
    op.drop_table("books_record")
    op.drop_table("books_reading")
    op.drop_table("books_state")


def create_books() -> None:
    op.create_table(
        "books_state",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("flow", sa.String(length=64), nullable=False),
        sa.Column("passes", sa.Integer(), nullable=False),
        sa.Column("deliveries_until", sa.DateTime(), nullable=True),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("company", "flow"),
    )
    op.create_table(
        "books_reading",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("flow", sa.String(length=64), nullable=False),
        sa.Column("book", sa.String(length=128), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("company", "flow", "book"),
    )
    op.create_table(
        "books_record",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("flow", sa.String(length=64), nullable=False),
        sa.Column("ledger", sa.String(length=64), nullable=False),
        sa.Column("book", sa.String(length=128), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=True),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("due", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("company", "flow", "book", "key"),
    )
    op.create_index("ix_books_record_due", "books_record", ["company", "flow"], sqlite_where=DUE, postgresql_where=DUE)
    op.create_table(
        "books_name",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("flow", sa.String(length=64), nullable=False),
        sa.Column("ledger", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("record", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("company", "flow", "ledger", "name", "record"),
    )
    op.create_index("ix_books_name_record", "books_name", ["record"])
    op.create_table(
        "books_document",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("flow", sa.String(length=64), nullable=False),
        sa.Column("ledger", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=255), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("pair", sa.String(length=255), nullable=False),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.Column("number", sa.String(length=255), nullable=True),
        sa.Column("settles", sa.String(length=255), nullable=True),
        sa.Column("against", sa.String(length=255), nullable=True),
        sa.Column("made_from", sa.String(length=255), nullable=True),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("compared", sa.Boolean(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=True),
        sa.Column("due", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_books_document_against", "books_document", ["company", "flow", "against"])
    op.create_index(
        "ix_books_document_due", "books_document", ["company", "flow"], sqlite_where=DUE, postgresql_where=DUE
    )
    op.create_index("ix_books_document_made", "books_document", ["company", "flow", "made_from"])
    op.create_index("ix_books_document_number", "books_document", ["company", "flow", "number"])
    op.create_index("ix_books_document_origin", "books_document", ["company", "flow", "ledger", "origin"])
    op.create_index("ix_books_document_pair", "books_document", ["company", "flow", "pair"])
    op.create_index("ix_books_document_settles", "books_document", ["company", "flow", "settles"])
    op.create_table(
        "books_open_item",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("flow", sa.String(length=64), nullable=False),
        sa.Column("ledger", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=255), nullable=False),
        sa.Column("number", sa.String(length=255), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("due", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_books_open_item_due", "books_open_item", ["company", "flow"], sqlite_where=DUE, postgresql_where=DUE
    )
    op.create_index("ix_books_open_item_number", "books_open_item", ["company", "flow", "number"])
    op.create_index("ix_books_open_item_origin", "books_open_item", ["company", "flow", "ledger", "origin"])
    op.create_table(
        "books_sum",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("flow", sa.String(length=64), nullable=False),
        sa.Column("ledger", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=128), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("compared", sa.Boolean(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("company", "flow", "ledger", "account", "booked_on", "compared"),
    )
    op.create_table(
        "books_case",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("flow", sa.String(length=64), nullable=False),
        sa.Column("gateway", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("listed", sa.BigInteger(), nullable=False),
        sa.Column("fees", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("company", "flow", "gateway", "name"),
    )
    op.create_index("ix_books_case_due", "books_case", ["company", "flow"], sqlite_where=DUE, postgresql_where=DUE)
