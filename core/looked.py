"""Which files this process has hashed a short while ago and found right: what is read piece by piece is not hashed anew for each piece.

It holds for the very file that was hashed: another inode, size or time of change, and it counts as unseen. What a disk does to bytes
without a word is found at the next look, `LATELY_S` later at most.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Final

LATELY_S: Final = 600.0
_MOST: Final = 10_000
Identity = tuple[int, int, int, int, int]


class Looked:
    """Files by path, with what they were when they were hashed, and when."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[Identity, float]] = {}
        self._lock = threading.Lock()

    def is_lately_right(self, path: Path) -> bool:
        found = self._seen.get(path)
        return (
            found is not None and time.monotonic() - found[1] < LATELY_S and found[0] == identity(path)
        )  # fmt: skip

    def was_right(self, path: Path, before: Identity) -> None:
        """The file hashed to its name. `before`: its identity as it was before the first byte was read."""
        with self._lock:
            if len(self._seen) >= _MOST:
                self._seen.clear()
            self._seen[path] = before, time.monotonic()


def identity(path: Path) -> Identity:
    """What changes when a file is replaced or written to."""
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


LOOKED: Final = Looked()
