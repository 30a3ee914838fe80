"""The file store: bytes named by their SHA-256, written once, on disk before anybody cites them.

Why this exists: neither pyarrow nor DuckDB flushes to disk by itself, and a row that cites a half-written
file is a lie after a power cut. Order is always: stage → fsync → hash → link to the digest → fsync the directory →
commit the row that cites it.

A file that no row cites may be collected. What is put again counts as new from then on, and one lock keeps putting and collecting apart, so
that nobody comes to cite a file that is about to go.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from io import BufferedReader
from pathlib import Path

from core.errors import InputRefused, NotFound, Unavailable
from core.text import Text
from core.witness import Check, Sums, Witness, Witnesses, drop, drop_orphans

CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in the store. `sha256` is 64 lower-case hex digits. `seen`: what whoever had a look at it on its way in said of it."""

    sha256: str
    size_bytes: int
    seen: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """A file as a download finds it: whole on this disk (`path`), or elsewhere and read in pieces (`piece(start, length)`).

    `bring`: has what is elsewhere on this disk, hashed on its way here, for who wants a part, whose bytes alone nobody can judge.
    `check`: a new judge of the bytes under `path`, as they pass.
    """

    sha256: str
    size_bytes: int
    path: Path | None = None
    piece: Callable[[int, int], bytes] | None = None
    bring: Callable[[], Path] | None = None
    check: Callable[[], Check] | None = None
    found_right: Callable[[], None] | None = None  # to be told by who hashed all its pieces


class Damaged(Unavailable):
    """The bytes are not what was judged. Facts: `sha256`, the name that they do not hash to."""


def damaged(sha256: str) -> Damaged:
    return Damaged(
        Text(
            f"数据文件 {sha256[:12]} 校验不符，已停止；请联系系统管理员。",
            f"The data file {sha256[:12]} does not match its digest; stopped. Tell the system administrator.",
        ),
        sha256=sha256,
    )


def _unseen(path: Path, sha256: str) -> str:  # noqa: ARG001 - the shape of a look
    """Nobody looks."""
    return ""


