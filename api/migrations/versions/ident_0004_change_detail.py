"""What a change that two people make carries besides a role: an identity to link, the hash of a password that waits"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "ident_0004"
down_revision = "flow_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("auth_role_change", sa.Column("detail", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("auth_role_change") as table:
        table.alter_column("detail", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("auth_role_change") as table:
        table.drop_column("detail")
