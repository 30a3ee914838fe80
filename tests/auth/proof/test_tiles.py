"""Tiles of C2SP tlog-tiles: from them alone a stranger rebuilds the root and proves an event; nothing unsigned and nothing personal is among them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from api.house import House
from auth.proof import merkle, tiles
from auth.proof.note import Verifier
from auth.proof.offline import verify_pack
from auth.proof.tiles import HASH_SIZE, Tile
from tests.auth.proof.packs import a_pack, a_record, grow, lines_of, sealed
from tests.people import client_as


def _reader(visitor: TestClient) -> Callable[[Tile], bytes]:
    def read(tile: Tile) -> bytes:
        answer = visitor.get(f"/tlog/tile/{tile.name}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/octet-stream")
        assert "immutable" in answer.headers["cache-control"]
        assert len(answer.content) == tile.width * HASH_SIZE
        return answer.content

    return read


@pytest.mark.slow
def test_a_stranger_rebuilds_the_root_and_proves_an_event_from_tiles_alone(house: House) -> None:
    last = a_record(house, 300, 423)[-1]
    assert last.size == 723
    visitor = client_as(house)
    key = Verifier.parse(visitor.get("/api/v1/audit/key").text)
    answer = visitor.get("/tlog/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    signed = key.opens(answer.text)
    read = _reader(visitor)
    wanted = [tile.name for tile in tiles.all_of(signed.size)]
    assert wanted == ["0/000", "0/001", "0/002.p/211", "1/000.p/2"]
    leaves = b"".join(read(Tile(0, at, 256 if at < 2 else 211)) for at in range(3))
    frontier = merkle.Frontier()
    for at in range(0, len(leaves), HASH_SIZE):
        list(frontier.add(leaves[at : at + HASH_SIZE]))
    assert (frontier.size, frontier.root()) == (signed.size, signed.root)
    node = tiles.nodes_of(read, signed.size)
    assert merkle.root(node, signed.size) == signed.root
    for index in (0, 255, 256, 511, 512, 722):
        path = merkle.inclusion_proof(node, index, signed.size)
        leaf = leaves[index * HASH_SIZE : (index + 1) * HASH_SIZE]
        assert merkle.holds_leaf(leaf, index, signed.size, path, signed.root)
    older = merkle.consistency_proof(node, 300, signed.size)
    assert older


def test_of_the_record_no_more_is_told_than_a_checkpoint_signs(house: House) -> None:
    a_record(house, 5)
    grow(house, 4)
    visitor = client_as(house)
    assert visitor.get("/tlog/tile/0/000.p/5").status_code == 200
    assert visitor.get("/tlog/tile/0/000.p/3").status_code == 200
    assert visitor.head("/tlog/tile/0/000.p/5").content == b""
    for address in (
        "0/000.p/6", "0/000", "1/000.p/1", "0/001.p/1", "entries/000.p/5", "0/000.p/0", "0/000.p/05", "0/000.p/256", "00/000.p/5",
        "0/x000/000.p/5", "0/0.p/5", "63/000.p/1", "0/000.p/5/", "../../keys", "0/٠٠٠.p/5", "-1/000.p/5", "data/000.p/5",
    ):  # fmt: skip
        answer = visitor.get(f"/tlog/tile/{address}")
        assert answer.status_code == 404, address
    assert "bundles of entries are not published" in visitor.get("/tlog/tile/entries/000", headers={"accept-language": "en"}).text  # fmt: skip
    sealed(house)
    assert visitor.get("/tlog/tile/0/000.p/9").status_code == 200


def test_where_nothing_is_signed_yet_there_is_neither_checkpoint_nor_tile(house: House) -> None:
    visitor = client_as(house)
    assert visitor.get("/tlog/checkpoint").status_code == 404
    assert visitor.get("/tlog/tile/0/000.p/1").status_code == 404


def test_the_pack_holds_the_tiles_and_what_was_done_to_one_is_found(
    sqlite_house: House, tmp_path: Path
) -> None:
    a_record(sqlite_house, 260, 40)
    pack = a_pack(sqlite_house, tmp_path / "pack")
    found = verify_pack(pack)
    assert (found.flaws, found.events) == ([], 300)
    held = {str(path.relative_to(pack / "tile")) for path in (pack / "tile").rglob("*") if path.is_file()}
    assert held == {"0/000", "0/001.p/44", "1/000.p/1"}
    first = merkle.leaf_hash(lines_of(pack)[0].rstrip(b"\n"))
    assert (pack / "tile/0/000").read_bytes()[:HASH_SIZE] == first
    for name in held:
        path = pack / "tile" / name
        whole = path.read_bytes()
        for broken in (
            whole[:-1],
            bytes([whole[0] ^ 1]) + whole[1:],
            whole[:-1] + bytes([whole[-1] ^ 1]),
            b"",
        ):
            path.write_bytes(broken)
            assert [flaw.where.split("/")[0] for flaw in verify_pack(pack).flaws] == ["tile"], name
        path.unlink()
        assert verify_pack(pack).flaws
        path.write_bytes(whole)
    (pack / "checkpoint").write_text(sorted((pack / "checkpoints").iterdir())[0].read_text())
    assert verify_pack(pack).flaws
    (pack / "checkpoint").unlink()
    assert verify_pack(pack).flaws
    for path in sorted((pack / "tile").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (pack / "tile").rmdir()
    assert verify_pack(pack).flaws == [], "as packs were before there were tiles"


def test_addresses_are_those_of_the_specification() -> None:
    assert Tile(0, 1_234_067).name == "0/x001/x234/067"
    assert Tile(3, 0, 7).name == "3/000.p/7"
    assert tiles.named("0/x001/x234/067") == Tile(0, 1_234_067)


@given(st.integers(0, tiles.LEVELS - 1), st.integers(0, 2**40), st.integers(1, 256))
def test_an_address_names_its_tile(level: int, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert tiles.named(tile.name) == tile


@given(st.integers(1, 3000))
def test_any_size_is_rebuilt_from_its_tiles(size: int) -> None:
    leaves = [merkle.leaf_hash(json.dumps(at).encode()) for at in range(size)]
    node = merkle.nodes_of(leaves)

    def read(tile: Tile) -> bytes:
        assert tile in set(tiles.all_of(size))
        return b"".join(node(tile.node_level, tile.start + at) for at in range(tile.width))

    rebuilt = tiles.nodes_of(read, size)
    assert merkle.root(rebuilt, size) == merkle.root(node, size)
    assert merkle.inclusion_proof(rebuilt, size - 1, size) == merkle.inclusion_proof(node, size - 1, size)


def test_the_checkpoint_is_the_same_as_under_the_api(house: House) -> None:
    a_record(house, 3)
    visitor = client_as(house)
    assert visitor.get("/tlog/checkpoint").text == visitor.get("/api/v1/audit/checkpoint").text
