"""The second tables of a run: what their columns are, where the engines find them, whether their keys are keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq

from quality import sql
from quality.gx.record_rules import comparable
from quality.kinds import MOMENTS, NUMERIC, Column, Kind, KindMismatch, column_of
from quality.own.ages import HOUSE_ZONE
from quality.references import References

ROW = "__row__"
LAST = "last release"
PERIODS: Mapping[str, int] = {"year": 4, "month": 7, "day": 10}
"""How many signs of an ISO date name the period."""
_HOUSE_HOURS = int(HOUSE_ZONE.utcoffset(None).total_seconds() // 3600)


@dataclass(frozen=True)
class Held:
    """One table to compare with. `relation`: its view in DuckDB."""

    name: str
    path: Path
    relation: str
    memory_limit_mb: int
    _repeats: dict[tuple[str, ...], bool] = field(default_factory=dict)

    @cached_property
    def columns(self) -> dict[str, Column]:
        return {each.name: column_of(each) for each in pq.read_schema(self.path) if each.name != ROW}

    def column(self, name: str) -> Column:
        """Raises KindMismatch naming what there is."""
        if name not in self.columns:
            known = ", ".join(self.columns)
            raise KindMismatch(
                f"{self.name} 中没有列“{name}”（现有：{known}）。 {self.name} has no column “{name}” (it has: {known})."
            )
        return self.columns[name]

    @property
    def view(self) -> str:
        """The statement that makes the view; NaN is a missing value, as everywhere."""
        shown = ", ".join(_shown(column) for column in self.columns.values())
        return (
            f"CREATE VIEW {self.relation} AS SELECT {shown} FROM read_parquet({sql.literal(str(self.path))})"
        )

    def frame(self, names: Sequence[str]) -> pd.DataFrame:
        """These columns as pandas holds them on the reference engine."""
        from quality.gx import frame

        return frame.columns_of(self.path, list(dict.fromkeys(names)))

    def refuse_repeated(self, keys: Sequence[str]) -> None:
        """A key that occurs twice over there names no value. Asked of DuckDB on either engine."""
        names = tuple(keys)
        if names not in self._repeats:
            self._repeats[names] = self._has_repeated(names)
        if self._repeats[names]:
            said = ", ".join(names)
            raise KindMismatch(
                f"{self.name} 中 {said} 有重复，不能据以取值。 {said} repeats in {self.name}, so it names no single value there."
            )

    def _has_repeated(self, names: tuple[str, ...]) -> bool:
        listed = ", ".join(self.column(name).sql for name in names)
        present = " AND ".join(_present(self.column(name)) for name in names)
        query = f"SELECT 1 FROM read_parquet(?) WHERE {present} GROUP BY {listed} HAVING count(*) > 1 LIMIT 1"
        with duckdb.connect(config={"memory_limit": f"{self.memory_limit_mb}MB"}) as connection:
            connection.execute("SET enable_progress_bar = false")
            return connection.execute(query, [str(self.path)]).fetchone() is not None


def held_tables(references: References, memory_limit_mb: int) -> dict[str, Held]:
    """Every table of a run by the name that rules give it; `LAST` for the dataset's own last release."""
    found = {
        name: Held(name, table.path, f"other_{place}", memory_limit_mb)
        for place, (name, table) in enumerate(references.tables.items())
    }
    if references.last_release is not None:
        found[LAST] = Held(
            references.last_release.dataset_id, references.last_release.path, "other_last", memory_limit_mb
        )
    return found


def _shown(column: Column) -> str:
    if column.kind is Kind.NUMBER:
        return f"CASE WHEN isnan({column.sql}) THEN NULL ELSE {column.sql} END AS {column.sql}"
    return column.sql


def _present(column: Column) -> str:
    found = f"{column.sql} IS NOT NULL"
    return f"{found} AND NOT isnan({column.sql})" if column.kind is Kind.NUMBER else found


# --- values of two tables in one form ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """A column, or the year, month or day of one (text such as 2026-10; zoned columns by the clock of UTC+8)."""

    column: Column
    period: str | None = None

    @property
    def as_column(self) -> Column:
        return Column(self.column.name, Kind.TEXT) if self.period else self.column


def part(written: Any, columns: Mapping[str, Column], where: str) -> Part:
    """`"lot_id"` or `{"column": "obs_time", "period": "month"}`; raises KindMismatch."""
    name, period = (written["column"], written["period"]) if isinstance(written, Mapping) else (written, None)
    if name not in columns:
        known = ", ".join(columns)
        raise KindMismatch(
            f"{where} 中没有列“{name}”（现有：{known}）。 {where} has no column “{name}” (it has: {known})."
        )
    if period and columns[name].kind not in MOMENTS:
        raise KindMismatch(
            f"列“{name}”为 {columns[name].kind}，没有年月日。 column “{name}” holds {columns[name].kind}; it has no {period}."
        )
    return Part(columns[name], period)


def comparable_parts(left: Part, right: Part) -> None:
    """Raises KindMismatch where the two cannot hold the same value."""
    comparable(left.as_column, right.as_column)


def part_sql(one: Part, other: Part, table: str) -> str:
    """`one` of the relation `table`, in the form in which it is compared with `other`."""
    name = f"{table}.{one.column.sql}"
    if one.period:
        local = f"({name} AT TIME ZONE 'UTC' + INTERVAL {_HOUSE_HOURS} HOUR)" if one.column.zoned else name
        return f"CAST(CAST({local} AS DATE) AS VARCHAR)[1:{PERIODS[one.period]}]"
    kinds = {one.as_column.kind, other.as_column.kind}
    if kinds <= NUMERIC and len(kinds) > 1:
        return f"CAST({name} AS DOUBLE)" if Kind.NUMBER in kinds else f"TRY_CAST({name} AS DECIMAL(38, 18))"
    return f"CAST({name} AS TIMESTAMP)" if kinds == MOMENTS else name


def part_values(one: Part, other: Part, rows: pd.DataFrame) -> list[Any]:
    """The same in Python: values that are equal, and hash alike, where DuckDB finds them equal; None where missing."""
    values = rows[one.column.name]
    missing = values.isna()
    plain = [None if gone else value for gone, value in zip(missing, values.astype(object), strict=True)]
    if one.period:
        return [_period(value, one) for value in plain]
    kinds = {one.as_column.kind, other.as_column.kind}
    if kinds <= NUMERIC and len(kinds) > 1 and Kind.NUMBER in kinds:
        return [None if value is None else float(value) for value in plain]
    return plain


def _period(value: Any, one: Part) -> str | None:
    if value is None:
        return None
    if one.column.zoned:
        value = (value + pd.Timedelta(hours=_HOUSE_HOURS)).tz_localize(None)
    return str(value.date().isoformat())[: PERIODS[str(one.period)]]


def keys_of(ones: Sequence[Part], others: Sequence[Part], rows: pd.DataFrame) -> list[tuple[Any, ...] | None]:
    """One key per row; None where a part of it is missing."""
    listed = [part_values(one, other, rows) for one, other in zip(ones, others, strict=True)]
    return (
        [None if None in key else key for key in map(tuple, zip(*listed, strict=True))] if len(rows) else []
    )
