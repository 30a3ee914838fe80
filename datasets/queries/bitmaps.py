"""Sets of places as Roaring bitmaps, made from arrays many times faster than value by value (format: RoaringFormatSpec, public)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

_COOKIE: Final = 12346  # no run containers
_SPAN: Final = 2**16
_WORDS_FROM: Final = 4097  # a container of so many places is 8,192 bytes of bits, a smaller one a list
_SPARSE: Final = 64


def bitmap(places: NDArray[np.uint32], rows: int) -> BitMap:
    """The set of these places: ascending, each once, all below `rows`."""
    if len(places) * _SPARSE < rows:
        return BitMap(places)
    spans = -(-rows // _SPAN)
    there = np.zeros(spans * _SPAN, np.bool_)
    there[places] = True
    bits = np.packbits(there, bitorder="little").reshape(spans, _SPAN // 8)
    ends = np.searchsorted(places, np.arange(spans + 1) * _SPAN)
    used = np.flatnonzero(np.diff(ends))
    parts, low = [], places.astype(np.uint16)
    for at in used:
        own = low[ends[at] : ends[at + 1]]
        parts.append(bits[at].tobytes() if len(own) >= _WORDS_FROM else own.astype("<u2").tobytes())
    heads = np.stack((used, np.diff(ends)[used] - 1), axis=1).astype("<u2")
    sizes = [len(part) for part in parts]
    first = 8 + 8 * len(used)
    offsets = (first + np.concatenate(([0], np.cumsum(sizes)[:-1]))).astype("<u4")
    start = np.array([_COOKIE, len(used)], "<u4")
    return BitMap.deserialize(b"".join((start.tobytes(), heads.tobytes(), offsets.tobytes(), *parts)))
