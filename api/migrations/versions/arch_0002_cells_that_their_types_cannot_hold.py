"""A batch has the complete list of its cells that their types cannot hold"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "arch_0002"
down_revision = "decide_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("datasets_batch") as table:
        table.add_column(sa.Column("untyped_sha256", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("untyped_csv_sha256", sa.String(length=64), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("datasets_batch") as table:
        table.drop_column("untyped_csv_sha256")
        table.drop_column("untyped_sha256")
