"""What the malware scanner said of a batch"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = "w20_grants_0002"
down_revision = "w20_grants_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("datasets_batch") as table:
        table.add_column(sa.Column("scan", sa.String(length=20), server_default="", nullable=False))
        table.add_column(sa.Column("scanned_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("datasets_batch") as table:
        table.drop_column("scanned_at")
        table.drop_column("scan")
