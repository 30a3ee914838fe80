"""Where the profile asks for it, a record at odds with what was signed stops decisions and deliveries until an officer acknowledges it. On both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from api.house import House
from auth import audit
from auth.actor import SYSTEM
from auth.agreements import service as agreements
from auth.agreements.plan_workflow import Step as PlanStep
from auth.agreements.workflow import Step
from auth.applications import queries, terms
from auth.applications.workflow import State
from auth.casework.book import CaseStep
from auth.grants import usage
from auth.profile.model import shipped
from auth.proof import looking, standstill
from auth.proof.checkpoint import Place
from auth.proof.standstill import Acknowledgement
from core.errors import AccessRefused, Conflict, InputRefused, NotFound
from tests.auth.agreements.scene import an_agreement, in_force, plan_body, with_planner
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
        row = queries.row(work, offered.id, actor)
        assert [each.code for each in terms.acceptance_objections(work, row)] == ["record-at-odds"]
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


def test_plans_and_agreements_stand_still_too(house: House) -> None:
    """They are decisions as applications are: approved and put into force by whoever could not decide an application now."""
    desk = with_planner(a_desk(house))
    with desk.write("planner") as (work, actor):
        plan = agreements.draft_plan(work, actor, plan_body())
        agreements.step_plan(work, actor, plan.id, PlanStep.SUBMIT, CaseStep())
    agreed = an_agreement(desk, at="IN_APPROVAL")
    in_force(desk, STOPS)
    _spoilt(house)
    found = _look(house)
    for act in (
        lambda work, actor: agreements.step_plan(work, actor, plan.id, PlanStep.APPROVE, CaseStep()),
        lambda work, actor: agreements.step(work, actor, agreed.id, Step.ACTIVATE, CaseStep()),
    ):
        with pytest.raises(AccessRefused) as refused, desk.write("approver") as (work, actor):
            act(work, actor)
        assert codes(refused) == ["record-at-odds"]
    _acknowledged(desk, found.mark)
    with desk.write("approver") as (work, actor):
        assert agreements.step_plan(work, actor, plan.id, PlanStep.APPROVE, CaseStep()).state == "APPROVED"
        assert agreements.step(work, actor, agreed.id, Step.ACTIVATE, CaseStep()).state == "ACTIVE"


def _changed(house: House, statement: str) -> None:
    with house.engine.begin() as raw:
        raw.execute(text(statement))


def test_another_change_that_reads_the_same_is_another_finding(house: House) -> None:
    """The sentences name the first break and the places; whoever changes them again, or what comes later, changes no sentence."""
    desk = a_desk(house)
    grant = a_grant(desk)
    in_force(desk, STOPS)
    seqs = []
    for at in range(3):
        with house.write() as work:
            seqs.append(
                audit.record(work, SYSTEM, "grant.revoked", subject="g", payload={"note": f"第 {at} 条"})
            )
    first, second, third = [row.seq for row in seqs]
    unguarded(house)
    unguarded(house, "auth_audit_event")
    beside = f"UPDATE auth_audit_personal SET value = '\"{{}}\"' WHERE seq = {first} AND field = '/note'"
    row = "UPDATE auth_audit_event SET subject = '{}' WHERE seq = {}"
    marks: list[str] = []
    for change in (
        beside.format("甲"), beside.format("乙"), row.format("h", second), row.format("i", second), row.format("h", third),
    ):  # fmt: skip
        _changed(house, change)
        assert _taken(desk, grant.id) == [], change
        found = _look(house)
        assert _taken(desk, grant.id) == ["record-at-odds"], change
        assert (found.mark not in marks, _look(house).mark) == (True, found.mark), "and stays the same one"
        marks.append(found.mark)
        _acknowledged(desk, found.mark)
        assert _look(house).mark == found.mark, "whatever is added meanwhile"
        assert _taken(desk, grant.id) == []
    told = [_look(house).told for _ in range(2)]
    assert told[0] == told[1]


def test_an_acknowledgement_holds_however_many_came_after_it(sqlite_house: House) -> None:
    _spoilt(sqlite_house)
    found = _look(sqlite_house)
    desk = a_desk(sqlite_house)
    _acknowledged(desk, found.mark)
    with sqlite_house.write() as work:
        for at in range(201):
            payload = {"mark": f"{at:016x}", "note": WHY}
            audit.record(work, SYSTEM, standstill.ACKNOWLEDGED, subject="audit", payload=payload)
    with sqlite_house.read() as work:
        assert standstill.is_acknowledged(work, found.mark)
        assert not standstill.is_acknowledged(work, "f" * 16)


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
