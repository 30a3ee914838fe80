"""Jobs that made an extract or a view have no result: who asked could read there what an output review had yet to release"""

from __future__ import annotations

from alembic import op

revision = "w20_mends_0001"
down_revision = "w20_grants_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "UPDATE core_job SET result = '{}' WHERE kind IN ('extract.build', 'view.build') AND result IS NOT NULL"
    )


def downgrade() -> None:
    """What was in them stands with the extract or the view."""
