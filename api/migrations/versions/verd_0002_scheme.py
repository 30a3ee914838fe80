"""Scoring schemes, and the one by which each verdict is scored"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "verd_0002"
down_revision = "verd_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "quality_scheme",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=2000), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_person", sa.String(), nullable=False),
        sa.Column("created_org", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("reason", sa.String(length=2000), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quality_scheme")),
        sa.UniqueConstraint("number", name=op.f("uq_quality_scheme_number")),
    )
    with op.batch_alter_table("quality_scheme", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_quality_scheme_state"), ["state"], unique=False)
    with op.batch_alter_table("quality_verdict", schema=None) as batch_op:
        batch_op.add_column(sa.Column("scheme_number", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    with op.batch_alter_table("quality_verdict", schema=None) as batch_op:
        batch_op.drop_column("scheme_number")
    with op.batch_alter_table("quality_scheme", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_quality_scheme_state"))
    op.drop_table("quality_scheme")
