"""How much memory a question takes, asked before a row is read: refused in words rather than killed half-way.

It goes by the rows of the release, which everybody may know, and never by those that pass: else the refusal would tell how many they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from core.errors import Unavailable
from core.text import Text, number_of

BYTES_A_ROW: Final = (
    64  # cell, place, amount and share of each row, and what is made of them on the way; docs/queries.md
)
BYTES_A_COLUMN: Final = 8  # of each further measured column
_MIB: Final = 1024 * 1024
_CGROUP: Final = Path("/sys/fs/cgroup")


def demand_room(rows: int, columns: int, memory_limit_mb: int) -> None:
    """Raises Unavailable where so many rows with so many measured columns would not fit beside the engine's own limit."""
    needed = rows * (BYTES_A_ROW + BYTES_A_COLUMN * max(columns - 1, 0)) + memory_limit_mb * _MIB
    there = free_bytes()
    if there is not None and needed > there:
        raise Unavailable(
            Text(
                f"本机空闲内存不足：对该版本（{rows} 行）计算约需 {needed // _MIB} MB，现有 {there // _MIB} MB；未扣任何额度。请稍后重试；仍不成请联系系统管理员增加内存。",
                f"Too little memory is free: computing on this release ({number_of(rows, 'rows')}) takes about {needed // _MIB} MB, and {there // _MIB} MB are free;"
                " nothing was charged. Ask again later; if that does not help, tell the system administrator, who can give the machine more.",
            ),
            needed_mb=needed // _MIB, free_mb=there // _MIB,
        )  # fmt: skip


@contextmanager
def told_when_short(*, is_charged: bool) -> Iterator[None]:
    """A fault for want of memory, or of disk beside the engine, as a refusal in words. is_charged: the question was paid for before."""
    try:
        yield
    except Exception as fault:
        if not _is_shortage(fault):
            raise
        paid = Text("已扣的预算与额度不退还", "budget and quota that were taken stay taken")
        free = Text("未扣任何额度", "nothing was charged")
        what = paid if is_charged else free
        raise Unavailable(
            Text(
                f"计算所需内存或临时磁盘空间不足，已停止；没有告知任何结果，{what.zh}。请稍后重试；仍不成请联系系统管理员。",
                f"Memory or room for temporary files did not suffice, so it was stopped; nothing was told and {what.en}."
                " Ask again later; if that does not help, tell the system administrator.",
            )
        ) from fault


def _is_shortage(fault: Exception) -> bool:
    import duckdb

    if isinstance(fault, MemoryError | duckdb.OutOfMemoryException):
        return True
    return isinstance(fault, OSError) and fault.errno == 28  # no space left on the device


def free_bytes() -> int | None:
    """What this machine, or the group of processes that this one is in, still has; None where nobody says."""
    found = []
    with suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        found.append(int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1]) * 1024)
    with suppress(OSError, ValueError):
        own = Path("/proc/self/cgroup").read_text().rpartition("::")[2].strip()
        for group in (_CGROUP, _CGROUP / own.lstrip("/")):
            with suppress(OSError, ValueError):
                found.append(_left(group))
    return min(found) if found else None


def _left(group: Path) -> int:
    """Raises ValueError where the group has no limit."""
    most, used = (int((group / f"memory.{name}").read_text()) for name in ("max", "current"))
    kept = next(
        int(line.split()[1])
        for line in (group / "memory.stat").read_text().splitlines()
        if line.startswith("inactive_file ")
    )
    return max(most - used + kept, 0)
