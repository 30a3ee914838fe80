"""Where hidden marks are allowed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "encl_0002"
down_revision = "lead_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "datasets_mark_terms",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("set_name", sa.String(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets_mark_terms")),
        sa.UniqueConstraint("dataset_id", "version", name=op.f("uq_datasets_mark_terms_dataset_id_version")),
    )
    op.create_index(op.f("ix_datasets_mark_terms_dataset_id"), "datasets_mark_terms", ["dataset_id"])


def downgrade() -> None:
    op.drop_table("datasets_mark_terms")
