"""The moment from which an accepted proposal on a record stands"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "w16_finder_0001"
down_revision = "w15_grants_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("catalog_proposal") as table:
        table.add_column(sa.Column("takes_effect_at", sa.DateTime(timezone=True), nullable=True))
        table.create_index("ix_catalog_proposal_takes_effect_at", ["takes_effect_at"])


def downgrade() -> None:
    with op.batch_alter_table("catalog_proposal") as table:
        table.drop_index("ix_catalog_proposal_takes_effect_at")
        table.drop_column("takes_effect_at")
