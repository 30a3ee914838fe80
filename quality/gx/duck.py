"""Great Expectations' SQL engine over DuckDB: one connection, one Parquet file, nothing else reachable.

Why a subclass: the stock engine closes the connection before it fetches, after which DuckDB returns nothing; and
the dialect is unknown to it, so the metrics that need a DuckDB form are registered for this class alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
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
from quality.gx import tally
from quality.gx.facts import CURRENT, ROW, TABLE, condition_name, plain
from quality.gx.proofs import Proofs
from quality.gx.proved import Later, Proved, later_in
from quality.kinds import Column, Kind
from quality.patience import Test, shared
from quality.predicates import PATIENT, PREDICATES

BATCH: Final = 8_192
"""Rows of a stream that are held at once."""
_EXAMPLES: Final = ".unexpected_values"
UNIQUE: Final = "expect_column_values_to_be_unique"
UNIQUE_TOGETHER: Final = "expect_compound_columns_to_be_unique"
_DOMAIN: Final = {"ignore_row_if": "all_values_are_missing"}
_COUNT: Final = ".unexpected_count"


class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):
    _connection: sa.Connection | None
    proofs: Proofs

    def __init__(self, **how: Any) -> None:
        self._answers: dict[str, tuple[Any, ...]] = {}
        self._tallies: dict[str, str | None] = {}
        self.source: Path | None = None
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

    def resolve_metrics(
        self, metrics_to_resolve: Any, metrics: Any = None, *rest: Any, **more: Any
    ) -> dict[Any, Any]:
        """Great Expectations' own examples are not asked for: `evidence` gathers them, and only where a rule failed.

        What waits for a proof (see `proofs`) is left over as long as there is anything else: it will be asked for again.
        """
        asked = [each for each in metrics_to_resolve if not each.metric_name.endswith(_EXAMPLES)]
        proofs = {each.id: _proof(each, metrics or {}) for each in asked}
        ready = [each for each in asked if (proof := proofs[each.id]) is None or proof.done()] or asked
        counts = {each.id: self._refused(each, proofs[each.id]) for each in ready}
        known = {key: number for key, number in counts.items() if number is not None}
        left = [each for each in ready if each.id not in known]
        found: dict[Any, Any] = super().resolve_metrics(left, metrics, *rest, **more) | known
        return found | {each.id: [] for each in metrics_to_resolve if each.metric_name.endswith(_EXAMPLES)}

    def foretell(self, kind: str, kwargs: Mapping[str, Any]) -> None:
        """Begin the proof that a rule of this kind will ask for, before Great Expectations comes to ask."""
        names = (
            [kwargs["column"]] if kind == UNIQUE else kwargs["column_list"] if kind == UNIQUE_TOGETHER else []
        )
        if names:
            rows = from_clause(self.get_domain_records({**_DOMAIN, **kwargs}), self.engine)
            columns = [CURRENT.get()[name] for name in names]
            self.proofs.unrepeated(columns, rows, with_nulls=kind != UNIQUE)

    def _refused(self, metric: Any, proof: Future[Proved] | None) -> int | None:
        """How many rows were refused, where the proof kept them; None where they must be counted."""
        if proof is None or not metric.metric_name.endswith(_COUNT) or proof.exception() is not None:
            return None
        refused = proof.result().refused
        return None if refused is None else int(self.remembered(f"SELECT count(*) FROM {refused}")[0])

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

    def tally(self, column: Column) -> str | None:
        """A table of the column's values with their counts, made once; None where there are many different ones."""
        if column.name not in self._tallies:
            self._tallies[column.name] = None
            if self.source is not None and tally.holds_few(self.source, column):
                name = f"tally_{len(self._tallies)}"
                self.rows_of(f"CREATE TEMP TABLE {name} AS {tally.tally_sql(column)}")
                self._tallies[column.name] = name
        return self._tallies[column.name]

    def _raw(self) -> Any:
        """DuckDB's own connection."""
        with self.get_connection() as connection:
            return connection.connection.dbapi_connection

    def interrupt(self) -> None:
        """Stop the query that runs, from another thread."""
        self._raw().interrupt()

    def streamed(self, query: str) -> Iterator[list[tuple[Any, ...]]]:
        """A query's rows a batch at a time; memory does not grow with their number. No other query may run meanwhile."""
        found = self._raw().execute(query)
        while rows := found.fetchmany(BATCH):
            yield rows

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

    def unrepeated(self, columns: Sequence[Column]) -> Later:
        return _ENGINES[self.source].proofs.unrepeated(columns, self())


def _proof(metric: Any, found: Mapping[Any, Any]) -> Future[Proved] | None:
    """The proof that the condition needs of which a metric is a count."""
    needed = (found.get(each.id) for each in metric.metric_dependencies.values())
    later = (later_in(each[0]) for each in needed if isinstance(each, tuple) and each)
    return next((each.proof for each in later if each is not None), None)


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
    engine.source = table
    try:
        with engine.get_connection() as connection:
            for statement in _prepared(table, columns, has_row_key, others):
                connection.exec_driver_sql(statement)
            raw: Any = connection.connection.dbapi_connection
            engine.proofs = Proofs(raw, table, memory_limit_mb)
            for name, predicate in PREDICATES.items():
                raw.create_function(name, predicate, ["VARCHAR", "VARCHAR"], "BOOLEAN")
            for name, test in PATIENT.items():
                raw.create_function(name, _patient(test), ["VARCHAR", "VARCHAR"], "BOOLEAN", type="arrow")
            connection.exec_driver_sql("SET lock_configuration = true")
        yield engine
    finally:
        if hasattr(engine, "proofs"):
            engine.proofs.close()
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


def warm() -> None:
    """Let the dialect and the engine look for what they look for once in a process."""
    source = sa.create_engine("duckdb:///:memory:")
    source.connect().close()
    source.dispose()
    accepts_pattern("")
