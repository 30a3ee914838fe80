"""Great Expectations' SQL engine over DuckDB: one connection, one Parquet file, nothing else reachable.

Why a subclass: the stock engine closes the connection before it fetches, after which DuckDB returns nothing; and
the dialect is unknown to it, so the metrics that need a DuckDB form are registered for this class alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.execution_engine.sqlalchemy_batch_data import SqlAlchemyBatchData

from quality import conditions, sql
from quality.gx.facts import CURRENT, ROW, TABLE, condition_name, plain
from quality.kinds import Column, Kind
from quality.patience import Test, shared
from quality.predicates import PATIENT, PREDICATES

_EXAMPLES: Final = ".unexpected_values"
_FIRST_ROWS: Final = 2048


class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):
    _connection: sa.Connection | None

    def __init__(self, **how: Any) -> None:
        self._answers: dict[str, tuple[Any, ...]] = {}
        self._repeats: dict[str, str | None] = {}
        super().__init__(**how)
        _ENGINES[self.engine] = self

    @contextmanager
    def get_connection(self) -> Iterator[sa.Connection]:
        if self._connection is None:
            self._connection = self.engine.connect()
        yield self._connection

    def get_domain_records(self, domain_kwargs: dict[str, Any]) -> Any:
        """Rows that a rule looks at; a row condition is a view of its own."""
        condition = domain_kwargs.get("row_condition")
        if condition is not None:
            rest = {key: value for key, value in domain_kwargs.items() if key != "row_condition"}
            domain_kwargs = {**rest, "table": condition_name(condition)}
        return super().get_domain_records(domain_kwargs)

    def resolve_metrics(self, metrics_to_resolve: Any, *rest: Any, **more: Any) -> dict[Any, Any]:
        """Great Expectations' own examples are not asked for: `evidence` gathers them, and only where a rule failed."""
        asked = [each for each in metrics_to_resolve if not each.metric_name.endswith(_EXAMPLES)]
        found: dict[Any, Any] = super().resolve_metrics(asked, *rest, **more)
        return found | {each.id: [] for each in metrics_to_resolve if each.metric_name.endswith(_EXAMPLES)}

    def resolve_metric_bundle(self, metric_fn_bundle: Any) -> dict[Any, Any]:
        """All aggregates over the same rows in one scan, values kept typed (the stock engine turns dates to text)."""
        resolved: dict[Any, Any] = {}
        for query in self._organize_metrics_by_domain(metric_fn_bundle):
            rows = self.get_domain_records(query["domain_kwargs"])
            if isinstance(rows, sa.Select):
                rows = rows.subquery()
            row = self.execute_query(sa.select(*query["select"]).select_from(rows)).fetchone()
            resolved.update(zip(query["metric_ids"], map(plain, row), strict=True))
        return resolved

    def remembered(self, query: str) -> tuple[Any, ...]:
        """The one row of a query that several passes over the same, unchanging table ask for."""
        if query not in self._answers:
            self._answers[query] = self.rows_of(query)[0]
        return self._answers[query]

    def climbs(self, name: str, rows: str) -> bool:
        """Whether a column rises from row to row, in whatever order they come, with none missing: no value occurs twice.

        Costs a tenth of grouping the values, and a column that does not climb shows it in its first rows.
        """
        for source in (f"(SELECT {name} FROM {rows} LIMIT {_FIRST_ROWS})", rows):
            steps = f"SELECT {name} AS value, lag({name}) OVER () AS earlier FROM {source}"
            proof = "count(*) = count(value) AND coalesce(bool_and(value > earlier), TRUE)"
            if not self.remembered(f"SELECT {proof} FROM ({steps})")[0]:
                return False
        return True

    def repeated(self, names: Sequence[str], rows: str) -> str | None:
        """A table (k0, k1, …) of the values that occur more than once among `rows`, made once; None where none does.

        Grouped by their hashes first, which is cheap; only values whose hashes meet are compared themselves.
        """
        asked = f"{', '.join(names)} FROM {rows}"
        if asked not in self._repeats:
            table, hashes = f"repeated_{len(self._repeats)}", f"hash({', '.join(names)})"
            meeting = f"SELECT {hashes} AS h FROM {rows} GROUP BY h HAVING count(*) > 1"
            keys = ", ".join(f"{name} AS k{place}" for place, name in enumerate(names))
            self.rows_of(
                f"CREATE TEMP TABLE {table} AS SELECT {keys} FROM {rows} WHERE {hashes} IN ({meeting}) "
                f"GROUP BY {', '.join(names)} HAVING count(*) > 1"
            )
            self._repeats[asked] = table if self.rows_of(f"SELECT count(*) FROM {table}")[0][0] else None
        return self._repeats[asked]

    def interrupt(self) -> None:
        """Stop the query that runs, from another thread."""
        if self._connection is not None:
            self._connection.connection.dbapi_connection.interrupt()  # type: ignore[union-attr]

    def rows_of(self, query: str) -> list[tuple[Any, ...]]:
        with self.get_connection() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query).fetchall()]


