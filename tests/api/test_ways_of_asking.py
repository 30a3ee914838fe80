"""How a file may be asked for, on every way out: HEAD says what GET does, and parts, tags and names mean everywhere the same."""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

import httpx2
import pytest
from starlette.types import Message

from api.house import House
from api.written import GuardedCopy
from tests.datasets.extracts.scene import a_scene
from tests.datasets.parking import CLEAN, a_parking_dataset, hand_in, publish
from tests.datasets.sharing.reading import makes
from tests.people import client_as

WAYS: Final = ("extract", "ticket", "link", pytest.param("open data", marks=pytest.mark.gx))
SAID: Final = (
    "content-length",
    "content-type",
    "etag",
    "content-disposition",
    "accept-ranges",
    "cache-control",
    "repr-digest",
)


class Asked:
    """A file on one way out. A ticket serves once, so each request takes its own."""

    def __init__(self, house: House, way: str) -> None:
        self.house, self.way = house, way
        if way == "open data":
            with house.write() as work:
                a_parking_dataset(work)
            self.path = f"/api/v1/releases/{publish(house, 'zhou', hand_in(house, 'lin', CLEAN).id).id}/file"
            self.who = client_as(house)
            return
        self.scene = a_scene(house)
        self.who = client_as(house, "analyst")
        if way == "link":
            makes(self.scene)
            made = self.who.post(f"/api/v1/grants/{self.scene.grant_id}/links", json={}).json()["url"]
            self.path = made.removeprefix("http://127.0.0.1:8000")
            return
        self.extract = self.scene.delivered()
        self.path = f"/api/v1/extracts/{self.extract.id}/file"

    def __call__(self, method: str = "GET", **headers: str) -> httpx2.Response:
        path = self.path
        if self.way == "ticket":
            made = self.who.post(f"/api/v1/extracts/{self.extract.id}/tickets", json={}).json()["url"]
            path = urlsplit(made).path
        return self.who.request(
            method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )


