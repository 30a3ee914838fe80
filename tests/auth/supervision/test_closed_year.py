"""A closed year's disclosure stays as it was, whatever happens later; refusals at screening count with their code."""

from __future__ import annotations

import json

import pytest
from sqlmodel import select

from api.disclosing import pack
from api.house import House
from auth.applications import service as applications
from auth.applications.models import ScreenBody
from auth.applications.workflow import State
from auth.audit import AuditEventRow
from auth.audit_personal import PersonalRow
from auth.grants import service as grants
from auth.grants.service import GrantStep
from auth.policy.limits import limits
from auth.supervision import ledger
from auth.supervision.disclosure import disclosure
from core.ids import ApplicationId, GrantId
from tests.conftest import TestClock
from tests.desk import Desk, a_desk, a_grant, an_application


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
