"""Rows without a name, of several releases: which of them are taken to be the same row.

Why this exists: where no column tells contributors apart, every row is one, and rows of two releases have no name in common. What a row holds is
the best name that there is: of equal ones each has its number. A row that is left over on either side may be one that was changed, so as many as can be
are taken for one another, in the order of the releases: whoever says that few rows were put in or taken out is then told of these few alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

Names = NDArray[np.uint64]
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)


def numbered(held: Names) -> Names:
    """A name for each row from what it holds: the first of equal rows, the second, and so on."""
    order = np.argsort(held, kind="stable")
    ordered = held[order]
    is_new = np.concatenate((ordered[:1] == ordered[:1], ordered[1:] != ordered[:-1]))
    starts = np.flatnonzero(is_new)
    at = np.arange(len(held)) - starts[np.cumsum(is_new) - 1] if len(held) else np.zeros(0, np.int64)
    made = np.empty_like(held)
    made[order] = (ordered ^ (at.astype(np.uint64) * _MIX)) * _MIX
    return made


def aligned(releases: Sequence[Names]) -> list[Names]:
    """The same names with those of changed rows in common; the newest release first, whose names stay."""
    made = list(releases[:1])
    for newer, older in pairwise(releases):
        _, in_newer, in_older = np.intersect1d(newer, older, assume_unique=True, return_indices=True)
        names, came, gone = older.copy(), np.ones(len(newer), np.bool_), np.ones(len(older), np.bool_)
        names[in_older] = made[-1][in_newer]
        came[in_newer], gone[in_older] = False, False
        put_in, left = np.flatnonzero(came), np.flatnonzero(gone)
        changed = min(len(put_in), len(left))
        names[left[:changed]] = made[-1][put_in[:changed]]
        _apart(names, left[changed:], len(made))
        made.append(names)
    return made


def _apart(names: Names, left: NDArray[np.int64], release: int) -> None:
    """Give the rows that are left another name where a row of the same release is known under theirs since."""
    if len(left):
        taken = left[np.isin(names[left], np.delete(names, left))]
        names[taken] = (names[taken] ^ np.uint64(release)) * _MIX
