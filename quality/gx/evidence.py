"""The failing rows behind a count: their keys and some of their values, the same on both engines."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from math import isfinite
from typing import Any

import pandas as pd
import sqlalchemy as sa
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.metrics_calculator import MetricsCalculator

from quality import sql
from quality.gx import added_rules, clock_rules, queries
from quality.gx.cross_missing import only_there
from quality.gx.duck import BATCH, DuckDBExecutionEngine
from quality.gx.facts import ROW, TABLE, Facts, plain
from quality.gx.frame import FrameExecutionEngine
from quality.gx.proved import later_in
from quality.kinds import Kind
from quality.suite import Expectation
from quality.verdict import MOST_KEYS, FailingRow, Outcome

_NOTES = {**added_rules.NOTES, **clock_rules.NOTES}


class Evidence:
    def __init__(
        self,
        engine: DuckDBExecutionEngine | FrameExecutionEngine,
        facts: Facts,
        max_examples: int,
        max_failing_rows: int,
    ) -> None:
        self._engine = engine
        self._facts = facts
        self._max_examples = max_examples
        self._max_failing_rows = max_failing_rows

    @property
    def is_first_release(self) -> bool:
        """Whether there is no last release to compare with."""
        return self._facts.references.last_release is None

    def only_there(self, expectation: Expectation) -> dict[str, int]:
        """What only the other side has, where the rule asks for it."""
        return only_there(expectation, self._facts, self._engine)

    def of_rows(self, configuration: ExpectationConfiguration, columns: list[str]) -> dict[str, Any]:
        """Keys (ascending, capped) and example values of the rows that a row rule refused."""
        condition = self._condition(configuration)
        if isinstance(self._engine, DuckDBExecutionEngine):
            rows = self._from_duck(condition, columns)
        else:
            rows = self._from_frame(condition, columns)
        found: dict[str, Any] = {
            "failing_rows": [int(row[0]) for row in rows],
            "examples": [self._example(columns, row[1:]) for row in rows[: self._max_examples]],
        }
        if note := _NOTES.get(configuration.type):
            found["observed_value"] = note(configuration.kwargs, [row[1:] for row in rows])
        return found

    def every_row(
        self, configuration: ExpectationConfiguration, columns: list[str], keys: Sequence[str]
    ) -> Iterator[list[FailingRow]]:
        """All rows that a row rule refused, in order, with these key columns; a batch at a time."""
        condition = self._condition(configuration)
        if isinstance(self._engine, DuckDBExecutionEngine):
            batches = self._engine.streamed(self._every_in_duck(self._engine, condition, columns, keys))
        else:
            batches = self._every_in_frame(condition[0], [*columns, *keys])
        for rows in batches:
            yield [
                FailingRow(
                    int(row[0]),
                    {
                        name: self._shown(name, each)
                        for name, each in zip(keys, row[1 + len(columns) :], strict=True)
                    },
                    self._example(columns, row[1 : 1 + len(columns)]),
                )
                for row in rows
            ]

    def _every_in_duck(
        self, engine: DuckDBExecutionEngine, condition: Any, columns: list[str], keys: Sequence[str]
    ) -> str:
        unexpected, compute, accessor = condition
        later = later_in(unexpected)
        if later is not None and (refused := later.proof.result().refused) is not None:
            chosen = ["q.r", *(f"q.k{place}" for place in range(len(columns)))]
            chosen += [f"t.{sql.name(name)}" for name in keys]
            return f"SELECT {', '.join(chosen)} FROM {refused} q JOIN {TABLE} t ON t.{ROW} = q.r ORDER BY 1"
        rows = engine.get_domain_records({**compute, **accessor})
        if isinstance(rows, sa.Select):
            rows = rows.subquery()
        wanted: list[Any] = [sa.column(name) for name in (ROW, *columns, *keys)]
        chosen_ = [
            each.label(f"c{place}") for place, each in enumerate(wanted)
        ]  # a key may be looked at, too
        query = sa.select(*chosen_).select_from(rows).where(unexpected).order_by(sa.column(ROW))
        return str(query.compile(engine.engine, compile_kwargs={"literal_binds": True}))

    def _every_in_frame(self, mask: Any, names: list[str]) -> Iterator[list[tuple[Any, ...]]]:
        data: pd.DataFrame = self._engine.batch_manager.active_batch_data.dataframe
        rows = mask.index[mask.astype(bool)]
        for start in range(0, len(rows), BATCH):
            part = data.loc[rows[start : start + BATCH]]
            yield list(zip(part[ROW], *(part[name] for name in names), strict=True))

    def every_row_of_query(self, expectation: Expectation, keys: Sequence[str]) -> Iterator[list[FailingRow]]:
        """All rows that a query of the suite's own gives."""
        names, batches = queries.every(self._engine, expectation.kwargs["unexpected_rows_query"], keys)
        for rows in batches:
            yield [
                FailingRow(
                    None if row[0] is None else int(row[0]),
                    {
                        name: self._shown(name, each)
                        for name, each in zip(keys, row[1 + len(names) :], strict=False)
                    },
                    jsonable(dict(zip(names, row[1:], strict=False))),
                )
                for row in rows
            ]

    def keys_of(self, rows: Collection[int], columns: Sequence[str]) -> dict[int, dict[str, Any]]:
        """What these columns hold in these rows, by row."""
        if isinstance(self._engine, DuckDBExecutionEngine):
            chosen = ", ".join([ROW, *map(sql.name, columns)])
            wanted = f"SELECT {chosen} FROM {TABLE} WHERE {ROW} IN ({', '.join(map(str, rows))})"
            found: Iterable[tuple[Any, ...]] = self._engine.rows_of(wanted)
        else:
            data: pd.DataFrame = self._engine.batch_manager.active_batch_data.dataframe
            here = data.loc[data[ROW].isin(rows), [ROW, *columns]]
            found = here.itertuples(index=False, name=None)
        return {
            int(row): {name: self._shown(name, value) for name, value in zip(columns, values, strict=True)}
            for row, *values in found
        }

    def of_query(self, expectation: Expectation) -> dict[str, Any]:
        query = expectation.kwargs["unexpected_rows_query"]
        found = queries.find(
            self._engine, query, limit=self._max_failing_rows, max_examples=self._max_examples
        )
        return {
            "unexpected_count": found.total,
            "observed_value": found.total,
            "failing_rows": found.rows,
            "examples": jsonable(found.examples),
        }

    def _condition(self, configuration: ExpectationConfiguration) -> Any:
        """The rule's unexpected-condition metric: a SQL condition or a mask, with the rows it applies to."""
        expectation = configuration.to_domain_obj()
        needed = expectation.get_validation_dependencies(
            self._engine, {"result_format": {"result_format": "BOOLEAN_ONLY"}}
        )
        counted = needed.get_metric_configuration(f"{expectation.map_metric}.unexpected_count")
        wanted = MetricConfiguration(
            f"{expectation.map_metric}.condition", counted.metric_domain_kwargs, counted.metric_value_kwargs
        )
        return MetricsCalculator(self._engine, show_progress_bars=False).get_metric(wanted)

    def _from_duck(self, condition: Any, columns: list[str]) -> list[tuple[Any, ...]]:
        unexpected, compute, accessor = condition
        if (kept := self._kept(unexpected, columns)) is not None:
            return kept
        rows = self._engine.get_domain_records({**compute, **accessor})
        if isinstance(rows, sa.Select):
            rows = rows.subquery()
        chosen: list[Any] = [sa.column(ROW), *(sa.column(name) for name in columns)]
        query = sa.select(*chosen).select_from(rows).where(unexpected).order_by(sa.column(ROW))
        return [
            tuple(row) for row in self._engine.execute_query(query.limit(self._max_failing_rows)).fetchall()
        ]

    def _kept(self, unexpected: Any, columns: list[str]) -> list[tuple[Any, ...]] | None:
        """The rows that a proof kept when it refused them."""
        later = later_in(unexpected)
        if later is None or (refused := later.proof.result().refused) is None:
            return None
        chosen = ", ".join(["r", *(f"k{place}" for place in range(len(columns)))])
        return self._engine.rows_of(
            f"SELECT {chosen} FROM {refused} ORDER BY r LIMIT {self._max_failing_rows}"
        )

    def _from_frame(self, condition: Any, columns: list[str]) -> list[tuple[Any, ...]]:
        mask = condition[0]
        data: pd.DataFrame = self._engine.batch_manager.active_batch_data.dataframe
        keys = mask.index[mask.astype(bool)][: self._max_failing_rows]
        return list(data.loc[keys, [ROW, *columns]].itertuples(index=False, name=None))

    def _example(self, columns: list[str], values: tuple[Any, ...]) -> Any:
        shown = [self._shown(name, value) for name, value in zip(columns, values, strict=True)]
        return shown[0] if len(shown) == 1 else dict(zip(columns, shown, strict=True))

    def _shown(self, name: str, value: Any) -> Any:
        value = None if value is pd.NA or value is pd.NaT else value
        if self._facts[name].kind is Kind.DECIMAL:
            return None if value is None else str(value)
        value = plain(value)
        if self._facts[name].kind is Kind.DATE and isinstance(value, datetime):
            value = value.date()
        return jsonable(value)


