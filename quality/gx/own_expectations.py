"""Expectations whose stock form depends on the engine; these take their place in Great Expectations' registry.

Types are judged by kind: stock rules compare names that each engine spells differently (`str`, `VARCHAR`,
`datetime64[us]`). Bounds keep what JSON said: stock turns 2**53+1 into a float and the text "2024" into a number.
A distribution over no values is not the wanted one: stock divides by zero on one engine only.
"""

from __future__ import annotations

from typing import Any

from great_expectations.expectations.core import (
    ExpectColumnKLDivergenceToBeLessThan as StockDivergence,
)
from great_expectations.expectations.core import (
    ExpectColumnMaxToBeBetween as StockMax,
)
from great_expectations.expectations.core import (
    ExpectColumnMinToBeBetween as StockMin,
)
from great_expectations.expectations.core import (
    ExpectColumnSumToBeBetween as StockSum,
)
from great_expectations.expectations.core import (
    ExpectColumnTypeToBe as StockTypeToBe,
)
from great_expectations.expectations.core import (
    ExpectColumnValuesToBeBetween as StockBetween,
)
from great_expectations.expectations.core import (
    ExpectColumnValuesToBeInTypeList as StockInTypeList,
)
from great_expectations.expectations.core import (
    ExpectColumnValuesToBeOfType as StockOfType,
)
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.registry import get_metric_kwargs
from great_expectations.validator.metric_configuration import MetricConfiguration

from quality.kinds import Kind, KindMismatch, type_matches


def _dependencies(expectation: Any, execution_engine: Any, runtime_configuration: Any) -> Any:
    """Only the declared types are asked for, never the values."""
    needed = Expectation.get_validation_dependencies(expectation, execution_engine, runtime_configuration)
    name = "table.column_types"
    kwargs = get_metric_kwargs(
        name, configuration=expectation.configuration, runtime_configuration=runtime_configuration
    )
    needed.set_metric_configuration(
        name, MetricConfiguration(name, kwargs["metric_domain_kwargs"], kwargs["metric_value_kwargs"])
    )
    return needed


def _judge(expectation: Any, metrics: dict[str, Any], wanted: list[str]) -> dict[str, Any]:
    column = expectation.configuration.kwargs["column"]
    kinds = {each["name"]: Kind(each["type"]) for each in metrics["table.column_types"]}
    if column not in kinds:
        raise KindMismatch(f'the table has no column "{column}"')
    found = kinds[column]
    met = [type_matches(name, found) for name in wanted]
    return {"success": any(met), "result": {"observed_value": str(found)}}


class ExpectColumnTypeToBe(StockTypeToBe):
    def get_validation_dependencies(
        self, execution_engine: Any = None, runtime_configuration: Any = None, **_: Any
    ) -> Any:
        return _dependencies(self, execution_engine, runtime_configuration)

    def _validate(self, metrics: Any, runtime_configuration: Any = None, execution_engine: Any = None) -> Any:
        return _judge(self, metrics, [self.configuration.kwargs["type_"]])


class ExpectColumnValuesToBeOfType(StockOfType):
    def get_validation_dependencies(
        self, execution_engine: Any = None, runtime_configuration: Any = None, **_: Any
    ) -> Any:
        return _dependencies(self, execution_engine, runtime_configuration)

    def _validate(self, metrics: Any, runtime_configuration: Any = None, execution_engine: Any = None) -> Any:
        return _judge(self, metrics, [self.configuration.kwargs["type_"]])


class ExpectColumnValuesToBeInTypeList(StockInTypeList):
    def get_validation_dependencies(
        self, execution_engine: Any = None, runtime_configuration: Any = None, **_: Any
    ) -> Any:
        return _dependencies(self, execution_engine, runtime_configuration)

    def _validate(self, metrics: Any, runtime_configuration: Any = None, execution_engine: Any = None) -> Any:
        return _judge(self, metrics, list(self.configuration.kwargs["type_list"]))


class ExpectColumnKLDivergenceToBeLessThan(StockDivergence):
    def _validate(self, metrics: Any, runtime_configuration: Any = None, execution_engine: Any = None) -> Any:
        if not metrics["column_values.nonnull.count"]:
            return {"success": False, "result": {"observed_value": None}}
        return super()._validate(metrics, runtime_configuration, execution_engine)


class ExpectColumnValuesToBeBetween(StockBetween):
    min_value: Any = None
    max_value: Any = None


class ExpectColumnMaxToBeBetween(StockMax):
    min_value: Any = None
    max_value: Any = None


class ExpectColumnMinToBeBetween(StockMin):
    min_value: Any = None
    max_value: Any = None


class ExpectColumnSumToBeBetween(StockSum):
    min_value: Any = None
    max_value: Any = None
