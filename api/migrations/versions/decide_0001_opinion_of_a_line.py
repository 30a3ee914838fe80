"""Which template opinion a decision's words came from stands beside them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "decide_0001"
down_revision = "deliv_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "auth_application_line", sa.Column("decision_opinion", sa.String(), nullable=False, server_default="")
    )


def downgrade() -> None:
    op.drop_column("auth_application_line", "decision_opinion")
