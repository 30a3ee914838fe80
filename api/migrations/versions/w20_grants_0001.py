"""What waits under a grant that is amended goes on under the amendment"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "w20_grants_0001"
down_revision = "w19_grants_0003"
branch_labels = None
depends_on = None

TABLES = ("datasets_extract", "datasets_enclave")


def upgrade() -> None:
    for name in TABLES:
        with op.batch_alter_table(name) as table:
            table.add_column(sa.Column("asked_under", sa.String(), nullable=True))


def downgrade() -> None:
    for name in TABLES:
        with op.batch_alter_table(name) as table:
            table.drop_column("asked_under")
