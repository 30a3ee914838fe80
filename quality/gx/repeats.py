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
PART_ROWS: Final = 1 << 16
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
    """hashes: uint64, any order."""
    if len(hashes) < 2:
        return _Meeting(hashes[:0], 0)
    shift = np.uint64(64 - max(1, (SLOTS_PER_HASH * len(hashes) - 1).bit_length()))
    taken = np.empty(1 << (64 - int(shift)), np.uint32)
    parts = [slice(start, start + PART_ROWS) for start in range(0, len(hashes), PART_ROWS)]

    def take(part: slice) -> None:
        taken[(hashes[part] >> shift).view(np.int64)] = _places(part, len(hashes))

    def lose(part: slice) -> Any:
        return _lost(hashes[part], taken, shift, _places(part, len(hashes)))

    with ThreadPoolExecutor(
        THREADS, thread_name_prefix="repeats"
    ) as threads:  # whoever comes last may win a slot
        for _ in threads.map(take, parts):
            pass
        lost = np.concatenate(list(threads.map(lose, parts)))
    winners = hashes[taken[(hashes[lost] >> shift).view(np.int64)]]
    losers = hashes[lost]  # of equal hashes all but one have lost: to one of them, or all to another hash
    beaten = losers[winners == losers]
    losers.sort()
    again = losers[1:][losers[1:] == losers[:-1]]
    met = np.unique(np.concatenate((beaten, again)))
    rows = np.searchsorted(losers, met, "right") - np.searchsorted(losers, met, "left")
    won = hashes[taken[(met >> shift).view(np.int64)]] == met
    return _Meeting(met, int(rows.sum() + won.sum()))


def _places(part: slice, length: int) -> Any:
    return np.arange(part.start, min(part.stop, length), dtype=np.uint32)


def _lost(hashes: Any, taken: Any, shift: Any, places: Any) -> Any:
    """The places of rows whose slot another row took after them."""
    return places[taken[(hashes >> shift).view(np.int64)] != places]
