"""Words that people asked with and that met nothing: added to the groups that an installation began with, where nobody changed them

Revision ID: w13_b_0001
Revises: w13_talk_0001
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "w13_b_0001"
down_revision = "w13_talk_0001"
branch_labels = None
depends_on = None

ADDED = (
    ("厕所|公厕|洗手间|toilet|restroom", "厕所|公厕|公共厕所|洗手间|toilet|restroom"),
    ("残疾人|残障|身心障碍者|disabled|disability", "残疾人|残障|身心障碍|身心障碍者|disabled|disability"),
)
NEW = ("疫苗接种|预防接种|vaccination|immunization", "彩票|彩券|lottery")
ROWS = sa.table(
    "catalog_synonym",
    sa.column("id", sa.String),
    sa.column("words", sa.JSON),
    sa.column("set_by", sa.String),
    sa.column("set_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    _exchange(ADDED)
    began = datetime(2026, 11, 29, tzinfo=UTC)
    held = {word for words in op.get_bind().execute(sa.select(ROWS.c.words)).scalars() for word in words}
    op.bulk_insert(
        ROWS,
        [
            {"id": f"later-{number:02}", "words": group.split("|"), "set_by": "system", "set_at": began}
            for number, group in enumerate(NEW, 1)
            if not held & set(group.split("|"))
        ],
    )


def downgrade() -> None:
    _exchange([(new, old) for old, new in ADDED])
    op.execute(ROWS.delete().where(ROWS.c.id.in_([f"later-{n:02}" for n in range(1, len(NEW) + 1)])))


def _exchange(pairs: Iterable[tuple[str, str]]) -> None:
    kept = {tuple(row.words): row.id for row in op.get_bind().execute(sa.select(ROWS.c.id, ROWS.c.words))}
    for old, new in pairs:
        if found := kept.get(tuple(old.split("|"))):
            op.execute(ROWS.update().where(ROWS.c.id == found).values(words=new.split("|")))
