"""Rows in an order that depends on their place and a key alone. What does not fit in memory goes to disk in buckets by that key.

The key of a row is AES of its place, so equal inputs give equal order and nobody without the key can tell a place from a rank.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from numpy.typing import NDArray

HELD_BYTES: Final = 16 << 20  # rows of one run in memory; more go to disk
_BITS: Final = 6  # a run is split into 2**6 buckets, and each of these again where it is too large
_LEVELS: Final = 64 // _BITS
_KEY: Final = "key"
Keys = NDArray[np.uint64]
Placed = tuple[list[pa.Array], pa.Array]


@dataclass(frozen=True, slots=True)
class Order:
    """key: 32 bytes. leading: positions of columns whose order stays; only rows that agree in all of them are mixed."""

    key: bytes
    leading: tuple[int, ...] = ()


def keys_of(key: bytes, places: pa.Array) -> Keys:
    """What the rows at these places are sorted by."""
    blocks = np.zeros((len(places), 2), "<u8")
    blocks[:, 0] = places.to_numpy(zero_copy_only=False)
    door = Cipher(AES(key), ECB()).encryptor()  # noqa: S305 - single blocks that never repeat: a permutation of places
    return np.frombuffer(door.update(blocks.tobytes()), "<u8")[::2]


def mixed(
    batches: Iterable[Placed], order: Order, scratch: Path, rows: int, *, first: int | None = None
) -> Iterator[list[pa.Array]]:
    """The columns of all rows, `rows` at a time. `batches`: columns and places, in the release's order, so sorted by `leading`.

    first: only so many rows are wanted; then nothing goes to disk.
    """
    return _evenly(_sorted(batches, order, scratch, first), rows)


def _sorted(batches: Iterable[Placed], order: Order, scratch: Path, first: int | None) -> Iterator[pa.Table]:
    run, before = _Run(scratch, first), None
    for columns, places in batches:
        keys = pa.array(keys_of(order.key, places))
        table = pa.table([*columns, keys], [*(f"c{at}" for at in range(len(columns))), _KEY])
        found = np.flatnonzero(_starts(table, before, order.leading))
        before = table.slice(table.num_rows - 1)
        if len(found) == 0:
            run.add(table)
            continue
        one, last = int(found[0]), int(found[-1])
        run.add(table.slice(0, one))
        yield from run.finish()
        whole = table.slice(one, last - one)
        if whole.num_rows:
            yield _by_key(whole, np.cumsum(np.isin(np.arange(one, last), found)))
        run = _Run(scratch, first)
        run.add(table.slice(last))
    yield from run.finish()


def _starts(table: pa.Table, before: pa.Table | None, leading: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which rows begin a new run: they differ in a leading column from the row before. NaN and empty cells count as one value."""
    found = np.zeros(table.num_rows, np.bool_)
    before = table.slice(0, 1) if before is None else before
    for at in leading:
        values = pa.chunked_array([*before.column(at).chunks, *table.column(at).chunks]).combine_chunks()
        if pa.types.is_nested(values.type):  # cannot be compared: more rows are mixed
            break
        if pa.types.is_floating(values.type):
            values = pc.if_else(pc.is_nan(values), None, values)
        there = np.asarray(pc.is_valid(values))
        differ = np.asarray(pc.fill_null(pc.not_equal(values[1:], values[:-1]), False))
        found |= differ | (there[1:] != there[:-1])
    return found


def _by_key(table: pa.Table, runs: NDArray[np.int64] | None = None) -> pa.Table:
    """Sorted by key, within `runs` where they are given; equal keys, which hardly exist, stay in order."""
    keys = table.column(_KEY).to_numpy()
    at = np.argsort(keys, kind="stable") if runs is None else np.lexsort((keys, runs))
    return table.combine_chunks().take(pa.array(at))


class _Run:
    """Rows that agree in all leading columns, on their way into the order of their keys."""

    def __init__(self, scratch: Path, first: int | None, level: int = 0) -> None:
        self._scratch, self._first, self._level = scratch, first, level
        self._held: list[pa.Table] = []
        self._bytes = 0
        self._buckets: dict[int, tuple[IO[bytes], pa.RecordBatchWriter]] = {}

    def add(self, table: pa.Table) -> None:
        if not table.num_rows:
            return
        self._held.append(table)
        self._bytes += table.nbytes
        is_one_row = sum(each.num_rows for each in self._held) == 1  # however large, it cannot be split
        if self._bytes <= HELD_BYTES or is_one_row or self._level == _LEVELS:
            return
        if self._first is None:
            self._spill()
        else:
            self._held = [_by_key(pa.concat_tables(self._held)).slice(0, self._first).combine_chunks()]
            self._bytes = 0

    def finish(self) -> Iterator[pa.Table]:
        if not self._buckets:
            if self._held:
                yield _by_key(pa.concat_tables(self._held))
            return
        self._spill()
        for bucket in sorted(self._buckets):
            file, writer = self._buckets.pop(bucket)
            with file:
                writer.close()
                file.seek(0)
                part = _Run(self._scratch, None, self._level + 1)
                with pa.ipc.open_stream(file) as reader:
                    for batch in reader:
                        part.add(pa.Table.from_batches([batch]))
                yield from part.finish()

    def _spill(self) -> None:
        """Into the buckets of the key's next bits. Files have no name, so that nothing is left of them whatever happens."""
        if not self._held:
            return
        table = pa.concat_tables(self._held).combine_chunks()
        self._held, self._bytes = [], 0
        shift = np.uint64(64 - _BITS * (self._level + 1))
        buckets = ((table.column(_KEY).to_numpy() >> shift) & np.uint64(2**_BITS - 1)).astype(np.uint8)
        at = np.argsort(buckets, kind="stable")
        table = table.take(pa.array(at))
        ends = np.searchsorted(buckets[at], np.arange(2**_BITS + 1))
        for bucket, (start, end) in enumerate(pairwise(ends)):
            if end > start:
                self._writer(bucket, table.schema).write_table(table.slice(int(start), int(end - start)))

    def _writer(self, bucket: int, schema: pa.Schema) -> pa.RecordBatchWriter:
        if bucket not in self._buckets:
            file = tempfile.TemporaryFile(dir=self._scratch)  # noqa: SIM115 - closed when its bucket is read
            quick = pa.ipc.IpcWriteOptions(compression="lz4")
            self._buckets[bucket] = (file, pa.ipc.new_stream(file, schema, options=quick))
        return self._buckets[bucket][1]


def _evenly(tables: Iterable[pa.Table], rows: int) -> Iterator[list[pa.Array]]:
    """The columns without the key, `rows` at a time: where the pieces ended tells of nothing, and the same rows are the same bytes."""
    waiting: list[pa.Table] = []
    there = 0
    for table in tables:
        waiting.append(table.drop_columns([_KEY]))
        there += table.num_rows
        if there < rows:
            continue
        whole = pa.concat_tables(waiting).combine_chunks()
        ready = there - there % rows
        for batch in whole.slice(0, ready).to_batches(max_chunksize=rows):
            yield batch.columns
        waiting, there = [whole.slice(ready)], there - ready
    if there:
        yield from (batch.columns for batch in pa.concat_tables(waiting).combine_chunks().to_batches())