def name_rows(evidence: Evidence, told_by: Sequence[tuple[Sequence[str], Outcome]]) -> None:
    """Fill `failing_keys` of each outcome by its key columns; rows that several rules refuse are looked up once."""
    wanted: dict[tuple[str, ...], set[int]] = {}
    for columns, outcome in told_by:
        if columns and outcome.failing_rows:
            wanted.setdefault(tuple(columns), set()).update(outcome.failing_rows[:MOST_KEYS])
    keys = {columns: evidence.keys_of(rows, columns) for columns, rows in wanted.items()}
    for columns, outcome in told_by:
        if tuple(columns) in keys:
            known = keys[tuple(columns)]
            outcome.failing_keys = [known[row] for row in outcome.failing_rows[:MOST_KEYS] if row in known]


def jsonable(value: Any) -> Any:
    """A value as JSON carries it: moments in ISO form (UTC), infinities and exotic things as text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): jsonable(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [jsonable(each) for each in value]
    if isinstance(value, float):
        return value if isfinite(value) else (None if value != value else str(value))
    if isinstance(value, datetime):
        return (value.astimezone(UTC) if value.tzinfo else value).isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes | bytearray):
        return bytes(value).hex()
    if hasattr(value, "tolist"):
        return jsonable(value.tolist())
    return jsonable(plain(value)) if plain(value) is not value else str(value)
