"""Beside which records links stand, looked up by the link's id"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "rev5_0001"
down_revision = "show4_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "catalog_link",
        sa.Column("resource_id", sa.String(200), nullable=False),
        sa.Column("dataset_id", sa.String(80), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["catalog_dataset.id"]),
        sa.PrimaryKeyConstraint("resource_id", "dataset_id"),
    )
    op.create_index("ix_catalog_link_dataset_id", "catalog_link", ["dataset_id"])
    described = sa.table(
        "catalog_description", sa.column("dataset_id", sa.String), sa.column("document", sa.JSON)
    )
    link = sa.table("catalog_link", sa.column("resource_id", sa.String), sa.column("dataset_id", sa.String))
    database = op.get_bind()
    for dataset_id, document in database.execute(
        sa.select(described.c.dataset_id, described.c.document)
    ).all():
        links = document.get("resources") if isinstance(document, dict) else None
        ids = {each.get("id") for each in links or [] if isinstance(each, dict)}
        known = sorted(each for each in ids if isinstance(each, str) and 0 < len(each) <= 200)
        if known:
            database.execute(
                link.insert(), [{"resource_id": each, "dataset_id": dataset_id} for each in known]
            )


def downgrade() -> None:
    op.drop_table("catalog_link")
