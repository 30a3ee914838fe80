"""Co-applicants of an application"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "w15_grants_0001"
down_revision = "w14_grants_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "auth_application_co_applicant",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("application_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("username", sa.String(length=80), nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("added_by_name", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_id"], ["auth_application.id"],
            name=op.f("fk_auth_application_co_applicant_application_id_auth_application"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_application_co_applicant")),
    )  # fmt: skip
    with op.batch_alter_table("auth_application_co_applicant", schema=None) as batch_op:
        for column in ("application_id", "account_id", "person_id"):
            batch_op.create_index(
                batch_op.f(f"ix_auth_application_co_applicant_{column}"), [column], unique=False
            )


def downgrade() -> None:
    op.drop_table("auth_application_co_applicant")
