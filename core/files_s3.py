"""The file store in an S3-compatible bucket, with checked copies on this machine's disk.

Why this exists: several machines share one store, and DuckDB and pyarrow read files. The bucket holds the truth; `path` brings a copy whose bytes were
hashed, kept under the same layout that a local store has, and longest unused copies go first. Downloads need no copy: they are read in ranges.

Keys below the prefix: `objects/ab/…` the files, `stage/…` what is not yet proven, `again/…` an empty mark for a file that was put once more, `going/…`
a mark while a file is being collected. No lock reaches over machines, so putting and collecting keep apart by these marks: who collects writes `going`,
then looks at the age, then deletes; who puts makes the file new, then looks for `going`, and then whether the file is there. A bucket reads what was
written, so one of the two always sees the other.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from core.errors import NotFound, Unavailable
from core.files import FileStore, Held, StoredFile, damaged
from core.files_copies import Copies
from core.looked import LATELY_S
from core.settings import Settings
from core.text import Text
from core.witness import Sums, Witness, drop

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import S3Store

MIB: Final = 1024 * 1024
_AT_ONCE: Final = 32 * MIB  # larger files go in parts
_COPIES_WHOLE: Final = 5 * 1024 * MIB  # what S3 copies with one request
_READ: Final = 8 * MIB
_CONNECT: Final = timedelta(seconds=10)
_REQUEST: Final = timedelta(seconds=60)
_DEAD_S: Final = 300.0  # a mark of a collection that old belongs to nobody any more
_GIVES_UP_S: Final = 60.0
_MOST_SEEN: Final = 10_000
_Mark = tuple[str | None, int, float]


def files_of(settings: Settings) -> FileStore:
    """The store that the settings name: a bucket, or the directory of the installation."""
    if not settings.store:
        return FileStore(settings.files_dir, settings.keys_dir)
    return S3FileStore(settings)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A place in an S3-compatible store and what opens it. Raises Unavailable when the address is none."""

    address: str  # s3://bucket/prefix
    endpoint: str | None = None
    region: str = "us-east-1"
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    setting: str = "DATAGRANT_STORE"  # what an administrator is sent to

    def parts(self) -> tuple[str, str]:
        """`s3://bucket/prefix` to bucket and prefix. Raises Unavailable."""
        scheme, _, rest = self.address.partition("://")
        bucket, _, prefix = rest.partition("/")
        if scheme != "s3" or not bucket:
            raise Unavailable(
                Text(
                    f"{self.setting} 应写作 s3://存储桶/前缀；请管理员更正。",
                    f"{self.setting} should read s3://bucket/prefix; the administrator must correct it.",
                )
            )
        return bucket, prefix.strip("/")

    def overlaps(self, other: Bucket) -> bool:
        """Whether one of the two places lies within the other."""
        (own, here), (their, there) = self.parts(), other.parts()
        if (self.endpoint or "").rstrip("/") != (other.endpoint or "").rstrip("/") or own != their:
            return False
        return f"{here}/".startswith(f"{there}/".lstrip("/")) or f"{there}/".startswith(
            f"{here}/".lstrip("/")
        )

    def opened(self) -> S3Store:
        from obstore.store import S3Store

        bucket, prefix = self.parts()
        secret = {
            name: value
            for name, value in (
                ("access_key_id", self.access_key),
                ("secret_access_key", self.secret_key),
                ("endpoint", self.endpoint),
            )
            if value
        }
        return S3Store(
            bucket, prefix=prefix or None, region=self.region, virtual_hosted_style_request=False,
            client_options={
                "allow_http": (self.endpoint or "").startswith("http://"), "connect_timeout": _CONNECT, "timeout": _REQUEST,
            },
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=30)}, **secret,  # type: ignore[arg-type]
        )  # fmt: skip


def bucket_of(settings: Settings) -> Bucket:
    """The bucket that holds the files of the installation."""
    return Bucket(
        settings.store, settings.store_endpoint, settings.store_region, settings.store_access_key, settings.store_secret_key
    )  # fmt: skip


