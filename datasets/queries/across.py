"""Figures of one release held against those told of earlier ones: the same question twice must not show what few contributors changed.

Why this exists: the overlap guard (`overlap.py`) weighs rows, and rows of two releases have no name in common. Contributors do. So
a new figure and every earlier one of its chain are compared by what each contributor adds to them: rows, and for sums the amount.
Where at least one but fewer than the least group differ, their difference is a figure about these few. First two figures at a time, then
all figures of the latest releases in any combination (`combined.py`). Residual risk: docs/queries.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
from duckdb import ColumnExpression, FunctionExpression
from numpy.typing import NDArray
from pyroaring import BitMap
from sqlmodel import col, select

from core.files import FileStore
from core.work import Work
from datasets.extracts.build import engine_of, visible_rows
from datasets.extracts.compile import present
from datasets.queries import alike, cache_files, combined
from datasets.queries.combined import Figures
from datasets.queries.history import Scope, digest_of
from datasets.queries.overlap import rows_of
from datasets.queries.rules import COUNTED
from datasets.queries.tables import CellRow, RowSetRow
from datasets.releases.tables import ReleaseRow
from datasets.releases.whole import whole

RELEASES: Final = 12  # so many earlier ones, the latest of which anything was told
_THREE: Final = 3  # fewer figures than that were compared two by two
_SUMS: Final = "sum:"
_EXACT: Final = 1e-9  # sums taken in another order differ by less, what a contributor changed does not

Whole = NDArray[np.int64]
Amounts = NDArray[np.float64]
Sets = Mapping[str, Sequence[BitMap]]  # by chain


@dataclass(frozen=True, slots=True)
class Side:
    """One release. `codes`: who contributed each row, by numbers that both releases share; None where each row stands for itself."""

    file: Path
    rows: int
    codes: Whole | None
    people: int


@dataclass(frozen=True, slots=True)
class Reader:
    """How releases are read: the contributor's column, and what the engine may use. `keys`: the dictionary's, by which rows are known
    where each stands for itself; () where it names none."""

    contributor: str | None
    cache: Path
    memory_limit_mb: int
    keys: tuple[str, ...] = ()

    @property
    def known_by(self) -> tuple[str, ...]:
        return self.keys if self.contributor is None else (self.contributor,)

    def values(self, file: Path, column: str) -> Amounts | None:
        """The numbers of a column in release order, NaN where there is none; None where the release has no such column."""
        with engine_of(self.memory_limit_mb, self.cache) as connection:
            source, held = visible_rows(connection, file, None)
            if column not in held:
                return None
            number = present(held[column]).cast(duckdb.sqltypes.DOUBLE)
            found = source.select(number.alias("v")).to_arrow_table().column("v")
        return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.float64)

    def names(self, file: Path) -> NDArray[np.uint64] | None:
        """A number for the name of each row's contributor, the same in every release; None where nothing names them."""
        return self._hashed(file, self.known_by) if self.known_by else None

    def rows_of(self, files: Sequence[Path]) -> Sequence[NDArray[np.uint64] | None]:
        """Names for the rows of these releases, the newest first, where nothing names them: by what all of them hold of each row. None where something does."""
        if self.contributor is not None or (
            self.keys and all(self.names(file) is not None for file in files)
        ):
            return [None] * len(files)
        columns = sorted(set[str].intersection(*(self._columns(file) for file in files)))
        found = [self._hashed(file, tuple(columns)) for file in files]
        return alike.aligned([alike.numbered(each) for each in found if each is not None])

    def _columns(self, file: Path) -> set[str]:
        with engine_of(self.memory_limit_mb, self.cache) as connection:
            return set(visible_rows(connection, file, None)[1])

    def _hashed(self, file: Path, columns: tuple[str, ...]) -> NDArray[np.uint64] | None:
        """A number for what each row holds in these columns; kept for the next question. None where one of them is not there."""
        said = hashlib.sha256("\n".join((file.name, *columns)).encode()).hexdigest()
        place = self.cache / f"names-{said}.npy"
        with suppress(FileNotFoundError):
            loaded: NDArray[np.uint64] = np.load(place, allow_pickle=False)
            cache_files.used(place)
            return loaded
        with engine_of(self.memory_limit_mb, self.cache) as connection:
            source, held = visible_rows(connection, file, None)
            if not set(columns) <= set(held):
                return None
            texts = [ColumnExpression(held[each].name).cast(duckdb.sqltypes.VARCHAR) for each in columns]
            found = source.select(FunctionExpression("hash", *texts).alias("c")).to_arrow_table().column("c")
        made = np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.uint64)
        cache_files.put(place, lambda out: np.save(out, made))
        return made

    def sides(self, old: Path, new: Path) -> tuple[Side, Side]:
        """Both releases under numbers in common. A release without the contributor's column: each row stands for itself."""
        before, after = self.names(old), self.names(new)
        if before is None or after is None:
            return Side(old, 0, None, 0), Side(new, 0, None, 0)
        known, codes = np.unique(np.concatenate((before, after)), return_inverse=True)
        cut, people = len(before), len(known)
        return Side(old, cut, codes[:cut], people), Side(new, len(after), codes[cut:], people)


