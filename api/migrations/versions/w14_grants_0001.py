"""Years that are disclosed, and in which disclosure a fee counts"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "w14_grants_0001"
down_revision = "w13_d_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "auth_disclosure",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("disclosed_by", sa.String(), nullable=False),
        sa.Column("disclosed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_auth_disclosure")),
    )
    with op.batch_alter_table("auth_fee", schema=None) as batch_op:
        batch_op.add_column(sa.Column("counts_in", sa.Integer(), nullable=False, server_default="0"))
    # nothing was disclosed before there were such years: each line counts in its own
    op.execute(
        "UPDATE auth_fee SET counts_in = EXTRACT(YEAR FROM charged_on)"
        if op.get_bind().dialect.name == "postgresql"
        else "UPDATE auth_fee SET counts_in = CAST(strftime('%Y', charged_on) AS INTEGER)"
    )
    with op.batch_alter_table("auth_fee", schema=None) as batch_op:
        batch_op.alter_column("counts_in", existing_type=sa.Integer(), server_default=None)
        batch_op.create_index(batch_op.f("ix_auth_fee_counts_in"), ["counts_in"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("auth_fee", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_auth_fee_counts_in"))
        batch_op.drop_column("counts_in")
    op.drop_table("auth_disclosure")
