"""A stored file that is not what was judged, on each way out: it never arrives complete, no part of it is sent, and that is on record."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from api import delivery
from api.delivery import DeliveryStopped
from api.house import House
from auth.audit import AuditEventRow
from core import witness
from datasets.extracts.tables import ExtractRow
from tests.datasets.extracts.scene import Scene, a_scene
from tests.datasets.sharing.reading import makes
from tests.people import client_as


def _file(scene: Scene, way: str) -> tuple[str, Path]:
    """Where the file is asked for, and where it lies."""
    if way == "extract":
        made = scene.delivered()
        with scene.house.read() as work:
            sha256 = work.db.get_one(ExtractRow, made.id).sha256
        return f"/api/v1/extracts/{made.id}/file", scene.house.files.path(str(sha256))
    view = makes(scene)
    path = scene.house.files.path(str(view.sha256))
    if way == "rows":
        return f"/api/v1/grants/{scene.grant_id}/rows", path
    if way == "CKAN":
        return f"/api/3/action/datastore_search?resource_id={scene.grant_id}", path
    if way == "CKAN dump":
        return f"/datastore/dump/{scene.grant_id}?format=csv", path
    link = (
        client_as(scene.house, "analyst")
        .post(f"/api/v1/grants/{scene.grant_id}/links", json={})
        .json()["url"]
    )
    return link[link.index("/shared/") :], path


def _damage(path: Path) -> None:
    """One byte is another; its time of change is put back, as one would who wants to go unnoticed."""
    before, held = path.stat(), bytearray(path.read_bytes())
    held[len(held) // 3] ^= 1
    path.chmod(0o640)
    path.write_bytes(held)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture(autouse=True, params=[False, True], ids=["plain", "witnessed"])
def _witnessed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it holds of files with a witness as well: here also small ones have one."""
    if request.param:
        monkeypatch.setattr(witness, "LEAST_BYTES", 1)


def _found(scene: Scene) -> list[str]:
    with scene.house.read() as work:
        wanted = select(AuditEventRow.subject).where(AuditEventRow.kind == "store.damage_found")
        return list(work.db.exec(wanted))


@pytest.mark.parametrize("way", ["extract", "link"])
@pytest.mark.parametrize("warm", [False, True], ids=["unseen", "seen before"])
def test_a_damaged_file_never_arrives_whole(sqlite_house: House, way: str, warm: bool) -> None:
    scene = a_scene(sqlite_house)
    asked, path = _file(scene, way)
    analyst = client_as(scene.house, "analyst")
    if warm:
        assert analyst.get(asked).content == path.read_bytes()
    _damage(path)
    with pytest.raises(DeliveryStopped):
        analyst.get(asked)
    assert _found(scene) == [path.name]


@pytest.mark.parametrize("way", ["extract", "link"])
@pytest.mark.parametrize("wanted", ["bytes=0-3", "bytes=-8", "bytes=0-1,4-5"])
def test_no_part_of_a_damaged_file_is_sent(sqlite_house: House, way: str, wanted: str) -> None:
    scene = a_scene(sqlite_house)
    asked, path = _file(scene, way)
    analyst = client_as(scene.house, "analyst")
    assert analyst.get(asked, headers={"range": wanted}).status_code == 206
    _damage(path)
    answer = analyst.get(asked, headers={"range": wanted, "accept-language": "en"})
    assert (answer.status_code, answer.json()["sha256"]) == (503, path.name)
    assert "does not match its digest" in answer.json()["detail"]
    assert _found(scene) == [path.name]


@pytest.mark.parametrize("way", ["extract", "link"])
def test_a_range_that_the_file_lacks_is_no_download_and_takes_nothing(sqlite_house: House, way: str) -> None:
    scene = a_scene(sqlite_house)
    asked, _ = _file(scene, way)
    analyst, before = client_as(scene.house, "analyst"), scene.view().used
    assert analyst.get(asked, headers={"range": "bytes=99999999-"}).status_code == 416
    assert scene.view().used == before
    assert scene.events("extract.downloaded") == scene.events("view.read") == []
    assert analyst.get(asked, headers={"range": "bytes=0-9"}).status_code == 206
    if way == "extract":
        assert len(scene.events("extract.downloaded")) == 1
    else:
        assert scene.view().used != before


@pytest.mark.parametrize("way", ["rows", "CKAN", "CKAN dump"])
@pytest.mark.parametrize("warm", [False, True], ids=["unseen", "seen before"])
def test_no_rows_of_a_damaged_file_are_told_and_nothing_is_charged(
    sqlite_house: House, way: str, warm: bool
) -> None:
    scene = a_scene(sqlite_house)
    asked, path = _file(scene, way)
    analyst = client_as(scene.house, "analyst")
    if warm:
        assert analyst.get(asked).status_code == 200
    used = scene.view().used
    _damage(path)
    answer = analyst.get(asked, headers={"accept-language": "zh-CN"})
    assert answer.status_code == 503, answer.text
    assert "大鹏" not in answer.text
    assert (scene.view().used, _found(scene)) == (used, [path.name])


def test_a_file_that_was_emptied_does_not_arrive_as_an_empty_one(sqlite_house: House) -> None:
    scene = a_scene(sqlite_house)
    asked, path = _file(scene, "extract")
    path.chmod(0o640)
    path.write_bytes(b"")
    assert client_as(scene.house, "analyst").get(asked).status_code == 503
    assert _found(scene) == [path.name]
    assert not scene.events("extract.downloaded")


def test_a_file_that_was_hashed_a_moment_ago_is_not_hashed_again(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = a_scene(sqlite_house)
    asked, _ = _file(scene, "extract")
    analyst: TestClient = client_as(scene.house, "analyst")
    hashed: list[Any] = []
    made: Callable[..., Any] = delivery.Hashing
    monkeypatch.setattr(delivery, "Hashing", lambda *told: hashed.append(told) or made(*told))
    assert [analyst.get(asked).status_code for _ in range(3)] == [200] * 3
    assert len(hashed) == 1


@pytest.mark.parametrize("left", [b"", b"DGW1", bytes(60)])
def test_a_witness_that_is_not_right_holds_no_right_file_up(sqlite_house: House, left: bytes) -> None:
    scene = a_scene(sqlite_house)
    asked, path = _file(scene, "extract")
    beside = witness.beside(path)
    beside.unlink(missing_ok=True)
    beside.write_bytes(left)
    assert client_as(scene.house, "analyst").get(asked).content == path.read_bytes()
    assert _found(scene) == []


@pytest.mark.parametrize("wanted", ["", "bytes=0-3"])
def test_a_witness_with_another_tag_holds_no_right_file_up(sqlite_house: House, wanted: str) -> None:
    scene = a_scene(sqlite_house)
    asked, path = _file(scene, "extract")
    beside = witness.beside(path)
    if beside.exists():
        held = beside.read_bytes()
        beside.chmod(0o640)
        beside.write_bytes(held[:-1] + bytes([held[-1] ^ 1]))
    answer = client_as(scene.house, "analyst").get(asked, headers={"range": wanted} if wanted else {})
    assert answer.content == (path.read_bytes()[:4] if wanted else path.read_bytes())
    assert _found(scene) == []
