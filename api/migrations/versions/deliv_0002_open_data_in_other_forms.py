"""Open data in further forms are made once and kept"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "deliv_0002"
down_revision = "arch_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "datasets_open_file",
        sa.Column("id", sa.String(length=120), nullable=False),
        sa.Column("release_id", sa.String(), nullable=False),
        sa.Column("form", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("job_id", sa.String(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("failed_zh", sa.String(), nullable=False),
        sa.Column("failed_en", sa.String(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["release_id"],
            ["datasets_release.id"],
            name=op.f("fk_datasets_open_file_release_id_datasets_release"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets_open_file")),
    )
    op.create_index(op.f("ix_datasets_open_file_release_id"), "datasets_open_file", ["release_id"])
    op.create_index(op.f("ix_datasets_open_file_sha256"), "datasets_open_file", ["sha256"])


def downgrade() -> None:
    op.drop_table("datasets_open_file")
