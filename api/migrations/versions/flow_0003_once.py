"""Answers kept by Idempotency-Key"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "flow_0003"
down_revision = "flow_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "core_once",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "key", name=op.f("pk_core_once")),
    )


def downgrade() -> None:
    op.drop_table("core_once")
