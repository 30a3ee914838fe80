"""Figures of several releases taken together: whether some combination of them, with any weights, tells of few contributors.

Why this exists: two figures of two releases may differ by many, and three of them by one alone (the whole of the old release, less both halves of
the new one, is what came). Contributors are the columns of a table whose rows are the figures. A column holds what the contributor adds to each
figure: for counts, rows; for sums, one column for every amount that the contributor has, and how often. A combination of figures is a combination of rows; it tells of those in
whose column it is not zero. All arithmetic is exact, over a prime field.

How few are found: columns that are multiples of each other are one. Where at least the least group share one, a combination about fewer is zero there.
The others are split by contributor into as many blocks as the least group counts: whoever is told of by a combination about fewer leaves one block untouched,
so it is among the combinations that vanish on that block. Of these bases in reduced form are looked at, in several orders of the contributors: a combination about
one contributor is in each of them, one about several is in most.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.queries.overlap import PRIME, eliminated

CELLS: Final = 20_000_000  # figures × columns that are weighed at once
_ORDERS: Final = 12  # bases that are looked at besides the first
_WORK: Final = 50_000_000  # steps that these may take for one block
_SPLIT: Final = 16
_SPARE: Final = 8  # columns more than figures: a projection that loses rank does so once in 2**80
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)

Whole = NDArray[np.int64]
Names = NDArray[np.uint64]


class Figures(NamedTuple):
    """What was told of one release. `names`: whose each row is, by numbers that releases share. `values`: of the summed column, None where rows are counted."""

    names: Names
    values: NDArray[np.float64] | None
    rows: Sequence[Whole]  # by figure


@dataclass(frozen=True, slots=True)
class Table:
    """`parts`: figures × columns. `columns`, `people`: pairs that say which contributors (numbered from 0) stand behind a column."""

    parts: Whole
    columns: Whole
    people: Whole

    def behind(self) -> Whole:
        """How many contributors each column has."""
        return np.bincount(self.columns, minlength=self.parts.shape[1])

    def only(self, chosen: NDArray[np.bool_], parts: Whole) -> Table:
        """The chosen columns alone, with other figures."""
        place = np.cumsum(chosen) - 1
        kept = chosen[self.columns]
        return Table(parts, place[self.columns[kept]], self.people[kept])


def table_of(releases: Sequence[Callable[[], Figures]]) -> Table | None:
    """Read each release twice, one at a time; None where more would have to be weighed than `CELLS`."""
    found, count = [], 0
    for read in releases:
        figures = read()
        signs = np.zeros(len(figures.names), np.uint64)
        for rows in figures.rows:
            signs[_counting(figures, rows)] += _sign(count)
            count += 1
        there = np.flatnonzero(signs)
        found.append(_summed(_keys(figures)[there], signs[there], figures.names[there]))
    keys, signs, names = _summed(*(np.concatenate(each) for each in zip(*found, strict=True)))
    _, first, column = np.unique(signs, return_index=True, return_inverse=True)
    if len(first) * count > CELLS:
        return None
    order = np.argsort(keys[first])
    parts, at = np.zeros((count, len(first)), np.int64), 0
    for read in releases:
        figures = read()
        place, is_one = _found(keys[first][order], _keys(figures))
        for rows in figures.rows:
            own = _counting(figures, rows)
            parts[at] = np.bincount(order[place[own[is_one[own]]]], minlength=len(first))
            at += 1
    return _merged(parts, column, np.unique(names, return_inverse=True)[1])


def _summed(keys: Names, signs: Names, names: Names) -> tuple[Names, Names, Names]:
    """Each key once, with the sum of its signs and the name that stood beside it."""
    order = np.argsort(keys)
    keys = keys[order]
    starts = np.flatnonzero(np.concatenate((keys[:1] == keys[:1], keys[1:] != keys[:-1])))
    if not len(starts):
        return keys, signs, names
    return keys[starts], np.add.reduceat(signs[order], starts), names[order][starts]


def _found(known: Names, keys: Names) -> tuple[Whole, NDArray[np.bool_]]:
    """Where each key stands among the known ones, and whether it does."""
    if not len(known):
        return np.zeros(len(keys), np.int64), np.zeros(len(keys), np.bool_)
    place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return place, np.asarray(known[place] == keys, np.bool_)


def tells_of_few(table: Table, least: int) -> bool:
    """Whether some combination of the figures tells of between one and `least` - 1 contributors."""
    parts = _distinct(table.parts)
    large = table.behind() >= least
    free = _vanishing(_squeezed(parts[:, large]))
    if not len(free):
        return False
    rest = _nonzero(table.only(~large, _times(free, parts[:, ~large])))
    if not rest.parts.size:
        return False
    owner = np.full(rest.parts.shape[1], np.iinfo(np.int64).max)
    np.minimum.at(owner, rest.columns, rest.people)
    block = (owner.astype(np.uint64) * _MIX >> np.uint64(32)) % np.uint64(least)
    seen = [_squeezed(rest.parts[:, block == each]) for each in range(least)]
    vain = len(_vanishing(np.hstack(seen)))  # combinations that tell of nobody
    for beside in seen:
        free = _vanishing(beside)
        if len(free) > vain and _few_among(rest, free, least):
            return True
    return False


def _nonzero(table: Table) -> Table:
    there = np.asarray(table.parts.any(axis=0), np.bool_)
    return table.only(there, table.parts[:, there])


def _few_among(table: Table, free: Whole, least: int) -> bool:
    """The same for these combinations: by bases of them in reduced form."""
    rest = _nonzero(Table(_times(free, table.parts), table.columns, table.people))
    if not rest.parts.size:
        return False
    figures, columns = rest.parts.shape
    common = np.argsort(-rest.behind(), kind="stable")  # what many share first: what is left then is of few
    chance = np.random.default_rng(columns)
    more = min(_ORDERS, _WORK // (figures * figures * columns))
    for order in (common, common[::-1], *(chance.permutation(columns) for _ in range(more)))[: 1 + more]:
        basis, rank = eliminated(rest.parts[:, order], columns)
        for row in basis[:rank]:
            chosen = np.zeros(columns, np.bool_)
            chosen[order[row != 0]] = True
            if len(np.unique(rest.people[chosen[rest.columns]])) < least:
                return True
    return False


def _keys(figures: Figures) -> Names:
    """What rows are told apart by: whose they are, and for sums the amount."""
    if figures.values is None:
        return figures.names
    bits = np.ascontiguousarray(figures.values + 0.0).view(np.uint64)
    mixed = (bits ^ (bits >> np.uint64(31))) * _MIX
    made: Names = (figures.names ^ (mixed ^ (mixed >> np.uint64(29)))) * _MIX
    return made


def _counting(figures: Figures, rows: Whole) -> Whole:
    """Of these rows those that add something."""
    if figures.values is None:
        return rows
    amounts = figures.values[rows]
    adds: Whole = rows[~np.isnan(amounts) & (amounts != 0)]
    return adds


def _sign(at: int) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.sha256(f"figure {at}".encode()).digest()[:8], "big") | 1)


def _merged(parts: Whole, column: Whole, people: Whole) -> Table:
    """Columns that are multiples of each other as one."""
    parts = parts // np.maximum(np.gcd.reduce(parts, axis=0), 1)
    signs = np.zeros(parts.shape[1], np.uint64)
    for at, row in enumerate(parts):
        signs += row.astype(np.uint64) * _sign(at)
    _, first, place = np.unique(signs, return_index=True, return_inverse=True)
    wide = int(people.max(initial=0)) + 1
    pairs = np.unique(place[column] * wide + people)
    return Table(parts[:, first], pairs // wide, pairs % wide)


def _distinct(parts: Whole) -> Whole:
    """Each figure once: of equal ones nothing is learnt."""
    made: Whole = np.unique(parts, axis=0) % PRIME
    return made


def _squeezed(parts: Whole) -> Whole:
    """Fewer columns in which the same combinations are zero."""
    figures, columns = parts.shape
    if columns <= figures + _SPARE:
        return parts
    return _times(parts, np.random.default_rng(columns).integers(0, 2**10, (columns, figures + _SPARE), dtype=np.int64))  # fmt: skip


def _vanishing(parts: Whole) -> Whole:
    """A basis of the combinations of figures that are zero in all these columns."""
    made, rank = eliminated(np.hstack((parts, np.eye(len(parts), dtype=np.int64))), parts.shape[1])
    return made[rank:, parts.shape[1] :]


def _times(one: Whole, other: Whole) -> Whole:
    """The product modulo PRIME, exact: halves of 16 bits, whose sums fit into a float."""
    low = 2**_SPLIT - 1
    made = np.zeros((one.shape[0], other.shape[1]), np.int64)
    for start in range(0, one.shape[1], 2**20):
        span = slice(start, start + 2**20)
        left = [(half[:, span]).astype(np.float64) for half in (one & low, one >> _SPLIT)]
        right = [(half[span]).astype(np.float64) for half in (other & low, other >> _SPLIT)]
        for at, a in enumerate(left):
            for to, b in enumerate(right):
                if not (a.any() and b.any()):
                    continue
                some = (a @ b).astype(np.int64) % PRIME
                for _ in range(at + to):
                    some = some * 2**_SPLIT % PRIME
                made = (made + some) % PRIME
    return made
