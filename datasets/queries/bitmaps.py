"""Sets of places as Roaring bitmaps, made from arrays many times faster than value by value (format: RoaringFormatSpec, public)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

_COOKIE: Final = 12346  # no run containers
_SPAN: Final = 2**16
_WORDS_FROM: Final = 4097  # a container of so many places is 8,192 bytes of bits, a smaller one a list
_SPARSE: Final = 64
_NOWHERE: Final = 255
_SORTED_FROM: Final = 200  # times as many comparisons as places: sorting them is quicker


def bitmap(places: NDArray[np.uint32], rows: int) -> BitMap:
    """The set of these places: ascending, each once, all below `rows`."""
    if len(places) * _SPARSE < rows:
        return BitMap(places)
    there = np.zeros(-(-rows // _SPAN) * _SPAN, np.bool_)
    there[places] = True
    return _packed(there)


def bitmaps(
    cells: int, cell: NDArray[np.int64], places: NDArray[np.uint32] | NDArray[np.int64]
) -> Iterator[BitMap]:
    """The places of each cell, in order of the cells. cell: for each place, the number of its cell; places: as for `bitmap`."""
    rows = int(places[-1]) + 1 if len(places) else 0
    if cells < _NOWHERE and cells * rows <= _SORTED_FROM * len(places):
        at = np.full(-(-rows // _SPAN) * _SPAN, _NOWHERE, np.uint8)
        at[places] = cell
        yield from (_packed(at == each) for each in range(cells))
        return
    order = np.argsort(cell.astype(np.uint16) if cells < 2**16 else cell, kind="stable")
    ends = np.concatenate(([0], np.cumsum(np.bincount(cell, minlength=cells))))
    ordered = places[order].astype(np.uint32)
    yield from (bitmap(ordered[start:end], rows) for start, end in pairwise(ends))


def _packed(there: NDArray[np.bool_]) -> BitMap:
    """The set of the places where it is true; as long as some whole containers."""
    bits = np.packbits(there, bitorder="little").reshape(-1, _SPAN // 8)
    counts = np.bitwise_count(bits.view(np.uint64)).sum(axis=1)
    used = np.flatnonzero(counts)
    if not len(used):
        return BitMap()
    parts = [
        (bits[at] if counts[at] >= _WORDS_FROM else _low(there, int(at))).tobytes() for at in used.tolist()
    ]
    heads = np.stack((used, counts[used] - 1), axis=1).astype("<u2")
    sizes = [len(part) for part in parts]
    first = 8 + 8 * len(used)
    offsets = (first + np.concatenate(([0], np.cumsum(sizes)[:-1]))).astype("<u4")
    start = np.array([_COOKIE, len(used)], "<u4")
    return BitMap.deserialize(b"".join((start.tobytes(), heads.tobytes(), offsets.tobytes(), *parts)))


def _low(there: NDArray[np.bool_], container: int) -> NDArray[np.uint16]:
    return np.flatnonzero(there[container * _SPAN : (container + 1) * _SPAN]).astype("<u2")
