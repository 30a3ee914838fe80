"""When a grant was last used is asked at each use"""

from __future__ import annotations

from alembic import op

revision = "gov_0002"
down_revision = "store_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_auth_usage_event_grant_id_at"), "auth_usage_event", ["grant_id", "at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_auth_usage_event_grant_id_at"), "auth_usage_event")
