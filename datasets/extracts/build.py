"""Makes the file: filter, project and mask in one streamed query over the release, written as it is read.

The order of the release stays where it tells of nothing but what leaves (`row_order`); elsewhere rows are mixed under a key of the grant.

Only rows and columns that may leave reach the new file; nothing is copied from the old one but the texts of the kept columns,
so statistics, dictionaries and metadata can tell of nothing else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from duckdb import (
    ColumnExpression,
    DuckDBPyConnection,
    DuckDBPyRelation,
    Expression,
    FunctionExpression,
    SQLExpression,
)

from auth.policy.filters.model import RowFilter
from auth.policy.model import ColumnTerm, DeliveryForm, GridMask, Use
from auth.policy.small_cells import SmallCells
from core.errors import Conflict
from core.text import Text, number_of
from datasets.extracts.compile import Held, condition, leaving, unhashed
from datasets.extracts.mixing import Order, Placed, mixed
from datasets.extracts.places import teach
from datasets.extracts.pseudonyms import pseudonyms
from datasets.extracts.row_order import UNKNOWN, ReleaseLayout, leading, order_key, order_may_stay
from datasets.extracts.small_cells import LeftOut, left_out
from datasets.formats.writing import writing
from datasets.geometry import GEO, kept_metadata
from datasets.sharing.spark import readable, readable_type
from datasets.tracing.marks import Mark, marked_array, pattern_of

BATCH_ROWS: Final = 40_000
_ROW_NUMBER: Final = "file_row_number"  # DuckDB's own name for the place of a row in its file
_PLACE: Final = "at"
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the file is to hold. `columns` in the order wanted; `key` is the grant's pseudonym key (32 bytes).

    `layout`: how the rows of the release lie; without it nothing of their order stays but where every column leaves as it is.
    `marks`: hidden marks, each in a plain column of floating numbers.
    `for_readers`: types that every reader in place knows (`datasets.sharing.spark`): instants in UTC, times of day as text.
    """

    columns: tuple[ColumnTerm, ...]
    row_filter: RowFilter | None
    form: DeliveryForm
    key: bytes
    metadata: Mapping[str, str]
    cells: SmallCells | None = None
    for_readers: bool = False
    marks: tuple[Mark, ...] = ()
    layout: ReleaseLayout = UNKNOWN

    def order_over(self, released: Sequence[str]) -> Order | None:
        """The order of the rows; None where that of the release may stay."""
        marked = {mark.column for mark in self.marks}
        if order_may_stay(released, self.columns, marked):
            return None
        at = {term.name: place for place, term in enumerate(self.columns)}
        kept = leading(self.layout, self.columns, marked)
        return Order(order_key(self.key, self.layout), tuple(at[name] for name in kept))


@dataclass(frozen=True, slots=True)
class Built:
    """What was written."""

    rows: int
    size_bytes: int
    left_out: int = 0


Watched = Callable[[Callable[[], None]], AbstractContextManager[None]]
"""Is handed what interrupts an engine, and stands around its work."""


@contextmanager
def unwatched(interrupt: Callable[[], None]) -> Iterator[None]:  # noqa: ARG001 - the shape of a watch
    yield


@contextmanager
def engine_of(memory_limit_mb: int, scratch: Path) -> Iterator[DuckDBPyConnection]:
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_limit_mb}MB",
        "temp_directory": str(scratch),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    with duckdb.connect(config=config) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")  # it would print into a command's answer
        connection.execute("SET enable_geoparquet_conversion = false")  # shapes pass through as they are
        teach(connection)
        yield connection


def _released(connection: DuckDBPyConnection, release: Path) -> tuple[DuckDBPyRelation, dict[str, Held]]:
    """The release under safe names, `at` being the place of the row; and what stands where by its real name."""
    names = pq.read_schema(release).names
    taken = any(name.casefold() == _ROW_NUMBER for name in names)
    source = connection.read_parquet(str(release), file_row_number=not taken)
    # a file that brings a column of that very name: number its rows here (slower, as no filter reaches the file)
    place = SQLExpression("row_number() OVER () - 1") if taken else SQLExpression(f"#{len(names) + 1}")
    columns = [SQLExpression(f"#{at + 1}").alias(f"c{at}") for at in range(len(names))]
    held = {
        name: Held(f"c{at}", str(kind))
        for at, (name, kind) in enumerate(zip(names, source.types, strict=False))
    }
    return source.select(*columns, place.alias(_PLACE)), held


def visible_rows(
    connection: DuckDBPyConnection, release: Path, row_filter: RowFilter | None
) -> tuple[DuckDBPyRelation, dict[str, Held]]:
    source, held = _released(connection, release)
    if row_filter is None:
        return source, held
    try:
        return source.filter(condition(row_filter, held)), held
    except (KeyError, ValueError, TypeError) as fault:
        raise unfit(str(fault)) from fault


