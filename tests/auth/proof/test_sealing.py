"""The record is signed as it grows, and never signed again once it contradicts what was signed."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.house import House
from api.witness import seal_record
from auth.proof import merkle, service
from auth.proof.checkpoint import Place
from auth.proof.note import Verifier
from auth.proof.service import LogFault
from auth.proof.tree import Tree
from core.errors import InputRefused, NotFound
from tests.auth.proof.packs import TRIGGERS, a_record, grow, rewrite, sealed


def test_the_record_is_signed_when_it_has_grown_and_only_then(house: House) -> None:
    place = Place.of(house.settings)
    assert sealed(house) is None
    with pytest.raises(NotFound):
        service.newest(place)
    first, second = a_record(house, 3, 4)
    assert sealed(house) == second == service.newest(place)
    assert [int(path.stem) for path in place.paths()] == [first.size, second.size] == [3, 7]
    with house.read() as work:
        assert service.checkpoints_at_odds(work, place) == []


def test_each_log_continues_the_one_before(sqlite_house: House) -> None:
    made = a_record(sqlite_house, 1, 2, 5, 9)
    place = Place.of(sqlite_house.settings)
    for old in made:
        for new in made:
            if old.size <= new.size:
                path = merkle.consistency_proof(Tree(place.tree).node, old.size, new.size)
                assert merkle.extends(old.size, new.size, old.root, new.root, path)
    for old_size, new_size in ((0, 3), (4, 3), (3, 99)):
        with pytest.raises(InputRefused):
            service.consistency(place, old_size, new_size)


def test_a_rewritten_record_is_not_signed_and_the_checkpoints_show_it(sqlite_house: House) -> None:
    a_record(sqlite_house, 5, 5)
    place = Place.of(sqlite_house.settings)
    rewrite(sqlite_house, 3)
    grow(sqlite_house, 1)
    with pytest.raises(LogFault):
        sealed(sqlite_house)
    seal_record(sqlite_house)  # the worker goes on with its other work
    assert service.newest(place).size == 10
    with sqlite_house.read() as work:
        assert service.checkpoints_at_odds(work, place) == [5, 10]


def test_a_rewritten_record_is_not_signed_even_when_its_stored_tree_is_gone(sqlite_house: House) -> None:
    a_record(sqlite_house, 5)
    rewrite(sqlite_house, 3)
    grow(sqlite_house, 1)
    shutil.rmtree(Place.of(sqlite_house.settings).tree)
    with pytest.raises(LogFault):
        sealed(sqlite_house)


def test_a_record_that_was_cut_back_is_not_signed(sqlite_house: House) -> None:
    a_record(sqlite_house, 5)
    with sqlite_house.engine.begin() as raw:
        for name in TRIGGERS:
            raw.exec_driver_sql(f"DROP TRIGGER auth_audit_event_{name}")
        raw.exec_driver_sql("DELETE FROM auth_audit_event WHERE seq > 3")
    with pytest.raises(LogFault):
        sealed(sqlite_house)


@pytest.mark.parametrize("damage", ["gone", "short", "torn", "too-long", "level-gone"])
def test_the_stored_tree_is_made_again_from_the_record(sqlite_house: House, damage: str) -> None:
    a_record(sqlite_house, 6)
    tree = Place.of(sqlite_house.settings).tree
    leaves = tree / "00"
    if damage == "gone":
        shutil.rmtree(tree)
    elif damage == "level-gone":
        (tree / "01").unlink()
    else:
        raw = leaves.read_bytes()
        leaves.write_bytes(
            {"short": raw[:64], "torn": raw[:-40] + bytes(40), "too-long": raw + b"x" * 50}[damage]
        )
    grow(sqlite_house, 3)
    made = sealed(sqlite_house)
    assert made is not None
    held = Tree(tree)
    assert held.has_root(9, made.root)
    assert sorted((path.name, path.stat().st_size // 32) for path in tree.iterdir()) == [
        ("00", 9), ("01", 4), ("02", 2), ("03", 1),
    ]  # fmt: skip


def test_a_checkpoint_is_never_replaced(sqlite_house: House) -> None:
    (made,) = a_record(sqlite_house, 2)
    with pytest.raises(FileExistsError):
        Place.of(sqlite_house.settings).keep(made)


def test_an_altered_checkpoint_stops_the_signing(sqlite_house: House) -> None:
    a_record(sqlite_house, 2)
    place = Place.of(sqlite_house.settings)
    path = next(place.paths())
    path.chmod(0o640)
    path.write_bytes(path.read_bytes().replace(b"\n2\n", b"\n1\n"))
    grow(sqlite_house, 1)
    with pytest.raises(LogFault):
        sealed(sqlite_house)


def test_signers_at_the_same_time_make_one_checkpoint(sqlite_house: House) -> None:
    grow(sqlite_house, 20)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: sealed(sqlite_house), range(4)))
    assert {found.size for found in made if found} == {20}
    assert len(list(Place.of(sqlite_house.settings).paths())) == 1


def test_the_key_is_made_once_and_kept_from_others(sqlite_house: House) -> None:
    place = Place.of(sqlite_house.settings)
    with ThreadPoolExecutor(4) as pool:
        keys = {signer.verifier.text() for signer in pool.map(lambda _: place.signer(), range(8))}
    assert len(keys) == 1
    assert Verifier.parse(keys.pop()).origin == "127.0.0.1:8000/audit"
    assert (place.keys / "key.json").stat().st_mode & 0o077 == 0
