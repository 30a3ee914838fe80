"""Changes of roles that wait for a second person"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = "ident_0002"
down_revision = "ident_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "auth_role_change",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("scope", sa.String(length=60), nullable=False),
        sa.Column("valid_to", UtcDateTime(), nullable=True),
        sa.Column("assignment_id", sa.String(), nullable=True),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_person", sa.String(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("settled_by", sa.String(), nullable=True),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["auth_account.id"], name=op.f("fk_auth_role_change_account_id_auth_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_role_change")),
    )  # fmt: skip
    op.create_index(op.f("ix_auth_role_change_account_id"), "auth_role_change", ["account_id"])
    op.create_index(op.f("ix_auth_role_change_state"), "auth_role_change", ["state"])


def downgrade() -> None:
    op.drop_table("auth_role_change")
