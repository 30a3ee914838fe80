"""Rules that keep failing: proposed when they have failed often enough, answered by the department, settled by good data."""

from __future__ import annotations

from datetime import date

import pytest

from api.house import House
from core.errors import AccessRefused, Conflict, NotFound
from datasets.batches import service as batches
from datasets.tickets import recurring
from datasets.tickets.models import FixDecision, FixRead
from tests.datasets.tickets.stories import a_stage, judge, judged
from tests.people import actor_of


@pytest.fixture
def stage(sqlite_house: House) -> House:
    a_stage(sqlite_house)
    return sqlite_house


def _fixes(house: House, who: str = "zhou") -> list[FixRead]:
    with house.read() as work:
        return recurring.listed(work, actor_of(work, who))


def _decide(house: House, accepts: bool, who: str = "lin", **body: object) -> FixRead:
    with house.write() as work:
        asked = FixDecision.model_validate(body)
        return recurring.decide(work, actor_of(work, who), _fixes(house)[0].id, asked, accepts=accepts)


def test_a_rule_that_fails_three_of_five_deliveries_is_proposed_once(stage: House) -> None:
    for bad in (7, 0, 6, 0):
        judged(stage, fails={"K2": bad})
    assert _fixes(stage) == []
    judged(stage, fails={"K2": 5})
    (fix,) = _fixes(stage)
    assert (fix.rule_key, fix.state, fix.failed, fix.of, fix.may_decide) == ("K2", "proposed", 3, 5, True)
    assert [(point.number, point.has_failed, point.failing_rows) for point in fix.trend] == [
        (1, True, 7), (2, False, 0), (3, True, 6), (4, False, 0), (5, True, 5),
    ]  # fmt: skip
    assert [ticket["number"] for ticket in fix.tickets] == [1]
    judged(stage, fails={"K2": 5})
    assert len(_fixes(stage)) == 1


def test_corrections_and_second_readings_are_no_deliveries(stage: House) -> None:
    first = judged(stage, fails={"K2": 7})
    second = judged(stage, corrects=first.id, fails={"K2": 5})
    judged(stage, corrects=second.id, fails={"K2": 3})
    misread = judged(stage, fails={"K2": 100})
    with stage.write() as work:
        batches.recheck(work, actor_of(work, "lin"), misread.id)
    judge(stage, misread.id)
    judged(stage, fails={"K2": 1})
    assert _fixes(stage) == []


def test_an_accepted_proposal_has_a_date_and_is_late_after_it(stage: House) -> None:
    for _ in range(3):
        judged(stage, fails={"K2": 7})
    with pytest.raises(AccessRefused) as refused:
        _decide(stage, True, note="年内改造")
    assert [reason.code for reason in refused.value.reasons] == ["date-missing"]
    done = _decide(stage, True, planned_on=date(2026, 3, 1))
    assert (done.state, done.is_late, done.decided and done.decided.username) == ("accepted", True, "lin")
    assert not _decide(stage, True, planned_on=date(2026, 9, 30), note="随源系统升级").is_late


def test_a_rejected_proposal_has_a_reason_and_comes_back_only_by_new_failures(stage: House) -> None:
    for _ in range(3):
        judged(stage, fails={"K2": 7})
    with pytest.raises(AccessRefused):
        _decide(stage, False)
    assert _decide(stage, False, note="规则对临时停车场不适用").state == "rejected"
    with pytest.raises(Conflict):
        _decide(stage, True, planned_on=date(2026, 9, 30))
    for _ in range(2):
        judged(stage, fails={"K2": 7})
    assert [fix.state for fix in _fixes(stage)] == ["rejected"]
    judged(stage, fails={"K2": 7})
    assert [fix.state for fix in _fixes(stage)] == ["proposed", "rejected"]


def test_a_proposal_is_settled_when_the_rule_fails_no_more(stage: House) -> None:
    for _ in range(3):
        judged(stage, fails={"K2": 7})
    _decide(stage, True, planned_on=date(2026, 9, 30))
    for _ in range(5):
        judged(stage)
    (fix,) = _fixes(stage)
    assert (fix.state, fix.may_decide) == ("settled", False)
    assert fix.settled_at is not None


def test_only_the_department_sees_and_answers(stage: House) -> None:
    for _ in range(3):
        judged(stage, fails={"K2": 7})
    assert _fixes(stage, "other") == []
    with pytest.raises(NotFound):
        _decide(stage, False, "other", note="不是我们的规则")
    with pytest.raises(AccessRefused):
        _decide(stage, False, "keeper", note="不由目录管理员答复")
