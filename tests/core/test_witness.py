"""Witnesses beside stored files: they spare a SHA-256, and never make wrong bytes right or right bytes wrong."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from core import witness
from core.files import FileStore
from core.files_copies import Copies
from core.witness import Check, Mac, Witnesses, beside

BODY = bytes(range(256)) * 300
OTHER = BODY[:-1] + b"?"


@pytest.fixture(autouse=True)
def _small_ones_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witness, "LEAST_BYTES", 1)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    (tmp_path / "keys").mkdir()
    return FileStore(tmp_path / "files", tmp_path / "keys")


def check(store: FileStore, sha256: str) -> Check:
    """A check that the whole file has passed."""
    made = store.check(sha256)
    body = store.path(sha256).read_bytes()
    for at in range(0, len(body), 1000):
        made.update(body[at : at + 1000])
    return made


def write(path: Path, content: bytes) -> None:
    path.chmod(0o640)
    path.write_bytes(content)


def test_what_is_put_is_witnessed_and_then_passes_without_sha256(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = store.put([BODY[:1000], BODY[1000:]]).sha256
    monkeypatch.setattr(witness, "new_sha256", lambda: pytest.fail("hashed by SHA-256"))
    made = check(store, sha256)
    assert (made.is_quick, made.is_right(), store.verify_copy(sha256)) == (True, True, True)


def test_a_file_of_ours_is_witnessed_when_it_is_taken_in(store: FileStore) -> None:
    made = store.stage_path()
    made.write_bytes(BODY)
    assert store.check(store.put_file(made).sha256).is_quick


def test_small_files_have_none(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witness, "LEAST_BYTES", len(BODY) + 1)
    sha256 = store.put([BODY]).sha256
    assert check(store, sha256).is_right()
    assert not beside(store.path(sha256)).exists()


def test_a_first_full_look_makes_the_one_that_is_missing(store: FileStore) -> None:
    sha256 = store.put([BODY]).sha256
    beside(store.path(sha256)).unlink()
    made = check(store, sha256)
    assert (made.is_quick, made.is_right(), store.check(sha256).is_quick) == (False, True, True)


@pytest.mark.parametrize("left", [OTHER, BODY[:-1], BODY + b"x", b""])
def test_other_bytes_under_a_right_witness_are_wrong(store: FileStore, left: bytes) -> None:
    sha256 = store.put([BODY]).sha256
    held = beside(store.path(sha256)).read_bytes()
    write(store.path(sha256), left)
    assert not check(store, sha256).is_right()
    assert (store.verify_copy(sha256), store.verify(sha256)) == (False, False)
    assert beside(store.path(sha256)).read_bytes() == held


def _of_another(path: Path, store: FileStore) -> None:
    shutil.copy(beside(store.path(store.put([OTHER]).sha256)), beside(path))


def _of_another_key(path: Path, store: FileStore) -> None:
    there = store.root.parent / "there"
    there.mkdir()
    elsewhere = FileStore(there / "files", there)
    shutil.copy(beside(elsewhere.path(elsewhere.put([BODY]).sha256)), beside(path))


def _tampered(at: int) -> Callable[[Path, FileStore], None]:
    def change(path: Path, _: FileStore) -> None:
        held = bytearray(beside(path).read_bytes())
        held[at] ^= 1
        write(beside(path), bytes(held))

    return change


def _cut(to: int) -> Callable[[Path, FileStore], None]:
    return lambda path, _: write(beside(path), beside(path).read_bytes()[:to])


def _longer(path: Path, _: FileStore) -> None:
    write(beside(path), beside(path).read_bytes() + b"x")


BAD = {
    "of another file": _of_another, "of another key": _of_another_key, "its mark": _tampered(0), "its key": _tampered(4),
    "its salt": _tampered(12), "its tag": _tampered(-1), "cut": _cut(59), "empty": _cut(0), "longer": _longer,
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize("is_damaged", [False, True])
def test_beside_a_bad_witness_sha256_decides(
    store: FileStore, bad: Callable[[Path, FileStore], None], is_damaged: bool
) -> None:
    sha256 = store.put([BODY]).sha256
    path = store.path(sha256)
    bad(path, store)
    held = beside(path).read_bytes()
    if is_damaged:
        write(path, OTHER)
    assert check(store, sha256).is_right() is not is_damaged
    if is_damaged:
        assert beside(path).read_bytes() == held
    else:  # mended, under a salt of its own
        assert beside(path).read_bytes() != held
        assert check(store, sha256).is_quick
        assert check(store, sha256).is_right()


def test_a_damaged_file_that_takes_anothers_witness_with_it_is_wrong(store: FileStore) -> None:
    """The bytes and the witness of one file under the name of another."""
    sha256, other = store.put([BODY]).sha256, store.put([OTHER]).sha256
    write(store.path(sha256), OTHER)
    shutil.copy(beside(store.path(other)), beside(store.path(sha256)))
    assert not check(store, sha256).is_right()


def test_a_salt_from_elsewhere_never_serves_a_second_file(store: FileStore) -> None:
    """Two tags under one key would tell of it: a mended witness has a salt that nobody chose."""
    sha256, other = store.put([BODY]).sha256, store.put([OTHER]).sha256
    taken = beside(store.path(other)).read_bytes()
    shutil.copy(beside(store.path(other)), beside(store.path(sha256)))
    assert check(store, sha256).is_right()
    assert beside(store.path(sha256)).read_bytes()[12:44] != taken[12:44]


@pytest.mark.parametrize("fault", ["witness", "nothing"])
def test_bytes_that_passed_are_judged_and_not_the_file_beside_them(store: FileStore, fault: str) -> None:
    sha256 = store.put([BODY]).sha256
    if fault == "witness":
        _tampered(-1)(store.path(sha256), store)
    made = store.check(sha256)
    made.update(OTHER)  # the file itself is right, now
    assert not made.is_right()


def test_the_size_is_bound(store: FileStore) -> None:
    master = b"k" * 32
    one, two = Mac(master, b"s" * 32), Mac(master, b"s" * 32)
    for each in (one, two):
        each.update(BODY)
    sha256 = hashlib.sha256(BODY).hexdigest()
    assert one.witness(sha256, len(BODY)) != two.witness(sha256, len(BODY) + 1)


@pytest.mark.parametrize("left", [b"", b"short"])
def test_without_a_key_there_are_none_and_nothing_fails(tmp_path: Path, left: bytes) -> None:
    keys = tmp_path / "keys"
    if left:
        keys.mkdir()
        (keys / "witness.key").write_bytes(left)
    store = FileStore(tmp_path / "files", keys)
    sha256 = store.put([BODY]).sha256
    assert store.verify_copy(sha256)
    assert not beside(store.path(sha256)).exists()


def test_a_lost_key_makes_old_witnesses_strangers(store: FileStore) -> None:
    sha256 = store.put([BODY]).sha256
    keys = store.root.parent / "keys"
    (keys / "witness.key").unlink()
    again = FileStore(store.root, keys)
    made = check(again, sha256)
    assert (made.is_quick, made.is_right()) == (False, True)
    assert again.check(sha256).is_quick


def test_the_key_is_its_owners_alone(store: FileStore) -> None:
    store.put([BODY])
    assert (store.root.parent / "keys" / "witness.key").stat().st_mode & 0o777 == 0o400


def test_a_store_that_cannot_be_written_to_still_answers(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    sha256 = store.put([BODY]).sha256
    beside(store.path(sha256)).unlink()

    def refuse(self: Path, target: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "replace", refuse)
    assert check(store, sha256).is_right()
    assert [each.name for each in store.path(sha256).parent.iterdir()] == [sha256]


def test_it_is_no_file_of_the_store_and_goes_with_its_own(store: FileStore) -> None:
    sha256, other, third = (store.put([BODY + bytes([n])]).sha256 for n in range(3))
    assert {*store.digests()} == {each for each, _ in store.listed()} == {sha256, other, third}
    store.remove(sha256)
    assert store.collect(other, 4e9, lambda: False)
    Copies(store.root, 0).make_room(at_once=True, in_use_s=0)
    assert list(store.root.glob("??/??/*")) == []


def test_leftovers_are_swept(store: FileStore) -> None:
    sha256, kept = store.put([BODY]).sha256, store.put([OTHER]).sha256
    store.path(sha256).unlink()
    half = store.path(kept).with_name(f".{kept}.witness.abcd")
    half.write_bytes(b"")
    store.drop_staged(4e9)
    assert {each.name for each in store.root.glob("??/??/*")} == {kept, f"{kept}.witness"}


def test_whoever_hands_the_bytes_in_again_mends_both(store: FileStore) -> None:
    sha256 = store.put([BODY]).sha256
    write(store.path(sha256), OTHER)
    beside(store.path(sha256)).unlink()
    assert store.put([BODY]).sha256 == sha256
    made = check(store, sha256)
    assert (made.is_quick, made.is_right(), store.verify(sha256)) == (True, True, True)


def _put_and_die(root: Path) -> None:
    def die(self: Witnesses, path: Path, found: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    Witnesses.keep = die  # type: ignore[method-assign]
    FileStore(root / "files", root / "keys").put([BODY])


def test_killed_between_file_and_witness_the_file_is_there_and_judged_by_sha256(store: FileStore) -> None:
    process = multiprocessing.get_context("fork").Process(target=_put_and_die, args=(store.root.parent,))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    sha256 = hashlib.sha256(BODY).hexdigest()
    made = check(store, sha256)
    assert (made.is_quick, made.is_right()) == (False, True)
    assert store.check(sha256).is_quick


def test_doctor_asks_sha256_whatever_the_witness_says(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    sha256 = store.put([BODY]).sha256
    monkeypatch.setattr(Check, "is_right", lambda _: True)
    write(store.path(sha256), OTHER)
    assert not store.verify(sha256)
