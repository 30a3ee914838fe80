"""Who controls an organisation"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "w19_grants_0003"
down_revision = "w16_finder_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("auth_organisation") as table:
        table.add_column(sa.Column("controlled_by", sa.String(length=60), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("auth_organisation") as table:
        table.drop_column("controlled_by")
