"""Reads a release for a query: which rows pass, which cell each is in, and what each cell is made of.

DuckDB filters and classes the rows (no SQL text is made from what people sent); numpy counts contributors and their shares.
Who contributed what is read from an index of numbers, made once for a release and a column; it holds no value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from duckdb import (
    ColumnExpression,
    ConstantExpression,
    DuckDBPyConnection,
    DuckDBPyRelation,
    Expression,
    FunctionExpression,
)
from numpy.typing import NDArray

from auth.policy.filters.model import RowFilter
from auth.policy.model import ColumnTerm, Use
from datasets.extracts.build import Watched, engine_of, unfit, unwatched, visible_rows
from datasets.extracts.compile import Held, leaving, present
from datasets.queries import cache_files
from datasets.queries.model import Group
from datasets.queries.rules import Figure

Codes = NDArray[np.uint32]
Whole = NDArray[np.int64]
Places = NDArray[np.uint32] | NDArray[np.int64]
_DENSE: Final = 40_000_000  # cells × contributors up to which a table of counts is kept, 8 bytes each
_MAX_CLASSES: Final = 100_000
_SPREAD: Final = 2_000_000  # from the lowest class to the highest
_BATCH: Final = 1_000_000  # rows
_NUMBERED: Final = (
    "CREATE TEMP TABLE numbered AS SELECT c, row_number() OVER () - 1 AS n FROM (SELECT DISTINCT c FROM told)"
)
_BY_PLACE: Final = "SELECT told.at, n FROM told JOIN numbered ON told.c IS NOT DISTINCT FROM numbered.c"


class TooManyGroups(Exception):
    """More groups than an answer may have."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that pass: their places in the release, the cell of each, and the values measured (NaN: missing)."""

    keys: list[tuple[Any, ...]]
    cell: Whole
    places: Places
    values: dict[str, NDArray[np.float64]]


def contributors(release: Path, column: str | None, cache: Path, *, memory_limit_mb: int) -> Codes | None:
    """A number for the contributor of every row, in release order; None when every row is its own contributor."""
    if column is None:
        return None
    name = hashlib.sha256(f"{release.name}\n{column}".encode()).hexdigest()
    kept = cache / f"contributors-{name}.npy"
    with suppress(FileNotFoundError):
        loaded: Codes = np.load(kept, mmap_mode="r", allow_pickle=False)
        cache_files.used(kept)
        return loaded
    cache.mkdir(parents=True, exist_ok=True)
    codes = np.zeros(pq.read_metadata(release).num_rows, np.uint32)
    with engine_of(memory_limit_mb, cache) as connection:
        source, held = visible_rows(connection, release, None)
        if column not in held:
            raise unfit(f"no column {column}")
        source.select(ColumnExpression("at").alias("at"), _text(held[column]).alias("c")).create_view("told")
        connection.execute(_NUMBERED)
        for batch in connection.execute(_BY_PLACE).to_arrow_reader(_BATCH):
            codes[batch.column("at").to_numpy()] = batch.column("n").to_numpy()
    cache_files.put(kept, lambda out: np.save(out, codes))
    return codes


def _text(held: Held) -> Expression:
    return ColumnExpression(held.name).cast(duckdb.sqltypes.VARCHAR)


@dataclass(frozen=True, slots=True)
class View:
    """A release as a grant shows it: masked and pseudonymised columns are grouped and measured as they would leave."""

    terms: Mapping[str, ColumnTerm]
    key: bytes

    def shows_as_is(self, name: str) -> bool:
        """Whether the column's own values, such as its published codes, are those that groups are told by."""
        term = self.terms.get(name)
        return term is None or term.use not in (Use.MASKED, Use.PSEUDONYMISED)


def scan(
    release: Path,
    row_filter: RowFilter | None,
    groups: Sequence[Group],
    measured: Sequence[str],
    *,
    max_groups: int,
    memory_limit_mb: int,
    scratch: Path,
    view: View | None = None,
    watched: Watched = unwatched,
) -> Rows:
    """The rows that pass the filter, by group. Raises Conflict when the release does not fit, TooManyGroups.

    watched: is handed what interrupts the engine, and stands around its work.
    """
    found = _Found(len(groups), len(measured), max_groups, pq.read_metadata(release).num_rows)
    with engine_of(memory_limit_mb, scratch) as connection, watched(connection.interrupt):
        for batch in _batches(connection, release, row_filter, groups, measured, view):
            found.take(batch)
    return found.rows(measured)


