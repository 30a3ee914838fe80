"""What was told before also counts as asked: the overlap guard holds all rows asked about in one chain"""

from __future__ import annotations

from alembic import op

revision = "guard_0001"
down_revision = "gov_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "INSERT INTO datasets_query_cell (id, answer_id, org_id, dataset_id, release_id, measure, partition, digest) "
        "SELECT id || '-asked', answer_id, org_id, dataset_id, release_id, 'asked', partition, digest "
        "FROM datasets_query_cell WHERE measure = 'count' OR measure LIKE 'sum:%'"
    )
    op.execute(
        "INSERT INTO datasets_query_cell (id, answer_id, org_id, dataset_id, release_id, measure, partition, digest) "
        "SELECT id || '-count', answer_id, org_id, dataset_id, release_id, 'count', partition, digest "
        "FROM datasets_query_cell WHERE measure LIKE 'sum:%'"
    )


def downgrade() -> None:
    op.execute("DELETE FROM datasets_query_cell WHERE id LIKE '%-count' OR measure = 'asked'")
