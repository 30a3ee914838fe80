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
import duckdb_sqlalchemy  # noqa: F401 - the dialect; else it is looked for when the first table is judged
import pyarrow as pa
import sqlalchemy as sa
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.execution_engine.sqlalchemy_batch_data import SqlAlchemyBatchData

from quality import conditions, sql
from quality.gx import repeats, tally
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
        self._unrepeated: dict[str, str] = {}
        self._tallies: dict[str, str | None] = {}
        self.tables: list[str] = []
        self.source: Path | None = None
        self.memory_limit_mb = 0
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
        rest, resolved = self._tallied(metric_fn_bundle)
        for query in self._organize_metrics_by_domain(rest):
            rows = self.get_domain_records(query["domain_kwargs"])
            if isinstance(rows, sa.Select):
                rows = rows.subquery()
            row = self.execute_query(sa.select(*query["select"]).select_from(rows)).fetchone()
            resolved.update(zip(query["metric_ids"], map(plain, row), strict=True))
        return resolved

    def _tallied(self, bundle: Any) -> tuple[list[Any], dict[Any, Any]]:
        """What the tallies of columns with few values answer, a column at a time; and the aggregates that are left."""
        rest: list[Any] = []
        by_column: dict[str, list[tuple[Any, Any]]] = {}
        for each in bundle:
            wanted = each.metric_configuration
            name = wanted.metric_domain_kwargs.get("column")
            domain = {**wanted.metric_domain_kwargs, **(each.compute_domain_kwargs or {})}
            asked = (
                tally.over_tally(wanted.metric_name, domain, each.metric_fn, self.engine) if name else None
            )
            if asked is None:
                rest.append(each)
            else:
                by_column.setdefault(str(name), []).append((each, asked))
        resolved: dict[Any, Any] = {}
        for name, parts in by_column.items():
            column = CURRENT.get()[name]
            worth = column.kind is Kind.TEXT or len(parts) > 1 or self._tallies.get(name)
            if not worth or (table := self.tally(column)) is None:
                rest += [each for each, _ in parts]
                continue
            query = sa.select(*(asked.label(f"v{place}") for place, (_, asked) in enumerate(parts)))
            row = self.execute_query(query.select_from(sa.table(table))).fetchone()
            for (each, _), value in zip(parts, row, strict=True):
                resolved[each.metric_configuration.id] = plain(value)
        return rest, resolved

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

    def unrepeated(self, names: Sequence[str], rows: str, *, with_nulls: bool = True) -> str:
        """SQL of the condition that the values of a row occur once among `rows`; see `repeats`."""
        asked = f"{', '.join(names)} FROM {rows}"
        if asked not in self._unrepeated:
            self._unrepeated[asked] = repeats.unrepeated(self, names, rows, with_nulls=with_nulls)
        return self._unrepeated[asked]

    def ascends(self, name: str, sign: str, rows: str) -> bool:
        """Whether each value stands in the relation `sign` to the one before it in the order of keys, missing ones left out.

        Proved in one pass without sorting, in whatever order the rows come, which must prove to be that of their keys.
        """
        for source in (f"(SELECT {name}, {ROW} FROM {rows} LIMIT {_FIRST_ROWS})", rows):
            steps = (
                f"SELECT {name} AS value, lag({name}) OVER () AS earlier, {ROW} AS this, lag({ROW}) OVER () AS last "
                f"FROM {source} WHERE {name} IS NOT NULL"
            )
            proof = f"bool_and(value {sign} earlier) AND bool_and(this > last)"
            if not self.remembered(f"SELECT coalesce({proof}, TRUE) FROM ({steps})")[0]:
                return False
        return True

    def tally(self, column: Column) -> str | None:
        """A table of the column's values with their counts, made once; None where there are many different ones."""
        if column.name not in self._tallies:
            self._tallies[column.name] = None
            if self.source is not None and tally.holds_few(self.source, column):
                name = f"tally_{len(self.tables)}"
                self.make_table(name, tally.tally_sql(column))
                self._tallies[column.name] = name
        return self._tallies[column.name]

    @property
    def row_count(self) -> int:
        return int(self.remembered(f"SELECT count(*) FROM {TABLE}")[0])

    def make_table(self, name: str, query: str) -> None:
        """Keep the rows of a query, by a name that nobody has."""
        self.rows_of(f"CREATE TEMP TABLE {name} AS {query}")
        self.tables.append(name)

    def column_of(self, query: str) -> Any:
        """The one column of a query as an array, without making an object of each value."""
        (values,) = self._raw().execute(query).fetchnumpy().values()
        return values

    def hold(self, name: str, table: pa.Table) -> None:
        """Show an Arrow table to queries, by this name, until it is let go."""
        self._raw().register(name, table)

    def let_go(self, name: str) -> None:
        self._raw().unregister(name)

    def _raw(self) -> Any:
        """DuckDB's own connection."""
        with self.get_connection() as connection:
            return connection.connection.dbapi_connection

    def interrupt(self) -> None:
        """Stop the query that runs, from another thread."""
        self._raw().interrupt()

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

    def unrepeated(self, names: Sequence[str]) -> str:
        return _ENGINES[self.source].unrepeated(names, self())


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
    engine.source, engine.memory_limit_mb = table, memory_limit_mb
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
