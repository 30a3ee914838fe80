"""What a backup is made of: a folder with every file once, and beside them the snapshots that cite them.

    OUT/files/ab/cd/…              files by their SHA-256, each once for all snapshots
    OUT/snapshots/NAME/            database, keys/, audit/, manifest.json
    OUT/snapshots/.making-NAME/    one that was broken off; it is no snapshot

A snapshot gets its name when all of it is on disk. Its manifest holds the digest of everything else in it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import Conflict, InputRefused, NotFound
from core.files import CHUNK, FileStore, Held
from core.text import Text

MANIFEST: Final = "manifest.json"
MAKING: Final = ".making-"
Tell = Callable[[int, int], None]  # files done, files in all
_PIECE: Final = 8 * CHUNK


class Manifest(BaseModel):
    """One snapshot: what it holds, and what the installation lacked when it was taken."""

    model_config = ConfigDict(frozen=True)

    form: int = 1
    name: str
    made_at: str
    database: str  # sqlite or postgresql
    events: int  # length of the record
    parts: dict[str, str]  # path within the snapshot → SHA-256
    files: list[str]
    absent: list[str]  # cited, but missing or damaged in the installation


class Shelf:
    """The folder that backups go to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.snapshots = root / "snapshots"

    @property
    def files(self) -> FileStore:
        return FileStore(self.root / "files")

    def names(self) -> list[str]:
        """Finished snapshots, oldest first."""
        return sorted(each.parent.name for each in self.snapshots.glob(f"[0-9]*/{MANIFEST}"))

    def manifest(self, name: str = "") -> Manifest:
        """That of the snapshot, or of the newest; its parts are read again. Raises NotFound, InputRefused."""
        name = name or next(reversed(self.names()), "")
        if name not in self.names():
            raise NotFound(
                Text(
                    f"{self.root} 中没有这个快照；现有：{'、'.join(self.names()) or '无'}。",
                    f"There is no such snapshot in {self.root}; there are: {', '.join(self.names()) or 'none'}.",
                )
            )
        folder = self.snapshots / name
        try:
            found = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
        except ValidationError:
            raise _damaged(folder / MANIFEST) from None
        for part, digest in found.parts.items():
            if not (folder / part).is_file() or file_digest(folder / part) != digest:
                raise _damaged(folder / part)
        return found

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One at a time may write here. Raises Conflict."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.snapshots.mkdir(exist_ok=True, mode=0o700)
        with os.fdopen(os.open(self.root / "lock", os.O_RDWR | os.O_CREAT, 0o600)) as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Conflict(
                    Text(f"{self.root} 正有另一个备份在写入。", f"Another backup is writing to {self.root}.")
                ) from None
            yield


def pieces(held: Held) -> Iterator[bytes]:
    """The bytes of a stored file, wherever it lies."""
    if held.path is not None:
        with held.path.open("rb") as source:
            yield from iter(lambda: source.read(CHUNK), b"")
    elif held.piece is not None:
        for start in range(0, held.size_bytes, _PIECE):
            yield held.piece(start, min(_PIECE, held.size_bytes - start))


def carry(source: FileStore, target: FileStore, sha256: str) -> bool:
    """Bring one file over; False when it is not there, or is not what its name says. Only true bytes are kept."""
    try:
        stored = target.put(pieces(source.held(sha256)))
    except (NotFound, FileNotFoundError):
        return False
    if stored.sha256 != sha256:
        target.remove(stored.sha256)
        return False
    return True


def file_digest(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def write_through(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Put a whole, flushed file in its place; what stood there before stays until then."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(path)
    flush(path.parent)


def flush(path: Path) -> None:
    """A file or a directory to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _damaged(path: Path) -> InputRefused:
    return InputRefused(
        Text(
            f"备份中的 {path} 缺失或已损坏；请改用另一个快照（--snapshot）。",
            f"{path} of the backup is missing or damaged; take another snapshot (--snapshot).",
        )
    )
