"""A batch may be one member of an archive that was handed in once"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "arch_0001"
down_revision = "cat_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("datasets_batch") as table:
        table.add_column(sa.Column("split_from", sa.String(), nullable=True))
        table.create_index(table.f("ix_datasets_batch_split_from"), ["split_from"])


def downgrade() -> None:
    with op.batch_alter_table("datasets_batch") as table:
        table.drop_index(table.f("ix_datasets_batch_split_from"))
        table.drop_column("split_from")
