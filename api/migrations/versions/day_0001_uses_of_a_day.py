"""A grant may limit its uses of one local day"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "day_0001"
down_revision = "catb_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("auth_grant") as table:
        table.add_column(sa.Column("quota_per_day", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("used_per_day", sa.BigInteger(), server_default="0", nullable=False))
        table.add_column(sa.Column("used_on", sa.String(length=10), server_default="", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("auth_grant") as table:
        table.drop_column("used_on")
        table.drop_column("used_per_day")
        table.drop_column("quota_per_day")