def passing(connection: DuckDBPyConnection, table: pa.Table, row_filter: RowFilter) -> pa.Array:
    """Which rows of a small table pass the filter, as a column of truth values; rows where it is null do not."""
    given = table.rename_columns([f"c{at}" for at in range(table.num_columns)])
    source = connection.from_arrow(given)
    held = {
        name: Held(f"c{at}", str(kind))
        for at, (name, kind) in enumerate(zip(table.schema.names, source.types, strict=True))
    }
    said = source.select(condition(row_filter, held).alias("passes")).to_arrow_table()
    return pc.fill_null(said.column("passes").combine_chunks(), False)


def unfit(what: str) -> Conflict:
    return Conflict(
        Text(
            f"该发布版本与授权条款或筛选条件不符（{what}），未交付任何数据；请更换版本或联系数据专员。",
            f"This release does not fit the terms or the filter ({what}); nothing was delivered. Choose another release, or tell the data steward.",
        )
    )


def count(
    release: Path,
    row_filter: RowFilter | None,
    *,
    memory_limit_mb: int,
    scratch: Path,
    cells: SmallCells | None = None,
    watched: Watched = unwatched,
) -> int:
    """How many rows would leave: those that the filter lets through, less small cells. Conflict where `cells` refuses."""
    with engine_of(memory_limit_mb, scratch) as connection, watched(connection.interrupt):
        visible, held = visible_rows(connection, release, row_filter)
        counted = visible.aggregate([FunctionExpression("count")]).fetchone()
        out = _small(visible, held, cells, b"", release)
    return (int(counted[0]) if counted else 0) - (out.rows if out else 0)


def sample(
    release: Path,
    terms: tuple[ColumnTerm, ...],
    row_filter: RowFilter | None,
    *,
    key: bytes,
    rows: int,
    memory_limit_mb: int,
    scratch: Path,
    cells: SmallCells | None = None,
    layout: ReleaseLayout = UNKNOWN,
) -> list[dict[str, Any]]:
    """The first rows as they would leave, by column name; fewer where the filter lets fewer through. Writes no file."""
    found: list[dict[str, Any]] = sampled(
        release, terms, row_filter, key=key, rows=rows, memory_limit_mb=memory_limit_mb, scratch=scratch, cells=cells,
        layout=layout,
    ).to_pylist()  # fmt: skip
    return found


def sampled(
    release: Path,
    terms: tuple[ColumnTerm, ...],
    row_filter: RowFilter | None,
    *,
    key: bytes,
    rows: int,
    memory_limit_mb: int,
    scratch: Path,
    cells: SmallCells | None = None,
    layout: ReleaseLayout = UNKNOWN,
) -> pa.Table:
    """The same as a table, with what the file would say of its columns."""
    recipe = Recipe(terms, row_filter, DeliveryForm.PREVIEW, key, {}, cells, layout=layout)
    with engine_of(memory_limit_mb, scratch) as connection:
        visible, held = visible_rows(connection, release, row_filter)
        chosen = _chosen(recipe, held)
        out_of_it = _small(visible, held, cells, key, release)
        reader = visible.select(*chosen, ColumnExpression(_PLACE)).to_arrow_reader(BATCH_ROWS)
        schema = _described(reader.schema, pq.read_schema(release), recipe)
        found: list[pa.RecordBatch] = []
        wanted = rows
        placed = _in_order(reader, out_of_it)
        for columns in _as_they_leave(placed, recipe, release, scratch, first=rows):
            cut = _hashing(recipe)([values.slice(0, wanted) for values in columns])
            found.append(pa.record_batch(cut, schema=schema))
            wanted -= found[-1].num_rows
            if not wanted:
                break
        return pa.Table.from_batches(found, schema)


def _small(
    visible: DuckDBPyRelation, held: Mapping[str, Held], cells: SmallCells | None, key: bytes, release: Path
) -> LeftOut | None:
    if cells is None:
        return None
    rows = pq.read_metadata(release).num_rows
    return left_out(visible, held, cells, key=key, place=_PLACE, release_rows=rows)


def build(
    release: Path,
    recipe: Recipe,
    out: Path,
    *,
    memory_limit_mb: int,
    scratch: Path,
    rows_expected: int = 0,
    on_progress: Callable[[float, Text], None] | None = None,
    watched: Watched = unwatched,
) -> Built:
    """Write `out`; memory stays bounded by `memory_limit_mb` and one batch. `out` must not exist.

    watched: is handed what ends the build within a batch, by an InterruptException.
    """
    stopped = threading.Event()
    with engine_of(memory_limit_mb, scratch) as connection, watched(_both(stopped.set, connection.interrupt)):
        visible, held = visible_rows(connection, release, recipe.row_filter)
        chosen = _chosen(recipe, held)
        out_of_it = _small(visible, held, recipe.cells, recipe.key, release)
        reader = visible.select(*chosen, ColumnExpression(_PLACE)).to_arrow_reader(BATCH_ROWS)
        schema = _described(reader.schema, pq.read_schema(release), recipe)
        rows = 0
        sink = writing(out, schema, recipe.form, recipe.columns, recipe.metadata)
        with sink as write:
            put_marks, hashing = _marking(recipe), _hashing(recipe)
            # hashed before rows are mixed: what goes to disk on the way names nobody
            read = _unless(stopped, _ahead(_in_order(reader, out_of_it)))
            placed = ((hashing(columns), places) for columns, places in read)
            leaving_rows = _unless(stopped, _ahead(_as_they_leave(placed, recipe, release, scratch)))
            for columns in map(put_marks, leaving_rows):
                write(pa.record_batch(readable(columns) if recipe.for_readers else columns, schema=schema))
                rows += len(columns[0])
                if on_progress:
                    done = rows / rows_expected if rows_expected else 1.0
                    on_progress(
                        min(done, 1.0), Text(f"已写出 {rows} 行", f"{number_of(rows, 'rows')} written")
                    )
    return Built(rows, out.stat().st_size, out_of_it.rows if out_of_it else 0)


