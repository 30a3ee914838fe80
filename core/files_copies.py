"""Copies of files on this machine's disk: when each was used last, and which go when room runs out."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from core.witness import SUFFIX, drop

_IN_USE_S: Final = 6 * 3600.0  # a job may read a copy by its name for hours
_LOOKS_S: Final = 60.0


class Copies:
    """Bounded room below `root`: beyond `most_bytes` the longest unused go, except those in use within six hours."""

    def __init__(self, root: Path, most_bytes: int) -> None:
        self._root, self._most = root, most_bytes
        self._looked = float("-inf")

    def used(self, path: Path) -> None:
        """Remember that the copy was used now; to the minute, which spares a write."""
        if time.time() - path.stat().st_mtime > _LOOKS_S:
            os.utime(path)

    def make_room(self, keeping: Path | None = None, *, at_once: bool = False, in_use_s: float = _IN_USE_S) -> int:  # fmt: skip
        """Remove what is too much, looking at most once a minute; how many copies went."""
        if not at_once and time.monotonic() - self._looked < _LOOKS_S:
            return 0
        self._looked = time.monotonic()
        found = []
        for path in self._root.glob("??/??/*"):
            try:
                seen = path.stat()
            except FileNotFoundError:  # another process made room
                continue
            if path.suffix == SUFFIX:  # a witness goes with its file
                continue
            found.append((seen.st_mtime, seen.st_size, path))
        total, gone = sum(size for _, size, _ in found), 0
        for when, size, path in sorted(found):
            if total <= self._most or time.time() - when < in_use_s:
                break
            if path != keeping:
                drop(path)
                total, gone = total - size, gone + 1
        return gone
