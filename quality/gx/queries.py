"""`unexpected_rows_expectation`: a query of the suite's own whose rows are the failing ones.

On pandas the frame itself is put before DuckDB, in a connection that can reach nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.query_metric_provider import QueryMetricProvider

from quality import sql
from quality.gx.duck import DuckDBExecutionEngine
from quality.gx.facts import CURRENT, ROW, TABLE
from quality.gx.frame import FrameExecutionEngine


class Found(NamedTuple):
    """total: rows the query gave. rows: row keys, where the query selects them or its rows can be told apart in the table; else empty."""

    total: int
    rows: list[int]
    examples: list[dict[str, Any]]


def ask(
    engine: DuckDBExecutionEngine | FrameExecutionEngine, query: str, statement: str
) -> list[tuple[Any, ...]]:
    """The rows of `statement`, which holds the suite's `query`. Raises QueryTookTooLong."""
    deadline = CURRENT.get().deadline
    if isinstance(engine, DuckDBExecutionEngine):
        with deadline.over(query, engine.interrupt):
            return engine.rows_of(statement)
    data = engine.batch_manager.active_batch_data.dataframe
    with duckdb.connect(config={"enable_external_access": "false"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")
        connection.register(TABLE, pa.Table.from_pandas(data, schema=engine.schema, preserve_index=False))
        with deadline.over(query, connection.interrupt):
            return connection.execute(statement).fetchall()


def written(query: str) -> str:
    """The query with its table filled in; only one SELECT is taken."""
    filled = sql.filled(query.strip().rstrip("; \n\t"), TABLE)
    statements = duckdb.extract_statements(filled)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise ValueError("unexpected_rows_query must be a single SELECT")
    return filled


def count(engine: Any, query: str) -> int:
    return int(ask(engine, query, f"SELECT count(*) FROM ({written(query)}\n)")[0][0])


def find(engine: Any, query: str, *, limit: int, max_examples: int) -> Found:
    inner = f"({written(query)}\n)"
    total = count(engine, query)
    names = [str(row[0]) for row in ask(engine, query, f"DESCRIBE SELECT * FROM {inner}")]
    shown = [name for name in names if name != ROW]
    order = f" ORDER BY {ROW}" if ROW in names else " ORDER BY ALL"
    selected = ", ".join(map(sql.name, shown)) or "NULL"
    rows = ask(engine, query, f"SELECT {selected} FROM {inner}{order} LIMIT {max_examples}")
    examples = [dict(zip(shown, row, strict=False)) for row in rows]
    return Found(total, _row_keys(engine, query, names, total, limit), examples)


def _row_keys(engine: Any, query: str, names: list[str], total: int, limit: int) -> list[int]:
    inner = f"({written(query)}\n)"
    if ROW in names:
        keys = ask(
            engine,
            query,
            f"SELECT DISTINCT {ROW} FROM {inner} WHERE {ROW} IS NOT NULL ORDER BY 1 LIMIT {limit}",
        )
        return [int(key) for (key,) in keys]
    if not (matched := _matched(engine, query, names, total)):
        return []
    return [int(key) for (key,) in ask(engine, query, f"SELECT t.{ROW} {matched} ORDER BY 1 LIMIT {limit}")]


def _matched(engine: Any, query: str, names: list[str], total: int) -> str:
    """The FROM clause of the table's rows that the query gives; empty where they cannot be told apart."""
    if not names or not set(names) <= set(CURRENT.get().columns):
        return ""
    same = " AND ".join(f"t.{sql.name(name)} IS NOT DISTINCT FROM q.{sql.name(name)}" for name in names)
    matched = f"FROM {TABLE} t WHERE EXISTS (SELECT 1 FROM ({written(query)}\n) q WHERE {same})"
    return matched if ask(engine, query, f"SELECT count(*) {matched}")[0][0] == total else ""


def every(
    engine: DuckDBExecutionEngine | FrameExecutionEngine, query: str, keys: Sequence[str]
) -> tuple[list[str], Iterator[list[tuple[Any, ...]]]]:
    """Names of the query's columns, and all its rows in batches: row key or None, these columns, key columns where the row is known."""
    inner = f"({written(query)}\n)"
    names = [str(row[0]) for row in ask(engine, query, f"DESCRIBE SELECT * FROM {inner}")]
    shown = [name for name in names if name != ROW]
    told = "".join(f", t.{sql.name(name)}" for name in keys)
    if ROW in names:
        chosen = "".join(f", q.{sql.name(name)}" for name in shown)
        wanted = f"SELECT q.{ROW}{chosen}{told} FROM {inner} q LEFT JOIN {TABLE} t ON t.{ROW} = q.{ROW} ORDER BY ALL"
    elif matched := _matched(engine, query, names, count(engine, query)):
        chosen = "".join(f", t.{sql.name(name)}" for name in shown)
        wanted = f"SELECT t.{ROW}{chosen}{told} {matched} ORDER BY 1"
    else:
        chosen = "".join(f", q.{sql.name(name)}" for name in shown)
        wanted = f"SELECT NULL{chosen} FROM {inner} q ORDER BY ALL"
    return shown, _stream(engine, query, wanted)


def _stream(
    engine: DuckDBExecutionEngine | FrameExecutionEngine, query: str, statement: str
) -> Iterator[list[tuple[Any, ...]]]:
    if isinstance(engine, DuckDBExecutionEngine):
        found = engine.streamed(statement)
        with CURRENT.get().deadline.over(query, engine.interrupt):  # sorting comes before the first row
            first = next(found, None)
        if first is not None:
            yield first
            yield from found
    else:  # the reference holds the whole table anyhow
        yield ask(engine, query, statement)


def register() -> None:
    """One provider for both engines; Great Expectations asks for the count and for rows it does not need here."""

    def counted(cls: Any, execution_engine: Any, metric_value_kwargs: Any, **_: Any) -> int:
        return count(execution_engine, metric_value_kwargs["unexpected_rows_query"])

    def none_needed(cls: Any, **_: Any) -> list[Any]:
        return []

    for metric, function in (("row_count", counted), ("table", none_needed)):
        body = {
            "metric_name": f"unexpected_rows_query.{metric}",
            "value_keys": ("unexpected_rows_query",),
            "duck": metric_value(engine=DuckDBExecutionEngine)(function),
            "frame": metric_value(engine=FrameExecutionEngine)(function),
        }
        type(f"DgUnexpectedRows_{metric}", (QueryMetricProvider,), body)
