"""Links of records, and what they said when they were looked at"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "w16_finder_0004"
down_revision = "w16_finder_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "datasets_link",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("said_zh", sa.String(length=500), nullable=False),
        sa.Column("said_en", sa.String(length=500), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_good", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("etag", sa.String(length=500), nullable=False),
        sa.Column("last_modified", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_datasets_link")),
    )
    for name in ("due_at", "host", "outcome"):
        op.create_index(op.f(f"ix_datasets_link_{name}"), "datasets_link", [name], unique=False)
    op.create_table(
        "datasets_link_use",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("place", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["catalog_dataset.id"], name=op.f("fk_datasets_link_use_dataset_id")
        ),
        sa.ForeignKeyConstraint(["key"], ["datasets_link.key"], name=op.f("fk_datasets_link_use_key")),
        sa.PrimaryKeyConstraint("key", "dataset_id", "place", name=op.f("pk_datasets_link_use")),
    )
    op.create_index(
        op.f("ix_datasets_link_use_dataset_id"), "datasets_link_use", ["dataset_id"], unique=False
    )
    op.add_column("catalog_dataset", sa.Column("links_good", sa.Integer(), nullable=True))
    op.add_column("catalog_dataset", sa.Column("links_broken", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("catalog_dataset", "links_broken")
    op.drop_column("catalog_dataset", "links_good")
    op.drop_table("datasets_link_use")
    op.drop_table("datasets_link")
