"""Usage ledger: who took what on each line, sums by month, dates of columns; filled from what was kept before."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "watch_0001"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "auth_usage_column",
        sa.Column("grant_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("reads", sa.BigInteger(), nullable=False),
        sa.Column("last_read_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["grant_id"], ["auth_grant.id"], name=op.f("fk_auth_usage_column_grant_id")),
        sa.PrimaryKeyConstraint("grant_id", "name", name=op.f("pk_auth_usage_column")),
    )
    op.create_table(
        "auth_usage_month",
        sa.Column("grant_id", sa.String(), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("extracts", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sent_bytes", sa.BigInteger(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column("downloads", sa.BigInteger(), nullable=False),
        sa.Column("refusals", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["grant_id"], ["auth_grant.id"], name=op.f("fk_auth_usage_month_grant_id")),
        sa.PrimaryKeyConstraint("grant_id", "month", name=op.f("pk_auth_usage_month")),
    )
    with op.batch_alter_table("auth_usage_event", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sent_bytes", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("org_id", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("dataset_id", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("person_id", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("account", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("release_id", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("release_number", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("purpose", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("scenario_id", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("form", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("columns", sa.String(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("filter_hash", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("origin", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("reasons", sa.String(), server_default="[]", nullable=False))
        batch_op.create_index(batch_op.f("ix_auth_usage_event_account"), ["account"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_auth_usage_event_dataset_id_at"), ["dataset_id", "at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_auth_usage_event_kind_at"), ["kind", "at"], unique=False)
        batch_op.create_index(batch_op.f("ix_auth_usage_event_org_id_at"), ["org_id", "at"], unique=False)

    _fill()


def downgrade() -> None:
    with op.batch_alter_table("auth_usage_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_auth_usage_event_org_id_at"))
        batch_op.drop_index(batch_op.f("ix_auth_usage_event_kind_at"))
        batch_op.drop_index(batch_op.f("ix_auth_usage_event_dataset_id_at"))
        batch_op.drop_index(batch_op.f("ix_auth_usage_event_account"))
        batch_op.drop_column("reasons")
        batch_op.drop_column("origin")
        batch_op.drop_column("filter_hash")
        batch_op.drop_column("columns")
        batch_op.drop_column("form")
        batch_op.drop_column("scenario_id")
        batch_op.drop_column("purpose")
        batch_op.drop_column("release_number")
        batch_op.drop_column("release_id")
        batch_op.drop_column("account")
        batch_op.drop_column("person_id")
        batch_op.drop_column("dataset_id")
        batch_op.drop_column("org_id")
        batch_op.drop_column("sent_bytes")

    op.drop_table("auth_usage_month")
    op.drop_table("auth_usage_column")


_OF_THE_EXTRACT = {
    "person_id": "person_id", "account": "requested_name", "release_id": "release_id", "release_number": "release_number",
    "purpose": "purpose", "scenario_id": "scenario_id", "form": "form", "columns": "columns",
}  # fmt: skip


def _fill() -> None:
    """Say of the lines that are there what their extracts say, and add them up."""
    db = op.get_bind()
    for name in ("org_id", "dataset_id"):
        of_grant = f"SELECT g.{name} FROM auth_grant g WHERE g.id = grant_id"  # noqa: S608 - constants
        _run(f"UPDATE auth_usage_event SET {name} = ({of_grant})")  # noqa: S608 - constants
    known = "subject IN (SELECT id FROM datasets_extract)"
    for name, source in _OF_THE_EXTRACT.items():
        found = f"SELECT x.{source} FROM datasets_extract x WHERE x.id = subject"  # noqa: S608 - constants
        _run(f"UPDATE auth_usage_event SET {name} = ({found}) WHERE {known}")  # noqa: S608 - constants
    _run("UPDATE auth_usage_event SET kind = 'delivery' WHERE kind = 'charge' AND bytes > 0")
    month = (
        "to_char(at AT TIME ZONE INTERVAL '8 hours', 'YYYY-MM')"
        if db.dialect.name == "postgresql"
        else "strftime('%Y-%m', at, '+8 hours')"
    )
    _run(
        f"""INSERT INTO auth_usage_month (grant_id, month, extracts, rows, bytes, sent_bytes, deliveries, downloads, refusals)
        SELECT grant_id, {month}, sum(extracts), sum(rows), sum(bytes), 0,
               sum(CASE WHEN kind = 'delivery' THEN 1 ELSE 0 END), 0, 0
        FROM auth_usage_event GROUP BY grant_id, {month}"""  # noqa: S608 - constants
    )
    reads: dict[tuple[str, str], list[object]] = {}
    wanted = "SELECT grant_id, columns, at FROM auth_usage_event WHERE kind = 'delivery' ORDER BY at"
    for grant_id, columns, at in db.execute(sa.text(wanted)):
        for name in set(json.loads(columns)):
            held = reads.setdefault((grant_id, name), [0, at])
            held[0], held[1] = int(str(held[0])) + 1, at
    if reads:
        put = "INSERT INTO auth_usage_column (grant_id, name, reads, last_read_at) VALUES (:g, :n, :r, :a)"
        db.execute(sa.text(put), [{"g": g, "n": n, "r": r, "a": a} for (g, n), (r, a) in reads.items()])


def _run(statement: str) -> None:
    op.get_bind().execute(sa.text(statement))
