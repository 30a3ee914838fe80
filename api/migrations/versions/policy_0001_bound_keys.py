"""Keys bound to a grant and to networks, keys without a secret, and the assertions that were taken."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "policy_0001"
down_revision = "record_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("auth_api_key", schema=None) as batch_op:
        batch_op.add_column(sa.Column("grant_id", sa.String(length=40), server_default="", nullable=False))
        batch_op.add_column(sa.Column("networks", sa.String(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("jwks", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f("ix_auth_api_key_grant_id"), ["grant_id"], unique=False)
    op.create_table(
        "auth_assertion",
        sa.Column("key_id", sa.String(length=20), nullable=False),
        sa.Column("jti", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["auth_api_key.id"], name=op.f("fk_auth_assertion_key_id")),
        sa.PrimaryKeyConstraint("key_id", "jti", name=op.f("pk_auth_assertion")),
    )
    with op.batch_alter_table("auth_assertion", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_auth_assertion_expires_at"), ["expires_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("auth_assertion", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_auth_assertion_expires_at"))
    op.drop_table("auth_assertion")
    with op.batch_alter_table("auth_api_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_auth_api_key_grant_id"))
        for name in ("refused_at", "jwks", "networks", "grant_id"):
            batch_op.drop_column(name)
