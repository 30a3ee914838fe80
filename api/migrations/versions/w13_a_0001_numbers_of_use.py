"""How often open data are visited, downloaded and called"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "w13_a_0001"
down_revision = "w13_c_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "catalog_use",
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("release_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_catalog_use_number")),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["catalog_dataset.id"], name=op.f("fk_catalog_use_dataset_id")
        ),
        sa.PrimaryKeyConstraint("dataset_id", "day", "release_id", "kind", name=op.f("pk_catalog_use")),
    )
    op.create_index(op.f("ix_catalog_use_day"), "catalog_use", ["day"])
    op.create_table(
        "catalog_use_total",
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("visits", sa.BigInteger(), nullable=False),
        sa.Column("downloads", sa.BigInteger(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["catalog_dataset.id"], name=op.f("fk_catalog_use_total_dataset_id")
        ),
        sa.PrimaryKeyConstraint("dataset_id", name=op.f("pk_catalog_use_total")),
    )


def downgrade() -> None:
    op.drop_table("catalog_use_total")
    op.drop_index(op.f("ix_catalog_use_day"), table_name="catalog_use")
    op.drop_table("catalog_use")
