"""Self-checks that were handed in"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "w19_grants_0002"
down_revision = "w19_grants_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "auth_self_check",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=60), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("passed", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("not_applicable", sa.Integer(), nullable=False),
        sa.Column("kept_by", sa.String(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_self_check")),
    )
    op.create_index(op.f("ix_auth_self_check_subject"), "auth_self_check", ["subject"])


def downgrade() -> None:
    op.drop_table("auth_self_check")
