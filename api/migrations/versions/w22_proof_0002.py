"""Privacy budget and duration in the ledger's lines; what was spent before is entered from the budget's own book"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "w22_proof_0002"
down_revision = "w22_caps_0001"
branch_labels = None
depends_on = None

_LINES = sa.table("auth_usage_event", sa.column("subject"), sa.column("kind"), sa.column("epsilon_micro"))
_SPENT = sa.table("datasets_query_spend", sa.column("answer_id"), sa.column("epsilon_micro"))


def upgrade() -> None:
    op.add_column(
        "auth_usage_event", sa.Column("epsilon_micro", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.add_column("auth_usage_event", sa.Column("duration_ms", sa.BigInteger(), nullable=True))
    spent = sa.select(_SPENT.c.epsilon_micro).where(_SPENT.c.answer_id == _LINES.c.subject).scalar_subquery()
    paid = _LINES.c.subject.in_(sa.select(_SPENT.c.answer_id))
    op.execute(_LINES.update().where(_LINES.c.kind == "charge", paid).values(epsilon_micro=spent))


def downgrade() -> None:
    op.drop_column("auth_usage_event", "duration_ms")
    op.drop_column("auth_usage_event", "epsilon_micro")
