"""Who has looked at a file under review."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "w13_c_0001"
down_revision = "gov4_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "datasets_output_look",
        sa.Column("review_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(length=80), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["review_id"], ["datasets_output_review.id"], name=op.f("fk_datasets_output_look_review_id")
        ),
        sa.PrimaryKeyConstraint("review_id", "person_id", name=op.f("pk_datasets_output_look")),
    )


def downgrade() -> None:
    op.drop_table("datasets_output_look")
