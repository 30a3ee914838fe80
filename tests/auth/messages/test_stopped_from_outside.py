"""What stops grants from outside is told at once: a licence, an agreement, a consent. Each account once, with the number of grants that concern it. On both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import col, select

from api.house import House
from auth.agreements import service as agreements
from auth.agreements.workflow import Step as AgreementStep
from auth.casework.book import CaseStep
from auth.identity import licence
from auth.identity.licence import LicenceStep, Step
from auth.identity.tables import AccountRow
from auth.messages import service as messages
from auth.messages.tables import MessageRow
from tests.auth.agreements.scene import an_agreement, in_force, with_planner
from tests.auth.consents.test_consents import _confirmed, _withdrawn
from tests.auth.messages.test_grants_told import HOLDER
from tests.desk import PARKS, Desk, a_desk, a_grant

OTHERS = ["approver", "approver2", "parks_approver", "steward_a", "steward_b"]
ALL = sorted([*HOLDER, *OTHERS])


@pytest.fixture
def desk(house: House) -> Desk:
    return with_planner(a_desk(house))


def told(desk: Desk, kind: str) -> list[tuple[str, int]]:
    """Who has messages of this kind, with the number of grants that each names; none has a gap in its words, or shows a note."""
    with desk.house.read() as work:
        rows = list(work.db.exec(select(MessageRow).where(MessageRow.kind == kind)))
        names = {
            each.id: each.username
            for each in work.db.exec(select(AccountRow).where(col(AccountRow.disabled).is_(False)))
        }
        for row in rows:
            said = messages.read(row)
            assert "—" not in said.zh + said.en
            assert NOTE not in said.zh + said.en
            assert row.href == "/grants"
        return sorted((names[row.account_id], row.facts["grants"]) for row in rows)


NOTE = "经核查办理的内部理由"


def _take(desk: Desk, step: Step, who: str) -> None:
    with desk.write(who) as (work, actor):
        licence.take(work, actor, "insurer", LicenceStep(step=step, note=NOTE))


def each(names: list[str], number: int, *, but: str = "") -> list[tuple[str, int]]:
    return sorted((name, number) for name in names if name != but)


def test_a_licence_that_stops_counting_and_counts_again(desk: Desk) -> None:
    a_grant(desk)
    a_grant(desk, at="PENDING", columns=["venue_name"], scenario_id="weather")
    _take(desk, Step.SUSPEND, "watch")
    assert told(desk, "licence.suspended") == each(ALL, 2)
    _take(desk, Step.RESUME, "approver")
    assert told(desk, "licence.resumed") == each(ALL, 2, but="approver")
    _take(desk, Step.SUSPEND, "watch")
    assert told(desk, "licence.suspended") == sorted(2 * each(ALL, 2)), "once for each time"
    _take(desk, Step.DISQUALIFY, "approver2")
    assert told(desk, "licence.disqualified") == each(ALL, 2, but="approver2")


def test_of_a_licence_without_grants_the_organisation_alone_hears(desk: Desk) -> None:
    _take(desk, Step.SUSPEND, "watch")
    assert told(desk, "licence.suspended") == each(HOLDER, 0)


def _terminated(desk: Desk, agreement_id: str) -> None:
    with desk.write("approver") as (work, actor):
        agreements.step(work, actor, agreement_id, AgreementStep.TERMINATE, CaseStep(note=NOTE))


def test_an_agreement_that_is_terminated(desk: Desk) -> None:
    agreed = an_agreement(desk)
    in_force(desk)
    a_grant(desk)
    _terminated(desk, agreed.id)
    assert told(desk, "agreement.terminated") == each(ALL, 1, but="approver")


def test_grants_that_another_agreement_holds_do_not_stop(desk: Desk) -> None:
    agreed = an_agreement(desk)
    an_agreement(desk, plan_id=agreed.plan_id)
    in_force(desk)
    a_grant(desk)
    _terminated(desk, agreed.id)
    assert told(desk, "agreement.terminated") == each(HOLDER, 0)


@pytest.mark.parametrize("is_covered", [False, True])
def test_a_consent_that_is_withdrawn(desk: Desk, is_covered: bool) -> None:
    known: Any = replace(PARKS, is_shared=True)
    desk.known[PARKS.dataset_id] = known
    given = _confirmed(desk)
    a_grant(desk)
    if is_covered:
        _confirmed(desk)
    _withdrawn(desk, given.id)
    assert told(desk, "consent.withdrawn") == ([] if is_covered else each(ALL, 1))
