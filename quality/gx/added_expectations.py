"""The expectations of ours, in Great Expectations' own classes; defining a class registers it under its snake name."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

import pandas as pd
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.expectations.core import ExpectColumnMaxToBeBetween
from great_expectations.expectations.expectation import (
    ColumnAggregateExpectation,
    ColumnMapExpectation,
    ColumnPairMapExpectation,
    MulticolumnMapExpectation,
)
from great_expectations.expectations.metrics.column_aggregate_metric_provider import (
    ColumnAggregateMetricProvider,
)
from great_expectations.expectations.metrics.metric_provider import metric_value

from quality import sql
from quality.gx import frame
from quality.gx.duck import DuckDBExecutionEngine, from_clause
from quality.gx.facts import CURRENT
from quality.gx.frame import FrameExecutionEngine
from quality.kinds import Column, Kind, KindMismatch, members
from quality.own.ages import HOUSE_ZONE
from quality.own.reporting import is_complete, report

_HOUSE_HOURS = int(HOUSE_ZONE.utcoffset(None).total_seconds() // 3600)


class ExpectColumnValuesToBeCreditCodes(ColumnMapExpectation):
    map_metric: ClassVar[str] = "column_values.dg_credit_code"


class ExpectColumnValuesToHoldNoPhoneNumbers(ColumnMapExpectation):
    map_metric: ClassVar[str] = "column_values.dg_no_phone_number"


class ExpectColumnValuesToHoldNoIdCardNumbers(ColumnMapExpectation):
    map_metric: ClassVar[str] = "column_values.dg_no_card_number"


class ExpectCoordinatesToLieInArea(ColumnPairMapExpectation):
    """column_A: longitude, column_B: latitude; suites say `longitude` and `latitude`."""

    area: Any
    ignore_row_if: str = "both_values_are_missing"
    map_metric: ClassVar[str] = "column_pair_values.dg_in_area"
    domain_keys = (*ColumnPairMapExpectation.domain_keys, "ignore_row_if")
    success_keys: ClassVar[tuple[str, ...]] = ("area", "mostly")


class ExpectGroupsToHoldAtLeastKRows(MulticolumnMapExpectation):
    k: int
    map_metric: ClassVar[str] = "multicolumn_values.dg_group_size"
    success_keys: ClassVar[tuple[str, ...]] = ("k", "mostly")


class ExpectColumnValuesToBeFresh(ExpectColumnMaxToBeBetween):
    """The newest value is not older than a bound, which was counted back from the reference beforehand."""

    min_value: Any = None
    max_value: Any = None


class ExpectGroupsToReport(ColumnAggregateExpectation):
    value_set: list[Any]
    time_column: str | None = None
    daily_share: float | None = None
    metric_dependencies = ("column.dg_report",)
    success_keys = ("value_set", "time_column", "daily_share")

    def _validate(self, metrics: Any, runtime_configuration: Any = None, execution_engine: Any = None) -> Any:
        found = metrics["column.dg_report"]
        return {"success": is_complete(found), "result": {"observed_value": found}}


class Report(ColumnAggregateMetricProvider):
    """Who reported, and on which days; see `quality.own.reporting`."""

    metric_name = "column.dg_report"
    value_keys = ("value_set", "time_column", "daily_share")

    @metric_value(engine=DuckDBExecutionEngine)
    def _duck(
        cls, execution_engine: Any, metric_domain_kwargs: Any, metric_value_kwargs: Any, **_: Any
    ) -> Any:
        rows, column = _domain(execution_engine, metric_domain_kwargs)
        source = from_clause(rows, execution_engine.engine)
        when = _time_column(metric_value_kwargs)
        day = _day_sql(when) if when else "NULL"
        among = sql.member_of(column.sql, members(metric_value_kwargs["value_set"], column))
        pairs = execution_engine.rows_of(f"SELECT DISTINCT {column.sql}, {day} FROM {source} WHERE {among}")
        span = execution_engine.rows_of(f"SELECT min({day}), max({day}) FROM {source}")[0] if when else None
        return _reported(metric_value_kwargs, column, pairs, span if span and span[0] else None)

    @metric_value(engine=FrameExecutionEngine)
    def _frame(
        cls, execution_engine: Any, metric_domain_kwargs: Any, metric_value_kwargs: Any, **_: Any
    ) -> Any:
        rows, column = _domain(execution_engine, metric_domain_kwargs)
        when = _time_column(metric_value_kwargs)
        days = _days_of(rows[when.name], when) if when else pd.Series(None, index=rows.index, dtype=object)
        kept = frame.among(rows[column.name], members(metric_value_kwargs["value_set"], column), column)
        pairs = set(zip(rows[column.name][kept], days[kept], strict=True))
        present = [day for day in days if day is not None]
        return _reported(
            metric_value_kwargs, column, pairs, (min(present), max(present)) if present else None
        )


def _domain(engine: Any, domain: dict[str, Any]) -> tuple[Any, Column]:
    rows, _, accessor = engine.get_compute_domain(domain, domain_type=MetricDomainTypes.COLUMN)
    return rows, CURRENT.get()[str(accessor["column"])]


def _time_column(args: dict[str, Any]) -> Column | None:
    name = args.get("time_column")
    return CURRENT.get()[name] if name else None


def _day_sql(column: Column) -> str:
    if column.kind is Kind.DATE:
        return column.sql
    local = (
        f"({column.sql} AT TIME ZONE 'UTC' + INTERVAL {_HOUSE_HOURS} HOUR)" if column.zoned else column.sql
    )
    return f"CAST({local} AS DATE)"


def _days_of(values: pd.Series, column: Column) -> pd.Series:
    if column.zoned:
        values = (values + pd.Timedelta(hours=_HOUSE_HOURS)).dt.tz_localize(None)
    return values.map(lambda value: None if pd.isna(value) else value.date()).astype(object)


def _reported(
    args: dict[str, Any], column: Column, pairs: Any, span: tuple[date, date] | None
) -> dict[str, Any]:
    """Members of another kind than the column's are never seen, hence missing."""
    wanted = list(dict.fromkeys(value for value in args["value_set"] if value is not None))
    if not wanted:
        raise KindMismatch("value_set names nobody who must report")
    share = args.get("daily_share")
    if args.get("time_column") and share is None:
        share = 1.0
    known = {each for value in wanted for each in members([value], column)}
    seen = {(who, day if day == day else None) for who, day in pairs if who in known}
    return report(wanted, seen, span, share)
