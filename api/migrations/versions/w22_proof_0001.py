"""The request in whose course an event was recorded"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "w22_proof_0001"
down_revision = "w20_own_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("auth_audit_event", sa.Column("request_id", sa.String(length=36), nullable=True))
    op.create_index(op.f("ix_auth_audit_event_request_id"), "auth_audit_event", ["request_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_auth_audit_event_request_id"), "auth_audit_event")
    op.drop_column("auth_audit_event", "request_id")
