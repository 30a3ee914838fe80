"""Deputies of reviewers: the role that is lent, and for whom a vote was given"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "gov_0003"
down_revision = "arch_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("auth_delegation", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("role", sa.String(length=40), server_default="approver", nullable=False)
        )
    with op.batch_alter_table("auth_application_review", schema=None) as batch_op:
        batch_op.add_column(sa.Column("for_person", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("for_name", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("for_org", sa.String(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("auth_application_review", schema=None) as batch_op:
        for name in ("for_org", "for_name", "for_person"):
            batch_op.drop_column(name)
    with op.batch_alter_table("auth_delegation", schema=None) as batch_op:
        batch_op.drop_column("role")
