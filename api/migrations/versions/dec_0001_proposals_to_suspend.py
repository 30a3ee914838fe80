"""Proposals to suspend grants"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "dec_0001"
down_revision = "day_0002"
branch_labels = None
depends_on = None

_TABLE = "auth_suspension_proposal"


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=2000), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_person", sa.String(), nullable=False),
        sa.Column("created_org", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("grant_id", sa.String(), nullable=False),
        sa.Column("commitment_id", sa.String(), nullable=False),
        sa.Column("application_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("department_id", sa.String(), nullable=False),
        sa.Column("found", sa.String(length=2000), nullable=False),
        sa.ForeignKeyConstraint(
            ["commitment_id"], ["auth_commitment.id"], name=op.f(f"fk_{_TABLE}_commitment_id")
        ),
        sa.ForeignKeyConstraint(["grant_id"], ["auth_grant.id"], name=op.f(f"fk_{_TABLE}_grant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{_TABLE}")),
    )
    for column in ("commitment_id", "department_id", "grant_id", "org_id", "state"):
        op.create_index(op.f(f"ix_{_TABLE}_{column}"), _TABLE, [column])


def downgrade() -> None:
    for column in ("commitment_id", "department_id", "grant_id", "org_id", "state"):
        op.drop_index(op.f(f"ix_{_TABLE}_{column}"), table_name=_TABLE)
    op.drop_table(_TABLE)
