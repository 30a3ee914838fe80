"""The line of a grant: itself and the grants before it that it amends or renews, newest first.

An amendment and a renewal are grants with ids of their own, on the same data, of the same holder. What was found, ordered or
owed under one of them must not be lost with its id: whoever asks “of this grant” decides whether the line is meant
(docs/decisions/0164-the-line-of-a-grant.md says which is asked where). Which grant a grant follows is set when it is issued and
never changes, so that a line can be read before a statement and used in it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, String
from sqlalchemy import select as select_columns
from sqlmodel import col

from auth.grants.tables import GrantFacts, GrantRow
from core.work import Work, fetched

AMENDMENT = "amendment"


def before(succeeds_id: Any) -> Select[tuple[str]]:  # noqa: ANN401 - a value, or a parameter of a query
    """The ids of all grants before one that follows `succeeds_id`, as part of a question.

    Nested where it stands: sqlite3 tells how many rows were changed only of a statement that begins with UPDATE, not with WITH.
    """
    chain = (
        select_columns(col(GrantRow.id).label("id"), col(GrantRow.succeeds_id).label("succeeds_id"))
        .where(col(GrantRow.id) == succeeds_id)
        .cte("line", recursive=True, nesting=True)
    )
    older = select_columns(col(GrantRow.id), col(GrantRow.succeeds_id))
    chain = chain.union(older.where(col(GrantRow.id) == chain.c.succeeds_id))
    return select_columns(chain.c.id.cast(String).label("id"))


def of(work: Work, row: GrantRow | GrantFacts) -> tuple[str, ...]:
    """The grant and all before it, newest first, whether amended or renewed."""
    return tuple(_walk(work, row, amended_only=False))


def amended(work: Work, row: GrantRow | GrantFacts) -> tuple[str, ...]:
    """The grant and those that it amends, one after another: one continued use. A renewal begins a line of its own here."""
    return tuple(_walk(work, row, amended_only=True))


def _walk(work: Work, row: GrantRow | GrantFacts, *, amended_only: bool) -> list[str]:
    found, earlier, how = [row.id], row.succeeds_id, row.succession
    while earlier is not None and (how == AMENDMENT or not amended_only):
        found.append(earlier)
        wanted = select_columns(col(GrantRow.succeeds_id), col(GrantRow.succession))
        row_before = fetched(work, wanted.where(col(GrantRow.id) == earlier)).one()
        earlier, how = row_before.succeeds_id, row_before.succession
    return found
