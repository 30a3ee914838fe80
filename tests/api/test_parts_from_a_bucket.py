"""A part of a file that lies in a bucket: brought here whole and hashed first, so that no byte of a damaged one leaves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import obstore
import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from api.house import House
from auth.audit import AuditEventRow
from core.files_s3 import S3FileStore
from datasets.extracts.tables import ExtractRow
from tests.datasets.extracts.scene import a_scene, a_table
from tests.lake import Lake
from tests.people import client_as

pytestmark = pytest.mark.slow


@pytest.fixture
def house(lake: Lake, sqlite_house: House, tmp_path: Path) -> House:
    """An installation whose files lie in a bucket."""
    held = lake.settings(tmp_path / "machine")
    files = S3FileStore(held)
    return replace(sqlite_house, files=files)


def _asked(house: House) -> tuple[TestClient, str, str]:
    """An analyst, where his extract is taken, and its digest; this machine holds no copy of it."""
    scene = a_scene(house, table=a_table())  # the one that is kept lies on a disk
    made = scene.delivered()
    with house.read() as work:
        sha256 = str(work.db.get_one(ExtractRow, made.id).sha256)
    assert isinstance(house.files, S3FileStore)
    house.files._path(sha256).unlink()
    return client_as(house, "analyst"), f"/api/v1/extracts/{made.id}/file", sha256


def _damage(house: House, sha256: str) -> bytes:
    """One byte in the bucket is another."""
    store, key = house.files._s3, f"objects/{sha256[:2]}/{sha256}"  # type: ignore[attr-defined]
    body = bytearray(bytes(obstore.get(store, key).bytes()))
    body[len(body) // 2] ^= 1
    obstore.put(store, key, bytes(body))
    return bytes(body)


@pytest.mark.parametrize("wanted", ["bytes=0-3", "bytes=-8", "bytes=0-1,4-5"])
def test_no_part_of_a_damaged_file_leaves_and_that_is_on_record(house: House, wanted: str) -> None:
    analyst, asked, sha256 = _asked(house)
    _damage(house, sha256)
    answer = analyst.get(asked, headers={"range": wanted, "accept-language": "en"})
    assert (answer.status_code, answer.json()["sha256"]) == (503, sha256)
    assert "does not match its digest" in answer.json()["detail"]
    with house.read() as work:
        found = select(AuditEventRow.subject).where(AuditEventRow.kind == "store.damage_found")
        assert list(work.db.exec(found)) == [sha256]
    assert "校验不符" in analyst.get(asked, headers={"range": wanted, "accept-language": "zh-CN"}).text


def test_a_part_is_that_of_the_right_file_and_comes_from_one_copy(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyst, asked, sha256 = _asked(house)
    whole = analyst.get(asked).content
    assert not house.files._path(sha256).exists(), "the whole needs no copy"
    fetched: list[str] = []
    fetch = S3FileStore._fetch
    monkeypatch.setattr(
        S3FileStore, "_fetch", lambda self, sha256: (fetched.append(sha256), fetch(self, sha256))[1]
    )

    def part(at: int) -> httpx.Response:
        return analyst.get(asked, headers={"range": f"bytes={at}-{at + 9}"})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(part, range(0, 160, 10)))
    assert [each.status_code for each in answers] == [206] * 16
    assert b"".join(each.content for each in answers) == whole[:160]
    assert fetched == [sha256]


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"range": "bytes=99999999-"}, 416), ({"range": "bytes=0-3", "if-range": '"other"'}, 200)],
)
def test_what_needs_no_part_brings_no_copy(house: House, headers: dict[str, str], status: int) -> None:
    analyst, asked, sha256 = _asked(house)
    assert analyst.get(asked, headers=headers).status_code == status
    assert analyst.head(asked, headers={"range": "bytes=0-3"}).status_code == 206
    assert not house.files._path(sha256).exists()