class S3FileStore(FileStore):
    """Content-addressed files in a bucket. `root` holds the staging directory and the copies."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.files_dir, settings.keys_dir)
        self._settings = settings
        self._bucket = bucket_of(settings)
        self._bucket.parts()
        self._copies = Copies(self.root, settings.store_cache_bytes)
        self._bringing: WeakValueDictionary[str, _Turn] = WeakValueDictionary()
        self._right: dict[str, tuple[_Mark, float]] = {}
        self._lock = threading.Lock()

    @cached_property
    def _s3(self) -> S3Store:
        return self._bucket.opened()

    # reading

    def path(self, sha256: str) -> Path:
        local = self._path(sha256)
        if not local.is_file():
            with self._lock:
                turn = self._bringing.setdefault(sha256, _Turn())
            with turn.lock:  # who reads in parts asks for many at once
                if not local.is_file():
                    self._fetch(sha256)
        self._copies.used(local)
        return local

    def held(self, sha256: str) -> Held:
        local = self._path(sha256)
        if local.is_file():
            self._copies.used(local)
            return self._held_here(sha256, local)
        return self.afar(sha256)

    def afar(self, sha256: str) -> Held:
        self._path(sha256)
        found = self._head(_key(sha256))
        if found is None:
            raise _none(sha256)
        return Held(
            sha256, int(found["size"]), piece=partial(self._piece, sha256), bring=partial(self.path, sha256),
            check=partial(self.check, sha256), found_right=partial(self._found_right, sha256, _mark(found)),
        )  # fmt: skip

    def has(self, sha256: str) -> bool:
        return self._size(sha256) is not None

    def size_and_age(self, sha256: str) -> tuple[int, float]:
        """As in a directory; a second is added to the instant, since a bucket counts whole ones."""
        found = self._head(_key(sha256))
        if found is None:
            raise _none(sha256)
        again = self._head(f"again/{sha256}")
        newest = max(each["last_modified"].timestamp() for each in (found, again) if each)
        return int(found["size"]), newest + 1.0

    def verify(self, sha256: str) -> bool:
        """Read the bucket's bytes again. A damaged copy on this machine is dropped, since the next reader fetches it anew."""
        self._path(sha256)
        local = self._path(sha256)
        if local.is_file() and not super().verify(sha256):
            drop(local)
        return self._hash(_key(sha256)) == sha256

    def verify_copy(self, sha256: str) -> bool:
        self.path(sha256)
        return super().verify_copy(sha256)

    def digests(self) -> Iterator[str]:
        yield from (sha256 for sha256, _ in self.listed())

    def listed(self) -> Iterator[tuple[str, int]]:
        import obstore

        with told():
            for some in obstore.list(self._s3, "objects/", chunk_size=1000):
                yield from ((each["path"].rpartition("/")[2], int(each["size"])) for each in some)

    def sign(self, sha256: str, seconds: int) -> str | None:
        import obstore

        seen, found = self._right.get(sha256), self._head(_key(sha256))
        if seen is None or found is None or seen[0] != _mark(found) or time.monotonic() - seen[1] >= LATELY_S:
            return None
        with told():
            return obstore.sign(self._s3, "GET", _key(sha256), timedelta(seconds=seconds))

    def _found_right(self, sha256: str, mark: _Mark) -> None:
        """The object with that mark hashed to its name at this instant."""
        with self._lock:
            if len(self._right) >= _MOST_SEEN:
                self._right.clear()
            self._right[sha256] = mark, time.monotonic()

    # writing

    def _adopt(self, staged: Path, sha256: str, size: int, witness: Witness | None = None) -> StoredFile:
        self._upload(staged, sha256, size)
        stored = super()._adopt(staged, sha256, size, witness)
        self._copies.make_room()
        return stored

    def _upload(self, staged: Path, sha256: str, size: int) -> None:
        """The file is in the bucket afterwards, new, and nobody is about to collect it."""
        deadline = time.monotonic() + _DEAD_S + _GIVES_UP_S
        while True:
            there = self._size(sha256)
            if there is None:
                self._write(staged, sha256, size)
            elif there != size or not self._is_right(sha256):  # replaced, never taken away first
                self._write(staged, sha256, size, replace=True)
            else:
                self._put(f"again/{sha256}", b"")
            if not self._is_going(sha256) and self._size(sha256) is not None:
                return
            if time.monotonic() > deadline:
                raise Unavailable(
                    Text("文件库正在清理，请稍后再试。", "The store is being collected; try again later.")
                )
            time.sleep(0.2)

    def _is_right(self, sha256: str) -> bool:
        try:
            return self._hash(_key(sha256)) == sha256
        except NotFound:  # collected meanwhile
            return False

    def _write(self, staged: Path, sha256: str, size: int, *, replace: bool = False) -> None:
        """Small files in one request that only creates (unless it shall `replace`); large ones in parts under a key of their own, read again, and then copied to their name."""
        import obstore

        if size <= _AT_ONCE:
            self._put(_key(sha256), staged, create=not replace)
            return
        temporary = f"stage/{secrets.token_hex(16)}" if size <= _COPIES_WHOLE else _key(sha256)
        with told():
            obstore.put(
                self._s3, temporary, staged, use_multipart=True, chunk_size=16 * MIB, max_concurrency=4
            )
            try:
                try:
                    is_true = self._hash(temporary) == sha256
                except NotFound:  # collected meanwhile: who called looks again
                    return
                if not is_true:
                    self._delete(temporary)  # also under its own name: nobody may take it for whole later
                    raise Unavailable(
                        Text(
                            "对象存储返回的字节与写入的不同，文件未保存。",
                            "The object store gives back other bytes than were written; the file was not kept.",
                        )
                    )
                if temporary != _key(sha256):
                    obstore.copy(self._s3, temporary, _key(sha256))
            finally:
                if temporary != _key(sha256):
                    self._delete(temporary)

    # taking out

    def remove(self, sha256: str) -> None:
        local = self._path(sha256)
        self._delete(_key(sha256), f"again/{sha256}")
        drop(local)

    def collect(self, sha256: str, before: float, is_cited: Callable[[], bool]) -> bool:
        begun, mark = time.monotonic(), f"going/{sha256}/{secrets.token_hex(8)}"
        self._path(sha256)
        self._put(mark, b"")
        try:
            try:
                _, age = self.size_and_age(sha256)
            except NotFound:
                return False
            if age >= before or is_cited() or time.monotonic() - begun > _DEAD_S / 2:
                return False
            self.remove(sha256)
            return True
        finally:
            self._delete(mark)

    def drop_staged(self, instant: float) -> int:
        """Leftovers here and in the bucket: staging, dead marks, and marks of files that are gone."""
        import obstore

        dropped = super().drop_staged(instant)
        with told():
            left = [each for some in obstore.list(self._s3, "stage/") for each in some]
            marks = [each for some in obstore.list(self._s3, "going/") for each in some]
        for each in left + marks:
            if each["last_modified"].timestamp() < instant:
                self._delete(each["path"])
                dropped += each["path"].startswith("stage/")
        return dropped

    # the bucket

    def _fetch(self, sha256: str) -> None:
        import obstore

        staged, sums = self.stage_path(), Sums(self._witnesses)
        try:
            with told(sha256), staged.open("xb") as out:
                got = obstore.get(self._s3, _key(sha256))
                for chunk in got.stream(min_chunk_size=_READ):
                    sums.update(bytes(chunk))
                    out.write(chunk)
            if sums.sha256 != sha256:
                raise damaged(sha256)
            self._found_right(sha256, _mark(got.meta))
            super()._adopt(staged, sha256, sums.size_bytes, sums.witness())
        finally:
            staged.unlink(missing_ok=True)
        self._copies.make_room(keeping=self._path(sha256))

    def _piece(self, sha256: str, start: int, length: int) -> bytes:
        import obstore

        with told(sha256):
            return bytes(obstore.get_range(self._s3, _key(sha256), start=start, length=length))

    def _hash(self, key: str) -> str:
        import obstore

        digest = hashlib.sha256()
        with told(key.rpartition("/")[2]):
            for chunk in obstore.get(self._s3, key).stream(min_chunk_size=_READ):
                digest.update(chunk)
        return digest.hexdigest()

    def _size(self, sha256: str) -> int | None:
        self._path(sha256)
        found = self._head(_key(sha256))
        return None if found is None else int(found["size"])

    def _head(self, key: str) -> ObjectMeta | None:
        import obstore

        try:
            with told():
                return obstore.head(self._s3, key)
        except FileNotFoundError:
            return None

    def _put(self, key: str, what: Path | bytes, *, create: bool = False) -> None:
        import obstore
        from obstore.exceptions import AlreadyExistsError

        with told(), suppress(AlreadyExistsError):
            obstore.put(self._s3, key, what, use_multipart=False, mode="create" if create else "overwrite")

    def _delete(self, *keys: str) -> None:
        import obstore

        for key in keys:
            with told(), suppress(FileNotFoundError):
                obstore.delete(self._s3, key)

    def _is_going(self, sha256: str) -> bool:
        import obstore

        with told():
            marks = [each for some in obstore.list(self._s3, f"going/{sha256}/") for each in some]
        return any(time.time() - each["last_modified"].timestamp() < _DEAD_S for each in marks)


