"""Identities of an OpenID Connect provider"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = "ident_0003"
down_revision = "ident_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "auth_link",
        sa.Column("issuer", sa.String(length=300), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("linked_by", sa.String(), nullable=False),
        sa.Column("linked_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["auth_account.id"], name=op.f("fk_auth_link_account_id_auth_account")),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_auth_link")),
    )  # fmt: skip
    op.create_index(op.f("ix_auth_link_account_id"), "auth_link", ["account_id"])


def downgrade() -> None:
    op.drop_table("auth_link")
