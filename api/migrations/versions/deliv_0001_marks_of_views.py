"""Views that are read in place may bear hidden marks"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "deliv_0001"
down_revision = "verd_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("datasets_view") as table:
        table.add_column(sa.Column("marks", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    with op.batch_alter_table("datasets_view") as table:
        table.drop_column("marks")
