"""Products are graded anew and registered; a decision says what it does for the public interest and fairness"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "gov_0004"
down_revision = "dec_0001"
branch_labels = None
depends_on = None
_WORDS = ("level_reason", "surveying", "registration_code")
_PRINCIPLES = ("public_interest", "fairness")


def upgrade() -> None:
    with op.batch_alter_table("auth_product", schema=None) as batch_op:
        batch_op.add_column(sa.Column("level", sa.Integer(), nullable=True))
        for name in _WORDS:
            batch_op.add_column(sa.Column(name, sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("registered_on", sa.Date(), nullable=True))
    with op.batch_alter_table("auth_application", schema=None) as batch_op:
        for name in _PRINCIPLES:
            batch_op.add_column(sa.Column(name, sa.String(), server_default="", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("auth_application", schema=None) as batch_op:
        for name in reversed(_PRINCIPLES):
            batch_op.drop_column(name)
    with op.batch_alter_table("auth_product", schema=None) as batch_op:
        batch_op.drop_column("registered_on")
        for name in reversed(_WORDS):
            batch_op.drop_column(name)
        batch_op.drop_column("level")
