"""The rest of the core metadata: what data are about, where their system stands, and facts of columns."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "record_0002"
down_revision = "extracts_0001"
branch_labels = None
depends_on = None

_NEW: dict[str, list[tuple[str, Any, Any]]] = {
    "catalog_dataset": [("data_kind", sa.JSON(), "[]"), ("source_system_level", sa.String(length=20), "")],
    "catalog_column": [
        ("timestamp", sa.Boolean(), sa.false()),
        ("classified", sa.Boolean(), sa.false()),
        ("sensitive", sa.Boolean(), sa.false()),
        ("share_type", sa.String(length=20), ""),
        ("open_type", sa.String(length=20), ""),
        ("condition_zh", sa.String(length=2000), ""),
        ("condition_en", sa.String(length=2000), ""),
        ("standard_code", sa.String(length=100), ""),
    ],
}


def upgrade() -> None:
    for table, columns in _NEW.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name, kind, default in columns:
                batch_op.add_column(sa.Column(name, kind, server_default=default, nullable=False))
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name, _, _ in columns:
                batch_op.alter_column(name, server_default=None)


def downgrade() -> None:
    for table, columns in _NEW.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name, _, _ in columns:
                batch_op.drop_column(name)
