"""When a record's data are overdue, for its freshness as a facet; saved searches"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "find_0002"
down_revision = "find_0001"
branch_labels = None
depends_on = None

_INDEX = "ix_catalog_dataset_search"
_COLUMNS = (
    *("number", "state", "data_level", "publisher", "domain_code", "open_type", "format_key", "update_freq"),
    *("release_no", "fresh_at", "id", "facet_key"),
)


def upgrade() -> None:
    with op.batch_alter_table("catalog_dataset", schema=None) as batch_op:
        batch_op.add_column(sa.Column("stale_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.drop_index(_INDEX)
        batch_op.create_index(_INDEX, [*_COLUMNS, "stale_at"], unique=False)
    op.create_table(
        "catalog_saved_search",
        sa.Column("id", sa.String(length=60), nullable=False),
        sa.Column("account_id", sa.String(length=80), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("query", sa.String(length=4000), nullable=False),
        sa.Column("tells", sa.Boolean(), nullable=False),
        sa.Column("told_until", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_saved_search")),
    )
    with op.batch_alter_table("catalog_saved_search", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_catalog_saved_search_account_id"), ["account_id"], unique=False)


def downgrade() -> None:
    op.drop_table("catalog_saved_search")
    with op.batch_alter_table("catalog_dataset", schema=None) as batch_op:
        batch_op.drop_index(_INDEX)
        batch_op.create_index(_INDEX, list(_COLUMNS), unique=False)
        batch_op.drop_column("stale_at")
