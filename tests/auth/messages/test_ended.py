"""What ends by its last day is told the day after, once, to those whose grants stop and to those who look after it. On both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from api.house import House
from auth import deadlines
from auth.agreements import service as agreements
from auth.consents.tables import ConsentRow
from auth.identity import licence
from auth.identity.licence import LicenceStep, Step
from auth.identity.tables import OrganisationRow
from core.outbox import OutboxRow
from tests.auth.agreements.scene import an_agreement, in_force, with_planner
from tests.auth.consents.test_consents import _confirmed
from tests.auth.messages.test_grants_told import HOLDER
from tests.auth.messages.test_stopped_from_outside import ALL, each, told
from tests.conftest import TestClock
from tests.desk import PARKS, Desk, a_desk, a_grant

OFFICE = ["approver", "approver2", "watch", "watch2"]


@pytest.fixture
def desk(house: House) -> Desk:
    return with_planner(a_desk(house))


def a_round(desk: Desk) -> None:
    """The daily round, twice: the second finds nothing to tell."""
    for _ in range(2):
        with desk.house.write() as work:
            deadlines.note_due(work)
    with desk.house.read() as work:
        assert not deadlines.ended.is_anything_due(work)


def events(desk: Desk, kind: str) -> int:
    with desk.house.read() as work:
        return len(list(work.db.exec(select(OutboxRow).where(OutboxRow.topic == kind))))


def until(desk: Desk, day: str) -> None:
    """The insurer's licence is valid until that day."""
    with desk.house.write() as work:
        row = work.db.get_one(OrganisationRow, "insurer")
        row.licence_valid_to = type(row.licence_valid_to).fromisoformat(day)  # type: ignore[union-attr]
        work.db.add(row)


def at(clock: TestClock, day: str) -> None:
    """Noon of that day in China."""
    clock.now = clock.now.fromisoformat(f"{day}T04:00:00+00:00")


def test_a_licence_that_lapses(desk: Desk, clock: TestClock) -> None:
    a_grant(desk)
    until(desk, "2026-04-30")
    at(clock, "2026-04-30")
    a_round(desk)
    assert (told(desk, "licence.lapsed"), events(desk, "licence.lapsed")) == ([], 0), (
        "it holds on its last day"
    )
    at(clock, "2026-05-01")
    a_round(desk)
    assert told(desk, "licence.lapsed") == each(sorted({*ALL, *OFFICE}), 1)
    assert events(desk, "licence.lapsed") == 1
    at(clock, "2026-05-09")
    a_round(desk)
    with desk.write("approver") as (work, actor):
        ask = LicenceStep.model_validate({"step": Step.RENEW, "valid_to": "2026-06-30"})
        licence.take(work, actor, "insurer", ask)
    at(clock, "2026-07-02")
    a_round(desk)
    assert len(told(desk, "licence.lapsed")) == 2 * len({*ALL, *OFFICE}), "once for each end"
    assert events(desk, "licence.lapsed") == 2


def test_what_ended_long_ago_or_was_suspended_is_not_told(desk: Desk, clock: TestClock) -> None:
    until(desk, "2026-04-30")
    at(clock, "2026-08-01")
    a_round(desk)
    until(desk, "2026-08-10")
    with desk.write("watch") as (work, actor):
        licence.take(work, actor, "insurer", LicenceStep(step=Step.SUSPEND, note="经核查暂停资格"))
    at(clock, "2026-08-11")
    a_round(desk)
    assert (told(desk, "licence.lapsed"), events(desk, "licence.lapsed")) == ([], 0)


@pytest.mark.parametrize("is_covered", [False, True])
def test_an_agreement_that_ends(desk: Desk, clock: TestClock, *, is_covered: bool) -> None:
    agreed = an_agreement(desk, ends_on="2026-10-01")
    if is_covered:
        an_agreement(desk, plan_id=agreed.plan_id)
    a_grant(desk)  # longer than the agreement: no profile asked for one yet
    in_force(desk)
    at(clock, "2026-10-01")
    a_round(desk)
    assert told(desk, "agreement.ended") == []
    at(clock, "2026-10-02")
    with desk.house.read() as work:
        assert agreements.is_anything_due(work)
    a_round(desk)
    heard = told(desk, "agreement.ended")
    if is_covered:
        assert heard == each(sorted([*HOLDER, "approver", "approver2", "planner"]), 0)
    else:
        assert heard == each(sorted([*ALL, "planner"]), 1)


@pytest.mark.parametrize("is_covered", [False, True])
def test_a_consent_that_ends(desk: Desk, clock: TestClock, *, is_covered: bool) -> None:
    known: Any = replace(PARKS, is_shared=True)
    desk.known[PARKS.dataset_id] = known
    _confirmed(desk)
    a_grant(desk)
    short = _confirmed(desk, ends_on="2026-04-30")
    assert short.holds_today
    if not is_covered:
        with (
            desk.house.write() as work
        ):  # the first is over earlier still, as if it had been short from its beginning
            first = work.db.exec(select(ConsentRow).where(ConsentRow.id != short.id)).one()
            first.ends_on = short.ends_on
            work.db.add(first)
    at(clock, "2026-05-01")
    a_round(desk)
    stewards = each(["steward_a", "steward_b"], 0)
    if is_covered:
        assert (told(desk, "consent.ended"), events(desk, "consent.ended")) == (stewards, 1)
    else:
        assert (told(desk, "consent.ended"), events(desk, "consent.ended")) == (sorted(2 * each(ALL, 1)), 2)
