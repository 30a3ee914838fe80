"""Personal data beside the audit record, and requests to erase a person's data"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "gov_0001"
down_revision = "encl_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # added in place: a copy of the table would want its rows deleted, which its triggers refuse
    op.add_column("auth_audit_event", sa.Column("form", sa.Integer(), server_default="1", nullable=False))
    op.create_table(
        "auth_audit_personal",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("field", sa.String(length=200), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("is_name", sa.Boolean(), nullable=False),
        sa.Column("salt", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("seq", "field", name=op.f("pk_auth_audit_personal")),
    )
    with op.batch_alter_table("auth_audit_personal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_auth_audit_personal_about"), ["about"], unique=False)
    op.create_table(
        "auth_erasure",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=2000), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_person", sa.String(), nullable=False),
        sa.Column("created_org", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("kept", sa.String(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_erasure")),
    )
    with op.batch_alter_table("auth_erasure", schema=None) as batch_op:
        for name in ("state", "person_id"):
            batch_op.create_index(batch_op.f(f"ix_auth_erasure_{name}"), [name], unique=False)


def downgrade() -> None:
    op.drop_table("auth_erasure")
    op.drop_table("auth_audit_personal")
    op.drop_column("auth_audit_event", "form")
