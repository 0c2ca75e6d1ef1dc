"""Add the change log, and go on from where the windows of each flow ended"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

COMPANY = "main"
"""The one company there was until now; `key` of the company file has the same default."""
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    create_tables()
    with op.batch_alter_table("source_record") as table:
        table.add_column(sa.Column("change", NUMBER, nullable=True))
    keep_readings()
    keep_positions()
    op.drop_table("extraction_window")


def downgrade() -> None:
    create_windows()
    with op.batch_alter_table("source_record") as table:
        table.drop_column("change")
    keep_windows()
    op.drop_table("position")
    op.drop_table("reading")
    op.drop_table("change")


def create_tables() -> None:
    op.create_table(
        "change",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("connection", sa.String(length=128), nullable=False),
        sa.Column("source_key", sa.String(length=255), nullable=False),
        sa.Column("version", sa.String(length=128), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("how", sa.String(length=16), nullable=False),
        sa.Column("payload_uri", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.String(length=64), nullable=True),
        sa.Column("known_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_change_entity", "change", ["company", "entity", "number"])
    op.create_index("ix_change_record", "change", ["company", "entity", "source_key", "number"])
    op.create_index("ix_change_payload", "change", ["payload_uri"])
    op.create_table(
        "reading",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("connection", sa.String(length=128), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=True),
        sa.Column("until", sa.DateTime(), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("company", "entity", "connection"),
    )
    op.create_table(
        "position",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("flow", sa.String(length=64), nullable=False),
        sa.Column("leg", sa.String(length=64), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("change", NUMBER, nullable=False),
        sa.Column("taken_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("company", "flow", "leg", "entity"),
    )


def create_windows() -> None:
    op.create_table(
        "extraction_window",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("flow", sa.String(length=64), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("connection", sa.String(length=128), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("leg", sa.String(length=64), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=True),
        sa.Column("until", sa.DateTime(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("batch_uri", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("flow", "entity", "connection", "run_id"),
    )


def keep_readings() -> None:
    """
    The cursor of each source: where its last window began, that of the flow that is furthest behind.

    A window is read once more because only the leg that read it is known to have got all of it. One that ends in the
    future tells of a wrong stamp in the source and of no reading. The log is empty yet: a leg that is added reads on
    its own from the beginning (``whole``).
    """
    window = sa.table(
        "extraction_window",
        *(sa.column(name) for name in ("flow", "entity", "connection")),
        *(sa.column(name, sa.DateTime()) for name in ("since", "until")),
    )
    now = datetime.now(UTC).replace(tzinfo=None)
    rows = op.get_bind().execute(sa.select(window).where(window.c.until <= now).order_by(window.c.until)).all()
    last = {(row.flow, row.entity, row.connection): row.since for row in rows}
    cursors: dict[tuple[str, str], list[datetime | None]] = {}
    for (_, entity, connection), since in last.items():
        cursors.setdefault((entity, connection), []).append(since)
    reading = sa.table(
        "reading",
        *(sa.column(name) for name in ("company", "entity", "connection", "rows", "whole", "run_id")),
        *(sa.column(name, sa.DateTime()) for name in ("since", "until", "ended_at")),
    )
    kept = [
        {
            "company": COMPANY,
            "entity": entity,
            "connection": connection,
            "since": None,
            "until": None if None in begun else min(each for each in begun if each is not None),
            "rows": 0,
            "whole": False,
            "run_id": "",
            "ended_at": now,
        }
        for (entity, connection), begun in cursors.items()
    ]
    if kept:
        op.bulk_insert(reading, kept)


def keep_positions() -> None:
    """Each leg with records in its work list has taken all there was; their versions stay, so none is sent again."""
    record = sa.table("source_record", *(sa.column(name) for name in ("flow", "leg", "entity")))
    known = op.get_bind().execute(sa.select(record.c.flow, record.c.leg, record.c.entity).distinct()).all()
    position = sa.table(
        "position",
        *(sa.column(name) for name in ("company", "flow", "leg", "entity", "change")),
        sa.column("taken_at", sa.DateTime()),
    )
    now = datetime.now(UTC).replace(tzinfo=None)
    if known:
        op.bulk_insert(
            position,
            [
                {"company": COMPANY, "flow": flow, "leg": leg, "entity": entity, "change": 0, "taken_at": now}
                for flow, leg, entity in known
            ],
        )


def keep_windows() -> None:
    """A window of no rows for each flow that takes from a source, which ends where it was read to."""
    op.execute(
        sa.text(
            "INSERT INTO extraction_window"
            " (flow, entity, connection, run_id, leg, since, until, rows, batch_uri)"
            " SELECT position.flow, reading.entity, reading.connection, 'downgrade', MIN(position.leg), reading.since,"
            " reading.until, 0, ''"
            " FROM reading JOIN position ON position.company = reading.company AND position.entity = reading.entity"
            " WHERE reading.until IS NOT NULL"
            " GROUP BY position.flow, reading.entity, reading.connection, reading.since, reading.until"
        )
    )
