"""Changes of many records at once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "record_0003"
down_revision = "query_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "catalog_change_set",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("note", sa.String(length=2000), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("made", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undoes", sa.String(length=40), nullable=False),
        sa.Column("undone_by", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_change_set")),
    )
    op.create_index(op.f("ix_catalog_change_set_made_at"), "catalog_change_set", ["made_at"], unique=False)
    op.create_table(
        "catalog_change_set_item",
        sa.Column("set_id", sa.String(length=40), nullable=False),
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("proposal_id", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["set_id"], ["catalog_change_set.id"], name=op.f("fk_catalog_change_set_item_set_id")
        ),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["catalog_dataset.id"], name=op.f("fk_catalog_change_set_item_dataset_id")
        ),
        sa.PrimaryKeyConstraint("set_id", "dataset_id", name=op.f("pk_catalog_change_set_item")),
    )


def downgrade() -> None:
    op.drop_table("catalog_change_set_item")
    op.drop_table("catalog_change_set")
