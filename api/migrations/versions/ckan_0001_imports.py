"""Descriptions as others gave them, and the import mode"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "ckan_0001"
down_revision = "clock_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "catalog_description",
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("is_import", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["catalog_dataset.id"], name=op.f("fk_catalog_description_dataset_id")
        ),
        sa.PrimaryKeyConstraint("dataset_id", name=op.f("pk_catalog_description")),
        sa.UniqueConstraint("name", name=op.f("uq_catalog_description_name")),
    )
    op.create_table(
        "catalog_org_description",
        sa.Column("org_id", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id"], ["auth_organisation.id"], name=op.f("fk_catalog_org_description_org_id")
        ),
        sa.PrimaryKeyConstraint("org_id", name=op.f("pk_catalog_org_description")),
    )
    op.create_index(op.f("ix_catalog_org_description_name"), "catalog_org_description", ["name"])
    op.create_table(
        "catalog_import",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("opened_by", sa.String(length=80), nullable=False),
        sa.Column("opened_name", sa.JSON(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_import")),
    )


def downgrade() -> None:
    op.drop_table("catalog_import")
    op.drop_table("catalog_org_description")
    op.drop_table("catalog_description")
