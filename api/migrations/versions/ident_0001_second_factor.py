"""The second factor: authenticator apps, recovery codes, and when a code was last given"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = "ident_0001"
down_revision = "clock_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "auth_factor",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("sealed", sa.String(), nullable=False),
        sa.Column("begun_at", UtcDateTime(), nullable=False),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["auth_account.id"], name=op.f("fk_auth_factor_account_id_auth_account")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_auth_factor")),
    )  # fmt: skip
    op.create_table(
        "auth_recovery_code",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["auth_account.id"], name=op.f("fk_auth_recovery_code_account_id_auth_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_recovery_code")),
    )  # fmt: skip
    op.create_index(op.f("ix_auth_recovery_code_account_id"), "auth_recovery_code", ["account_id"])
    op.create_table(
        "auth_factor_proof",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(length=80), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["auth_account.id"], name=op.f("fk_auth_factor_proof_account_id_auth_account")),
        sa.PrimaryKeyConstraint("account_id", "session_id", name=op.f("pk_auth_factor_proof")),
    )  # fmt: skip
    with op.batch_alter_table("auth_session") as batch_op:
        batch_op.add_column(
            sa.Column("awaits_factor", sa.Boolean(), nullable=False, server_default=sa.false())
        )


def downgrade() -> None:
    with op.batch_alter_table("auth_session") as batch_op:
        batch_op.drop_column("awaits_factor")
    op.drop_table("auth_factor_proof")
    op.drop_index(op.f("ix_auth_recovery_code_account_id"), "auth_recovery_code")
    op.drop_table("auth_recovery_code")
    op.drop_table("auth_factor")
