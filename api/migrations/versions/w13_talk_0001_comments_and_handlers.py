"""Comments on applications, and who handles them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "w13_talk_0001"
down_revision = "w13_a_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "auth_application_comment",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("application_id", sa.String(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("audience", sa.String(length=10), nullable=False),
        sa.Column("body", sa.String(length=4000), nullable=False),
        sa.Column("by_bureau", sa.Boolean(), nullable=False),
        sa.Column("person_id", sa.String(length=80), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("author_name", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=True),
        sa.Column("asked", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hidden_reason", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["auth_application.id"],
            name=op.f("fk_auth_application_comment_application_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_application_comment")),
    )
    for name in ("application_id", "person_id"):
        op.create_index(op.f(f"ix_auth_application_comment_{name}"), "auth_application_comment", [name])
    op.create_table(
        "auth_application_handler",
        sa.Column("application_id", sa.String(), nullable=False),
        sa.Column("department_id", sa.String(length=80), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("assigned_by", sa.String(), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["auth_application.id"],
            name=op.f("fk_auth_application_handler_application_id"),
        ),
        sa.PrimaryKeyConstraint("application_id", "department_id", name=op.f("pk_auth_application_handler")),
    )
    op.create_index(
        op.f("ix_auth_application_handler_account_id"), "auth_application_handler", ["account_id"]
    )


def downgrade() -> None:
    op.drop_table("auth_application_handler")
    op.drop_table("auth_application_comment")
