"""Relations of records, their boxes and scenarios."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "cat_0001"
down_revision = "deliv_0001"
branch_labels = None
depends_on = None

_NEW: list[tuple[str, Any, Any]] = [
    ("record_type", sa.String(length=20), ""),
    ("relations", sa.JSON(), "[]"),
    ("scenarios", sa.JSON(), "[]"),
    ("scenario_key", sa.String(length=200), ""),
    ("bbox", sa.String(length=80), ""),
]
_SIDES = ("west", "south", "east", "north")


def upgrade() -> None:
    """Defaults stay: taking them away would make SQLite build the table anew, which other tables' keys forbid once there are rows."""
    op.create_table(
        "catalog_relation",
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("other_id", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["catalog_dataset.id"], name=op.f("fk_catalog_relation_dataset_id")
        ),
        sa.PrimaryKeyConstraint("dataset_id", "kind", "other_id", name=op.f("pk_catalog_relation")),
    )
    op.create_index(op.f("ix_catalog_relation_other_id"), "catalog_relation", ["other_id"])
    with op.batch_alter_table("catalog_dataset", schema=None) as batch_op:
        for name, kind, default in _NEW:
            batch_op.add_column(sa.Column(name, kind, server_default=default, nullable=False))
        for name in _SIDES:
            batch_op.add_column(sa.Column(name, sa.Float(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("catalog_dataset", schema=None) as batch_op:
        for name in (*_SIDES, *(name for name, _, _ in _NEW)):
            batch_op.drop_column(name)
    op.drop_index(op.f("ix_catalog_relation_other_id"), table_name="catalog_relation")
    op.drop_table("catalog_relation")
