"""The file store: named by content, on disk before it is cited, nothing left behind."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from pathlib import Path

import obstore
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputRefused, NotFound
from core.files import FileStore, StoredFile
from core.files_s3 import S3FileStore, files_of
from tests.examples import examples
from tests.lake import Lake


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    """A new store, in a directory and in the bucket of a real server."""
    if request.param == "local":
        return FileStore(tmp_path / "files")
    lake: Lake = request.getfixturevalue("lake")
    return files_of(lake.settings(tmp_path))


def damage(store: FileStore, sha256: str, left: bytes = b"abd") -> None:
    """Change the bytes behind the store's back."""
    if isinstance(store, S3FileStore):
        obstore.put(store._s3, f"objects/{sha256[:2]}/{sha256}", left)
        return
    path = store.path(sha256)
    path.chmod(0o640)
    path.write_bytes(left)


@given(parts=st.lists(st.binary(max_size=200), max_size=6))
@settings(max_examples=examples(25))
def test_bytes_come_back_as_they_were(parts: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    store = FileStore(tmp_path_factory.mktemp("files"))
    whole = b"".join(parts)
    stored = store.put(iter(parts))
    assert stored.sha256 == hashlib.sha256(whole).hexdigest()
    assert stored.size_bytes == len(whole)
    assert store.path(stored.sha256).read_bytes() == whole
    assert store.verify(stored.sha256)


def test_same_bytes_are_kept_once(store: FileStore) -> None:
    first, second = store.put([b"abc"]), store.put([b"a", b"bc"])
    assert first == second
    assert list(store.digests()) == [first.sha256]


@pytest.mark.parametrize("left", [b"abd", b"ab", b""])
def test_bytes_handed_in_again_mend_what_a_disk_did_to_them(store: FileStore, left: bytes) -> None:
    sha256 = store.put([b"abc"]).sha256
    damage(store, sha256, left)
    assert not store.verify(sha256)
    assert store.put([b"abc"]) == StoredFile(sha256, 3)
    assert store.verify(sha256)
    assert store.path(sha256).read_bytes() == b"abc"
    with store.open(sha256) as source:
        assert source.read() == b"abc"


def test_a_stream_that_breaks_leaves_nothing(store: FileStore) -> None:
    def broken() -> object:
        yield b"half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        store.put(broken())  # type: ignore[arg-type]
    assert list(store.digests()) == []
    assert list((store.root / "stage").iterdir()) == []


def test_too_large_is_refused_and_leaves_nothing(store: FileStore) -> None:
    with pytest.raises(InputRefused, match="larger than the limit of 3 bytes"):
        store.put([b"ab", b"cd"], max_bytes=3)
    assert list((store.root / "stage").iterdir()) == []


def test_disk_comes_before_the_name(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """File flushed, then renamed to its digest, then the directory flushed: the row that cites it comes last."""
    order: list[str] = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(handle: int) -> None:
        kind = "directory" if os.path.isdir(f"/proc/self/fd/{handle}") else "file"  # noqa: PTH112 - a descriptor
        order.append(f"fsync {kind}")
        real_fsync(handle)

    def replace(self: Path, target: Path) -> Path:
        order.append("rename")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    store.put([b"abc"])
    assert order[:3] == ["fsync file", "rename", "fsync directory"]


def test_a_full_disk_stores_nothing(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        store.put([b"abc"])
    assert list(store.digests()) == []


def test_a_flipped_bit_is_noticed(store: FileStore) -> None:
    stored = store.put([b"abc"])
    damage(store, stored.sha256)
    assert not store.verify(stored.sha256)


@pytest.mark.parametrize(
    "name", ["", "..", "../../etc/passwd", "A" * 64, "g" * 64, "a" * 63, "a" * 65, "a" * 64]
)
def test_what_is_no_digest_of_ours_is_not_found(store: FileStore, name: str) -> None:
    with pytest.raises(NotFound):
        store.path(name)


def test_a_finished_file_is_moved_in(store: FileStore) -> None:
    made = store.stage_path(".parquet")
    made.write_bytes(b"xyz")
    stored = store.put_file(made)
    assert not made.exists()
    assert store.path(stored.sha256).read_bytes() == b"xyz"


def test_what_is_old_and_cited_by_nothing_goes_and_nothing_else(store: FileStore) -> None:
    sha256, later = store.put([b"abc"]).sha256, time.time() + 60
    assert not store.collect(sha256, 1.0, lambda: False), "put after that instant"
    assert not store.collect(sha256, later, lambda: True), "a row cites it"
    assert store.has(sha256)
    assert store.collect(sha256, later, lambda: False)
    assert not store.has(sha256)
    with pytest.raises(NotFound):
        store.path(sha256)
    assert not store.collect(sha256, later, lambda: False), "gone already"


def test_what_is_put_again_is_new(store: FileStore) -> None:
    sha256, pause = store.put([b"abc"]).sha256, 1.1 if isinstance(store, S3FileStore) else 0.02
    time.sleep(pause)  # a bucket counts whole seconds
    between = time.time()
    time.sleep(pause)
    store.put([b"abc"])
    assert store.size_and_age(sha256)[1] >= between
    assert not store.collect(sha256, between, lambda: False)


def test_put_again_while_it_is_collected_it_is_there_afterwards(store: FileStore) -> None:
    """Whoever puts while the file is going either keeps it or writes it anew."""
    sha256 = store.put([b"abc"]).sha256
    going, put_again = threading.Event(), threading.Thread(target=lambda: (going.wait(), store.put([b"abc"])))

    def is_cited() -> bool:
        going.set()
        time.sleep(0.3)
        return False

    put_again.start()
    store.collect(sha256, time.time() + 60, is_cited)
    put_again.join()
    assert store.has(sha256)
    assert store.path(sha256).read_bytes() == b"abc"


def test_a_download_finds_the_file_where_it_is(store: FileStore) -> None:
    sha256 = store.put([b"abcdef"]).sha256
    held = store.held(sha256)
    assert (held.size_bytes, held.path) == (6, store.path(sha256))
    store.remove(sha256)
    with pytest.raises(NotFound):
        store.held(sha256)
