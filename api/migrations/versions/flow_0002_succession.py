"""Grants that follow grants"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "flow_0002"
down_revision = "bureau_0004"
branch_labels = None
depends_on = None
CARRIED = ("carried_extracts", "carried_rows", "carried_bytes")


def upgrade() -> None:
    with op.batch_alter_table("auth_application") as batch_op:
        batch_op.add_column(
            sa.Column("succession", sa.String(length=20), nullable=False, server_default="new")
        )
        batch_op.add_column(sa.Column("from_grant_id", sa.String(), nullable=True))
        batch_op.create_index(batch_op.f("ix_auth_application_from_grant_id"), ["from_grant_id"])
    with op.batch_alter_table("auth_grant") as batch_op:
        batch_op.add_column(
            sa.Column("succession", sa.String(length=20), nullable=False, server_default="new")
        )
        batch_op.add_column(sa.Column("succeeds_id", sa.String(), nullable=True))
        for name in CARRIED:
            batch_op.add_column(sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
        batch_op.create_index(batch_op.f("ix_auth_grant_succeeds_id"), ["succeeds_id"])
        batch_op.create_foreign_key(
            batch_op.f("fk_auth_grant_succeeds_id"), "auth_grant", ["succeeds_id"], ["id"]
        )


def downgrade() -> None:
    with op.batch_alter_table("auth_grant") as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_auth_grant_succeeds_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_auth_grant_succeeds_id"))
        for name in (*reversed(CARRIED), "succeeds_id", "succession"):
            batch_op.drop_column(name)
    with op.batch_alter_table("auth_application") as batch_op:
        batch_op.drop_index(batch_op.f("ix_auth_application_from_grant_id"))
        batch_op.drop_column("from_grant_id")
        batch_op.drop_column("succession")
