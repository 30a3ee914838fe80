"""Registers our rules with Great Expectations, for our two engines alone; importing this module does it.

Great Expectations registers a metric when its provider class is created, so the classes are built from the rule
tables. Names of metrics and of their arguments are its own, read from its registry.
"""

from __future__ import annotations

from typing import Any

import great_expectations.expectations.core  # noqa: F401 - fills the registry
import pandas as pd
import sqlalchemy as sa
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.expectations import registry
from great_expectations.expectations.metrics.column_aggregate_metric_provider import (
    ColumnAggregateMetricProvider,
    column_aggregate_partial,
    column_aggregate_value,
)
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnMapMetricProvider,
    ColumnPairMapMetricProvider,
    MulticolumnMapMetricProvider,
)
from great_expectations.expectations.metrics.map_metric_provider.column_condition_partial import (
    column_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.column_pair_condition_partial import (
    column_pair_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.is_sqlalchemy_metric_selectable import (
    SQLALCHEMY_SELECTABLE_METRICS,
)
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_condition_partial import (
    multicolumn_condition_partial,
)
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

from quality.gx import added_rules, clock_rules, cross_rules, queries
from quality.gx.aggregate_rules import AGGREGATES, ASKED, Aggregate, Asked, needs
from quality.gx.duck import DuckDBExecutionEngine, Rows, from_clause
from quality.gx.facts import CURRENT, column, plain
from quality.gx.frame import FrameExecutionEngine
from quality.gx.proved import Later
from quality.gx.record_rules import PAIR_RULES, RECORD_RULES, RecordRule
from quality.gx.row_rules import COLUMN_RULES, RowRule, Scope, View

_ROW_CONDITION = ("row_condition", "condition_parser")


def _keys(metric: str, takes: tuple[str, ...] = ()) -> dict[str, tuple[str, ...]]:
    """The metric's own keys; one stock metric forgets row conditions, which would switch them off in silence."""
    known = registry._registered_metrics.get(f"{metric}.condition")
    if known is None:
        return {"condition_value_keys": takes}
    domain = tuple(dict.fromkeys((*known["metric_domain_keys"], *_ROW_CONDITION)))
    for name, definition in registry._registered_metrics.items():
        if name.startswith(f"{metric}."):
            definition["metric_domain_keys"] = domain
    return {"condition_domain_keys": domain, "condition_value_keys": tuple(known["metric_value_keys"])}


def _condition(text: str | Later) -> Any:
    if isinstance(text, Later):
        return text
    return sa.literal_column(f"({text})", sa.Boolean)


def _column_rule(rule: RowRule) -> None:
    @column_condition_partial(engine=DuckDBExecutionEngine)
    def as_sql(cls: Any, column_: Any, _table: Any = None, _execution_engine: Any = None, **args: Any) -> Any:
        scope = Scope(
            column(column_.name),
            args,
            lambda: from_clause(_table, _execution_engine.engine),
            _execution_engine,
        )
        return _condition(rule.duck(scope))

    @column_condition_partial(engine=FrameExecutionEngine)
    def as_mask(cls: Any, values: pd.Series, **args: Any) -> pd.Series:
        return rule.frame(View(column(str(values.name)), args, values)).astype(bool)

    body = {"condition_metric_name": rule.metric, **_keys(rule.metric), "as_sql": as_sql, "as_mask": as_mask}
    type(f"Dg_{rule.metric}", (ColumnMapMetricProvider,), body)


def _pair_rule(rule: RecordRule) -> None:
    @column_pair_condition_partial(engine=DuckDBExecutionEngine)
    def as_sql(
        cls: Any, column_A: Any, column_B: Any, _table: Any, _sqlalchemy_engine: Any, **args: Any
    ) -> Any:
        columns = [column(column_A.name), column(column_B.name)]
        return _condition(rule.duck(columns, args, Rows(_table, _sqlalchemy_engine)))

    @column_pair_condition_partial(engine=FrameExecutionEngine)
    def as_mask(cls: Any, column_A: pd.Series, column_B: pd.Series, **args: Any) -> pd.Series:
        columns = [column(str(column_A.name)), column(str(column_B.name))]
        rows = pd.DataFrame({column_A.name: column_A, column_B.name: column_B})
        return rule.frame(columns, args, rows).astype(bool)

    body = {
        "condition_metric_name": rule.metric,
        **_keys(rule.metric, rule.takes),
        "as_sql": as_sql,
        "as_mask": as_mask,
    }
    type(f"Dg_{rule.metric}", (ColumnPairMapMetricProvider,), body)


def _record_rule(rule: RecordRule) -> None:
    @multicolumn_condition_partial(engine=DuckDBExecutionEngine)
    def as_sql(cls: Any, column_list: Any, _table: Any, _sqlalchemy_engine: Any, **args: Any) -> Any:
        columns = [column(each.name) for each in column_list]
        return _condition(rule.duck(columns, args, Rows(_table, _sqlalchemy_engine)))

    @multicolumn_condition_partial(engine=FrameExecutionEngine)
    def as_mask(cls: Any, column_list: pd.DataFrame, **args: Any) -> pd.Series:
        columns = [column(each) for each in column_list.columns]
        return rule.frame(columns, args, column_list).astype(bool)

    body = {
        "condition_metric_name": rule.metric,
        **_keys(rule.metric, rule.takes),
        "as_sql": as_sql,
        "as_mask": as_mask,
    }
    type(f"Dg_{rule.metric}", (MulticolumnMapMetricProvider,), body)


def _aggregate(rule: Aggregate) -> None:
    @column_aggregate_partial(engine=DuckDBExecutionEngine)
    def as_sql(cls: Any, column: Any, **_: Any) -> Any:
        found = CURRENT.get()[str(column.name)]
        needs(found, rule.kinds)
        return sa.literal_column(rule.duck(found))

    @column_aggregate_value(engine=FrameExecutionEngine)
    def as_value(cls: Any, column: pd.Series, **_: Any) -> Any:
        found = CURRENT.get()[str(column.name)]
        needs(found, rule.kinds)
        return plain(rule.frame(found, column[column.notna()]))

    _aggregate_class(rule.metric, {"as_sql": as_sql, "as_value": as_value})


def _asked(rule: Asked) -> None:
    def rows(engine: Any, domain: dict[str, Any]) -> tuple[Any, Any]:
        found, _, accessor = engine.get_compute_domain(domain, domain_type=MetricDomainTypes.COLUMN)
        return found, CURRENT.get()[str(accessor["column"])]

    @metric_value(engine=DuckDBExecutionEngine)
    def as_sql(
        cls: Any, execution_engine: Any, metric_domain_kwargs: Any, metric_value_kwargs: Any, **_: Any
    ) -> Any:
        found, of = rows(execution_engine, metric_domain_kwargs)
        return rule.duck(
            of, metric_value_kwargs or {}, from_clause(found, execution_engine.engine), execution_engine
        )

    @metric_value(engine=FrameExecutionEngine)
    def as_value(
        cls: Any, execution_engine: Any, metric_domain_kwargs: Any, metric_value_kwargs: Any, **_: Any
    ) -> Any:
        found, of = rows(execution_engine, metric_domain_kwargs)
        values = found[of.name]
        return rule.frame(of, metric_value_kwargs or {}, values[values.notna()])

    _aggregate_class(rule.metric, {"as_sql": as_sql, "as_value": as_value})


def _aggregate_class(metric: str, body: dict[str, Any]) -> None:
    keys = tuple(registry._registered_metrics[metric]["metric_value_keys"])
    type(
        f"Dg_{metric}", (ColumnAggregateMetricProvider,), {"metric_name": metric, "value_keys": keys, **body}
    )


class ColumnTypes(TableMetricProvider):
    """The columns as the typed table declares them; the row key is not one of them."""

    metric_name = "table.column_types"
    value_keys = ("include_nested",)

    @metric_value(engine=DuckDBExecutionEngine)
    def _duck(cls, **_: Any) -> list[dict[str, str]]:
        return [{"name": each.name, "type": str(each.kind)} for each in CURRENT.get().columns.values()]

    @metric_value(engine=FrameExecutionEngine)
    def _frame(cls, **_: Any) -> list[dict[str, str]]:
        return [{"name": each.name, "type": str(each.kind)} for each in CURRENT.get().columns.values()]


# Stock uniqueness conditions bring their own FROM clause; ours select from the rows they are handed.
SQLALCHEMY_SELECTABLE_METRICS.clear()
for _row in (*COLUMN_RULES, *added_rules.COLUMN_RULES):
    _column_rule(_row)
for _pair in (*PAIR_RULES, *added_rules.PAIR_RULES, *clock_rules.PAIR_RULES):
    _pair_rule(_pair)
for _record in (*RECORD_RULES, *added_rules.RECORD_RULES, *cross_rules.RECORD_RULES):
    _record_rule(_record)
for _one in AGGREGATES:
    _aggregate(_one)
for _several in ASKED:
    _asked(_several)
queries.register()
