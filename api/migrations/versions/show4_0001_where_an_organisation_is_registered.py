"""Where an organisation is registered"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "show4_0001"
down_revision = "guard_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("auth_organisation") as table:
        table.add_column(sa.Column("country", sa.String(length=2), nullable=False, server_default="CN"))


def downgrade() -> None:
    with op.batch_alter_table("auth_organisation") as table:
        table.drop_column("country")
