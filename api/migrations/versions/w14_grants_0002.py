"""For what a revocation bars its holder"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "w14_grants_0002"
down_revision = "w14_grants_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("auth_revocation", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("bar_scope", sa.String(length=20), server_default="dataset", nullable=False)
        )
        batch_op.add_column(sa.Column("bar_datasets", sa.String(), server_default="[]", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("auth_revocation", schema=None) as batch_op:
        batch_op.drop_column("bar_datasets")
        batch_op.drop_column("bar_scope")
