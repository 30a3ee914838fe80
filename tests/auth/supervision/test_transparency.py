"""What everybody may know of how applications are handled: counted from events, nobody named, no median of a few. On both databases."""

from __future__ import annotations

from typing import Any

import pytest

from api.house import House
from auth.applications import service as applications
from auth.applications.models import ApplicationRead, ScreenBody
from auth.applications.workflow import State
from auth.policy.limits import limits
from tests.conftest import TestClock
from tests.desk import Desk, a_desk, an_application, decided, reviewed, screened
from tests.people import client_as, new_browser

SCENARIOS = ("safety", "parking", "weather", "heritage", "tourism-traffic", "benefits")


def told(house: House, year: int = 2026) -> dict[str, Any]:
    found: dict[str, Any] = client_as(house).get("/api/v1/transparency", params={"year": year}).json()
    return found


def refuse(desk: Desk, waiting: ApplicationRead) -> None:
    with desk.write("screener") as (work, actor):
        body = ScreenBody(
            version=waiting.version, has_no_conflict=True, outcome="reject", reason_code=sorted(limits().refusals)[0], note="不符合受理条件",
        )  # fmt: skip
        applications.screen(work, actor, waiting.id, body)


def test_numbers_share_time_and_reasons_without_a_name(house: House, clock: TestClock) -> None:
    desk = a_desk(house)
    assert told(house) == {
        "year": 2026, "applications": 0, "decided": 0, "granted": 0, "refused": 0, "granted_share": None, "median_working_days": None,
        "refusals": [],
    }  # fmt: skip
    waiting = [an_application(desk, scenario_id=scenario, at=State.SUBMITTED) for scenario in SCENARIOS]
    clock.forward(days=7)  # from a Monday to the next: five working days
    for each in waiting[:3]:
        decided(desk, reviewed(desk, screened(desk, each)))
    refuse(desk, waiting[3])
    found = told(house)
    assert (found["applications"], found["decided"], found["granted"], found["refused"]) == (6, 4, 3, 1), (
        "what waits is not decided"
    )
    assert (found["granted_share"], found["median_working_days"]) == (0.75, None), "no median of four"
    refuse(desk, waiting[4])
    found = told(house)
    assert (found["decided"], found["median_working_days"]) == (5, 5)
    (reason,) = found["refusals"]
    assert (reason["code"], reason["times"]) == (sorted(limits().refusals)[0], 2)
    assert told(house, 2025)["applications"] == 0
    assert "insurer" not in str(found)


@pytest.mark.parametrize(("lang", "word"), [("zh", "不足 5 件"), ("en", "Below 5 decisions")])
def test_the_page_is_for_everybody(sqlite_house: House, lang: str, word: str) -> None:
    page = new_browser(sqlite_house, lang)
    assert word in page.get("/transparency").text
    assert page.get("/transparency?year=nonsense").status_code == 200
    assert "/transparency" in page.get("/register").text
