"""How often a decision over HTTP goes to the database, and what it makes Python do: both grow by little things that nobody sees."""

from __future__ import annotations

import cProfile
import pstats
from dataclasses import replace
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from api.house import House
from tests.campaigns.year import Scale, Year, waiting_application
from tests.conftest import TestClock
from tests.people import a_person, client_as
from tests.ways import counted

WARM = 7  # the driver prepares a statement when it is asked for the sixth time, which is a way of its own
MOST = {"postgresql": 11, "sqlite": 26}  # on SQLite two of them begin transactions
CALLS = {
    "approving": 15_500,
    "taking": 12_500,
}  # of functions, Python's and C's: a tenth more than on the database that takes more


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::core.calendar.UnknownYearWarning")  # days of the year after
@pytest.mark.parametrize("host", ["testclient", "203.0.113.7"])
def test_a_decision_goes_to_the_database_no_more_often_than_it_did(
    house: House, clock: TestClock, host: str
) -> None:
    """Approving one line alone, and asking for an extract; from the bearer token to the commit. Over a network there is more to write of
    the event, in the same way."""
    house = replace(house, settings=house.settings.model_copy(update={"second_factor_roles": "none"}))
    year = Year(house, clock, Scale(enterprises=2, applications=2, granted=2, lines=0))  # type: ignore[arg-type]
    year.enter()
    year.apply()
    clock.forward(days=1)
    first = (clock.now + timedelta(days=1)).date()
    with house.write() as work:
        a_person(work, "alone", "bureau", ["approver"])
        waiting = [waiting_application(year, work, f"x-{number}", first) for number in range(WARM + 2)]
    grant_id, who, known = year.grants[0]
    approver, analyst = (
        TestClient(client_as(house, name).app, client=(host, 1), headers=client_as(house, name).headers)
        for name in ("alone", who)
    )
    most = MOST[house.engine.dialect.name] + (host != "testclient" and house.engine.dialect.name == "sqlite")

    def approve(number: int) -> int:
        found = waiting[number]
        lines = [{"line_id": line.id, "outcome": "approve"} for line in found.lines]
        body = {"version": found.version, "has_no_conflict": True, "lines": lines}
        return int(approver.post(f"/api/v1/applications/{found.id}/decide", json=body).status_code)

    def take(_: int) -> int:
        body = {
            "grant_id": grant_id,
            "purpose": "risk-pricing",
            "scenario_id": "safety",
            "columns": known[:2],
        }
        return int(analyst.post("/api/v1/extracts", json=body).status_code)

    for name, act, answer in (("approving", approve, 200), ("taking", take, 202)):
        for number in range(WARM):
            assert act(number) == answer
        with counted(house.engine) as ways:
            assert act(WARM) == answer
        assert ways.made <= most, (name, ways.made)
        with cProfile.Profile() as profile:
            assert act(WARM + 1) == answer
        assert pstats.Stats(profile).total_calls <= CALLS[name], (name, pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]
