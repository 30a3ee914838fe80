"""Answers that hold a key of a grant are kept nowhere"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "day_0002"
down_revision = "cat_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sa.text("DELETE FROM core_once WHERE body LIKE '%\"pda\\_%' ESCAPE '\\'"))


def downgrade() -> None:
    """What was deleted is gone for good."""
