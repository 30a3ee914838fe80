"""Erasing, grants that sleep, the certificate of deletion and times without a zone, in a real browser and both languages."""

from __future__ import annotations

from datetime import timedelta

import pytest

from api.house import House
from auth.duties import service as duties
from auth.duties.workflow import Kind
from auth.erasure import service as erasures
from auth.erasure.service import ErasureCreate
from auth.grants import waking
from core.ids import ExtractId
from datasets.extracts import downloading
from tests.auth.agreements.scene import in_force
from tests.auth.grants.test_dormancy import DAYS, LOSING
from tests.conftest import TestClock
from tests.datasets.extracts.scene import VENUES, a_scene
from tests.datasets.parking import CLEAN, COLUMNS, a_parking_dataset, hand_in
from tests.desk import a_grant
from tests.people import a_person, actor_of
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.gx]
MIXED = CLEAN.replace(b"2026-03-01", b"2026-03-01T08:30:00+08:00", 1)


def test_pages_of_erasing_sleeping_and_deleting_are_legible(
    sqlite_house: House, open_page: OpenPage, clock: TestClock
) -> None:
    scene = a_scene(sqlite_house, columns=["venue_id", "rooms", "district"])
    taken = scene.delivered(columns=["venue_id"])
    with scene.desk.write("analyst") as (work, actor):
        downloading.note_download(work, actor, ExtractId(taken.id), "")
    idle = a_grant(scene.desk, asset=scene.desk.known[VENUES], scenario_id="weather", columns=["venue_id"])
    scene.revokes()
    with sqlite_house.write() as work:
        for name in ("root", "root2"):
            a_person(work, name, roles=["sysadmin"])
        asked = [
            erasures.ask(work, actor_of(work, "root"), ErasureCreate(username=who, reason="离职后提出"))
            for who in ("analyst", "approver")
        ]
    in_force(scene.desk, LOSING)
    clock.now += timedelta(days=DAYS)
    with sqlite_house.write() as work:
        assert waking.suspend_dormant_due(work) == 1
    with scene.desk.read("officer") as (work, actor):
        owed = next(each for each in duties.duties(work, actor)[0] if each.kind == Kind.DELETION_CERTIFICATE)
    pages = {
        "erasures": ("/erasures", "root2"), "erasure": (f"/erasures/{asked[1].id}", "root2"), "erasure-own": (f"/erasures/{asked[0].id}", "analyst"),
        "supervision": ("/supervision", "auditor"), "asleep": (f"/grants/{idle.id}", "officer"), "certificate": (f"/duties/{owed.id}", "officer"),
    }  # fmt: skip
    _legible(open_page, pages)


def test_a_batch_with_times_of_two_clocks_asks_which_is_meant(
    sqlite_house: House, open_page: OpenPage
) -> None:
    with sqlite_house.write() as work:
        a_parking_dataset(work, columns=[*COLUMNS[:-1], {**COLUMNS[-1], "type": "datetime"}])
    batch = hand_in(sqlite_house, "lin", MIXED)
    _legible(open_page, {"zone": (f"/batches/{batch.id}", "lin")})


def _legible(open_page: OpenPage, pages: dict[str, tuple[str, str]]) -> None:
    for lang, width in (("zh", 1280), ("en", 390)):
        for name, (path, who) in pages.items():
            page = open_page(path, user=who, lang=lang, width=width)
            shot(page, f"walk-{name}-{lang}-{width}")
            assert (axe(page), overflow(page)) == ([], 0), name