@pytest.mark.parametrize("way", WAYS)
def test_parts_tags_and_head(sqlite_house: House, way: str) -> None:
    asked = Asked(sqlite_house, way)
    whole = asked()
    body, tag = whole.content, whole.headers["etag"]
    head = asked("HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert {name: head.headers.get(name) for name in SAID} == {name: whole.headers.get(name) for name in SAID}
    assert "last-modified" not in whole.headers
    for wanted, status, part in (
        ("bytes=0-3", 206, body[:4]), ("bytes=-4", 206, b"PAR1"), (f"bytes=-{len(body) + 9}", 206, body), (f"bytes={len(body) - 1}-", 206, body[-1:]),
        (f"bytes={len(body)}-", 416, b""), ("bytes=-0", 416, b""), ("lines=1-2", 200, body), ("bytes=5-2", 200, body),
    ):  # fmt: skip
        answer = asked(range=wanted)
        assert (answer.status_code, answer.content) == (status, part), wanted
        if status == 206:
            assert asked("HEAD", range=wanted).headers["content-range"] == answer.headers["content-range"]
    several = asked(range="bytes=0-3,-4")
    assert several.headers["content-type"].startswith("multipart/byteranges")
    assert (several.content.count(b"Content-Range: bytes"), len(several.content)) == (
        2,
        int(several.headers["content-length"]),
    )
    for held, status in ((tag, 206), (f"W/{tag}", 200), ('"x"', 200), ("Mon, 02 Mar 2026 01:00:00 GMT", 200)):
        assert asked(range="bytes=0-3", if_range=held).status_code == status, held
    for held in (tag, f"W/{tag}", "*", f'"x", {tag}'):
        assert asked(if_none_match=held).status_code == asked("HEAD", if_none_match=held).status_code == 304


def test_a_date_names_no_file_so_a_ticket_is_not_lost_on_it(sqlite_house: House) -> None:
    """A range that is missing is 416 and leaves the ticket; one whose condition fails is the whole file, and takes it."""
    scene = a_scene(sqlite_house)
    extract, analyst = scene.delivered(), client_as(sqlite_house, "analyst")
    at = scene.file(extract.id).stat().st_mtime
    made = analyst.post(f"/api/v1/extracts/{extract.id}/tickets", json={}).json()["url"]
    headers = {"range": "bytes=99999999-", "if-range": formatdate(at, usegmt=True)}
    answer = client_as(sqlite_house).get(urlsplit(made).path, headers=headers)
    assert (answer.status_code, len(answer.content)) == (200, extract.size_bytes)


def test_a_chinese_name_arrives_as_it_is(sqlite_house: House) -> None:
    scene = a_scene(sqlite_house)
    makes(scene)
    path = (
        client_as(sqlite_house, "analyst")
        .post(f"/api/v1/grants/{scene.grant_id}/links", json={})
        .json()["url"]
    )
    told = urlsplit(path.removeprefix("http://127.0.0.1:8000"))
    address = f"{told.path.rpartition('/')[0]}/{quote('旅游场所 “名录”.parquet')}?{told.query}"
    said = client_as(sqlite_house).get(address).headers["content-disposition"]
    assert f"filename*=UTF-8''{quote('旅游场所 “名录”.parquet')}" in said
    assert said.isascii()


@pytest.mark.parametrize("form", ["csv", "tsv", "json", "xml"])
def test_a_dump_is_sent_whole_and_nothing_of_it_stays(sqlite_house: House, form: str) -> None:
    scene = a_scene(sqlite_house)
    makes(scene)
    analyst, path = client_as(sqlite_house, "analyst"), f"/datastore/dump/{scene.grant_id}?format={form}"
    whole = analyst.get(path)
    assert (whole.status_code, whole.headers["accept-ranges"]) == (200, "none")
    assert quote("旅游场所名录") in whole.headers["content-disposition"]
    for wanted in ("bytes=0-3", "bytes=99999999-", "bytes=0-1,4-5", "lines=1"):
        answer = analyst.get(path, headers={"range": wanted})
        assert (answer.status_code, answer.content) == (200, whole.content), wanted
    assert _left(sqlite_house) == []


@pytest.mark.gx
def test_a_dump_of_open_data_leaves_nothing_behind_however_it_is_asked_for(sqlite_house: House) -> None:
    with sqlite_house.write() as work:
        a_parking_dataset(work)
    release = publish(sqlite_house, "zhou", hand_in(sqlite_house, "lin", CLEAN).id)
    visitor = client_as(sqlite_house)
    (resource,) = [
        each["id"] for each in visitor.get(f"/api/3/action/package_show?id={release.dataset_id}").json()["result"]["resources"]
        if each.get("datastore_active")
    ][:1]  # fmt: skip
    path = f"/datastore/dump/{resource}"
    whole = visitor.get(path).content
    for wanted in ("bytes=0-3", "bytes=99999999-", "lines=1", "bytes=9-5"):
        assert visitor.get(path, headers={"range": wanted}).content == whole, wanted
    assert _left(sqlite_house) == []


def test_a_file_written_for_one_answer_is_gone_though_the_reader_left(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"x" * 4_000_000)
    answer = GuardedCopy(path, headers={"content-type": "text/csv"})
    assert not path.exists(), "nothing stays, whatever becomes of the answer"

    async def leaves(message: Message) -> None:
        if message["type"] == "http.response.body":
            raise OSError("gone")

    async def stays() -> Message:
        return {"type": "http.request"}

    with pytest.raises(OSError, match="gone"):
        asyncio.run(answer({"type": "http", "method": "GET", "headers": []}, stays, leaves))
    assert answer._file.closed


def _left(house: House) -> list[str]:
    return [each.name for each in house.settings.scratch_dir.iterdir() if each.is_file()]
