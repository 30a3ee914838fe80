"""A dataset that is graded higher after an application was submitted: nobody grants it by the plan of the lower level."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from api.house import House
from auth.applications import service as applications
from auth.applications.models import ApplicationRead, DeclaredStep
from auth.applications.workflow import State
from core.errors import AccessRefused
from tests.desk import (
    PARKS,
    Desk,
    a_desk,
    an_application,
    codes,
    concurred,
    proposed,
    reviewed,
    screened,
    submitted,
)

STATISTICS: dict[str, Any] = {
    "forms": ["query_agg"],
    "columns": [{"name": "rooms", "use": "aggregate_only", "reason": "需要计算风险用于定价"}],
}


@pytest.fixture
def desk(house: House) -> Desk:
    return a_desk(house)


def _graded(desk: Desk, level: int) -> None:
    desk.known[PARKS.dataset_id] = replace(PARKS, level=level)


def _named_as_a_person(desk: Desk) -> None:
    named = [replace(each, identifier_kind="DI") if each.name == "rooms" else each for each in PARKS.columns]
    desk.known[PARKS.dataset_id] = replace(PARKS, columns=tuple(named))


def _returned(desk: Desk, found: ApplicationRead) -> ApplicationRead:
    with desk.write("approver") as (work, actor):
        body = DeclaredStep(version=found.version, note="数据级别已提高，请重新提交", has_no_conflict=True)
        return applications.send_back(work, actor, found.id, body)


def test_one_approver_does_not_grant_what_two_and_security_must_see(desk: Desk) -> None:
    found = an_application(desk, at=State.DECIDING, **STATISTICS)
    assert [stage.stage for stage in found.stages] == ["business:parks"]
    _graded(desk, 3)
    with pytest.raises(AccessRefused) as refused:
        proposed(desk, found)
    assert "level-raised-since" in codes(refused)
    again = reviewed(desk, screened(desk, submitted(desk, _returned(desk, found))))
    assert [stage.stage for stage in again.stages] == ["business:parks", "security"]
    made = proposed(desk, again)
    assert (made.state, bool(made.proposal)) == (State.DECIDING, True), "the second signature is wanting"


def test_a_column_that_came_to_be_about_persons_is_seen_by_security(desk: Desk) -> None:
    found = an_application(desk, at=State.DECIDING, **STATISTICS)
    _named_as_a_person(desk)
    with pytest.raises(AccessRefused) as refused:
        proposed(desk, found)
    assert "level-raised-since" in codes(refused)


def test_the_last_signature_looks_again(desk: Desk) -> None:
    _graded(desk, 3)
    made = proposed(desk, an_application(desk, at=State.DECIDING, **STATISTICS))
    _graded(desk, 4)
    with pytest.raises(AccessRefused) as refused:
        concurred(desk, made)
    assert "level-raised-since" in codes(refused)


def test_it_may_be_refused_and_a_lower_level_changes_nothing(desk: Desk) -> None:
    found = an_application(desk, at=State.DECIDING, **STATISTICS)
    _graded(desk, 3)
    assert (
        proposed(desk, found, outcome="reject", reason_code="not-minimal", note="申请的列多于用途所需").state
        == State.REJECTED
    )
    lower = an_application(desk, at=State.DECIDING, **STATISTICS)
    _graded(desk, 1)
    assert concurred(desk, proposed(desk, lower)).state == State.OFFERED, "by the plan of its turn"
