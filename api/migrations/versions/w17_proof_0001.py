"""Refresh tokens bound to the program that they were given to"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "w17_proof_0001"
down_revision = "w16_finder_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("auth_refresh") as table:
        table.add_column(sa.Column("client", sa.String(length=100), server_default="", nullable=False))
        table.add_column(sa.Column("bound_key", sa.String(length=43), server_default="", nullable=False))
    op.create_table(
        "auth_refresh_proof",
        sa.Column("key", sa.String(length=43), nullable=False),
        sa.Column("jti", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", "jti"),
    )
    op.create_index("ix_auth_refresh_proof_expires_at", "auth_refresh_proof", ["expires_at"])


def downgrade() -> None:
    op.drop_table("auth_refresh_proof")
    with op.batch_alter_table("auth_refresh") as table:
        table.drop_column("bound_key")
        table.drop_column("client")