class _Found:
    """Rows as they are read, a batch at a time: nothing of the table is held but the cell, the place and the amounts of each row."""

    def __init__(self, groups: int, measured: int, most: int, rows: int) -> None:
        self._groups, self._most, self._taken = groups, most, 0
        self._words: list[dict[Any, int]] = [{} for _ in range(groups)]
        self._cells: dict[int, int] = {} if groups else {0: 0}
        self._cell = np.zeros(rows, np.int64)  # what is never written to takes no memory
        self._places: Places = np.zeros(rows, np.uint32) if rows < 2**32 else np.zeros(rows, np.int64)
        self._amounts = [np.zeros(rows, np.float64) for _ in range(measured)]

    def take(self, batch: pa.RecordBatch) -> None:
        """Raises TooManyGroups as soon as there are more groups than an answer may have."""
        span = slice(self._taken, self._taken + batch.num_rows)
        if self._groups:
            self._cell[span] = self._cells_of([batch.column(f"g{at}") for at in range(self._groups)])
        self._places[span] = batch.column("at").to_numpy()
        for at, amounts in enumerate(self._amounts):
            amounts[span] = batch.column(f"m{at}").to_numpy(zero_copy_only=False)
        self._taken = span.stop

    def _cells_of(self, columns: Sequence[pa.Array]) -> Whole:
        joint = np.zeros(len(columns[0]), np.int64)
        for known, column in zip(self._words, columns, strict=True):
            coded = column.dictionary_encode(null_encoding="encode")
            if len(coded.dictionary) > self._most:
                raise TooManyGroups
            codes = [known.setdefault(value, len(known)) for value in coded.dictionary.to_pylist()]
            if len(known) > self._most:
                raise TooManyGroups
            joint = joint * self._most + np.array(codes, np.int64)[coded.indices.to_numpy()]
        if self._groups == 1:
            self._cells = {at: at for at in range(len(self._words[0]))}
            return joint
        there, at = np.unique(joint, return_inverse=True)
        cells = [self._cells.setdefault(each, len(self._cells)) for each in there.tolist()]
        if len(self._cells) > self._most:
            raise TooManyGroups
        return np.array(cells, np.int64)[at]

    def rows(self, measured: Sequence[str]) -> Rows:
        """All that was read, the keys in order."""
        words = [list(known) for known in self._words]
        keys = [self._key(code, words) for code in self._cells]
        order = sorted(
            range(len(keys)),
            key=lambda at: tuple((value is None, str(type(value)), value) for value in keys[at]),
        )
        place = np.zeros(len(keys), np.int64)
        place[order] = np.arange(len(keys))
        end = self._taken
        for start in range(
            0, end, _BATCH
        ):  # in place: a second array of that size is what memory would be short of
            span = slice(start, min(start + _BATCH, end))
            self._cell[span] = place[self._cell[span]]
        amounts = {name: each[:end] for name, each in zip(measured, self._amounts, strict=True)}
        return Rows([keys[at] for at in order], self._cell[:end], self._places[:end], amounts)

    def _key(self, code: int, words: list[list[Any]]) -> tuple[Any, ...]:
        parts: list[Any] = []
        for listed in reversed(words):
            code, at = divmod(code, self._most)
            parts.append(listed[at])
        return tuple(reversed(parts))


def _batches(
    connection: DuckDBPyConnection,
    release: Path,
    row_filter: RowFilter | None,
    groups: Sequence[Group],
    measured: Sequence[str],
    view: View | None,
) -> Iterator[pa.RecordBatch]:
    source, held = visible_rows(connection, release, row_filter)
    if missing := ({group.column for group in groups} | set(measured)) - held.keys():
        raise unfit(f"no column {', '.join(sorted(missing))}")
    if view is not None:
        source, held = _shown(source, held, view, [*(group.column for group in groups), *measured])
    chosen = [_grouped(group, held[group.column]).alias(f"g{at}") for at, group in enumerate(groups)]
    chosen += [_number(held[name]).alias(f"m{at}") for at, name in enumerate(measured)]
    yield from source.select(*chosen, ColumnExpression("at").alias("at")).to_arrow_reader(_BATCH)


def _shown(
    source: DuckDBPyRelation, held: Mapping[str, Held], view: View, names: Sequence[str]
) -> tuple[DuckDBPyRelation, dict[str, Held]]:
    """These columns as the grant shows them, and the place of each row."""
    used = list(dict.fromkeys(names))
    chosen = [_masked(view, name, held[name]) for name in used]
    shown = source.select(*chosen, ColumnExpression("at").alias("at"))
    return shown, {
        name: Held(held[name].name, str(kind)) for name, kind in zip(used, shown.types, strict=False)
    }


def _masked(view: View, name: str, held: Held) -> Expression:
    if not view.shows_as_is(name):
        return leaving(view.terms[name], held, view.key)
    return ColumnExpression(held.name).alias(held.name)


def _number(held: Held) -> Expression:
    return present(held).cast(duckdb.sqltypes.DOUBLE)


