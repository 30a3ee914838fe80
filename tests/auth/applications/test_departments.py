"""Two departments means two departments that are known; whoever judges declares his interest at every step, not only at a vote."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from api.house import House
from auth.applications import service as applications
from auth.applications.models import ApplicationRead, DeclaredStep, ScreenBody
from auth.applications.workflow import State
from auth.audit_reading import history
from auth.policy.separation import Doer, Past, approvers_are_distinct, signs_for_a_department
from core.errors import AccessRefused, InputRefused
from tests.desk import (
    RESCUES,
    Desk,
    a_desk,
    an_application,
    an_ask,
    codes,
    concurred,
    proposed,
    screened,
)
from tests.people import a_person

KNOWN: list[str | None] = [None, "bureau", "parks"]


@pytest.fixture
def desk(house: House) -> Desk:
    return a_desk(house)


def _sensitive(desk: Desk) -> ApplicationRead:
    return an_application(desk, at=State.DECIDING, ask=an_ask(RESCUES, columns=["event_type"]))


@pytest.mark.parametrize(("first", "lent", "second"), list(product(KNOWN, KNOWN, KNOWN)))
def test_two_signatures_are_of_two_known_departments(
    first: str | None, lent: str | None, second: str | None
) -> None:
    doer = Doer("p2", frozenset({second} - {None}))  # type: ignore[arg-type]
    past = [Past("propose", "p1", first, "p0" if lent else "", lent)]
    fits = second is not None and bool(first or lent) and second not in (first, lent)
    found = list(approvers_are_distinct(doer, past, distinct_departments=True))
    assert (not found) is fits
    assert {reason.code for reason in found} <= {"separation-of-duties-3"}
    assert not list(approvers_are_distinct(doer, past, distinct_departments=False))


@pytest.mark.parametrize(("own", "lent", "apart"), list(product(KNOWN, KNOWN, (False, True))))
def test_the_first_signature_names_a_department_where_two_are_asked(
    own: str | None, lent: str | None, apart: bool
) -> None:
    found = list(signs_for_a_department((own, lent), distinct_departments=apart))
    assert bool(found) is (apart and not own and not lent)


def test_an_account_without_organisation_is_no_department(desk: Desk) -> None:
    with desk.house.write() as work:
        a_person(work, "nobody", None, [("approver", "*")])
        a_person(work, "nobody2", None, [("approver", "*")])
    found = _sensitive(desk)
    with pytest.raises(AccessRefused) as refused:
        proposed(desk, found, "nobody")
    assert codes(refused) == ["separation-of-duties-3"]
    assert (
        "a new account of your department, its role confirmed by a second one"
        in refused.value.reasons[0].text.en
    )
    made = proposed(desk, found)
    with pytest.raises(AccessRefused) as refused:
        concurred(desk, made, "nobody2")
    assert codes(refused) == ["separation-of-duties-3"]
    assert concurred(desk, made).state == State.OFFERED


def test_where_one_signature_is_enough_no_department_is_asked_for(desk: Desk) -> None:
    with desk.house.write() as work:
        a_person(work, "nobody", None, [("approver", "*")])
    found = an_application(desk, at=State.DECIDING)
    assert proposed(desk, found, "nobody").state == State.OFFERED


Act = Callable[[Desk, ApplicationRead, bool | None], ApplicationRead]


def _screen(outcome: str) -> Act:
    def act(desk: Desk, found: ApplicationRead, has_none: bool | None) -> ApplicationRead:
        body = ScreenBody.model_validate(
            {
                "version": found.version,
                "outcome": outcome,
                "note": "材料齐全与否见清单",
                "has_no_conflict": has_none,
            }
            | ({"reason_code": "papers-missing"} if outcome == "reject" else {})
        )
        with desk.write("screener") as (work, actor):
            return applications.screen(work, actor, found.id, body)

    return act


def _return(desk: Desk, found: ApplicationRead, has_none: bool | None) -> ApplicationRead:
    body = DeclaredStep(version=found.version, note="请补充安全措施", has_no_conflict=has_none)
    with desk.write("approver") as (work, actor):
        return applications.send_back(work, actor, found.id, body)


def _dissent(desk: Desk, found: ApplicationRead, has_none: bool | None) -> ApplicationRead:
    body = DeclaredStep(version=found.version, note="列仍过多，须再议", has_no_conflict=has_none)
    with desk.write("parks_approver") as (work, actor):
        return applications.dissent(work, actor, found.id, body)


@pytest.mark.parametrize(
    ("at", "act", "to"),
    [
        (State.SUBMITTED, _screen("ok"), State.IN_REVIEW),
        (State.SUBMITTED, _screen("return"), State.RETURNED),
        (State.SUBMITTED, _screen("reject"), State.REJECTED),
        (State.IN_REVIEW, _return, State.RETURNED),
        (State.DECIDING, _return, State.RETURNED),
        (State.DECIDING, _dissent, State.DECIDING),
    ],
    ids=[
        "accepted",
        "sent back at the door",
        "refused at the door",
        "sent back in review",
        "sent back",
        "objected to",
    ],
)
def test_whoever_judges_declares_his_interest(desk: Desk, at: State, act: Act, to: State) -> None:
    found = _sensitive(desk) if act is _dissent else an_application(desk, at=at)
    if act is _dissent:
        found = proposed(desk, found)
    with pytest.raises(InputRefused) as asked:
        act(desk, found, None)
    assert asked.value.facts["field"] == "has_no_conflict"
    with pytest.raises(AccessRefused) as refused:
        act(desk, found, False)
    assert codes(refused) == ["conflict-of-interest"]
    done = act(desk, found, True)
    assert (done.state, done.proposal) == (to, None)


def test_the_declaration_stands_in_the_record(desk: Desk) -> None:
    found = screened(desk, an_application(desk, at=State.SUBMITTED))
    with desk.read("auditor") as (work, _):
        told = history(work, application_id=found.id, internal=True)
    assert [each.facts.get("has_no_conflict") for each in told if each.kind == "application.screened"] == [
        True
    ]
