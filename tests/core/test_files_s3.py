"""The store in a bucket: copies that are checked, files read in ranges, nothing secret told."""

from __future__ import annotations

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import obstore
import pytest

from core.errors import Unavailable
from core.files_copies import Copies
from core.files_s3 import S3FileStore, files_of
from core.witness import beside
from tests.lake import SECRET, Lake

pytestmark = pytest.mark.slow
BIG = os.urandom(1024 * 1024) * 40  # above what goes in one request


@pytest.fixture
def store(lake: Lake, tmp_path: Path) -> S3FileStore:
    made = files_of(lake.settings(tmp_path))
    assert isinstance(made, S3FileStore)
    return made


def elsewhere(store: S3FileStore, room: Path) -> S3FileStore:
    """The same bucket seen from another machine, which has no copies."""
    return S3FileStore(store._settings.model_copy(update={"data_dir": room}))


def test_another_machine_reads_a_large_file_whole_and_in_ranges(store: S3FileStore, tmp_path: Path) -> None:
    stored = store.put([BIG])
    assert stored.sha256 == hashlib.sha256(BIG).hexdigest()
    other = elsewhere(store, tmp_path / "other")
    held = other.held(stored.sha256)
    assert held.path is None
    assert held.piece is not None
    assert held.piece(5, 7) == BIG[5:12]
    assert list((other.root / "stage").iterdir()) == [], "a download needs no copy"
    assert other.path(stored.sha256).read_bytes() == BIG
    assert other.held(stored.sha256).path == other.path(stored.sha256)
    assert not [each for some in obstore.list(store._s3, "stage/") for each in some]
    assert list(other.digests()) == [stored.sha256]