def _grouped(group: Group, held: Held) -> Expression:
    if group.width is not None:
        step = ConstantExpression(group.width)
        return FunctionExpression("floor", _number(held) / step) * step
    if group.unit is None:
        return present(held)
    moment: Expression = ColumnExpression(held.name)
    if "TIME ZONE" in held.type:  # local beginnings (UTC+8), as everywhere
        hours = FunctionExpression("to_hours", ConstantExpression(8))
        moment = moment.cast(duckdb.dtype("TIMESTAMP")) + hours
    return FunctionExpression("date_trunc", ConstantExpression(group.unit), moment)


def as_told(value: Any) -> Any:  # noqa: ANN401 - a group's value as JSON
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == value.time().min else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    return value if value is None or isinstance(value, str | int | bool) else str(value)


@dataclass(frozen=True, slots=True)
class Makers:
    """Who made each cell, worked out once for every measure of the same rows.

    `at`: for every row, the place of its contributor's share of its cell; those of cell n lie at `ends[n]` to `ends[n + 1]`.
    None when every row is its own contributor, or nobody sums.
    """

    cell: Whole
    counted: Whole
    numbers: Whole
    at: Whole | None
    ends: Whole


def makers(cells: int, cell: Whole, places: Places, who: Codes | None, *, is_summed: bool = True) -> Makers:
    """What the cells are made of, without amounts. is_summed: shares of sums will be asked for, and not numbers of contributors alone."""
    counted = np.bincount(cell, minlength=cells)
    if who is None:
        return Makers(cell, counted, counted, None, np.concatenate(([0], np.cumsum(counted))))
    people = int(who.max()) + 1 if len(who) else 1
    joint = cell * people
    joint += who[places]
    most = max(_DENSE, (2 if is_summed else 8) * len(joint))  # sorting the rows takes more than that
    if cells * people <= most:
        there = np.zeros(cells * people, np.bool_)
        there[joint] = True
        numbers = there.reshape(cells, people).sum(1)
        return Makers(cell, counted, numbers, joint if is_summed else None, np.arange(cells + 1) * people)
    if not is_summed:
        joint.sort()
        new = np.ones(len(joint), np.bool_)
        np.not_equal(joint[1:], joint[:-1], out=new[1:])
        owner = joint[new] // people
        numbers = np.bincount(owner, minlength=cells)
        return Makers(cell, counted, numbers, None, np.searchsorted(owner, np.arange(cells + 1)))
    found, at = np.unique(joint, return_inverse=True)
    owner = found // people
    ends = np.searchsorted(owner, np.arange(cells + 1))
    return Makers(cell, counted, np.bincount(owner, minlength=cells), at, ends)


def figures(made: Makers, values: NDArray[np.float64] | None) -> list[Figure]:
    """The cells' figures, in order. `values`: what is summed; None where only rows are counted."""
    cells, ends = len(made.counted), made.ends
    if values is None:
        return _figures(made.counted, made.numbers, np.zeros(cells), [None] * cells)
    sums = np.bincount(made.cell, weights=values, minlength=cells).astype(np.float64)
    if made.at is None:
        shares = values[np.argsort(made.cell, kind="stable")]
    else:
        shares = np.bincount(made.at, weights=values, minlength=int(ends[-1])).astype(np.float64, copy=False)
    np.abs(shares, out=shares)
    return _figures(made.counted, made.numbers, sums, [shares[ends[k] : ends[k + 1]] for k in range(cells)])


def _figures(
    counted: Whole, numbers: Whole, sums: NDArray[np.float64], amounts: Sequence[NDArray[np.float64] | None]
) -> list[Figure]:
    found = []
    for rows, people, value, amount in zip(counted, numbers, sums, amounts, strict=True):
        total = largest = second = 0.0
        if amount is not None and len(amount):
            total = float(amount.sum())
            at = int(amount.argmax())
            largest, second = float(amount[at]), float(max(_most(amount[:at]), _most(amount[at + 1 :])))
        found.append(Figure(int(rows), int(people), total, largest, second, float(value)))
    return found


def _most(amounts: NDArray[np.float64]) -> float:
    return float(amounts.max()) if len(amounts) else 0.0


def classes(values: NDArray[np.float64], width: float) -> tuple[Whole, Whole]:
    """The class of each value, and the classes there are, ascending: class n begins at n × width. TooManyGroups beyond reason."""
    found = values / width
    np.floor(found, out=found)
    if not len(found):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    low, high = found.min(), found.max()
    if low < -(2.0**52) or high > 2.0**52:
        raise TooManyGroups
    at = found.astype(np.int64)
    del found
    if high - low < _SPREAD:  # counted instead of sorted
        at -= np.int64(low)
        there = np.flatnonzero(np.bincount(at)).astype(np.int64)
        number = np.zeros(int(high - low) + 1, np.int64)
        number[there] = np.arange(len(there))
        at, there = number[at], there + np.int64(low)
    else:
        there, at = np.unique(at, return_inverse=True)
    if len(there) > _MAX_CLASSES:
        raise TooManyGroups
    return at.astype(np.int64, copy=False), there
