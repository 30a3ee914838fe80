"""Several people at once, on either database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import text

from api.house import House
from auth import audit
from auth.applications import service as applications
from auth.applications.models import ApplicationRead, DeclaredStep, StepBody
from auth.applications.workflow import State
from auth.casework.book import CaseStep
from auth.grants import reading
from auth.profile import service as profiles
from auth.profile.service import ProfileProposal
from auth.profile.workflow import Step as ProfileStep
from core.errors import AccessRefused, AppError
from core.ids import DatasetId
from core.work import Work
from tests.auth.profile.test_opinions import GENERIC
from tests.desk import (
    PARKS,
    RESCUES,
    Desk,
    a_desk,
    a_grant,
    activated,
    agreed,
    an_application,
    an_ask,
    concurred,
    decided,
    kinds,
    proposed,
    submitted,
    with_papers,
)
from tests.people import actor_of


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
        assert reading.grants(work, actor)[1] == 1


def test_two_grants_of_one_kind_put_into_force_at_once_leave_one(house: House) -> None:
    desk = a_desk(house)
    pending = [a_grant(desk, at="PENDING").id for _ in range(2)]
    assert _at_once(2, lambda n: activated(desk, pending[n])) == ["AccessRefused", "done"]


def test_twins_submitted_at_once_leave_one(house: House) -> None:
    desk = a_desk(house)
    drafts = [an_application(desk, at=State.DRAFT) for _ in range(4)]
    ends = _at_once(4, lambda n: submitted(desk, drafts[n]))
    assert ends == ["AccessRefused", "AccessRefused", "AccessRefused", "done"]


def _behind(desk: Desk, first: Callable[[Work], object], second: ApplicationRead) -> list[str]:
    """How the submission of `second` ends that begins while `first` is done and not committed."""
    ends: list[str] = []

    def submit() -> None:
        try:
            submitted(desk, second)
        except AccessRefused as refused:
            ends.extend(reason.code for reason in refused.reasons)
        else:
            ends.append("done")

    later = threading.Thread(target=submit)
    with desk.house.write() as work:
        first(work)
        later.start()
        until = time.monotonic() + 20
        while time.monotonic() < until and later.is_alive() and not _waits(desk.house):
            time.sleep(0.02)
    later.join(60)
    assert not later.is_alive()
    return ends


def _waits(house: House) -> bool:
    """Whether somebody waits for a lock of PostgreSQL; on SQLite, half a second: who would write waits outside."""
    if house.engine.dialect.name == "sqlite":
        time.sleep(0.5)
        return True
    with house.engine.connect() as watch:
        asked = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        return bool(watch.execute(text(asked)).scalar())


def _submits(desk: Desk, found: ApplicationRead) -> Callable[[Work], object]:
    def act(work: Work) -> ApplicationRead:
        body = StepBody(version=found.version)
        return applications.submit(work, actor_of(work, "applicant"), found.id, body, assets=desk.assets)

    return act


def test_a_twin_waits_for_the_submission_before_it_and_is_refused(house: House) -> None:
    desk = a_desk(house)
    one, other = (an_application(desk, at=State.DRAFT) for _ in range(2))
    for each in (one, other):
        with_papers(desk, each)
    assert _behind(desk, _submits(desk, one), other) == ["open-twin"]


def test_who_waited_is_judged_by_the_profile_that_is_in_force_when_his_turn_comes(house: House) -> None:
    """It is asked for at the beginning, with the row; an answer from before the lock is not one from behind it."""
    desk = a_desk(house)
    one, other = (
        an_application(desk, at=State.DRAFT, scenario_id=scenario) for scenario in ("safety", "weather")
    )
    for each in (one, other):
        with_papers(desk, each)
    with desk.write("watch") as (work, actor):
        stricter = GENERIC.model_copy(update={"agreement": True})
        made = profiles.propose(work, actor, ProfileProposal(profile=stricter, reason="按上级文件执行"))

    def first(work: Work) -> None:
        _submits(desk, one)(work)
        profiles.step(work, actor_of(work, "approver"), made.id, ProfileStep.CONFIRM, CaseStep())

    assert _behind(desk, first, other) == ["no-active-agreement"]


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
