"""Proposals on records, and what replaced a withdrawn one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "record_0001"
down_revision = "bureau_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "catalog_proposal",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("publisher", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("base_version", sa.Integer(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("dictionary", sa.JSON(), nullable=True),
        sa.Column("description", sa.JSON(), nullable=True),
        sa.Column("note", sa.String(length=2000), nullable=False),
        sa.Column("proposed", sa.JSON(), nullable=False),
        sa.Column("authors", sa.JSON(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided", sa.JSON(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=2000), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["catalog_dataset.id"], name=op.f("fk_catalog_proposal_dataset_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_proposal")),
    )
    with op.batch_alter_table("catalog_proposal", schema=None) as batch_op:
        for name in ("dataset_id", "proposed_at", "publisher", "state"):
            batch_op.create_index(batch_op.f(f"ix_catalog_proposal_{name}"), [name], unique=False)
    with op.batch_alter_table("catalog_dataset", schema=None) as batch_op:
        batch_op.add_column(sa.Column("replaced_by", sa.String(length=80), server_default="", nullable=False))
    with op.batch_alter_table("catalog_dataset", schema=None) as batch_op:
        batch_op.alter_column("replaced_by", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("catalog_dataset", schema=None) as batch_op:
        batch_op.drop_column("replaced_by")
    op.drop_table("catalog_proposal")
