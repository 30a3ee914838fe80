"""Output review: files that wait for other people before they leave."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "extracts_0001"
down_revision = "find_0002"
branch_labels = None
depends_on = None

_REVIEW = "datasets_output_review"
_INDEXED = (
    "dataset_id", "department_id", "due_on", "grant_id", "opened_at", "org_id", "sha256", "state",
    "subject_id",
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        _REVIEW,
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("department_id", sa.String(length=80), nullable=False),
        sa.Column("org_id", sa.String(length=80), nullable=False),
        sa.Column("grant_id", sa.String(), nullable=False),
        sa.Column("application_id", sa.String(), nullable=False),
        sa.Column("release_id", sa.String(), nullable=False),
        sa.Column("release_number", sa.Integer(), nullable=False),
        sa.Column("form", sa.String(length=40), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=80), nullable=False),
        sa.Column("needed", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("made", sa.JSON(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("builders", sa.JSON(), nullable=False),
        sa.Column("approvers", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("overdue_told", sa.Boolean(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refusal", sa.String(length=40), nullable=False),
        sa.Column("note", sa.String(length=2000), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{_REVIEW}")),
    )
    with op.batch_alter_table(_REVIEW, schema=None) as batch_op:
        for name in _INDEXED:
            batch_op.create_index(batch_op.f(f"ix_{_REVIEW}_{name}"), [name], unique=False)
    op.create_table(
        "datasets_output_vote",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("review_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(length=80), nullable=False),
        sa.Column("who", sa.JSON(), nullable=False),
        sa.Column("releases", sa.Boolean(), nullable=False),
        sa.Column("refusal", sa.String(length=40), nullable=False),
        sa.Column("note", sa.String(length=2000), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["review_id"], [f"{_REVIEW}.id"], name=op.f("fk_datasets_output_vote_review_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets_output_vote")),
        sa.UniqueConstraint(
            "review_id", "person_id", name=op.f("uq_datasets_output_vote_review_id_person_id")
        ),
    )
    with op.batch_alter_table("datasets_output_vote", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_datasets_output_vote_review_id"), ["review_id"], unique=False)
    with op.batch_alter_table("datasets_extract", schema=None) as batch_op:
        batch_op.add_column(sa.Column("checked_by", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("datasets_extract", schema=None) as batch_op:
        batch_op.drop_column("checked_by")
    op.drop_table("datasets_output_vote")
    op.drop_table(_REVIEW)
