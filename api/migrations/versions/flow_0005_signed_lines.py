"""Which lines a decision, a signature or an objection spoke of"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "flow_0005"
down_revision = "record_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("auth_application_event", schema=None) as batch_op:
        batch_op.add_column(sa.Column("line_ids", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("auth_application_event", schema=None) as batch_op:
        batch_op.drop_column("line_ids")
