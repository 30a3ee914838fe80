"""Decision letters"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "flow_0004"
down_revision = "ident_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "auth_application_letter",
        sa.Column("application_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("pdf", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["auth_application.id"],
            name=op.f("fk_auth_application_letter_application_id"),
        ),
        sa.PrimaryKeyConstraint("application_id", "version", name=op.f("pk_auth_application_letter")),
    )


def downgrade() -> None:
    op.drop_table("auth_application_letter")
