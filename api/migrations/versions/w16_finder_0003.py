"""Administrative divisions of a record, and what it is counted and filtered by"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "w16_finder_0003"
down_revision = "w19_grants_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "catalog_dataset", sa.Column("spatial_codes", sa.JSON(), server_default="[]", nullable=False)
    )
    op.add_column(
        "catalog_dataset", sa.Column("region_key", sa.String(length=300), server_default="", nullable=False)
    )
    op.execute("UPDATE catalog_dataset SET region_key = substr(spatial, 1, 80)")


def downgrade() -> None:
    op.drop_column("catalog_dataset", "region_key")
    op.drop_column("catalog_dataset", "spatial_codes")
