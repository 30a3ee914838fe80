"""Questions and error reports on datasets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "record_0004"
down_revision = "stand_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "catalog_post",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("thread_id", sa.String(length=40), nullable=False),
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("release_number", sa.Integer(), nullable=True),
        sa.Column("body", sa.String(length=4000), nullable=False),
        sa.Column("by_department", sa.Boolean(), nullable=False),
        sa.Column("author", sa.JSON(), nullable=False),
        sa.Column("person_id", sa.String(length=80), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("hidden_reason", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["catalog_dataset.id"], name=op.f("fk_catalog_post_dataset_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_post")),
    )
    for name in ("dataset_id", "person_id", "posted_at", "state", "thread_id"):
        op.create_index(op.f(f"ix_catalog_post_{name}"), "catalog_post", [name], unique=False)


def downgrade() -> None:
    op.drop_table("catalog_post")
