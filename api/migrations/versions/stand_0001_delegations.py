"""Delegations, and for whom a deputy decided"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "stand_0001"
down_revision = "query_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "auth_delegation",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=2000), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_person", sa.String(), nullable=False),
        sa.Column("created_org", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("principal_name", sa.String(length=40), nullable=False),
        sa.Column("deputy_account", sa.String(), nullable=False),
        sa.Column("deputy_person", sa.String(), nullable=False),
        sa.Column("deputy_name", sa.String(length=40), nullable=False),
        sa.Column("scope", sa.String(length=60), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_delegation")),
    )
    with op.batch_alter_table("auth_delegation", schema=None) as batch_op:
        for name in ("state", "deputy_account", "deputy_person", "ends_on"):
            batch_op.create_index(batch_op.f(f"ix_auth_delegation_{name}"), [name], unique=False)
    with op.batch_alter_table("auth_application_event", schema=None) as batch_op:
        batch_op.add_column(sa.Column("for_person", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("for_name", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("for_org", sa.String(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("auth_application_event", schema=None) as batch_op:
        for name in ("for_org", "for_name", "for_person"):
            batch_op.drop_column(name)
    op.drop_table("auth_delegation")