def changed(old: Whole, new: Whole, sides: tuple[Side, Side], values: tuple[Amounts, Amounts] | None) -> int:
    """How many contributors add something else to the figure of the rows `new` than to that of the rows `old`.

    values: of the column that is summed, by side; None: rows are counted. Where each row stands for itself, how many rows at
    least were put in, taken out or given another value.
    """
    amounts = [
        None if values is None else np.nan_to_num(values[at][rows]) for at, rows in enumerate((old, new))
    ]
    if sides[0].codes is None or sides[1].codes is None:
        if amounts[0] is None or amounts[1] is None:
            return abs(len(old) - len(new))
        return _moved(amounts[0][amounts[0] != 0], amounts[1][amounts[1] != 0])
    sums = [
        np.bincount(side.codes[rows], weights=amount, minlength=side.people)
        for side, rows, amount in zip(sides, (old, new), amounts, strict=True)
        if side.codes is not None
    ]
    least = _EXACT * _EXACT * max(float(np.abs(each).max(initial=0)) for each in sums)
    return int(np.count_nonzero(~np.isclose(sums[0], sums[1], rtol=_EXACT, atol=least)))


def _moved(old: Amounts, new: Amounts) -> int:
    """The size of the difference of two bags of values."""
    _, at = np.unique(np.concatenate((old, new)), return_inverse=True)
    more = np.bincount(at[len(old) :], minlength=at.max(initial=-1) + 1) - np.bincount(
        at[: len(old)], minlength=at.max(initial=-1) + 1
    )
    return int(max(more[more > 0].sum(), -more[more < 0].sum()))


def may_tell(
    work: Work,
    files: FileStore,
    scope: Scope,
    release: Path,
    new: Mapping[str, list[list[BitMap]]],
    by: Reader,
    least: int,
) -> bool:
    """Whether no figure told of another release differs from a new one by between one and `least` - 1 contributors."""
    for file, before in _told(work, files, scope):
        sides: tuple[Side, Side] | None = None
        for chain, partitions in new.items():
            if chain not in before or not _weighs(chain):
                continue
            sides = sides or by.sides(file, release)
            values = None
            if chain.startswith(_SUMS):
                column = chain.removeprefix(_SUMS)
                pair = by.values(file, column), by.values(release, column)
                if pair[0] is None or pair[1] is None:
                    return False  # what cannot be compared is not told
                values = pair[0], pair[1]
            olds = [rows_of(rows) for rows in before[chain]]
            news = [rows_of(rows) for sets in partitions for rows in sets]
            if any(0 < changed(old, one, sides, values) < least for one in news for old in olds):
                return False
    return not _tells_together(work, files, scope, release, new, by, least)


