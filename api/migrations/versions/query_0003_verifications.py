"""Verifications"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "query_0003"
down_revision = "record_0003"
branch_labels = None
depends_on = None
_INDEXES = (
    ("ix_datasets_query_verification_asked_at", ["asked_at"]),
    ("ix_datasets_query_verification_dataset_id", ["dataset_id"]),
    ("ix_datasets_query_verification_grant_id", ["grant_id"]),
    ("ix_datasets_query_verification_org_id", ["org_id"]),
    ("ix_datasets_query_verification_org_id_dataset_id_day", ["org_id", "dataset_id", "day"]),
    ("ix_datasets_query_verification_org_id_dataset_id_subject", ["org_id", "dataset_id", "subject"]),
    ("ix_datasets_query_verification_release_id", ["release_id"]),
)


def upgrade() -> None:
    op.create_table(
        "datasets_query_verification",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("grant_id", sa.String(), nullable=False),
        sa.Column("application_id", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("release_id", sa.String(), nullable=False),
        sa.Column("release_number", sa.Integer(), nullable=False),
        sa.Column("org_id", sa.String(length=80), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("asked_name", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("claim", sa.String(length=220), nullable=False),
        sa.Column("claim_digest", sa.String(length=32), nullable=False),
        sa.Column("consent_reference", sa.String(length=120), nullable=False),
        sa.Column("consent_on", sa.Date(), nullable=False),
        sa.Column("consent_until", sa.Date(), nullable=False),
        sa.Column("purpose", sa.String(length=80), nullable=False),
        sa.Column("scenario_id", sa.String(length=80), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(
            ["release_id"], ["datasets_release.id"], name=op.f("fk_datasets_query_verification_release_id_datasets_release")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets_query_verification")),
    )  # fmt: skip
    with op.batch_alter_table("datasets_query_verification", schema=None) as batch_op:
        for name, columns in _INDEXES:
            batch_op.create_index(batch_op.f(name), columns, unique=False)


def downgrade() -> None:
    op.drop_table("datasets_query_verification")