def test_what_s3_does_not_copy_at_once_is_written_in_parts_under_its_name(
    store: S3FileStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Above 5 GiB; the border is drawn lower here. What does not read back as it was written is not left behind."""
    monkeypatch.setattr("core.files_s3._COPIES_WHOLE", 33 * 1024 * 1024)
    with monkeypatch.context() as patch:
        patch.setattr(S3FileStore, "_hash", lambda *_: "0" * 64)
        with pytest.raises(Unavailable, match="other bytes than were written"):
            store.put([BIG])
    digest = hashlib.sha256(BIG).hexdigest()
    assert store._size(digest) is None
    assert store.put([BIG]).sha256 == digest
    assert elsewhere(store, tmp_path / "other").path(digest).read_bytes() == BIG
    assert not [each for some in obstore.list(store._s3, "stage/") for each in some]


def test_machines_that_put_and_collect_at_once_lose_nothing(store: S3FileStore, tmp_path: Path) -> None:
    """Three machines put old files again while two collect: what a put has answered for is there."""
    contents = [f"old {n}".encode() for n in range(8)]
    digests = [store.put([each]).sha256 for each in contents]
    time.sleep(2.2)  # the bucket counts whole seconds, and one is added
    before = float(int(time.time()))
    putting = [elsewhere(store, tmp_path / f"put-{n}") for n in range(3)]
    collecting = [elsewhere(store, tmp_path / f"collect-{n}") for n in range(2)]
    again = contents[:6]

    def puts(machine: S3FileStore) -> None:
        for each in again:
            machine.put([each])

    def collects(machine: S3FileStore) -> list[str]:
        return [each for each in digests if machine.collect(each, before, lambda: False)]

    with ThreadPoolExecutor(5) as people:
        put = [people.submit(puts, each) for each in putting]
        gone = [people.submit(collects, each) for each in collecting]
        for each in put:
            each.result()
        taken = [sha256 for each in gone for sha256 in each.result()]
    assert {*digests[6:]} <= {*taken}, "what nobody put again goes"
    for content, digest in zip(again, digests, strict=False):
        assert elsewhere(store, tmp_path / "later").path(digest).read_bytes() == content


def test_a_damaged_file_is_never_read(store: S3FileStore, tmp_path: Path) -> None:
    sha256 = store.put([b"abc"]).sha256
    obstore.put(store._s3, f"objects/{sha256[:2]}/{sha256}", b"abd")
    other = elsewhere(store, tmp_path / "other")
    with pytest.raises(Unavailable, match="does not match its digest"):
        other.path(sha256)
    assert list((other.root / "stage").iterdir()) == []


def test_a_damaged_copy_is_noticed_and_brought_anew(store: S3FileStore) -> None:
    sha256 = store.put([b"abc"]).sha256
    copy = store.path(sha256)
    copy.chmod(0o640)
    copy.write_bytes(b"abd")
    assert not store.verify_copy(sha256)
    assert store.verify(sha256), "the bucket's own bytes are right"
    assert store.path(sha256).read_bytes() == b"abc"


def test_a_copy_has_a_witness_of_its_own_machine_and_goes_with_it(store: S3FileStore, tmp_path: Path) -> None:
    """The bucket holds none; a damaged copy does not pass by it, and the copy brought anew has a new one."""
    sha256 = store.put([BIG]).sha256
    other = elsewhere(store, tmp_path / "other")
    (tmp_path / "other" / "keys").mkdir()
    copy = other.path(sha256)
    made = beside(copy).read_bytes()
    assert other.check(sha256).is_quick
    assert {*other.digests()} == {sha256}
    copy.chmod(0o640)
    with copy.open("r+b") as held:
        held.seek(len(BIG) // 2)
        held.write(b"damaged")
    assert (other.verify_copy(sha256), beside(copy).read_bytes()) == (False, made)
    assert other.verify(sha256), "the bucket's own bytes are right"
    assert not list(other.root.glob("??/??/*"))
    assert other.path(sha256).read_bytes() == BIG
    assert (other.verify_copy(sha256), beside(copy).read_bytes() == made) == (True, False)
    other.remove(sha256)
    assert not list(other.root.glob("??/??/*"))


def test_a_mark_left_by_a_killed_collection_does_not_hold_for_ever(
    store: S3FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = store.put([b"abc"]).sha256
    obstore.put(store._s3, f"going/{sha256}/dead", b"")
    assert store._is_going(sha256)
    monkeypatch.setattr("core.files_s3._DEAD_S", 0.0)
    store.put([b"abc"])
    assert store.drop_staged(4e9) == 0
    assert not [each for some in obstore.list(store._s3, "going/") for each in some]


def test_a_signed_address_gives_these_bytes_to_whoever_holds_it(store: S3FileStore, tmp_path: Path) -> None:
    sha256 = store.put([b"abc"]).sha256
    assert store.sign(sha256, 60) is None, "nobody has read it here"
    there = elsewhere(store, tmp_path / "other")
    there.path(sha256)
    address = there.sign(sha256, 60)
    assert address is not None
    assert SECRET not in address
    assert httpx.get(address).content == b"abc"
    assert httpx.get(address.replace("Signature=", "Signature=0")).status_code == 403


def test_wrong_keys_are_told_without_naming_them(lake: Lake, tmp_path: Path) -> None:
    settings = lake.settings(tmp_path, store_secret_key="another-secret")
    with pytest.raises(Unavailable, match="DATAGRANT_STORE") as told:
        files_of(settings).put([b"abc"])
    assert "another-secret" not in repr(settings) + str(told.value)
    assert list((settings.files_dir / "stage").iterdir()) == []


@pytest.mark.parametrize("address", ["bucket/prefix", "https://bucket", "s3://"])
def test_an_address_that_is_none_names_the_setting(tmp_path: Path, lake: Lake, address: str) -> None:
    with pytest.raises(Unavailable, match="s3://bucket/prefix"):
        files_of(lake.settings(tmp_path, store=address))


def test_the_longest_unused_copies_make_room(tmp_path: Path) -> None:
    room = tmp_path / "aa" / "bb"
    room.mkdir(parents=True)
    for number in range(4):
        (room / str(number)).write_bytes(b"x" * 10)
        os.utime(room / str(number), (number + 1, number + 1))
    copies = Copies(tmp_path, 20)
    copies.used(room / "0")
    assert copies.make_room(at_once=True) == 2
    assert sorted(path.name for path in room.iterdir()) == ["0", "3"], "the one just used stays"
