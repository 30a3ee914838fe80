"""A verification keeps which columns name its subject"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "guard_0002"
down_revision = "guard_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("datasets_query_verification") as table:
        table.add_column(sa.Column("key_columns", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("datasets_query_verification") as table:
        table.alter_column("key_columns", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("datasets_query_verification") as table:
        table.drop_column("key_columns")
