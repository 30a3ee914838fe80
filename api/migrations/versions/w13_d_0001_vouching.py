"""For whom an enterprise stands"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "w13_d_0001"
down_revision = "w13_c_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "auth_vouch",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=2000), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_person", sa.String(), nullable=False),
        sa.Column("created_org", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.String(length=60), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("username", sa.String(length=40), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["auth_account.id"], name=op.f("fk_auth_vouch_account_id_auth_account")
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["auth_organisation.id"], name=op.f("fk_auth_vouch_org_id_auth_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_vouch")),
    )
    with op.batch_alter_table("auth_vouch", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_auth_vouch_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_auth_vouch_org_id"), ["org_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_auth_vouch_state"), ["state"], unique=False)


def downgrade() -> None:
    op.drop_table("auth_vouch")
