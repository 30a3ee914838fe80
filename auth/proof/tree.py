"""The tree's hashes on disk: a file per level, 32 bytes per complete subtree. All of it can be made again from the record."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import ExitStack
from io import BufferedWriter
from pathlib import Path
from typing import Final

from auth.proof import merkle

_HASH: Final = len(merkle.EMPTY)


class Tree:
    """The stored tree. One writer at a time (`Place.alone`); readers ask only for sizes that a checkpoint covers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _level(self, level: int) -> Path:
        return self._folder / f"{level:02d}"

    def size(self) -> int:
        """Leaves held."""
        path = self._level(0)
        return path.stat().st_size // _HASH if path.exists() else 0

    def node(self, level: int, index: int) -> bytes:
        """`merkle.Nodes`. Raises LookupError when the store does not hold it."""
        try:
            with self._level(level).open("rb") as source:
                source.seek(index * _HASH)
                found = source.read(_HASH)
        except FileNotFoundError:
            found = b""
        if len(found) != _HASH:
            raise LookupError(f"the tree holds no node {level}/{index}")
        return found

    def nodes(self, level: int, start: int, count: int) -> bytes:
        """So many hashes of a level, one after another. Raises LookupError when the store does not hold them all."""
        try:
            with self._level(level).open("rb") as source:
                source.seek(start * _HASH)
                found = source.read(count * _HASH)
        except FileNotFoundError:
            found = b""
        if len(found) != count * _HASH:
            raise LookupError(f"the tree does not hold nodes {level}/{start} to {start + count - 1}")
        return found

    def has_root(self, size: int, expected: bytes) -> bool:
        """Whether the first `size` leaves are held and have this root."""
        try:
            return merkle.root(self.node, size) == expected
        except LookupError:
            return False

    def cut_to(self, size: int) -> bool:
        """Forget what stands after the first `size` leaves: it was never signed. False when some of these are missing."""
        is_whole = self.size() >= size
        for level in range(max([size.bit_length(), *(int(path.name) + 1 for path in self._levels())])):
            path, wanted = self._level(level), (size >> level) * _HASH
            held = path.stat().st_size if path.exists() else 0
            if held > wanted:
                os.truncate(path, wanted)
            is_whole = is_whole and held >= wanted
        return is_whole

    def _levels(self) -> list[Path]:
        return list(self._folder.glob("[0-9][0-9]"))

    def add(self, leaves: Iterable[bytes]) -> int:
        """Append leaves' hashes and flush them to disk; returns the new size."""
        self._folder.mkdir(parents=True, exist_ok=True)
        size = self.size()
        frontier = merkle.Frontier(size, merkle.peaks(self.node, size))
        with ExitStack() as stack:
            files: dict[int, BufferedWriter] = {}
            for leaf in leaves:
                for level, value in frontier.add(leaf):
                    if level not in files:
                        files[level] = stack.enter_context(self._level(level).open("ab"))
                    files[level].write(value)
            for out in files.values():
                out.flush()
                os.fsync(out.fileno())
        return frontier.size
