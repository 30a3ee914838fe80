"""Rules of retention that apply themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "lead_0001"
down_revision = "gov_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("datasets_retention", schema=None) as batch_op:
        batch_op.add_column(sa.Column("by_clock", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("looked_on", sa.Date(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("datasets_retention", schema=None) as batch_op:
        batch_op.drop_column("looked_on")
        batch_op.drop_column("by_clock")
