"""Terms of a grant: uses of a month, networks, one release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "w13_c_0002"
down_revision = "w13_b_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("auth_grant") as table:
        table.add_column(sa.Column("quota_per_month", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("used_per_month", sa.BigInteger(), server_default="0", nullable=False))
        table.add_column(sa.Column("used_in", sa.String(length=7), server_default="", nullable=False))
    with op.batch_alter_table("auth_application_line") as table:
        table.add_column(sa.Column("networks", sa.String(), server_default="[]", nullable=False))
        table.add_column(sa.Column("pinned_release", sa.String(length=80), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("auth_application_line") as table:
        table.drop_column("pinned_release")
        table.drop_column("networks")
    with op.batch_alter_table("auth_grant") as table:
        table.drop_column("used_in")
        table.drop_column("used_per_month")
        table.drop_column("quota_per_month")
