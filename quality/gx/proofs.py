"""What must be proved of whole columns, worked out beside the rest: on connections and in threads of their own.

That no value occurs twice, or that values rise, takes as long as all other rules of a suite together, and the engine
uses one core for most of it. So a rule that needs such a proof begins it and gets a condition whose text is asked for
last (`Later`), when Great Expectations has prepared and counted everything else. Proofs of uniqueness come one after
the other, as each takes its share of the memory; those of order need little and run beside them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.dataset

from quality.gx import order, repeats
from quality.gx.facts import ROW, TABLE
from quality.gx.proved import Later, Proved
from quality.kinds import ORDERED, Column

_FIRST_ROWS: Final = 2048


class Proofs:
    """Proofs over one Parquet file, `source`, which the connection shows as the table `batch`. Made before the configuration is locked."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, source: Path, memory_limit_mb: int) -> None:
        self._mine = threading.local()
        self._connections = [connection.duplicate() for _ in range(2)]
        self._repeats, self._order = (self._lane(each) for each in self._connections)
        self._source = source
        self.memory_limit_mb = memory_limit_mb
        self._begun: dict[str, Future[Proved]] = {}
        self._answers: dict[str, bool] = {}
        self._numbers = count()
        self._ended = False

    def close(self) -> None:
        """Stop what still runs; nobody asks for it any more."""
        self._ended = True
        for lane in (self._repeats, self._order):
            lane.shutdown(wait=False, cancel_futures=True)
        for lane, db in zip((self._repeats, self._order), self._connections, strict=True):
            db.interrupt()
            lane.shutdown(wait=True)
            db.close()

    def _lane(self, db: duckdb.DuckDBPyConnection) -> ThreadPoolExecutor:
        """A thread that asks on a connection of its own."""
        db.execute("SET TimeZone = 'UTC'")
        return ThreadPoolExecutor(
            1, thread_name_prefix="proofs", initializer=setattr, initargs=(self._mine, "db", db)
        )

    def unrepeated(self, columns: Sequence[Column], rows: str, *, with_nulls: bool = True) -> Later:
        """The condition that the values of a row, taken together, occur once among `rows`; see `repeats`.

        A column that rises from row to row, in whatever order they come, with none missing, proves it at once.
        """
        names = [column.sql for column in columns]

        def proof() -> Proved:
            candidates = [column for column in columns if column.kind in ORDERED]
            if any(self._climbs(each, rows) for each in order.begin_to_rise(self._source, candidates)):
                return Proved("TRUE")
            return repeats.unrepeated(self, names, rows, with_nulls=with_nulls)

        return self._later(self._repeats, f"unrepeated {names} {with_nulls} {rows}", proof)

    def ordered(self, column: Column, sign: str, rows: str) -> Later:
        """The condition that a value stands in the relation `sign` to the one before it in the order of keys, missing ones left out."""

        def proof() -> Proved:
            if sign.startswith(">") and self._ascends(column, sign, rows):
                return Proved("TRUE")
            name = column.sql
            steps = (
                f"SELECT {ROW}, {name} AS value, lag({name}) OVER (ORDER BY {ROW}) AS earlier "
                f"FROM {rows} WHERE {name} IS NOT NULL"
            )
            return Proved(f"{ROW} NOT IN (SELECT {ROW} FROM ({steps}) WHERE NOT (value {sign} earlier))")

        return self._later(self._order, f"ordered {column.sql} {sign} {rows}", proof)

    def _later(self, lane: ThreadPoolExecutor, key: str, proof: Callable[[], Proved]) -> Later:
        if key not in self._begun:
            self._begun[key] = lane.submit(proof)
        return Later(self._begun[key])

    # --- in a thread -----------------------------------------------------------------------------------------------

    def _climbs(self, column: Column, rows: str) -> bool:
        """Costs a tenth of grouping the values, and a column that does not climb shows it in its first rows."""
        known = order.rises(self._source, column, ">")
        if known is not None:  # rows that are left out could make it climb; then its values are compared
            return known
        for source in (f"(SELECT {column.sql} FROM {rows} LIMIT {_FIRST_ROWS})", rows):
            steps = f"SELECT {column.sql} AS value, lag({column.sql}) OVER () AS earlier FROM {source}"
            proof = "count(*) = count(value) AND coalesce(bool_and(value > earlier), TRUE)"
            if not self._holds(f"SELECT {proof} FROM ({steps})"):
                return False
        return True

    def _ascends(self, column: Column, sign: str, rows: str) -> bool:
        """Proved in one pass without sorting, in whatever order the rows come, which must prove to be that of their keys."""
        if order.rises(self._source, column, sign):  # then so do any of its rows
            return True
        for source in (f"(SELECT {column.sql}, {ROW} FROM {rows} LIMIT {_FIRST_ROWS})", rows):
            steps = (
                f"SELECT {column.sql} AS value, lag({column.sql}) OVER () AS earlier, {ROW} AS this, lag({ROW}) OVER () AS last "
                f"FROM {source} WHERE {column.sql} IS NOT NULL"
            )
            proof = f"bool_and(value {sign} earlier) AND bool_and(this > last)"
            if not self._holds(f"SELECT coalesce({proof}, TRUE) FROM ({steps})"):
                return False
        return True

    def _holds(self, query: str) -> bool:
        """The answer to a query that several proofs over the same, unchanging table ask."""
        if query not in self._answers:
            self._answers[query] = bool(self.rows_of(query)[0][0])
        return self._answers[query]

    @property
    def row_count(self) -> int:
        return int(self.rows_of(f"SELECT count(*) FROM {TABLE}")[0][0])

    def rows_of(self, query: str) -> list[tuple[Any, ...]]:
        return self._run(query).fetchall()

    def column_of(self, query: str) -> Any:
        """The one column of a query as an array, without making an object of each value."""
        (values,) = self._run(query).to_arrow_table().columns
        return values.to_numpy()

    def keep(self, query: str) -> str:
        """Keep the rows of a query in a table, whose name is returned; rules may name it."""
        name = f"proof_{next(self._numbers)}"
        self._run(f"CREATE TABLE {name} AS {query}")
        return name

    def show(self, values: Any) -> str:
        """Show an array to queries of this thread, as column `h` of the table whose name is returned."""
        name = f"shown_{next(self._numbers)}"
        self._mine.db.register(name, pa.table({"h": pa.array(values)}))
        return name

    def hide(self, name: str) -> None:
        self._mine.db.unregister(name)

    def _run(self, query: str) -> duckdb.DuckDBPyConnection:
        if self._ended:
            raise RuntimeError("the run that asked for this proof has ended")
        found: duckdb.DuckDBPyConnection = self._mine.db.execute(query)
        return found
