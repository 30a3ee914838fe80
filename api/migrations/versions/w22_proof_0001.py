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


_EVENTS = sa.table("auth_audit_event", sa.column("form"))


def downgrade() -> None:
    """Refused while an event is there whose hash covers what would be dropped: the record could be verified no more."""
    covered = sa.select(sa.func.count()).select_from(_EVENTS).where(_EVENTS.c.form >= 3)
    if found := op.get_bind().scalar(covered):
        raise RuntimeError(
            f"审计记录中有 {found} 条事件的摘要包含请求编号，降级会使审计链无法核验；请改为恢复升级之前的备份。 "
            f"The hashes of {found} events in the audit record cover the id of their request: without it the chain could not be "
            "verified any more. Restore the backup from before the upgrade instead."
        )
    op.drop_index(op.f("ix_auth_audit_event_request_id"), "auth_audit_event")
    op.drop_column("auth_audit_event", "request_id")
