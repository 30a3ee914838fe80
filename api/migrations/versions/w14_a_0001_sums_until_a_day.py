"""Running sums of use, so that the numbers of a period are one subtraction for each dataset"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "w14_a_0001"
down_revision = "w14_grants_0002"
branch_labels = None
depends_on = None

_FILL = """
INSERT INTO catalog_use_until (dataset_id, day, visits, downloads, calls)
SELECT dataset_id, day, sum(visits) OVER running, sum(downloads) OVER running, sum(calls) OVER running
FROM (
  SELECT dataset_id, day, sum(CASE WHEN kind = 'visit' THEN number ELSE 0 END) AS visits,
    sum(CASE WHEN kind = 'download' THEN number ELSE 0 END) AS downloads,
    sum(CASE WHEN kind = 'call' THEN number ELSE 0 END) AS calls
  FROM catalog_use GROUP BY dataset_id, day
) AS days
WINDOW running AS (PARTITION BY dataset_id ORDER BY day)
"""


def upgrade() -> None:
    op.create_table(
        "catalog_use_until",
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("visits", sa.BigInteger(), nullable=False),
        sa.Column("downloads", sa.BigInteger(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["catalog_dataset.id"], name=op.f("fk_catalog_use_until_dataset_id")
        ),
        sa.PrimaryKeyConstraint("dataset_id", "day", name=op.f("pk_catalog_use_until")),
        sqlite_with_rowid=False,
    )
    op.execute(_FILL)


def downgrade() -> None:
    op.drop_table("catalog_use_until")
