"""Download tickets"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "deliver_0001"
down_revision = "flow_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "datasets_download_ticket",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("extract_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("via", sa.String(length=20), nullable=False),
        sa.Column("session_id", sa.String(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["extract_id"], ["datasets_extract.id"], name=op.f("fk_datasets_download_ticket_extract_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets_download_ticket")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_datasets_download_ticket_token_hash")),
    )
    with op.batch_alter_table("datasets_download_ticket", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_datasets_download_ticket_account_id"), ["account_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_datasets_download_ticket_extract_id"), ["extract_id"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("datasets_download_ticket", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_datasets_download_ticket_extract_id"))
        batch_op.drop_index(batch_op.f("ix_datasets_download_ticket_account_id"))

    op.drop_table("datasets_download_ticket")
