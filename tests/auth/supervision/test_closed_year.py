"""A closed year's disclosure stays as it was, whatever happens later; refusals at screening count with their code."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from sqlmodel import select

from api.disclosing import pack
from api.house import House
from auth.applications import service as applications
from auth.applications.models import ApplicationRead, DecideBody, ScreenBody, StepBody
from auth.applications.workflow import State
from auth.audit import AuditEventRow
from auth.audit_personal import PersonalRow
from auth.grants import service as grants
from auth.grants.steps import GrantStep
from auth.policy.limits import limits
from auth.supervision import ledger
from auth.supervision.disclosure import disclosure
from auth.supervision.transparency import transparency
from core.ids import ApplicationId, GrantId
from tests.conftest import TestClock
from tests.desk import RESCUES, Desk, a_desk, a_grant, an_application, an_ask, concurred, reviewed, screened


@pytest.fixture
def lite(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


@pytest.mark.filterwarnings("ignore::core.calendar.UnknownYearWarning")
def test_the_pack_of_a_closed_year_is_the_same_bytes_after_later_events(lite: Desk, clock: TestClock) -> None:
    grant = a_grant(lite)
    waiting = an_application(lite, scenario_id="weather", at=State.SUBMITTED)
    year = clock.now.year
    clock.forward(days=320)
    with lite.write("watch") as (work, actor):
        before = pack(work, actor, year)
        figures = disclosure(work, year).figures
        assert (figures["in_force_at_end"], figures["applications_rejected"]) == (1, 0)
    with lite.write("watch") as (work, actor):
        grants.revoke(work, actor, GrantId(grant.id), GrantStep(note="违规使用数据，证据见附件"))
    code = sorted(limits().refusals)[0]
    with lite.write("screener") as (work, actor):
        seen = applications.application(work, actor, ApplicationId(waiting.id))
        body = ScreenBody(
            version=seen.version,
            has_no_conflict=True,
            outcome="reject",
            reason_code=code,
            note="不符合受理条件",
        )
        applications.screen(work, actor, ApplicationId(waiting.id), body)
    with lite.write("watch") as (work, actor):
        assert pack(work, actor, year) == before
        assert disclosure(work, year + 1).refusals == [{"code": code, "times": 1}]


def test_the_filter_of_an_export_names_nobody_in_the_event(lite: Desk) -> None:
    with lite.write("watch") as (work, actor):
        list(ledger.taken_out(work, actor, ledger.Wish(account="applicant"), "csv"))
    with lite.read("applicant") as (work, actor):
        event = work.db.exec(select(AuditEventRow).where(AuditEventRow.kind == "usage.exported")).one()
        assert "applicant" not in event.payload
        opening = work.db.exec(select(PersonalRow).where(PersonalRow.seq == event.seq)).one()
        assert (opening.about, opening.is_name, json.loads(opening.value)) == (
            actor.person_id, True, "applicant",
        )  # fmt: skip


@pytest.mark.filterwarnings("ignore::core.calendar.UnknownYearWarning")
def test_what_a_year_refused_stays_when_the_offer_is_countered_and_decided_anew(
    house: House, clock: TestClock
) -> None:
    """Two datasets are asked for, one is refused; the applicant counters in January, which opens every line again."""
    desk = a_desk(house)
    code, other = sorted(limits().refusals)[:2]
    body = an_ask(starts_on=date(2027, 2, 1), ends_on=date(2027, 8, 1))
    both = body.model_copy(update={"lines": (*body.lines, *an_ask(RESCUES).lines)})
    clock.now = datetime(2026, 12, 30, 2, tzinfo=UTC)
    waiting = reviewed(desk, screened(desk, an_application(desk, ask=both)))
    found = _refused_second(desk, waiting, code)
    clock.now = datetime(2027, 1, 4, 2, tzinfo=UTC)
    expected = [{"code": code, "times": 1}]

    def told(year: int) -> tuple[list[dict[str, object]], list[tuple[str, int]]]:
        with desk.house.read() as work:
            public = [(each.code, each.times) for each in transparency(work, year).refusals]
            return disclosure(work, year).refusals, public

    assert told(2026) == (expected, [(code, 1)])
    with desk.write("applicant") as (work, actor):
        note = StepBody(version=found.version, note="希望也包括第二项数据")
        found = applications.counter(work, actor, found.id, note)
    assert told(2026) == (expected, [(code, 1)])
    assert told(2027) == ([], [])
    _refused_second(desk, found, other)
    assert told(2026) == (expected, [(code, 1)])
    assert told(2027) == ([{"code": other, "times": 1}], [(other, 1)]), "of each year its last decision"


def _refused_second(desk: Desk, found: ApplicationRead, code: str) -> ApplicationRead:
    first, second = found.lines
    lines = [
        {"line_id": first.id, "outcome": "approve"},
        {"line_id": second.id, "outcome": "reject", "reason_code": code, "note": "与申请的用途不符"},
    ]
    with desk.write("approver") as (work, actor):
        decision = DecideBody.model_validate(
            {"version": found.version, "has_no_conflict": True, "lines": lines}
            | {"public_interest": "游客更安全", "fairness": "同类申请同等对待"}
        )
        made = applications.decide(work, actor, found.id, decision, assets=desk.assets)
    return concurred(desk, made) if made.proposal else made
