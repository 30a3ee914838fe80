"""What a malware scanner said of papers"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "w15_grants_0003"
down_revision = "w15_grants_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("auth_paper_file") as table:
        table.add_column(
            sa.Column("scan", sa.String(length=20), server_default="not_scanned", nullable=False)
        )
        table.add_column(sa.Column("scan_found", sa.String(length=200), server_default="", nullable=False))
        table.add_column(sa.Column("scanned_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("auth_paper_file") as table:
        table.drop_column("scanned_at")
        table.drop_column("scan_found")
        table.drop_column("scan")
