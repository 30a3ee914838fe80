"""The files that queries keep to answer faster: any of them may vanish at any time, and together they never outgrow their room."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

ROOM: Final = 2 * 1024**3  # bytes; what was used longest ago goes first
_ABANDONED: Final = 3600.0  # seconds after which a half-written file belongs to nobody


def put(place: Path, write: Callable[[IO[bytes]], Any], *, room: int = ROOM) -> None:
    """Keep a file under that name, whole or not at all; others go until all fit in the room."""
    place.parent.mkdir(parents=True, exist_ok=True)
    coming = place.with_name(f"{place.name}.{os.getpid()}.{time.monotonic_ns()}.part")
    with coming.open("wb") as out:
        write(out)
    coming.replace(place)
    _make_room(place, room)


def used(place: Path) -> None:
    """Note that the file was needed just now."""
    with suppress(FileNotFoundError):
        os.utime(place)


def _make_room(newest: Path, room: int) -> None:
    kept, now = [], time.time()
    for each in newest.parent.iterdir():
        with suppress(FileNotFoundError):
            held = each.stat()
            if each.suffix == ".part":
                if now - held.st_mtime > _ABANDONED:
                    each.unlink()
            elif each.suffix in (".npy", ".npz"):
                kept.append((held.st_mtime, held.st_size, each))
    total = sum(size for _, size, _ in kept)
    for _, size, each in sorted(kept, key=lambda file: file[0]):
        if total <= room:
            return
        if each != newest:
            each.unlink(missing_ok=True)
            total -= size
