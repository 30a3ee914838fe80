"""Enclave requests and their steps"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "encl_0001"
down_revision = "record_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "datasets_enclave",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("grant_id", sa.String(), nullable=False),
        sa.Column("application_id", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("department_id", sa.String(length=80), nullable=False),
        sa.Column("org_id", sa.String(length=80), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("requested_name", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(length=80), nullable=False),
        sa.Column("purpose", sa.String(length=80), nullable=False),
        sa.Column("scenario_id", sa.String(length=80), nullable=False),
        sa.Column("spec", sa.String(), nullable=False),
        sa.Column("spec_hash", sa.String(length=64), nullable=False),
        sa.Column("because", sa.String(length=1000), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("approved_hash", sa.String(length=64), nullable=True),
        sa.Column("reviewer_person", sa.String(length=80), nullable=True),
        sa.Column("reviewed_name", sa.String(), nullable=False),
        sa.Column("release_id", sa.String(), nullable=True),
        sa.Column("release_number", sa.Integer(), nullable=True),
        sa.Column("job_id", sa.String(), nullable=True),
        sa.Column("review_id", sa.String(), nullable=True),
        sa.Column("extract_id", sa.String(), nullable=True),
        sa.Column("why_zh", sa.String(), nullable=False),
        sa.Column("why_en", sa.String(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets_enclave")),
    )
    for name in ("dataset_id", "department_id", "grant_id", "org_id", "release_id", "state", "submitted_at"):
        op.create_index(op.f(f"ix_datasets_enclave_{name}"), "datasets_enclave", [name])
    op.create_table(
        "datasets_enclave_step",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("enclave_id", sa.String(), nullable=False),
        sa.Column("step", sa.String(length=20), nullable=False),
        sa.Column("to_state", sa.String(length=20), nullable=False),
        sa.Column("who", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.String(length=1000), nullable=False),
        sa.Column("spec_hash", sa.String(length=64), nullable=False),
        sa.Column("spec", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["enclave_id"],
            ["datasets_enclave.id"],
            name=op.f("fk_datasets_enclave_step_enclave_id_datasets_enclave"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets_enclave_step")),
    )
    op.create_index(op.f("ix_datasets_enclave_step_enclave_id"), "datasets_enclave_step", ["enclave_id"])


def downgrade() -> None:
    op.drop_table("datasets_enclave_step")
    op.drop_table("datasets_enclave")