_ENGINES: WeakKeyDictionary[sa.Engine, DuckDBExecutionEngine] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that a rule over several columns looks at; called, it gives their FROM clause."""

    table: Any
    source: sa.Engine

    def __call__(self) -> str:
        return from_clause(self.table, self.source)

    def climbs(self, name: str) -> bool:
        return _ENGINES[self.source].climbs(name, self())

    def repeated(self, names: Sequence[str]) -> str | None:
        return _ENGINES[self.source].repeated(names, self())


def from_clause(rows: Any, source: Any) -> str:
    """The FROM clause for what Great Expectations hands a rule as its table."""
    if isinstance(rows, sa.Table):
        return sql.name(rows.name)
    if isinstance(rows, sa.Subquery | sa.Alias):
        rows = rows.element
    return "(" + str(rows.compile(source, compile_kwargs={"literal_binds": True})) + ")"


@contextmanager
def engine_over(
    table: Path,
    columns: list[Column],
    *,
    has_row_key: bool,
    memory_limit_mb: int,
    scratch: Path,
    others: Sequence[tuple[Path, str]],
) -> Iterator[DuckDBExecutionEngine]:
    """An engine whose only table is `table`, beside the `others` (file, statement that makes its view; one file may be seen twice).

    Text in a suite's own queries cannot reach another file.
    """
    source = sa.create_engine(
        "duckdb:///:memory:",
        poolclass=sa.pool.StaticPool,
        isolation_level="AUTOCOMMIT",  # one broken query must not abort those after it
        connect_args={
            "config": {
                "memory_limit": f"{memory_limit_mb}MB",
                "temp_directory": str(scratch),
                "preserve_insertion_order": "false",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            }
        },
    )
    engine = DuckDBExecutionEngine(engine=source, create_temp_table=False)
    try:
        with engine.get_connection() as connection:
            for statement in _prepared(table, columns, has_row_key, others):
                connection.exec_driver_sql(statement)
            raw = connection.connection.dbapi_connection
            for name, predicate in PREDICATES.items():
                raw.create_function(name, predicate, ["VARCHAR", "VARCHAR"], "BOOLEAN")  # type: ignore[union-attr]
            for name, test in PATIENT.items():
                raw.create_function(name, _patient(test), ["VARCHAR", "VARCHAR"], "BOOLEAN", type="arrow")  # type: ignore[union-attr]
            connection.exec_driver_sql("SET lock_configuration = true")
        yield engine
    finally:
        if engine._connection is not None:
            engine._connection.close()
        engine.close()


def _patient(test: Test) -> Callable[[Any, Any], Any]:
    """A test of whole chunks in the child process. DuckDB hands over no nulls; the argument is the same for all rows."""

    def answer(texts: Any, arguments: Any) -> Any:
        found = [False] * len(texts)
        by_argument: dict[str, list[int]] = {}
        for place, argument in enumerate(arguments.to_pylist()):
            by_argument.setdefault(argument, []).append(place)
        values = texts.to_pylist()
        for argument, places in by_argument.items():
            passed = shared().ask(test, [values[place] for place in places], argument)
            for place, one in zip(places, passed, strict=True):
                found[place] = one
        return pa.array(found, pa.bool_())

    return answer


def _prepared(
    table: Path, columns: list[Column], has_row_key: bool, others: Sequence[tuple[Path, str]]
) -> Iterator[str]:
    yield "SET TimeZone = 'UTC'"
    yield "SET enable_progress_bar = false"  # it would print into a command's answer
    yield f"SET allowed_paths = [{sql.listed(str(path) for path in (table, *(path for path, _ in others)))}]"
    yield "SET enable_external_access = false"
    shown = ", ".join(_shown(column) for column in columns)
    key = ROW if has_row_key else f"file_row_number + 1 AS {ROW}"
    yield (
        f"CREATE VIEW {TABLE} AS SELECT {shown}{', ' if shown else ''}{key} "
        f"FROM read_parquet({sql.literal(str(table))}, file_row_number = true)"
    )
    yield from (view for _, view in others)
    facts = CURRENT.get()
    for name, condition in facts.conditions.items():
        where = conditions.to_sql(condition, facts.columns)
        yield f"CREATE VIEW {sql.name(name)} AS SELECT * FROM {TABLE} WHERE {where}"


def _shown(column: Column) -> str:
    """NaN is a missing value on every engine; pandas cannot tell them apart."""
    if column.kind is Kind.NUMBER:
        return f"CASE WHEN isnan({column.sql}) THEN NULL ELSE {column.sql} END AS {column.sql}"
    return column.sql


def batch_data(engine: DuckDBExecutionEngine) -> SqlAlchemyBatchData:
    return SqlAlchemyBatchData(execution_engine=engine, table_name=TABLE, source_table_name=TABLE)


@lru_cache(maxsize=512)
def accepts_pattern(pattern: str) -> bool:
    """Whether DuckDB takes the pattern (RE2 limits the size of what repeats expand to)."""
    try:
        duckdb.execute("SELECT regexp_matches('', ?)", [pattern])
    except duckdb.Error:
        return False
    return True
