"""The rows of a release once more, in files of one year, month or day each, so that a reader need not take all of it.

Made from the proven file, sorted by time inside each partition, and held against it: every partition must hold exactly the
rows that the whole file has for its period.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from duckdb import DuckDBPyConnection

from core.errors import Conflict
from core.text import Text, number_of
from datasets.geometry import unboxed
from datasets.releases.engine import PLACE, batches_of, demand_no_clash, engine, quoted
from datasets.releases.writer import write_groups

Period = Literal["year", "month", "day"]
UNDATED: Final = "undated"
MOST: Final = 1000
_FORMAT: Final[dict[Period, str]] = {"year": "%Y", "month": "%Y-%m", "day": "%Y-%m-%d"}


@dataclass(frozen=True, slots=True)
class Plan:
    """Which column a dataset's releases are split by, and how finely."""

    column: str
    period: Period


def split(
    whole: Path, plan: Plan, room: Callable[[str], Path], *, memory_limit_mb: int, scratch: Path
) -> list[tuple[str, int, Path]]:
    """One file per period, oldest first, rows without a time last: its name (`2026-03`), its rows, where it is.

    room: gives a fresh path for a suffix. Raises Conflict when the column is no date, or when there are too many periods.
    """
    schema = unboxed(pq.read_schema(whole))
    _demand_time(schema, plan)
    demand_no_clash(schema.names)
    with engine(memory_limit_mb, scratch) as db:
        found = _sums(db, [whole], plan)
        if len(found) > MOST:
            raise Conflict(
                Text(
                    f"按“{plan.column}”分区会得到 {len(found)} 个文件，上限为 {MOST}；请在数据字典的版式中改用更粗的周期。",
                    f"Splitting by {plan.column} gives {number_of(len(found), 'files')}, {MOST} at the most; choose a longer period in the dictionary's layout.",
                )
            )
        made = []
        for value in sorted(found, key=lambda each: (each == UNDATED, each)):
            out = room(".parquet")
            place = pq.SortingColumn(schema.get_field_index(plan.column))
            write_groups(_rows(db, whole, plan, value, schema), schema, out, sorting=[place])
            made.append((value, found[value][0], out))
        _demand_equal(found, _sums(db, [path for *_, path in made], plan), plan)
    return made


def _demand_time(schema: pa.Schema, plan: Plan) -> None:
    at = schema.get_field_index(plan.column)
    kind = schema.field(at).type if at >= 0 else None
    if kind is None or not (pa.types.is_date(kind) or pa.types.is_timestamp(kind)):
        raise Conflict(
            Text(
                f"数据字典的版式要求按“{plan.column}”分区，但数据中没有这个日期或时间列；请更正版式后再发布。",
                f"The dictionary's layout splits by {plan.column}, but the data have no such column of dates; correct the layout, then publish.",
            )
        )


def _period(plan: Plan) -> str:
    """SQL of a row's period; the column's name is quoted."""
    return f"coalesce(strftime({quoted(plan.column)}, '{_FORMAT[plan.period]}'), '{UNDATED}')"


def _sums(db: DuckDBPyConnection, files: list[Path], plan: Plan) -> dict[str, tuple[int, Any, Any]]:
    """Per period: rows, and two sums over the rows' hashes that do not depend on their order."""
    rows = db.execute(
        f"SELECT {_period(plan)} AS p, count(*), bit_xor(hash(t)), sum(hash(t)) "  # noqa: S608 - quoted name
        "FROM read_parquet($files) AS t GROUP BY p",
        {"files": [str(path) for path in files]},
    ).fetchall()
    return {value: (count, xor, total) for value, count, xor, total in rows}


def _rows(
    db: DuckDBPyConnection, whole: Path, plan: Plan, value: str, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    found = db.execute(
        f"SELECT * EXCLUDE ({PLACE}) FROM read_parquet($file, {PLACE} = true) "  # noqa: S608 - quoted name
        f"WHERE {_period(plan)} = $value ORDER BY {quoted(plan.column)}, {PLACE}",
        {"file": str(whole), "value": value},
    )
    return batches_of(found, schema)


def _demand_equal(wanted: dict[str, Any], found: dict[str, Any], plan: Plan) -> None:
    if wanted != found:
        raise RuntimeError(f"partitions by {plan.column} do not hold the rows of the release")
