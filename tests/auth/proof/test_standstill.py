"""Where the profile asks for it, a record at odds with what was signed stops decisions and deliveries until an officer acknowledges it. On both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from api.house import House
from auth import audit
from auth.actor import SYSTEM
from auth.applications import deciding
from auth.applications.workflow import State
from auth.grants import usage
from auth.profile.model import shipped
from auth.proof import looking, standstill
from auth.proof.checkpoint import Place
from auth.proof.standstill import Acknowledgement
from core.errors import AccessRefused, Conflict, InputRefused, NotFound
from tests.auth.agreements.scene import in_force
from tests.auth.proof.packs import unguarded
from tests.desk import Desk, a_desk, a_grant, an_application, codes, decided
from tests.people import browser_as, client_as

STOPS = shipped()["generic-open-data"].model_copy(update={"key": "generic-stops", "stops_at_odds": True})
WHY = "已核对备份，内容未受影响"


def _spoilt(house: House, field: str = "note") -> None:
    """Something beside an event is taken away by hand."""
    with house.write() as work:
        note = f"因超范围使用撤销 {field}"
        row = audit.record(work, SYSTEM, "grant.revoked", subject="g", payload={"note": note})
    seq = row.seq  # its place, taken at the commit
    if field == "note":  # the guard is taken away once
        unguarded(house)
    with house.engine.begin() as raw:
        raw.execute(text(f"DELETE FROM auth_audit_personal WHERE seq = {seq} AND field = '/note'"))


def _look(house: House) -> looking.LookRead:
    with house.write() as work:
        return looking.note(work, looking.verified(work, Place.of(house.settings)))


def _taken(desk: Desk, grant_id: Any) -> list[str]:
    try:
        with desk.house.write() as work:
            usage.charge(work, grant_id, extracts=1)
    except AccessRefused as refused:
        return [reason.code for reason in refused.reasons]
    return []


def _acknowledged(desk: Desk, mark: str, note: str = WHY, who: str = "watch") -> None:
    with desk.write(who) as (work, actor):
        standstill.acknowledge(work, actor, Acknowledgement(mark=mark, note=note))


def test_nothing_is_decided_or_taken_until_the_very_finding_is_acknowledged(house: House) -> None:
    desk = a_desk(house)
    grant = a_grant(desk)
    waiting = an_application(desk, at=State.DECIDING, scenario_id="parking")
    offered = an_application(desk, at=State.OFFERED, scenario_id="weather")
    in_force(desk, STOPS)
    assert _look(house).holds
    assert _taken(desk, grant.id) == []
    with pytest.raises(NotFound):
        _acknowledged(desk, "0" * 16)
    _spoilt(house)
    assert _taken(desk, grant.id) == [], "not before it was found"
    found = _look(house)
    assert (found.holds, len(found.mark)) == (False, 16)
    assert _taken(desk, grant.id) == ["record-at-odds"]
    with pytest.raises(AccessRefused) as refused:
        decided(desk, waiting)
    assert codes(refused) == ["record-at-odds"]
    with desk.read("officer") as (work, actor):
        row = deciding.queries.row(work, offered.id, actor)
        assert [each.code for each in deciding.acceptance_objections(work, row)] == ["record-at-odds"]
    with pytest.raises(Conflict):
        _acknowledged(desk, "0" * 16)
    with pytest.raises(InputRefused):
        _acknowledged(desk, found.mark, "短")
    _acknowledged(desk, found.mark)
    with pytest.raises(Conflict):
        _acknowledged(desk, found.mark)
    assert _taken(desk, grant.id) == []
    assert decided(desk, waiting).state is State.OFFERED
    assert _look(house).mark == found.mark
    assert _taken(desk, grant.id) == [], "the same finding, found again, stops nothing"
    _spoilt(house, "again")
    assert _look(house).mark != found.mark
    assert _taken(desk, grant.id) == ["record-at-odds"], "another one does"


def test_by_itself_a_finding_stops_nothing(house: House) -> None:
    desk = a_desk(house)
    grant = a_grant(desk)
    _spoilt(house)
    assert not _look(house).holds
    assert _taken(desk, grant.id) == []


def test_page_and_route(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    in_force(desk, STOPS)
    _spoilt(sqlite_house)
    found = _look(sqlite_house)
    page = browser_as(sqlite_house, "watch", "en")
    assert "stand still until it is acknowledged" in page.get("/audit").text
    assert "Acknowledge" not in browser_as(sqlite_house, "auditor", "en").get("/audit").text
    short = page.submit("/audit/acknowledge", mark=found.mark, note="短")
    assert short.status_code == 422
    at = "/api/v1/audit/looks/newest"
    assert client_as(sqlite_house, "auditor").post(f"{at}/acknowledgement", json={"mark": found.mark, "note": WHY}).status_code == 403  # fmt: skip
    assert client_as(sqlite_house, "watch").get(at).json()["mark"] == found.mark
    assert page.submit("/audit/acknowledge", mark=found.mark, note=WHY).status_code == 303
    assert "acknowledged by a security officer" in page.get("/audit").text
    twice = client_as(sqlite_house, "watch").post(f"{at}/acknowledgement", json={"mark": found.mark, "note": WHY})  # fmt: skip
    assert twice.status_code == 409
