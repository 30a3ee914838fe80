"""What was sent to a portal last, until its answer is kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "catb_0001"
down_revision = "gov_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("datasets_push_item", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sent", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("datasets_push_item", schema=None) as batch_op:
        batch_op.drop_column("sent")
