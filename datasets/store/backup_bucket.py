"""Backups below a prefix of an S3-compatible bucket.

    PREFIX/objects/ab/…            files by their SHA-256, each once for all snapshots
    PREFIX/snapshots/NAME/         database, keys/, audit/, and last manifest.json: with it the snapshot is one, without it is none
    PREFIX/lock                    who writes here now

No lock of a disk reaches here, so `lock` is an object that only one can create. Its writer makes it new each minute; after five minutes without,
or at once when the writer was a process of this machine that is gone, the next one takes it over. Both are answered by the bucket only if the object
is still the one that was looked at, and a writer who lost it publishes and removes nothing more.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from core.errors import InputRefused, Unavailable
from core.files import FileStore, StoredFile
from core.files_s3 import MIB, Bucket, S3FileStore, told
from core.settings import Settings
from core.text import Text
from core.witness import Witness, Witnesses
from datasets.store.backup_book import MANIFEST, FolderShelf, Manifest, Shelf, another, file_digest

if TYPE_CHECKING:
    from obstore import UpdateVersion
    from obstore.store import S3Store

SCHEME: Final = "s3://"
_AT_ONCE: Final = 32 * MIB  # what is held in memory; larger files go over this machine's disk, in parts
_READ: Final = 8 * MIB
_RENEW_S: Final = 60.0
_DEAD_S: Final = 300.0
_LOCK: Final = "lock"


def shelf_at(settings: Settings, place: Path | str) -> Shelf:
    """The shelf in this folder, or below this `s3://bucket/prefix`. Raises InputRefused."""
    if not str(place).startswith(SCHEME):
        return FolderShelf(Path(place))
    bucket = Bucket(
        str(place).rstrip("/"), settings.backup_endpoint, settings.backup_region, settings.backup_access_key,
        settings.backup_secret_key, "OUT",
    )  # fmt: skip
    try:
        bucket.parts()
    except Unavailable as refused:
        raise InputRefused(refused.detail) from None
    own = hashlib.sha256(f"{bucket.endpoint} {bucket.address}".encode()).hexdigest()[:12]
    return BucketShelf(bucket, settings.scratch_dir / f"backup-{own}")


class BackupFiles(S3FileStore):
    """The files of backups: as a store's, without copies on this machine's disk. `root` is made when something is staged."""

    def __init__(self, bucket: Bucket, root: Path) -> None:
        self.root, self._stage, self._bucket = root, root / "stage", bucket
        self._witnesses = Witnesses(None)

    def put(self, chunks: Iterable[bytes], *, max_bytes: int | None = None) -> StoredFile:
        held, size, rest = bytearray(), 0, iter(chunks)
        for chunk in rest:
            held += chunk
            size += len(chunk)
            if size > _AT_ONCE:
                return super().put(_then(bytes(held), rest), max_bytes=max_bytes)
        sha256 = hashlib.sha256(held).hexdigest()
        self._put(_key(sha256), bytes(held), create=True)
        return StoredFile(sha256, size)

    def stage_path(self, suffix: str = "") -> Path:
        self._stage.mkdir(parents=True, exist_ok=True, mode=0o700)
        return super().stage_path(suffix)

    def staged_before(self, instant: float) -> list[Path]:
        return super().staged_before(instant) if self._stage.is_dir() else []

    def _adopt(self, staged: Path, sha256: str, size: int, witness: Witness | None = None) -> StoredFile:  # noqa: ARG002 - there are none here
        self._write(staged, sha256, size)
        return StoredFile(sha256, size)


class BucketShelf(Shelf):
    """Below a prefix of a bucket. `root`: a folder of this machine for what is on its way."""

    def __init__(self, bucket: Bucket, root: Path) -> None:
        self.bucket, self.root, self.place = bucket, root, bucket.address
        self._lease: _Lease | None = None

    @cached_property
    def files(self) -> FileStore:
        return BackupFiles(self.bucket, self.root)

    @cached_property
    def _s3(self) -> S3Store:
        return self.bucket.opened()

    def names(self) -> list[str]:
        return sorted(key.split("/")[1] for key in self._keys() if key.split("/")[2:] == [MANIFEST])

    def chunks(self, name: str, part: str) -> Iterator[bytes]:
        import obstore

        with told():
            for chunk in obstore.get(self._s3, f"snapshots/{name}/{part}").stream(min_chunk_size=_READ):
                yield bytes(chunk)

    def mode(self, found: Manifest, part: str) -> int:
        return found.modes.get(part, 0o600)

    @contextmanager
    def alone(self) -> Iterator[None]:
        self._lease = lease = _Lease(self._s3, self.place)
        lease.take()
        try:
            yield
        finally:
            self._lease = None
            lease.let_go()

    def clean(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        whole = {f"snapshots/{name}/" for name in self.names()}
        for key in self._keys():
            if not any(key.startswith(each) for each in whole):
                self._delete(key)
        self.files.drop_staged(time.time() + 60)

    @contextmanager
    def room(self, name: str) -> Iterator[Path]:
        made = self.root / name
        made.mkdir(parents=True, mode=0o700)
        try:
            yield made
        finally:
            shutil.rmtree(self.root, ignore_errors=True)

    def publish(self, room: Path, made: Manifest) -> None:
        import obstore
        from obstore.exceptions import AlreadyExistsError

        for part, sha256 in made.parts.items():
            key, path = f"snapshots/{made.name}/{part}", room / part
            with told():
                if path.stat().st_size <= _AT_ONCE:
                    obstore.put(self._s3, key, path.read_bytes(), use_multipart=False)
                else:
                    obstore.put(
                        self._s3, key, path, use_multipart=True, chunk_size=16 * MIB, max_concurrency=4
                    )
            own = hashlib.sha256()
            for chunk in self.chunks(made.name, part):
                own.update(chunk)
            if not own.hexdigest() == sha256 == file_digest(path):
                raise Unavailable(
                    Text(
                        "对象存储返回的字节与写入的不同，本次快照作废。",
                        "The object store gives back other bytes than were written; there is no snapshot of this try.",
                    )
                )
        self._demand_lease()
        body = made.model_dump_json(indent=1).encode()
        with told(), suppress(AlreadyExistsError):  # by a request of ours whose answer was lost
            obstore.put(
                self._s3, f"snapshots/{made.name}/{MANIFEST}", body, use_multipart=False, mode="create"
            )
        if b"".join(self.chunks(made.name, MANIFEST)) != body:
            raise another(self.place)

    def drop(self, name: str) -> None:
        self._demand_lease()
        self._delete(f"snapshots/{name}/{MANIFEST}")  # by one step no snapshot any more
        for key in self._keys(name):
            self._delete(key)

    def _demand_lease(self) -> None:
        if self._lease is None or not self._lease.is_held():
            raise another(self.place)

    def _keys(self, name: str = "") -> list[str]:
        import obstore

        below = f"snapshots/{name}/" if name else "snapshots/"
        with told():
            return [str(each["path"]) for some in obstore.list(self._s3, below) for each in some]

    def _delete(self, key: str) -> None:
        import obstore

        with told(), suppress(FileNotFoundError):
            obstore.delete(self._s3, key)


class _Lease:
    """The object `lock`, held and made new until it is let go of."""

    def __init__(self, s3: S3Store, place: str) -> None:
        self._s3, self._place = s3, place
        self._tag: str | None = None
        self._at = 0.0
        self._one = threading.Lock()  # writing and looking exclude each other
        self._ends = threading.Event()
        self._renews = threading.Thread(target=self._renew, daemon=True)

    def take(self) -> None:
        """Raises Conflict when another holds it."""
        if not self._write("create"):
            dead = self._dead()
            if dead is None or not self._write({"e_tag": dead}):
                raise another(self._place)
        self._renews.start()

    def is_held(self) -> bool:
        """Whether nobody took it over: asked before anything is published or removed."""
        return (
            self._tag is not None and time.monotonic() - self._at < _DEAD_S / 2 and self._seen() == self._tag
        )

    def let_go(self) -> None:
        import obstore

        self._ends.set()
        self._renews.join()
        with suppress(Unavailable, FileNotFoundError):
            if self._tag is not None and self._seen() == self._tag:
                with told():
                    obstore.delete(self._s3, _LOCK)

    def _renew(self) -> None:
        while not self._ends.wait(_RENEW_S):
            with suppress(Unavailable):  # the bucket may answer again before the lease is old
                if self._tag is None or not self._write({"e_tag": self._tag}):
                    self._tag = None
                    return

    def _write(self, mode: Literal["create"] | UpdateVersion) -> bool:
        """Write it if the bucket finds it as expected; whether it did."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        body = {"host": socket.gethostname(), "pid": os.getpid(), "token": secrets.token_hex(8)}
        with self._one, told():
            at = time.monotonic()
            try:
                done = obstore.put(
                    self._s3,
                    _LOCK,
                    json.dumps(body).encode(),
                    use_multipart=False,
                    mode=mode,
                )
            except (AlreadyExistsError, PreconditionError, FileNotFoundError):
                return False
            self._tag, self._at = done["e_tag"], at
        return True

    def _seen(self) -> str | None:
        import obstore

        with suppress(FileNotFoundError), told():
            return obstore.head(self._s3, _LOCK)["e_tag"]
        return None

    def _dead(self) -> str | None:
        """The tag of a lock whose writer is gone; None while it may be alive."""
        import obstore

        with suppress(FileNotFoundError), told():
            found = obstore.get(self._s3, _LOCK)
            held = json.loads(bytes(found.bytes()))
            is_old = time.time() - found.meta["last_modified"].timestamp() > _DEAD_S
            if is_old or (held["host"] == socket.gethostname() and not Path(f"/proc/{held['pid']}").exists()):
                return found.meta["e_tag"]
        return None


def _then(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _key(sha256: str) -> str:
    return f"objects/{sha256[:2]}/{sha256}"
