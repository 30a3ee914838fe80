"""Signed links and one-time links after their right, or they themselves, have ended: nothing of the file, on whatever way it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from api.house import House
from auth.identity import accounts
from tests.conftest import TestClock
from tests.datasets.extracts.scene import Scene, a_scene, a_table
from tests.datasets.sharing.reading import makes
from tests.people import client_as

TAG: Final = "TAG"
HEADERS: Final[tuple[dict[str, str], ...]] = (
    {}, {"range": "bytes=0-3"}, {"range": "bytes=-4"}, {"range": "bytes=0-0,2-3"}, {"range": "bytes=0-3", "if-range": TAG},
    {"range": "bytes=0-3", "if-range": '"other"'}, {"if-none-match": TAG}, {"range": "bytes=99999999-"},
)  # fmt: skip


def _grant_ends(scene: Scene, clock: TestClock) -> None:
    clock.now = scene.view().ends_at


ENDS: Final[dict[str, Callable[[Scene, TestClock], Any]]] = {
    "revoked": lambda scene, _: scene.revokes(), "suspended": lambda scene, _: scene.suspends(),
    "dataset frozen": lambda scene, _: scene.freezes(), "grant frozen": lambda scene, _: scene.freezes(kind="grant", target=scene.grant_id),
    "release withdrawn": lambda scene, _: scene.withdraws(), "grant ended": _grant_ends,
}  # fmt: skip


def _addresses(scene: Scene) -> dict[str, tuple[str, str]]:
    """A signed link and a one-time link, each with the tag of its file."""
    analyst, made, view = client_as(scene.house, "analyst"), scene.delivered(), makes(scene)
    link = analyst.post(f"/api/v1/grants/{scene.grant_id}/links", json={}).json()["url"]
    ticket = analyst.post(f"/api/v1/extracts/{made.id}/tickets", json={}).json()["url"]
    return {
        "link": (link.removeprefix("http://127.0.0.1:8000"), f'"{view.sha256}"'), "ticket": (urlsplit(ticket).path, f'"{made.sha256}"'),
    }  # fmt: skip


def _gives_nothing(scene: Scene, way: str, path: str, tag: str, status: int) -> None:
    anyone = client_as(scene.house)
    for headers in HEADERS:
        asked = {name: tag if value == TAG else value for name, value in headers.items()}
        for method in ("GET", "HEAD"):
            answer = anyone.request(method, path, headers=asked)
            assert answer.status_code == status, (way, method, headers, answer.text)
            assert not {"etag", "content-range", "repr-digest", "content-disposition"} & set(answer.headers)
            assert b"PAR1" not in answer.content
    assert not scene.events("extract.downloaded") + scene.events("view.read")


@pytest.mark.parametrize("end", ENDS)
def test_nothing_leaves_once_the_right_has_ended(sqlite_house: House, clock: TestClock, end: str) -> None:
    scene = a_scene(sqlite_house, ends_on=date(2026, 9, 1))
    if end == "grant ended":
        clock.now = scene.view().ends_at - timedelta(minutes=2)
    addresses = _addresses(scene)
    ENDS[end](scene, clock)
    for way, (path, tag) in addresses.items():
        _gives_nothing(scene, way, path, tag, 403)
    assert scene.events("view.refused")
    assert scene.events("extract.download_refused")


def test_nothing_leaves_once_their_own_time_is_over(sqlite_house: House, clock: TestClock) -> None:
    scene = a_scene(sqlite_house)
    addresses = _addresses(scene)
    clock.forward(hours=1)
    _gives_nothing(scene, "link", *addresses["link"], 401)
    _gives_nothing(scene, "ticket", *addresses["ticket"], 410)


def test_a_one_time_link_that_was_used_gives_no_second_part(sqlite_house: House) -> None:
    scene = a_scene(sqlite_house)
    path, tag = _addresses(scene)["ticket"]
    anyone = client_as(sqlite_house)
    assert anyone.get(path, headers={"range": "bytes=0-3"}).content == b"PAR1"
    for headers in HEADERS:
        asked = {name: tag if value == TAG else value for name, value in headers.items()}
        for method in ("GET", "HEAD"):
            assert anyone.request(method, path, headers=asked).status_code == 410
    assert len(scene.events("extract.downloaded")) == 1


def test_the_link_of_one_file_opens_no_other(sqlite_house: House) -> None:
    """Neither the view's id nor the reader can be changed; a ticket's address names nothing but itself."""
    scene = a_scene(sqlite_house)
    addresses = _addresses(scene)
    other = makes(scene, scene.releases(a_table().slice(0, 4), 2))
    link, _ = addresses["link"]
    here = urlsplit(link).path.split("/")[2]
    anyone = client_as(sqlite_house)
    assert anyone.get(link.replace(here, other.id)).status_code == 401
    with scene.house.read() as work:
        known = {name: accounts.account_row(work, name).id for name in ("analyst", "officer2")}
    assert anyone.get(link.replace(known["analyst"], known["officer2"])).status_code == 401
    ticket, _ = addresses["ticket"]
    assert anyone.get(f"{ticket.rpartition('/')[0]}/other.parquet").status_code == 200, (
        "the name is for people"
    )
