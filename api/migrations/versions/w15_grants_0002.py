"""Terms of a grant: members, outputs of a month, price rule"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "w15_grants_0002"
down_revision = "w15_grants_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("auth_grant") as table:
        table.add_column(sa.Column("quota_outputs_per_month", sa.BigInteger(), nullable=True))
        table.add_column(
            sa.Column("used_outputs_per_month", sa.BigInteger(), server_default="0", nullable=False)
        )
        table.add_column(sa.Column("outputs_in", sa.String(length=7), server_default="", nullable=False))
    with op.batch_alter_table("auth_application_line") as table:
        table.add_column(sa.Column("members", sa.String(), server_default="[]", nullable=False))
        table.add_column(sa.Column("fee_reference", sa.String(length=80), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("auth_application_line") as table:
        table.drop_column("fee_reference")
        table.drop_column("members")
    with op.batch_alter_table("auth_grant") as table:
        table.drop_column("outputs_in")
        table.drop_column("used_outputs_per_month")
        table.drop_column("quota_outputs_per_month")