def _tells_together(
    work: Work,
    files: FileStore,
    scope: Scope,
    release: Path,
    new: Mapping[str, list[list[BitMap]]],
    by: Reader,
    least: int,
) -> bool:
    """Whether the new figures with all that were told of this release and of others can be combined into one about few contributors.

    The latest releases, as many as can be weighed at once; where not even two can, it is taken to be so.
    """
    others = list(_told(work, files, scope))
    own = _own(work, scope)
    for chain, partitions in new.items():
        before = [(file, sets[chain]) for file, sets in others if chain in sets]
        if not before or not _weighs(chain):
            continue
        mine = [*own.get(chain, ()), *(rows for sets in partitions for rows in sets)]
        if sum(len(sets) for _, sets in before) + len(mine) < _THREE:
            continue
        told = [(release, mine), *before]
        while len(told) > 1:
            rows = by.rows_of([file for file, _ in told])
            reads = [_reading(by, chain, *one, named) for one, named in zip(told, rows, strict=True)]
            table = combined.table_of(reads)
            if table is not None:
                if combined.tells_of_few(table, least):
                    return True
                break
            told.pop()
        else:
            return True
    return False


def _reading(
    by: Reader, chain: str, file: Path, sets: Sequence[BitMap], named: NDArray[np.uint64] | None
) -> Callable[[], Figures]:
    """named: the rows' names where nothing in the release names them."""
    once = {digest_of(rows)[0]: rows for rows in sets}

    def read() -> Figures:
        names = by.names(file) if named is None else named
        values = by.values(file, chain.removeprefix(_SUMS)) if chain.startswith(_SUMS) else None
        if names is None or (chain.startswith(_SUMS) and values is None):
            return Figures(np.zeros(0, np.uint64), None, [])
        return Figures(names, values, [rows_of(rows) for rows in once.values()])

    return read


def _own(work: Work, scope: Scope) -> Sets:
    """What was told of this release, by chain."""
    return {
        chain: _sets(work, digests)
        for chain, digests in _cells(work, scope, here=True).get(scope.release_id, {}).items()
        if _weighs(chain)
    }


def _weighs(chain: str) -> bool:
    """Counts and sums; what is asked about and not told is weighed within one release alone."""
    return chain == COUNTED or chain.startswith(_SUMS)


def _told(work: Work, files: FileStore, scope: Scope) -> Iterator[tuple[Path, Sets]]:
    """What was told of the latest other releases that are still kept, by chain."""
    found = _cells(work, scope, here=False)
    rows = work.db.exec(select(ReleaseRow).where(col(ReleaseRow.id).in_(found)))
    for row in sorted(rows, key=lambda each: each.number, reverse=True)[:RELEASES]:
        if row.sha256 is None or not files.has(row.sha256):
            continue
        yield (
            whole(files, row.sha256),
            {measure: _sets(work, digests) for measure, digests in found[row.id].items() if _weighs(measure)},
        )


def _cells(work: Work, scope: Scope, *, here: bool) -> dict[str, dict[str, set[str]]]:
    """By release and chain: the digests of the row sets told of, of this release or of all others."""
    wanted = select(CellRow.release_id, CellRow.measure, CellRow.digest).where(
        CellRow.dataset_id == scope.dataset_id,
        CellRow.release_id == scope.release_id if here else CellRow.release_id != scope.release_id,
    )
    if scope.org_id:
        wanted = wanted.where(CellRow.org_id == scope.org_id)
    found: dict[str, dict[str, set[str]]] = {}
    for release_id, measure, digest in work.db.exec(wanted.distinct()):
        found.setdefault(release_id, {}).setdefault(measure, set()).add(digest)
    return found


def _sets(work: Work, digests: set[str]) -> list[BitMap]:
    held = [work.db.get_one(RowSetRow, digest) for digest in sorted(digests)]
    return [BitMap.deserialize(row.places) for row in held]
