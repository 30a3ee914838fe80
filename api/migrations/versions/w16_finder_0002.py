"""How departments' records stand, day by day"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "w16_finder_0002"
down_revision = "w16_finder_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "datasets_quality_day",
        sa.Column("org_id", sa.String(length=60), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=True),
        sa.Column("points", sa.Float(), nullable=True),
        sa.Column("filled", sa.Float(), nullable=True),
        sa.Column("releases", sa.Integer(), nullable=False),
        sa.Column("quality", sa.Float(), nullable=True),
        sa.Column("pass_rate", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["org_id"], ["auth_organisation.id"], name=op.f("fk_datasets_quality_day_org_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "day", name=op.f("pk_datasets_quality_day")),
    )
    op.create_index(op.f("ix_datasets_quality_day_day"), "datasets_quality_day", ["day"], unique=False)


def downgrade() -> None:
    op.drop_table("datasets_quality_day")
