"""What releases promise"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "datasets_follow",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "dataset_id", name=op.f("pk_datasets_follow")),
    )
    op.create_table(
        "datasets_notice",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("release_id", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets_notice")),
    )
    with op.batch_alter_table("datasets_notice", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_datasets_notice_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_datasets_notice_dataset_id"), ["dataset_id"], unique=False)

    op.create_table(
        "datasets_retention",
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("keep_last", sa.Integer(), nullable=False),
        sa.Column("keep_years", sa.Integer(), nullable=False),
        sa.Column("set_by", sa.JSON(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("dataset_id", name=op.f("pk_datasets_retention")),
    )
    op.create_table(
        "datasets_release_diff",
        sa.Column("older_id", sa.String(), nullable=False),
        sa.Column("newer_id", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("job_id", sa.String(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counts", sa.JSON(), nullable=True),
        sa.Column("sample", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["newer_id"], ["datasets_release.id"], name=op.f("fk_datasets_release_diff_newer_id")
        ),
        sa.ForeignKeyConstraint(
            ["older_id"], ["datasets_release.id"], name=op.f("fk_datasets_release_diff_older_id")
        ),
        sa.PrimaryKeyConstraint("older_id", "newer_id", name=op.f("pk_datasets_release_diff")),
    )
    with op.batch_alter_table("datasets_release_diff", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_datasets_release_diff_dataset_id"), ["dataset_id"], unique=False)

    with op.batch_alter_table("datasets_release", schema=None) as batch_op:
        batch_op.add_column(sa.Column("semver", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("shape", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("changes", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("compared_to", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("signing_key", sa.String(length=20), nullable=True))
        batch_op.add_column(sa.Column("partitions", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("retired", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("datasets_release", schema=None) as batch_op:
        batch_op.drop_column("retired_at")
        batch_op.drop_column("retired")
        batch_op.drop_column("partitions")
        batch_op.drop_column("signing_key")
        batch_op.drop_column("compared_to")
        batch_op.drop_column("changes")
        batch_op.drop_column("shape")
        batch_op.drop_column("semver")

    with op.batch_alter_table("datasets_release_diff", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_datasets_release_diff_dataset_id"))

    op.drop_table("datasets_release_diff")
    op.drop_table("datasets_retention")
    with op.batch_alter_table("datasets_notice", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_datasets_notice_dataset_id"))
        batch_op.drop_index(batch_op.f("ix_datasets_notice_at"))

    op.drop_table("datasets_notice")
    op.drop_table("datasets_follow")
