"""What a backup is made of: every file once, and beside them the snapshots that cite them; in a folder, or below a prefix of a bucket.

    OUT/files/ab/cd/…              files by their SHA-256, each once for all snapshots
    OUT/snapshots/NAME/            database, keys/, audit/, manifest.json
    OUT/snapshots/.making-NAME/    one that was broken off; it is no snapshot

A snapshot is one when all of it is there: a folder gets its name last, a bucket its manifest (`datasets.store.backup_bucket`). The manifest
holds the digest of everything else in it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
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
    modes: dict[
        str, int
    ] = {}  # path within the snapshot → permissions; where it is silent, those of the file
    files: list[str]
    absent: list[str]  # cited, but missing or damaged in the installation
    size_bytes: int | None = None  # of all that putting it back reads
    copied_bytes: int | None = None  # of the files that were not there before
    duration_ms: int | None = None  # until this was written


class Shelf(ABC):
    """Where backups go. Snapshots are read through it as they are written: in pieces, and never half."""

    place: str

    @property
    @abstractmethod
    def files(self) -> FileStore:
        """The files of all snapshots."""

    @abstractmethod
    def names(self) -> list[str]:
        """Finished snapshots, oldest first."""

    @abstractmethod
    def chunks(self, name: str, part: str) -> Iterator[bytes]:
        """The bytes of a part of a snapshot. Raises FileNotFoundError."""

    @abstractmethod
    def mode(self, found: Manifest, part: str) -> int:
        """The permissions of a part."""

    @abstractmethod
    def alone(self) -> AbstractContextManager[None]:
        """One at a time may write here. Raises Conflict."""

    @abstractmethod
    def clean(self) -> None:
        """Remove what was broken off. Only alone."""

    @abstractmethod
    def room(self, name: str) -> AbstractContextManager[Path]:
        """A folder of this machine in which the snapshot is gathered. Only alone."""

    @abstractmethod
    def publish(self, room: Path, made: Manifest) -> None:
        """Make what was gathered a snapshot, in one step at the end. Only alone."""

    @abstractmethod
    def drop(self, name: str) -> None:
        """Make a snapshot none, in one step, and remove what it was made of. Only alone."""

    def read(self, name: str = "") -> Manifest:
        """The manifest of the snapshot, or of the newest. Raises NotFound, InputRefused."""
        names = self.names()
        name = name or next(reversed(names), "")
        if name not in names:
            raise NotFound(
                Text(
                    f"{self.place} 中没有这个快照；现有：{'、'.join(names) or '无'}。",
                    f"There is no such snapshot in {self.place}; there are: {', '.join(names) or 'none'}.",
                )
            )
        try:
            return Manifest.model_validate_json(b"".join(self.chunks(name, MANIFEST)))
        except (ValidationError, FileNotFoundError):
            raise self._damaged(name, MANIFEST) from None

    def manifest(self, name: str = "") -> Manifest:
        """The same, once its parts were read again. Raises NotFound, InputRefused."""
        found = self.read(name)
        for part, digest in found.parts.items():
            own = hashlib.sha256()
            try:
                for chunk in self.chunks(found.name, part):
                    own.update(chunk)
            except FileNotFoundError:
                raise self._damaged(found.name, part) from None
            if own.hexdigest() != digest:
                raise self._damaged(found.name, part)
        return found

    def put_back(self, found: Manifest, part: str, target: Path) -> None:
        """Write a part to its place on this machine, whole and flushed; only true bytes get its name. Raises InputRefused."""
        try:
            write_through(target, self.chunks(found.name, part), self.mode(found, part), found.parts[part])
        except (FileNotFoundError, ValueError):
            raise self._damaged(found.name, part) from None

    def _damaged(self, name: str, part: str) -> InputRefused:
        where = f"{self.place}/snapshots/{name}/{part}"
        return InputRefused(
            Text(
                f"备份中的 {where} 缺失或已损坏；请改用另一个快照（--snapshot）。",
                f"{where} of the backup is missing or damaged; take another snapshot (--snapshot).",
            )
        )


class FolderShelf(Shelf):
    """A folder, best on another disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.place = str(root.resolve())
        self.snapshots = root / "snapshots"

    @property
    def files(self) -> FileStore:
        return FileStore(self.root / "files")

    def names(self) -> list[str]:
        return sorted(each.parent.name for each in self.snapshots.glob(f"[0-9]*/{MANIFEST}"))

    def chunks(self, name: str, part: str) -> Iterator[bytes]:
        with (self.snapshots / name / part).open("rb") as source:
            yield from iter(lambda: source.read(CHUNK), b"")

    def mode(self, found: Manifest, part: str) -> int:
        return found.modes.get(part) or (self.snapshots / found.name / part).stat().st_mode & 0o777

    @contextmanager
    def alone(self) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.snapshots.mkdir(exist_ok=True, mode=0o700)
        with os.fdopen(os.open(self.root / "lock", os.O_RDWR | os.O_CREAT, 0o600)) as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise another(self.place) from None
            yield

    def clean(self) -> None:
        for left in self.snapshots.glob(f"{MAKING}*"):
            shutil.rmtree(left)
        self.files.drop_staged(time.time() + 60)

    @contextmanager
    def room(self, name: str) -> Iterator[Path]:
        made = self.snapshots / f"{MAKING}{name}"
        made.mkdir(mode=0o700)
        yield made

    def publish(self, room: Path, made: Manifest) -> None:
        for path in room.rglob("*"):
            flush(path)
        write_through(room / MANIFEST, [made.model_dump_json(indent=1).encode()])
        room.rename(self.snapshots / made.name)
        flush(self.snapshots)

    def drop(self, name: str) -> None:
        gone = self.snapshots / f"{MAKING}{name}"
        (self.snapshots / name).rename(gone)
        shutil.rmtree(gone)


def another(place: str) -> Conflict:
    """Somebody else writes there."""
    return Conflict(Text(f"{place} 正有另一个备份在写入。", f"Another backup is writing to {place}."))


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


def write_through(path: Path, content: Iterable[bytes], mode: int = 0o600, sha256: str = "") -> None:
    """Put a whole, flushed file in its place; what stood there before stays until then. Raises ValueError when the bytes are not those of the digest."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    own = hashlib.sha256()
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
            for chunk in content:
                own.update(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        if sha256 and own.hexdigest() != sha256:
            raise ValueError(path.name)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    flush(path.parent)


def flush(path: Path) -> None:
    """A file or a directory to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
