"""How cells are written"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("catalog_column") as batch_op:
        batch_op.add_column(sa.Column("codes", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("format", sa.String(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("catalog_column") as batch_op:
        batch_op.drop_column("format")
        batch_op.drop_column("codes")