class _Turn:
    """One thread at a time brings a file; forgotten when nobody waits."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


def _mark(found: ObjectMeta) -> _Mark:
    """What changes when an object is written anew: tag, bytes, instant."""
    return found["e_tag"], int(found["size"]), found["last_modified"].timestamp()


def _key(sha256: str) -> str:
    return f"objects/{sha256[:2]}/{sha256}"


def _none(sha256: str) -> NotFound:
    return NotFound(Text(f"文件库中没有 {sha256}。", f"The file store does not hold {sha256}."))


@contextmanager
def told(sha256: str | None = None) -> Iterator[None]:
    """A fault of the bucket as an error in words, without the request, which may hold a signature.

    What is not there stays FileNotFoundError, or becomes NotFound where a file was asked for by its digest.
    """
    from obstore.exceptions import AlreadyExistsError, BaseError

    try:
        yield
    except FileNotFoundError:
        if sha256 is None:
            raise
        raise _none(sha256) from None
    except AlreadyExistsError:
        raise
    except BaseError as fault:
        raise Unavailable(
            Text(
                f"对象存储没有应答或拒绝了请求（{type(fault).__name__}）；请稍后再试，并请管理员查看其地址与密钥的设置（DATAGRANT_STORE_…，备份为 DATAGRANT_BACKUP_…）。",
                f"The object store gave no answer or refused ({type(fault).__name__}); try again later, and have the administrator look at the settings of its address and keys (DATAGRANT_STORE_…, for backups DATAGRANT_BACKUP_…).",
            )
        ) from None
