"""Several people at once, on either database."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from api.house import House
from auth import audit
from auth.applications import service as applications
from auth.applications.models import DeclaredStep
from auth.applications.workflow import State
from auth.grants import service as grants
from core.errors import AppError
from core.ids import DatasetId
from tests.desk import (
    PARKS,
    RESCUES,
    Desk,
    a_desk,
    agreed,
    an_application,
    an_ask,
    concurred,
    decided,
    kinds,
    proposed,
    submitted,
)


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


def _at_once(count: int, act: Callable[[int], object]) -> list[str]:
    """How each of `count` simultaneous attempts ended: `done`, or the name of the error."""

    def attempt(n: int) -> str:
        try:
            act(n)
        except AppError as refused:
            return type(refused).__name__
        return "done"

    with ThreadPoolExecutor(count) as pool:
        return sorted(pool.map(attempt, range(count)))


def test_two_approvers_at_once_make_one_decision(house: House) -> None:
    desk = a_desk(house)
    found = an_application(desk, at=State.DECIDING)
    ends = _at_once(4, lambda n: decided(desk, found, ("approver", "approver2")[n % 2]))
    assert ends == ["Stale", "Stale", "Stale", "done"]


def test_decided_and_sent_back_at_once_it_is_one_of_both(house: House) -> None:
    desk = a_desk(house)
    found = an_application(desk, at=State.DECIDING)

    def act(n: int) -> None:
        if n % 2:
            decided(desk, found)
            return
        with desk.write("approver2") as (work, actor):
            applications.send_back(
                work,
                actor,
                found.id,
                DeclaredStep(has_no_conflict=True, version=found.version, note="请补充说明"),
            )

    assert _at_once(4, act) == ["Stale", "Stale", "Stale", "done"]
    with desk.read("auditor") as (work, actor):
        ends = applications.application(work, actor, found.id).state
    assert kinds(desk).count({State.OFFERED: "application.offered"}.get(ends, "application.returned")) == 1
    assert {"application.offered", "application.returned"} - set(kinds(desk)), "not both"


def test_terms_accepted_at_once_make_each_grant_once(house: House) -> None:
    desk = a_desk(house)
    found = an_application(desk, at=State.OFFERED)
    assert _at_once(4, lambda _: agreed(desk, found)) == ["Stale", "Stale", "Stale", "done"]
    with desk.read("officer") as (work, actor):
        assert grants.grants(work, actor)[1] == 1


def test_twins_submitted_at_once_leave_one(house: House) -> None:
    desk = a_desk(house)
    drafts = [an_application(desk, at=State.DRAFT) for _ in range(4)]
    ends = _at_once(4, lambda n: submitted(desk, drafts[n]))
    assert ends == ["AccessRefused", "AccessRefused", "AccessRefused", "done"]


def test_sensitive_data_is_proposed_once_and_signed_once_when_many_try(house: House) -> None:
    desk = a_desk(house)
    found = an_application(desk, at=State.DECIDING, ask=an_ask(RESCUES, columns=["event_type"]))
    ends = _at_once(4, lambda n: proposed(desk, found, ("approver", "approver2")[n % 2]))
    assert ends == ["Stale", "Stale", "Stale", "done"]
    with desk.read("auditor") as (work, actor):
        made = applications.application(work, actor, found.id)
    assert _at_once(3, lambda _: concurred(desk, made)) == ["Stale", "Stale", "done"]
    assert kinds(desk).count("application.offered") == 1


def test_sixteen_approvers_on_one_application_make_one_decision(house: House) -> None:
    desk = a_desk(house)
    found = an_application(desk, at=State.DECIDING)
    ends = _at_once(16, lambda n: decided(desk, found, ("approver", "approver2")[n % 2]))
    assert ends == ["Stale"] * 15 + ["done"]
    assert kinds(desk).count("application.offered") == 1


@pytest.mark.long
def test_sixteen_approvers_on_applications_of_their_own_all_decide(house: House) -> None:
    """No lock is taken in two orders and none is held for others: nobody is refused, and the record is one chain."""
    desk = a_desk(house)
    assets = [replace(PARKS, dataset_id=DatasetId(f"DP-PK-{n:03d}")) for n in range(16)]
    desk.known.update({asset.dataset_id: asset for asset in assets})
    waiting = [an_application(desk, at=State.DECIDING, ask=an_ask(asset)) for asset in assets]
    ends = _at_once(16, lambda n: decided(desk, waiting[n], ("approver", "approver2")[n % 2]))
    assert ends == ["done"] * 16
    assert kinds(desk).count("application.offered") == 16
    with desk.read("auditor") as (work, _):
        assert audit.verify(work)[1] is None
