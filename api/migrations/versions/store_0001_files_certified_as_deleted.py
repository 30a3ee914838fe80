"""Which delivered files a deletion certificate names"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "store_0001"
down_revision = "encl_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("auth_duty", sa.Column("deleted", sa.String(), nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("auth_duty", "deleted")