def _both(one: Callable[[], None], other: Callable[[], None]) -> Callable[[], None]:
    def does() -> None:
        one()
        other()

    return does


def _unless(stopped: threading.Event, batches: Iterator[Item]) -> Iterator[Item]:
    """The same, until somebody stops it: between two batches the engine has nothing that could be interrupted."""
    for batch in batches:
        if stopped.is_set():
            raise duckdb.InterruptException("stopped")
        yield batch


def _marking(recipe: Recipe) -> Callable[[list[pa.Array]], list[pa.Array]]:
    """What puts the hidden marks into the columns of a batch."""
    at = {term.name: place for place, term in enumerate(recipe.columns)}
    made = [(at[mark.column], mark, pattern_of(mark)) for mark in recipe.marks]

    def put(columns: list[pa.Array]) -> list[pa.Array]:
        for place, mark, bits in made:
            columns[place] = marked_array(columns[place], mark, bits)
        return columns

    return put


def _hashing(recipe: Recipe) -> Callable[[list[pa.Array]], list[pa.Array]]:
    """What makes the pseudonyms of a batch."""
    at = [place for place, term in enumerate(recipe.columns) if term.use is Use.PSEUDONYMISED]

    def made(columns: list[pa.Array]) -> list[pa.Array]:
        for place in at:
            columns[place] = pseudonyms(columns[place], recipe.key)
        return columns

    return made


def _ahead(batches: Iterator[Item]) -> Iterator[Item]:
    """The same, the next one made meanwhile."""
    with ThreadPoolExecutor(1) as making:
        coming = making.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = making.submit(next, batches, None)
            yield batch


def _as_they_leave(
    placed: Iterator[Placed], recipe: Recipe, release: Path, scratch: Path, *, first: int | None = None
) -> Iterator[list[pa.Array]]:
    """The columns of each batch in the order in which they leave; at least the `first` rows where so many are wanted."""
    order = recipe.order_over(pq.read_schema(release).names)
    if order is None:
        return (columns for columns, _ in placed)
    return mixed(placed, order, scratch, BATCH_ROWS, first=first)


def _in_order(reader: pa.RecordBatchReader, out_of_it: LeftOut | None) -> Iterator[Placed]:
    """The columns of each batch but the last, and that last, which is the row's place, without the rows left out.

    RuntimeError unless places ascend. Nothing is sorted: a scan with filters that are no joins keeps the order and streams. A later
    engine may think otherwise.
    """
    before = -1
    for batch in reader:
        *columns, places = batch.columns
        if batch.num_rows == 0:
            continue
        steps = pc.subtract(places[1:], places[:-1])
        if places[0].as_py() <= before or (len(steps) and pc.min(steps).as_py() <= 0):
            raise RuntimeError("the engine gave rows out of order")
        before = places[-1].as_py()
        if out_of_it is not None and out_of_it.rows:
            kept = out_of_it.kept(places)
            columns, places = [values.filter(kept) for values in columns], places.filter(kept)
            if not len(places):
                continue
        yield columns, places


def _chosen(recipe: Recipe, held: Mapping[str, Held]) -> list[Expression]:
    """What leaves, in the recipe's order; of a pseudonym its text, which `_hashing` replaces."""
    if missing := [term.name for term in recipe.columns if term.name not in held]:
        raise unfit(", ".join(missing))
    try:
        return [
            unhashed(held[term.name])
            if term.use is Use.PSEUDONYMISED
            else leaving(term, held[term.name], recipe.key)
            for term in recipe.columns
        ]
    except ValueError as fault:
        raise unfit(str(fault)) from fault


def _described(made: pa.Schema, released: pa.Schema, recipe: Recipe) -> pa.Schema:
    """The schema under the real names, with the released texts of each kept column and the recipe's facts about the whole.

    Shapes that leave as they are keep their reference system; the box around them would tell of rows that stay.
    """
    fields = [
        pa.field(
            term.name,
            readable_type(field.type) if recipe.for_readers else field.type,
            metadata=released.field(term.name).metadata,
        )
        for term, field in zip(recipe.columns, list(made)[:-1], strict=True)  # all but the place of the row
    ]
    facts = {key.encode(): value.encode() for key, value in recipe.metadata.items()}
    shapes = [field.name for field in fields if field.type == released.field(field.name).type]
    points = [term.name for term in recipe.columns if isinstance(term.mask, GridMask)]
    if told := kept_metadata(released.metadata, shapes, points):
        facts[GEO] = told.encode()
    return pa.schema(fields, metadata=facts)
