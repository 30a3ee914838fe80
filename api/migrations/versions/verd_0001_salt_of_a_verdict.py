"""The salt of the verdict's document that a release's manifest names"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "verd_0001"
down_revision = "gov_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("datasets_release", schema=None) as batch_op:
        batch_op.add_column(sa.Column("verdict_salt", sa.String(length=32), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("datasets_release", schema=None) as batch_op:
        batch_op.drop_column("verdict_salt")
