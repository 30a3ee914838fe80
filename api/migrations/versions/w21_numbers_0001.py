"""What each decision refused, with its event

Decisions made before are told as their lines still tell them; of one that was made anew since, the lines tell the new one alone.
"""

from __future__ import annotations

import json
from collections import Counter

import sqlalchemy as sa
from alembic import op

revision = "w21_numbers_0001"
down_revision = "w20_mends_0001"
branch_labels = None
depends_on = None

_DECISIONS = ("offer", "reject", "screen_reject")


def upgrade() -> None:
    op.add_column(
        "auth_application_event", sa.Column("refused", sa.String(), server_default="{}", nullable=False)
    )
    db = op.get_bind()
    lines = db.execute(
        sa.text(
            "SELECT application_id, decision_code FROM auth_application_line JOIN auth_application"
            " ON auth_application.id = application_id WHERE decision_code <> '' AND decided_at IS NOT NULL"
        )
    ).all()
    refused: dict[str, Counter[str]] = {}
    for application, code in lines:
        refused.setdefault(application, Counter())[code] += 1
    events = sa.table(
        "auth_application_event",
        *(sa.column(name) for name in ("id", "application_id", "version", "step", "refused")),
    )
    for application, codes in refused.items():
        last = (
            sa.select(events.c.id)
            .where(events.c.application_id == application, events.c.step.in_(_DECISIONS))
            .order_by(events.c.version.desc())
            .limit(1)
        )
        found = db.execute(last).scalar()
        if found is not None:
            told = json.dumps(codes, sort_keys=True)
            db.execute(events.update().where(events.c.id == found).values(refused=told))


def downgrade() -> None:
    op.drop_column("auth_application_event", "refused")