class FileStore:
    """Content-addressed files in a local directory: `ab/cd/abcd…`, the large ones with a witness beside them (`core.witness`).

    A bucket is read by `core.files_s3`. keys_dir: where the key of witnesses lies; without it there are none.
    """

    def __init__(self, root: Path, keys_dir: Path | None = None) -> None:
        self.root, self._witnesses = root, Witnesses(keys_dir)
        self._stage = root / "stage"
        self._stage.mkdir(parents=True, exist_ok=True)

    def put(self, chunks: Iterable[bytes], *, max_bytes: int | None = None) -> StoredFile:
        """Store a stream; memory stays at one chunk. Raises InputRefused beyond `max_bytes`, leaving nothing behind."""
        return self.put_seen(chunks, _unseen, max_bytes=max_bytes)

    def put_seen(
        self, chunks: Iterable[bytes], look: Callable[[Path, str], str], *, max_bytes: int | None = None
    ) -> StoredFile:
        """The same, once `look` has seen the whole file and its digest, with what it says of it; where it raises, nothing stays."""
        staged = self.stage_path()
        sums = Sums(self._witnesses)
        try:
            with staged.open("xb") as out:
                for chunk in chunks:
                    if max_bytes is not None and sums.size_bytes + len(chunk) > max_bytes:
                        raise InputRefused(
                            Text(
                                f"文件超过 {max_bytes} 字节的上限；请拆分后再上传。",
                                f"The file is larger than the limit of {max_bytes} bytes; split it and hand it in again.",
                            )
                        )
                    sums.update(chunk)
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
            seen = look(staged, sums.sha256)
            return replace(self._adopt(staged, sums.sha256, sums.size_bytes, sums.witness()), seen=seen)
        finally:
            staged.unlink(missing_ok=True)

    def put_file(self, path: Path) -> StoredFile:
        """Move a finished file of ours (made under `stage_path`) into the store; `path` is gone afterwards."""
        sums = Sums(self._witnesses)
        with path.open("rb") as source:
            for chunk in iter(lambda: source.read(CHUNK), b""):
                sums.update(chunk)
            os.fsync(source.fileno())
        try:
            return self._adopt(path, sums.sha256, sums.size_bytes, sums.witness())
        finally:
            path.unlink(missing_ok=True)

    def stage_path(self, suffix: str = "") -> Path:
        """A fresh name inside the store's staging directory (same file system, so adopting is a rename)."""
        return self._stage / f"{secrets.token_hex(16)}{suffix}"

    def path(self, sha256: str) -> Path:
        """Where the bytes are. Raises NotFound if the store does not hold them."""
        path = self._path(sha256)
        if not path.is_file():
            raise NotFound(Text(f"文件库中没有 {sha256}。", f"The file store does not hold {sha256}."))
        return path

    def held(self, sha256: str) -> Held:
        """The file for a download; quick, also where the bytes are far away. Raises NotFound."""
        path = self.path(sha256)
        return self._held_here(sha256, path)

    def _held_here(self, sha256: str, path: Path) -> Held:
        return Held(sha256, path.stat().st_size, path=path, check=partial(self.check, sha256))

    def check(self, sha256: str) -> Check:
        """What judges the bytes of the file on this disk as they pass: several times faster than SHA-256 where it has a witness."""
        return Check(sha256, self._path(sha256), self._witnesses)

    def afar(self, sha256: str) -> Held:
        """The same as it lies where the truth is, whatever copy is at hand."""
        return self.held(sha256)

    def has(self, sha256: str) -> bool:
        return self._path(sha256).is_file()

    def open(self, sha256: str) -> BufferedReader:
        return self.path(sha256).open("rb")

    def remove(self, sha256: str) -> None:
        """Take a file out. Whoever calls answers for it that no row cites it; readers that hold it open read on."""
        drop(self._path(sha256))

    def size_and_age(self, sha256: str) -> tuple[int, float]:
        """Bytes, and the instant (seconds since 1970) at which the file was put last. Raises NotFound."""
        try:
            found = self._path(sha256).stat()
        except FileNotFoundError:
            raise NotFound(
                Text(f"文件库中没有 {sha256}。", f"The file store does not hold {sha256}.")
            ) from None
        return found.st_size, found.st_mtime

    def staged_before(self, instant: float) -> list[Path]:
        """What broken writers left in the staging directory before that instant."""
        return sorted(
            path for path in self._stage.iterdir() if path.is_file() and path.stat().st_mtime < instant
        )

    def drop_staged(self, instant: float) -> int:
        """Remove what broken writers left before that instant; how many files went."""
        left = self.staged_before(instant)
        for path in left:
            path.unlink(missing_ok=True)
        drop_orphans(self.root, instant)
        return len(left)

    def collect(self, sha256: str, before: float, is_cited: Callable[[], bool]) -> bool:
        """Take out a file that was put last before that instant and that nothing cites; whether it went.

        Nothing is put meanwhile: whoever puts the same bytes does so before, and makes the file new, or after, and writes it anew.
        """
        with self._alone(fcntl.LOCK_EX):
            path = self._path(sha256)
            if not path.is_file() or path.stat().st_mtime >= before or is_cited():
                return False
            drop(path)
            return True

    @contextmanager
    def _alone(self, how: int) -> Iterator[None]:
        """Hold the store's lock, which ends with the process."""
        handle = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, how)
            yield
        finally:
            os.close(handle)

    def verify(self, sha256: str) -> bool:
        """Read the bytes again; True when they still hash to their name, by SHA-256 whatever a witness says."""
        with self.open(sha256) as source:
            return hashlib.file_digest(source, "sha256").hexdigest() == sha256

    def verify_copy(self, sha256: str) -> bool:
        """Whether the bytes that `path` gives are those of their name: what is asked before they are read to be handed on."""
        check = self.check(sha256)
        with self.path(sha256).open("rb") as source:
            for chunk in iter(lambda: source.read(CHUNK), b""):
                check.update(chunk)
        return check.is_right()

    def sign(self, sha256: str, seconds: int) -> str | None:  # noqa: ARG002 - a directory has no addresses
        """An address that gives the bytes for so many seconds to whoever holds it; None where there is no such thing.

        None as well unless the very object was hashed and found right here a short while ago: nobody hashes it on its way.
        """
        return None

    def digests(self) -> Iterator[str]:
        """Every digest in the store."""
        yield from (found.name for found in self.root.glob("??/??/*") if len(found.name) == 64)

    def listed(self) -> Iterator[tuple[str, int]]:
        """Every digest in the store with its bytes; what goes meanwhile is passed over."""
        for found in self.root.glob("??/??/*"):
            with suppress(FileNotFoundError):
                if len(found.name) == 64:
                    yield found.name, found.stat().st_size

    def _path(self, sha256: str) -> Path:
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise NotFound(Text("不是有效的文件摘要。", "Not a valid file digest."))
        return self.root / sha256[:2] / sha256[2:4] / sha256

    def _adopt(self, staged: Path, sha256: str, size: int, witness: Witness | None = None) -> StoredFile:
        target = self._path(sha256)
        with self._alone(fcntl.LOCK_SH):
            if target.exists() and _holds(target, sha256, size):
                os.utime(target)  # new from now on, so that it is not collected before its row is there
                self._witnesses.keep(target, witness)
                return StoredFile(sha256, size)
            target.parent.mkdir(parents=True, exist_ok=True)
            staged.chmod(0o440)
            os.utime(staged)
            staged.replace(target)
        for directory in (target.parent, target.parent.parent, self.root):
            _fsync_directory(directory)
        self._witnesses.keep(target, witness)
        return StoredFile(sha256, size)


def _holds(target: Path, sha256: str, size: int) -> bool:
    """Whether the file of that name still is what its name says; whoever hands the bytes in again mends what a disk did to it."""
    if target.stat().st_size != size:
        return False
    with target.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest() == sha256


def _fsync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
