"""Link ids of one thing in all systems with each other, in place of one-way cross-references"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0016"
branch_labels = None
depends_on = None

COMPANY = "main"
"""The one company there was until now; `key` of the company file has the same default."""
KINDS = {
    "gp.credit_memo": "memo",
    "gp.debit_memo": "memo",
    "gp.cash_receipt": "receipt",
    "gp.gl_transaction": "payout",
    "xero.bank_transaction": "gateway_fee",
    "xero.bank_transfer": "payout",
    "xero.contact": "customer",
    "xero.invoice": "sales_invoice",
}
"""What a target's documents are in life, where the entity's own name does not say it."""
MARKS = (
    ("xero.payment", ":refund:", "refund"),
    ("gp.debit_memo", ":payment:", "receipt"),
    ("gp.gl_transaction", ":fee:", "gateway_fee"),
    ("gp.gl_transaction", ":exchange", "exchange_difference"),
    ("gp.gl_transaction", "/", "realised_gain"),
    ("xero.bank_transaction", ":exchange", "exchange_difference"),
)
"""What some of them are, which the record's key shows."""

reference = sa.table(
    "cross_reference",
    *(sa.column(name) for name in ("id", "entity", "target_id", "number", "record_key")),
    sa.column("created_at", sa.DateTime()),
)
link = sa.table(
    "link", *(sa.column(name) for name in ("id", "company", "kind")), sa.column("created_at", sa.DateTime())
)
end = sa.table(
    "link_end",
    *(sa.column(name) for name in ("id", "link_id", "company", "entity", "key", "number")),
    sa.column("linked_at", sa.DateTime()),
)


def upgrade() -> None:
    create_tables()
    link_references()
    op.drop_table("cross_reference")


def downgrade() -> None:
    op.create_table(
        "cross_reference",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("target_id", sa.String(length=255), nullable=False),
        sa.Column("number", sa.String(length=255), nullable=True),
        sa.Column("record_key", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("entity", "target_id", "record_key"),
    )
    op.create_index("ix_cross_reference_key", "cross_reference", ["entity", "record_key"])
    op.execute(
        "INSERT INTO cross_reference (entity, target_id, number, record_key, created_at)"
        " SELECT there.entity, there.key, there.number, ours.key, there.linked_at"
        " FROM link_end there JOIN link_end ours ON ours.link_id = there.link_id"
        " WHERE ours.entity LIKE 'canonical.%' AND there.entity NOT LIKE 'canonical.%'"
        " GROUP BY there.id, there.entity, there.key, there.number, ours.key, there.linked_at ORDER BY there.id"
    )
    op.drop_table("link_end")
    op.drop_table("link")


def create_tables() -> None:
    op.create_table(
        "link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "link_end",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("link_id", sa.Integer(), nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("number", sa.String(length=255), nullable=True),
        sa.Column("matched_by", sa.String(length=32), nullable=True),
        sa.Column("linked_at", sa.DateTime(), nullable=False),
        sa.Column("seen_hash", sa.String(length=64), nullable=True),
        sa.Column("seen", sa.JSON(), nullable=True),
        sa.Column("seen_at", sa.DateTime(), nullable=True),
        sa.Column("written_hash", sa.String(length=64), nullable=True),
        sa.Column("written", sa.JSON(), nullable=True),
        sa.Column("written_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("company", "entity", "key"),
        sa.ForeignKeyConstraint(["link_id"], ["link.id"]),
    )
    op.create_index("ix_link_end_link", "link_end", ["link_id"])
    op.create_index("ix_link_end_key", "link_end", ["key"])
    op.create_index("ix_link_end_number", "link_end", ["number"])


def link_references() -> None:
    """A link for each record, whose number is that of its first reference; then its ends."""
    record = sa.select(reference, kind_of().label("kind")).subquery()
    of_record = (record.c.kind, record.c.record_key)
    made = sa.select(sa.func.min(record.c.id).label("link_id"), *of_record).group_by(*of_record).subquery()
    when = sa.func.min(record.c.created_at)
    op.execute(
        link.insert().from_select(
            ["id", "company", "kind", "created_at"],
            sa.select(sa.func.min(record.c.id), sa.literal(COMPANY), record.c.kind, when).group_by(*of_record),
        )
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SELECT setval(pg_get_serial_sequence('link', 'id'), (SELECT COALESCE(MAX(id), 0) + 1 FROM link))")
    columns = ["link_id", "company", "entity", "key", "number", "linked_at"]
    ours = sa.literal("canonical.") + record.c.kind
    op.execute(
        end.insert().from_select(
            columns,
            sa.select(sa.func.min(record.c.id), sa.literal(COMPANY), ours, record.c.record_key, sa.null(), when)
            .group_by(*of_record)
            .order_by(sa.func.min(record.c.id)),
        )
    )
    same = sa.and_(made.c.kind == record.c.kind, made.c.record_key == record.c.record_key)
    of_id = (record.c.entity, record.c.target_id)
    op.execute(
        end.insert().from_select(
            columns,
            sa.select(*(sa.func.min(made.c.link_id), sa.literal(COMPANY), *of_id, sa.func.max(record.c.number), when))
            .join_from(record, made, same)
            .group_by(*of_id)
            .order_by(sa.func.min(record.c.id)),
        )
    )
    join_shared(record, made, same)


def kind_of() -> sa.Case[str]:
    entities = op.get_bind().execute(sa.select(reference.c.entity).distinct()).scalars().all()
    marked = [
        (sa.and_(reference.c.entity == entity, reference.c.record_key.contains(mark, autoescape=True)), kind)
        for entity, mark, kind in MARKS
    ]
    named = [(reference.c.entity == each, KINDS.get(each, each.partition(".")[2])) for each in entities]
    return sa.case(*marked, *named, else_="thing")


def join_shared(record: sa.Subquery, made: sa.Subquery, same: sa.ColumnElement[bool]) -> None:
    """Records that one id was linked to are one thing: the one that was first."""
    bind = op.get_bind()
    of_id = (record.c.entity, record.c.target_id)
    shared = (
        sa.select(*of_id)
        .join_from(record, made, same)
        .group_by(*of_id)
        .having(sa.func.count(made.c.link_id.distinct()) > 1)
        .subquery()
    )
    found = bind.execute(
        sa.select(*of_id, made.c.link_id)
        .join_from(record, made, same)
        .join(shared, sa.and_(shared.c.entity == record.c.entity, shared.c.target_id == record.c.target_id))
        .distinct()
    )
    joined: dict[int, int] = {}

    def first(link_id: int) -> int:
        while link_id in joined:
            link_id = joined[link_id]
        return link_id

    firsts: dict[tuple[str, str], int] = {}
    for entity, target_id, link_id in found:
        one, other = first(link_id), first(firsts.setdefault((entity, target_id), link_id))
        if one != other:
            joined[max(one, other)] = min(one, other)
    for link_id in joined:
        bind.execute(end.update().where(end.c.link_id == link_id).values(link_id=first(link_id)))
        bind.execute(link.delete().where(link.c.id == link_id))
