"""The overlap guard: whether figures told before and figures asked now can be combined into one about too few contributors.

The rows of a release are split into atoms: rows that the same figures were made of. Every figure is then a sum over atoms.
A combination of figures (with any weights) that holds nothing but small atoms tells of few contributors; asking for one row
more, a tracker, a negated question and grants that overlap are all such combinations. They are found by elimination, exactly,
over a prime field. Nothing is answered that would make one possible. Residual risk: docs/queries.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from datasets.queries import cache_files

PRIME: Final = 2_147_483_629  # below 2^31, so that products stay within 64 bits
_MAX_ATOMS: Final = 20_000
_DENSE: Final = 50_000_000

Partition = Sequence[BitMap]  # sets of rows that share no row
Labels = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Atoms:
    """`labels`: the atom of every row (0: in no figure). `parts`: for each figure (row) the atoms that it holds."""

    labels: Labels
    parts: NDArray[np.int64]


def no_atoms(rows: int) -> Atoms:
    return Atoms(np.zeros(rows, np.uint32), np.zeros((0, 1), np.int64))


def refined(atoms: Atoms, partition: Partition) -> Atoms | None:
    """The atoms split by a further partition, and its figures added; None beyond what can be weighed."""
    width = len(partition) + 1
    joint = atoms.labels.astype(np.int64) * width
    for at, rows in enumerate(partition, 1):
        joint[np.asarray(rows, dtype=np.int64) if len(rows) < 64 else rows_of(rows)] += at
    space = atoms.parts.shape[1] * width
    dense = space <= _DENSE
    there = np.flatnonzero(np.bincount(joint, minlength=space)) if dense else np.unique(joint)
    if there[0] != 0:  # keep atom 0 for rows in no figure, also when there is none
        there = np.concatenate(([0], there))
    if len(there) > _MAX_ATOMS:
        return None
    if dense:
        place = np.zeros(space, np.uint32)
        place[there] = np.arange(len(there), dtype=np.uint32)
        labels = place[joint]
    else:
        labels = np.searchsorted(there, joint).astype(np.uint32)
    old = atoms.parts[:, there // width]
    new = (there % width == np.arange(1, width)[:, None]).astype(np.int64)
    return Atoms(labels, np.vstack((old, new)))


def rows_of(rows: BitMap) -> NDArray[np.int64]:
    return np.frombuffer(rows.to_array(), dtype=np.uint32).astype(np.int64)


def betrays(atoms: Atoms, who: Labels | None, min_group: int) -> bool:
    """Whether some combination of the figures holds rows of fewer than `min_group` contributors, and nothing else."""
    counted = np.bincount(atoms.labels, minlength=atoms.parts.shape[1])
    people = _people(atoms, who, counted)
    small = (people < min_group) & (counted > 0)
    small[0] = False
    if not small.any():
        return False
    left = _left_over(atoms.parts % PRIME, ~small, small)
    at_small = np.flatnonzero(small)
    return any(_number(atoms, at_small[row != 0], who, counted) < min_group for row in left)


def _people(atoms: Atoms, who: Labels | None, counted: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many contributors each atom has."""
    if who is None:
        return counted
    found = counted.copy()
    if len(who) == 0:
        return found
    most = int(np.bincount(who).max())  # no contributor has more rows than this
    unsure = np.flatnonzero((counted > 0) & (counted < most * 1000))
    inside = np.isin(atoms.labels, unsure[unsure != 0])
    pairs = np.unique(atoms.labels[inside].astype(np.int64) * (int(who.max()) + 1) + who[inside])
    numbers = np.bincount(pairs // (int(who.max()) + 1), minlength=len(counted))
    found[unsure] = numbers[unsure]
    return found


def _number(atoms: Atoms, chosen: NDArray[np.int64], who: Labels | None, counted: NDArray[np.int64]) -> int:
    """How many contributors the chosen atoms have together."""
    if who is None:
        return int(counted[chosen].sum())
    return len(np.unique(who[np.isin(atoms.labels, chosen)]))


def _left_over(
    parts: NDArray[np.int64], large: NDArray[np.bool_], small: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """What the combinations that vanish on the large atoms hold on the small ones: a basis in reduced form (rows not zero)."""
    used = large.copy()
    used[0] = False
    reduced, done = eliminated(np.hstack((parts[:, used], parts[:, small])), int(used.sum()))
    rest, _ = eliminated(reduced[done:, int(used.sum()) :], int(small.sum()))
    return rest[rest.any(axis=1)]


def eliminated(matrix: NDArray[np.int64], columns: int) -> tuple[NDArray[np.int64], int]:
    """Reduced row echelon form modulo PRIME over the first `columns`, and its rank there."""
    made, rank = matrix.copy(), 0
    for column in range(columns):
        pivots = np.flatnonzero(made[rank:, column])
        if not len(pivots):
            continue
        at = rank + int(pivots[0])
        made[[rank, at]] = made[[at, rank]]
        made[rank] = made[rank] * pow(int(made[rank, column]), PRIME - 2, PRIME) % PRIME
        others = np.flatnonzero(made[:, column])
        others = others[others != rank]
        made[others] = (made[others] - made[others, column, None] * made[rank]) % PRIME
        rank += 1
        if rank == len(made):
            break
    return made, rank


def kept(cache: Path, name: str, make: Callable[[], Atoms | None]) -> Atoms | None:
    """The atoms called `name` from the cache, or made anew; what is in the cache may vanish at any time."""
    place = cache / f"atoms-{name}.npz"
    with suppress(FileNotFoundError), np.load(place, allow_pickle=False) as found:
        cache_files.used(place)
        return Atoms(found["labels"], found["parts"])
    made = make()
    if made is not None and len(made.parts):
        whole = made
        cache_files.put(place, lambda out: np.savez(out, labels=whole.labels, parts=whole.parts))
    return made


def forget(cache: Path, name: str) -> None:
    (cache / f"atoms-{name}.npz").unlink(missing_ok=True)


def named(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
