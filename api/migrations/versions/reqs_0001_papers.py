"""Papers of applications, commitments, and drafts by a clerk"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "reqs_0001"
down_revision = "deliver_0001"
branch_labels = None
depends_on = None


_CASE = (
    ("id", sa.String(length=40), False), ("state", sa.String(length=20), False), ("version", sa.Integer(), False),
    ("note", sa.String(length=2000), False), ("created_by", sa.String(), False), ("created_person", sa.String(), False),
    ("created_org", sa.String(), True), ("created_at", sa.DateTime(timezone=True), False), ("ended_at", sa.DateTime(timezone=True), True),
)  # fmt: skip


def _case() -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=may) for name, kind, may in _CASE]


def upgrade() -> None:
    op.create_table(
        "auth_paper",
        *_case(),
        sa.Column("application_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("title_zh", sa.String(length=100), nullable=False),
        sa.Column("title_en", sa.String(length=100), nullable=False),
        sa.Column("is_required", sa.Boolean(), nullable=False),
        sa.Column("later_days", sa.Integer(), nullable=True),
        sa.Column("promise", sa.String(), nullable=False),
        sa.Column("source", sa.String(length=500), nullable=False),
        sa.Column("departments", sa.String(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("file_id", sa.String(), nullable=True),
        sa.Column("commitment_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["auth_application.id"],
            name=op.f("fk_auth_paper_application_id_auth_application"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_paper")),
        sa.UniqueConstraint("application_id", "key", name=op.f("uq_auth_paper_application_id_key")),
    )
    _indexes("auth_paper", "application_id", "org_id", "due_on", "state")
    op.create_table(
        "auth_paper_file",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("paper_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("media_type", sa.String(length=80), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["paper_id"], ["auth_paper.id"], name=op.f("fk_auth_paper_file_paper_id_auth_paper")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_paper_file")),
    )
    _indexes("auth_paper_file", "paper_id")
    op.create_table(
        "auth_commitment",
        *_case(),
        sa.Column("paper_id", sa.String(), nullable=False),
        sa.Column("application_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("departments", sa.String(), nullable=False),
        sa.Column("title_zh", sa.String(length=100), nullable=False),
        sa.Column("title_en", sa.String(length=100), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("signer_zh", sa.String(length=200), nullable=False),
        sa.Column("signer_en", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["auth_application.id"],
            name=op.f("fk_auth_commitment_application_id_auth_application"),
        ),
        sa.ForeignKeyConstraint(
            ["paper_id"], ["auth_paper.id"], name=op.f("fk_auth_commitment_paper_id_auth_paper")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_commitment")),
    )
    _indexes("auth_commitment", "paper_id", "application_id", "org_id", "state")
    with op.batch_alter_table("auth_application", schema=None) as batch_op:
        batch_op.add_column(sa.Column("assisted_by", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("assisted_person", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(
            sa.Column("assisted_for", sa.String(length=200), nullable=False, server_default="")
        )
        batch_op.add_column(sa.Column("confirmed_by", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(
            sa.Column("confirmed_hash", sa.String(length=64), nullable=False, server_default="")
        )
        batch_op.create_index(
            batch_op.f("ix_auth_application_assisted_person"), ["assisted_person"], unique=False
        )


def _indexes(table: str, *columns: str) -> None:
    with op.batch_alter_table(table, schema=None) as batch_op:
        for column in columns:
            batch_op.create_index(batch_op.f(f"ix_{table}_{column}"), [column], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("auth_application", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_auth_application_assisted_person"))
        for column in ("confirmed_hash", "confirmed_by", "assisted_for", "assisted_person", "assisted_by"):
            batch_op.drop_column(column)
    for table in ("auth_commitment", "auth_paper_file", "auth_paper"):
        op.drop_table(table)
