"""Running sums: of each dataset, for each day with a use, everything up to the end of that day.

Why this exists: the list of all datasets in a period would add up a row for each of its days, releases and kinds, millions in a large
catalogue. From running sums it is one subtraction for each dataset, however long the period is. They are written with the day's own
numbers; what is told late of a day is added to every later sum too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

import sqlalchemy
from sqlalchemy import ColumnElement, Date, FromClause, bindparam, func, text, true

from catalog.tables import DatasetRow
from catalog.use.rules import KINDS, Kind
from catalog.use.tables import UseTotalRow, UseUntilRow
from core.work import Work, fetched

NAMES: Final = tuple(f"{kind}s" for kind in KINDS)
_DATASETS: Final[sqlalchemy.Table] = DatasetRow.__table__  # type: ignore[attr-defined]
_TOTALS: Final[sqlalchemy.Table] = UseTotalRow.__table__  # type: ignore[attr-defined]
_UNTIL: Final[sqlalchemy.Table] = UseUntilRow.__table__  # type: ignore[attr-defined]
_GIVEN: Final = ", ".join(NAMES)
_BEFORE: Final = ", ".join(f"coalesce(max({name}), 0) + :{name}" for name in NAMES)
_MORE: Final = ", ".join(f"{name} = catalog_use_until.{name} + :{name}" for name in NAMES)
_PUT: Final = text(
    f"INSERT INTO catalog_use_until (dataset_id, day, {_GIVEN}) SELECT CAST(:dataset_id AS VARCHAR(80)), :day, {_BEFORE} "  # noqa: S608 - our own names
    f"FROM (SELECT {_GIVEN} FROM catalog_use_until WHERE dataset_id = :dataset_id AND day < :day ORDER BY day DESC LIMIT 1) AS earlier "
    f"WHERE 1 = 1 ON CONFLICT (dataset_id, day) DO UPDATE SET {_MORE}"
).bindparams(bindparam("day", type_=Date))
_LATER: Final = text(
    f"UPDATE catalog_use_until SET {_MORE} WHERE dataset_id = :dataset_id AND day > :day"  # noqa: S608 - our own names
).bindparams(bindparam("day", type_=Date))


def add(work: Work, dataset_id: str, day: date, kind: Kind, number: int) -> None:
    """Add to the day's sum and all later ones. Whoever calls holds the row of the dataset's totals: two writers of one dataset
    would each miss what the other adds."""
    given: dict[str, Any] = {name: number if name == f"{kind}s" else 0 for name in NAMES}
    given |= {"dataset_id": dataset_id, "day": day}
    fetched(work, _PUT, **given)
    fetched(work, _LATER, **given)


def in_period(
    work: Work, since: date | None, until: date | None
) -> tuple[FromClause, Mapping[str, ColumnElement[int]]]:
    """The records joined with their numbers of a period, and these numbers by name, 0 where nothing was counted."""
    joined: FromClause = _DATASETS
    if until is None:
        last: FromClause = _TOTALS
        joined = joined.outerjoin(last, last.c.dataset_id == _DATASETS.c.id)
    else:
        joined, last = _with_sum(work, joined, "last", lambda day: day <= until)
    if since is None:
        return joined, {name: func.coalesce(last.c[name], 0) for name in NAMES}
    joined, before = _with_sum(work, joined, "before", lambda day: day < since)
    return joined, {name: func.coalesce(last.c[name], 0) - func.coalesce(before.c[name], 0) for name in NAMES}


def _with_sum(
    work: Work, joined: FromClause, name: str, meant: Callable[[ColumnElement[date]], ColumnElement[bool]]
) -> tuple[FromClause, FromClause]:
    """Joined with the last sum of the days that are meant."""
    mine, inner = _UNTIL.alias(name), _UNTIL.alias(f"{name}_day")
    days = sqlalchemy.and_(inner.c.dataset_id == _DATASETS.c.id, meant(inner.c.day))
    if work.db.get_bind().dialect.name == "postgresql":  # one look at its index; SQLite knows no LATERAL
        last = sqlalchemy.select(inner).where(days).order_by(inner.c.day.desc()).limit(1).lateral(name)
        return joined.outerjoin(last, true()), last
    latest = sqlalchemy.select(func.max(inner.c.day)).where(days).scalar_subquery()
    on = sqlalchemy.and_(mine.c.dataset_id == _DATASETS.c.id, mine.c.day == latest)
    return joined.outerjoin(mine, on), mine
