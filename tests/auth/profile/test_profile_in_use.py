"""Stages, clocks and limits follow the profile in force: what has begun keeps what it began with."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from api.house import House
from auth.applications.workflow import State
from auth.clocks import counting
from auth.clocks.rules import Stage
from auth.policy.stages import stage_plans
from auth.profile.model import Number, Profile, shipped
from auth.profile.now import profile, profiles_by_moment
from auth.profile.stages import StageSet
from auth.profile.wording import differences
from tests.auth.agreements.scene import in_force
from tests.conftest import TestClock
from tests.desk import Desk, a_desk, an_application, screened
from tests.people import browser_as, client_as

GENERIC = shipped()["generic-open-data"]
STRICT: dict[str, Any] = {
    "source": "local policy of the tests",
    "levels": [
        {"level": 1, "stages": [{"stage": "business", "quorum": 2}], "approvers": 1},
        {"level": 3, "stages": [{"stage": "business", "quorum": 2}, {"stage": "security", "quorum": 1}], "approvers": 2, "distinct_departments": True},
    ],
    "personal": [{"stage": "security", "quorum": 3}],
}  # fmt: skip


def _with(**numbers: int) -> Profile:
    said = {key: Number(value=value, source="local policy of the tests") for key, value in numbers.items()}
    return GENERIC.model_copy(update={"numbers": {**GENERIC.numbers, **said}})


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


def test_a_new_stage_plan_binds_what_is_submitted_from_then_on(desk: Desk) -> None:
    before = an_application(desk)
    in_force(desk, GENERIC.model_copy(update={"stages": StageSet.model_validate(STRICT)}))
    after = an_application(desk, scenario_id="parking")
    draft = an_application(desk, at=State.DRAFT, scenario_id="weather")
    assert [(stage.stage, stage.quorum) for stage in before.stages] == [("business:parks", 1)]
    for found in (after, draft):  # level 2 is not listed: it passes the strictest
        assert [(stage.stage, stage.quorum) for stage in found.stages] == [
            ("business:parks", 2),
            ("security", 1),
        ]
    assert screened(desk, before).state == State.IN_REVIEW


def test_a_clock_keeps_the_profile_of_the_day_it_started(desk: Desk, clock: TestClock) -> None:
    early = an_application(desk)
    clock.forward(days=2)
    in_force(desk, _with(screen_working_days=9, sign_working_days=4))
    late = an_application(desk, scenario_id="parking", starts_on=date(2026, 3, 5))
    with desk.house.read() as work:
        allowed = {
            (found.id, each.stage): each.allowed_days
            for found in (early, late)
            for each in counting.clocks_of(work, found.id)
        }
    assert (allowed[early.id, Stage.SCREEN], allowed[late.id, Stage.SCREEN]) == (2, 9)
    assert (allowed[early.id, Stage.SIGN], allowed[late.id, Stage.SIGN]) == (1, 4)
    assert (allowed[early.id, Stage.HANDLE], allowed[late.id, Stage.HANDLE]) == (12, 19)
    rows = client_as(desk.house, "auditor").get("/api/v1/clocks/profile").json()["stages"]
    assert {row["stage"]: row["working_days"] for row in rows}["screen"] == 9


def test_the_profile_of_a_day_is_the_one_that_was_in_force_then(desk: Desk, clock: TestClock) -> None:
    """Day by day the history says what `profile` said on that day; nothing counts before it was confirmed."""
    said, began = [], clock.now
    for day in range(8):
        if day == 2:
            in_force(desk, _with(answer_days=7))
        if day == 4:
            in_force(desk, _with(answer_days=5).model_copy(update={"effective_from": date(2026, 3, 8)}))
        with desk.house.read() as work:
            said.append(profile(work))
        clock.forward(days=1)
    with desk.house.read() as work:
        on = profiles_by_moment(work)
        assert [on(began + timedelta(days=n)) for n in range(8)] == said
        assert on(began - timedelta(days=2000)) == GENERIC
    assert [each.limits()["answer_days"] for each in said] == [30, 30, 7, 7, 7, 7, 5, 5]


def test_days_to_answer_and_rounds_are_those_of_the_profile(desk: Desk) -> None:
    in_force(desk, _with(answer_days=7, counter_rounds=0))
    found = an_application(desk, at=State.OFFERED)
    assert found.due_on == date(2026, 3, 9)
    assert found.counters_left == 0


@pytest.mark.parametrize(
    "levels",
    [
        [],
        [{"level": 2, "stages": [{"stage": "business", "quorum": 1}], "approvers": 1}],
        [{"level": 3, "stages": [{"stage": "business", "quorum": 1}], "approvers": 1}],
        [{"level": 3, "stages": [{"stage": "security", "quorum": 1}], "approvers": 2}],
        [{"level": 3, "stages": [{"stage": "business", "quorum": 0}], "approvers": 2}],
        [{"level": 3, "stages": [{"stage": "business", "quorum": 1}] * 2, "approvers": 2}],
        [{"level": 3, "stages": [{"stage": "business", "quorum": 1}], "approvers": 2}] * 2,
        [STRICT["levels"][1], STRICT["levels"][0] | {"distinct_departments": True}],
    ],
)  # fmt: skip
def test_a_plan_that_asks_for_less_than_the_promises_is_refused(levels: list[Any]) -> None:
    with pytest.raises(ValidationError):
        StageSet.model_validate(STRICT | {"levels": levels})


def test_the_shipped_plans_pass_the_same_checks_and_a_change_is_shown(desk: Desk) -> None:
    plans = stage_plans()
    as_data = StageSet.model_validate(
        {
            "source": plans.source,
            "levels": [
                {
                    "level": level,
                    "stages": [{"stage": rule.stage, "quorum": rule.quorum} for rule in plan.stages],
                    "approvers": plan.approvers,
                    "distinct_departments": plan.distinct_departments,
                }
                for level, plan in plans.levels.items()
            ],
            "personal": [{"stage": rule.stage, "quorum": rule.quorum} for rule in plans.personal],
        }
    )
    assert as_data.plans(plans.effective_from) == plans
    changed = GENERIC.model_copy(update={"stages": StageSet.model_validate(STRICT)})
    told = {each.key: (each.before.en, each.after.en) for each in differences(GENERIC, changed)}
    assert told["stages.1"] == ("business review 1; approvers 1", "business review 2; approvers 1")
    version = in_force(desk, changed)
    assert "业务审核 2 人；审批 1 人" in browser_as(desk.house, "approver").get("/profile").text
    body = client_as(desk.house, "auditor").get(f"/api/v1/profile/versions/{version.id}").json()
    assert body["profile"]["stages"]["levels"][0]["approvers"] == 1
