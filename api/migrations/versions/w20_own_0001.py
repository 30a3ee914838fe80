"""Which person set the terms of queries and the caps of privacy budgets"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "w20_own_0001"
down_revision = "w21_numbers_0001"
branch_labels = None
depends_on = None

_ACCOUNT = sa.table("auth_account", sa.column("id"), sa.column("person_id"))
_TABLES = ("datasets_query_terms", "datasets_query_cap")


def upgrade() -> None:
    for name in _TABLES:
        with op.batch_alter_table(name) as table:
            table.add_column(sa.Column("set_person", sa.String(), nullable=False, server_default=""))
        rows = sa.table(name, sa.column("set_by"), sa.column("set_person"))
        person = sa.select(_ACCOUNT.c.person_id).where(_ACCOUNT.c.id == rows.c.set_by).scalar_subquery()
        op.execute(rows.update().values(set_person=sa.func.coalesce(person, "")))


def downgrade() -> None:
    for name in _TABLES:
        with op.batch_alter_table(name) as table:
            table.drop_column("set_person")
