"""Which values occur more than once, found by their hashes; only values whose hashes meet are compared themselves.

The hashes of a table that is not vast are told apart here, which takes a fifth of the time of grouping them: each row
writes its place into a slot that its hash names, and only rows whose slot another one took are looked at again. Those
of a vast table are grouped by the engine, which spills.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from quality.gx.facts import ROW
from quality.gx.proved import Proved

if TYPE_CHECKING:
    from quality.gx.proofs import Proofs

SLOTS_PER_HASH: Final = 2
BYTES_PER_HASH: Final = 24
"""The hash, and two to four slots of four bytes."""
SHARE_OF_MEMORY: Final = 5
PART_ROWS: Final = 1 << 17
FEW_HASHES: Final = 1 << 17
BITS_PER_ROUND: Final = 20
ROUNDS: Final = 3
THREADS: Final = 2
MOST_ROWS_KEPT: Final = 200_000


class _Meeting(NamedTuple):
    """Hashes that occur more than once, and how many rows have one of them."""

    hashes: Any
    rows: int


def unrepeated(proofs: Proofs, names: Sequence[str], rows: str, *, with_nulls: bool) -> Proved:
    """The condition that a row's values occur once among `rows`. with_nulls: whether missing ones equal each other;
    else rows without a value are left out, and the condition may be NULL for them."""
    present = rows if with_nulls else f"(SELECT * FROM {rows} WHERE {names[0]} IS NOT NULL)"
    hashes = f"hash({', '.join(names)})"
    keys = ", ".join(f"{name} AS k{place}" for place, name in enumerate(names))
    met = _meeting(proofs, hashes, present)
    if met is not None and not met.rows:
        return Proved("TRUE")
    if met is not None and met.rows <= MOST_ROWS_KEPT:
        shown = proofs.show(met.hashes)
        suspects = f"SELECT {ROW} AS r, {keys} FROM {present} WHERE {hashes} IN (SELECT h FROM {shown})"
        same = ", ".join(f"k{place}" for place in range(len(names)))
        counted = f"SELECT *, count(*) OVER (PARTITION BY {same}) AS n FROM ({suspects})"
        table = proofs.keep(f"SELECT * EXCLUDE n FROM ({counted}) WHERE n > 1")
        proofs.hide(shown)
        return Proved(f"{ROW} NOT IN (SELECT r FROM {table})", table)
    meeting = f"SELECT {hashes} AS h FROM {present} GROUP BY h HAVING count(*) > 1"
    table = proofs.keep(
        f"SELECT {keys} FROM {present} WHERE {hashes} IN ({meeting}) GROUP BY {', '.join(names)} HAVING count(*) > 1"
    )
    if not proofs.rows_of(f"SELECT count(*) FROM {table}")[0][0]:
        return Proved("TRUE")
    if len(names) == 1:
        return Proved(f"{names[0]} NOT IN (SELECT k0 FROM {table})")
    packed = "struct_pack(" + ", ".join(f"k{place} := {name}" for place, name in enumerate(names)) + ")"
    held = "struct_pack(" + ", ".join(f"k{place} := k{place}" for place in range(len(names))) + ")"
    return Proved(f"NOT coalesce({packed} IN (SELECT {held} FROM {table}), FALSE)")


def _meeting(proofs: Proofs, hashes: str, rows: str) -> _Meeting | None:
    """None where there are too many rows to tell apart in a share of the memory."""
    if proofs.row_count * BYTES_PER_HASH * SHARE_OF_MEMORY > proofs.memory_limit_mb << 20:
        return None
    return meeting(np.asarray(proofs.column_of(f"SELECT {hashes} AS h FROM {rows}")))


def meeting(hashes: Any) -> _Meeting:
    """hashes: uint64, any order.

    Rows of one hash share a slot, so all but one are beaten by their like, or all by another hash. Those beaten by
    another, about a sixth, take slots again by further bits; the few that are left then are sorted.
    """
    found, rows = [hashes[:0]], 0
    with ThreadPoolExecutor(THREADS, thread_name_prefix="repeats") as threads:
        for bits in range(0, BITS_PER_ROUND * ROUNDS, BITS_PER_ROUND):
            if len(hashes) < FEW_HASHES:
                break
            beaten, hashes = _round(hashes, np.uint64(bits), threads)
            found.append(np.unique(beaten))
            rows += len(beaten) + len(found[-1])
    hashes = np.sort(hashes)
    beaten = hashes[1:][hashes[1:] == hashes[:-1]]
    found.append(np.unique(beaten))
    return _Meeting(np.concatenate(found), rows + len(beaten) + len(found[-1]))


def _round(hashes: Any, bits: Any, threads: ThreadPoolExecutor) -> tuple[Any, Any]:
    """The hashes of rows whose slot went to the same hash, and of those whose slot went to another."""
    shift = np.uint64(64 - (SLOTS_PER_HASH * len(hashes) - 1).bit_length())
    taken = np.empty(1 << (64 - int(shift)), np.uint32)
    parts = [slice(start, start + PART_ROWS) for start in range(0, len(hashes), PART_ROWS)]

    def slots(part: Any) -> Any:
        return ((hashes[part] << bits) >> shift).view(np.int64)

    def take(part: slice) -> None:
        taken[slots(part)] = _places(part, len(hashes))

    def lose(part: slice) -> Any:
        winners = taken[slots(part)]
        lost = winners != _places(part, len(hashes))
        return hashes[part][lost], hashes[winners[lost]]

    for _ in threads.map(take, parts):  # whoever comes last may win a slot
        pass
    losers, winners = (np.concatenate(each) for each in zip(*threads.map(lose, parts), strict=True))
    same = losers == winners
    return losers[same], losers[~same]


def _places(part: slice, length: int) -> Any:
    return np.arange(part.start, min(part.stop, length), dtype=np.uint32)
