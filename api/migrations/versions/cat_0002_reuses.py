"""Reuses of datasets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "cat_0002"
down_revision = "day_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "catalog_reuse",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("summary", sa.String(length=2000), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("made_by", sa.String(length=200), nullable=False),
        sa.Column("product_id", sa.String(length=60), nullable=False),
        sa.Column("author", sa.JSON(), nullable=False),
        sa.Column("person_id", sa.String(length=80), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("decided", sa.JSON(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["catalog_dataset.id"], name=op.f("fk_catalog_reuse_dataset_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_reuse")),
    )
    for name in ("dataset_id", "person_id", "posted_at", "state"):
        op.create_index(op.f(f"ix_catalog_reuse_{name}"), "catalog_reuse", [name], unique=False)


def downgrade() -> None:
    op.drop_table("catalog_reuse")
