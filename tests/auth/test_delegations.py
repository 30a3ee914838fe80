"""A deputy decides for somebody for some days: no wider, no chain, nobody who is barred, and the two are one person to every rule."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest

from api.house import House
from auth.actor import PLATFORM, Lender, RoleAt
from auth.applications import queries
from auth.applications import service as applications
from auth.applications.models import ConcurBody
from auth.applications.workflow import State
from auth.casework.book import CaseStep
from auth.delegations import rules, service
from auth.delegations.rules import Cover, Party, Wish
from auth.delegations.service import DelegationCreate
from auth.delegations.workflow import Step
from auth.messages import service as messages
from auth.policy import separation
from auth.policy.separation import Doer, Past
from auth.profile.model import DEFAULT, Profile, shipped
from auth.roles import LENDABLE, PERMISSIONS, Role
from core.errors import AccessRefused, InputRefused, NotFound, TransitionRefused
from tests.auth.agreements.scene import in_force
from tests.conftest import TestClock
from tests.desk import (
    RESCUES,
    Desk,
    a_desk,
    activated,
    agreed,
    an_application,
    an_ask,
    codes,
    kinds,
    proposed,
)
from tests.people import a_person, actor_of, browser_as, client_as

TODAY = date(2026, 3, 2)
WISH = Wish("parks", TODAY, TODAY + timedelta(days=6))
APPROVER = frozenset({RoleAt(Role.APPROVER, "parks")})


def party(name: str, *roles: Role, scope: str = "parks", lender: Lender | None = None) -> Party:
    return Party(name, frozenset(RoleAt(role, scope, lender) for role in roles))


@pytest.mark.parametrize("role", list(Role))
def test_nobody_barred_from_deciding_stands_in(role: Role) -> None:
    found = rules.objections(WISH, Party("p", APPROVER), party("d", role), (), TODAY, most_days=90)
    barred = role in {
        Role.SYSADMIN,
        Role.AUDITOR,
        Role.ORG_OFFICER,
        Role.APPLICANT,
        Role.ANALYST,
        Role.CLERK,
        Role.CATALOG_ADMIN,
    }
    assert [reason.code for reason in found] == (["deputy-barred"] if barred else [])


@pytest.mark.parametrize(
    ("held", "scope", "is_fine"),
    [("*", "*", True), ("*", "parks", True), ("parks", "parks", True), ("parks", "*", False), ("parks", "roads", False)],
)  # fmt: skip
def test_no_wider_than_ones_own(held: str, scope: str, *, is_fine: bool) -> None:
    wish = Wish(scope, WISH.starts_on, WISH.ends_on)
    found = rules.objections(
        wish, party("p", Role.APPROVER, scope=held), party("d", Role.STEWARD), (), TODAY, most_days=90
    )
    assert [reason.code for reason in found] == ([] if is_fine else ["delegation-too-wide"])


def test_what_was_lent_is_not_lent_on_and_no_cover_hangs_on_another() -> None:
    lent = party("p", Role.APPROVER, lender=Lender("boss", "boss", None))
    deputy = party("d", Role.STEWARD)
    assert [r.code for r in rules.objections(WISH, lent, deputy, (), TODAY, most_days=90)] == [
        "delegation-too-wide"
    ]
    own = Party("p", APPROVER)
    for other in (Cover("d", "x", TODAY, TODAY), Cover("x", "p", TODAY, TODAY)):
        assert [r.code for r in rules.objections(WISH, own, deputy, (other,), TODAY, most_days=90)] == [
            "delegation-chain"
        ]
    later = TODAY + timedelta(days=7)
    assert (
        rules.objections(
            WISH,
            own,
            deputy,
            (Cover("d", "x", later, later), Cover("x", "y", TODAY, TODAY)),
            TODAY,
            most_days=90,
        )
        == ()
    )


@pytest.mark.parametrize(
    ("starts", "days", "code"),
    [(0, 1, None), (0, 90, None), (0, 91, "delegation-too-long"), (0, 0, "delegation-period"), (-3, 3, "delegation-period"), (-3, 4, None)],
)  # fmt: skip
def test_the_period_has_bounds(starts: int, days: int, code: str | None) -> None:
    first = TODAY + timedelta(days=starts)
    wish = Wish("parks", first, first + timedelta(days=days - 1))
    found = rules.objections(wish, Party("p", APPROVER), party("d", Role.STEWARD), (), TODAY, most_days=90)
    assert [reason.code for reason in found] == ([code] if code else [])


def test_ones_second_account_and_a_stranger_to_the_bureau_are_no_deputies() -> None:
    own = Party("p", APPROVER)
    assert [r.code for r in rules.objections(WISH, own, own, (), TODAY, most_days=90)] == [
        "deputy-is-oneself"
    ]
    assert [r.code for r in rules.objections(WISH, own, party("d"), (), TODAY, most_days=90)] == [
        "deputy-without-role"
    ]


DEPUTY = Doer("deputy", frozenset({"bureau", "parks"}), frozenset({"principal"}))
PRINCIPAL = Doer("principal", frozenset({"bureau", "parks"}), frozenset({"deputy"}))
LATER = Doer("principal", frozenset({"bureau"}))  # the delegation is over


@pytest.mark.parametrize(
    ("doer", "event"),
    [
        (DEPUTY, Past("S", "principal", "bureau")),
        (PRINCIPAL, Past("S", "deputy", "parks", "principal", "bureau")),
        (PRINCIPAL, Past("S", "deputy", "parks")),
        (LATER, Past("S", "deputy", "parks", "principal", "bureau")),
        (Doer("deputy", frozenset({"parks"})), Past("S", "deputy", "parks", "principal", "bureau")),
        (Doer("deputy2", frozenset({"roads"}), frozenset({"principal"})), Past("S", "deputy", "parks", "principal", "bureau")),
    ],
)  # fmt: skip
def test_every_rule_sees_the_pair_as_one_person(doer: Doer, event: Past) -> None:
    def as_(step: str) -> Past:
        return Past(step, event.person_id, event.org_id, event.for_person, event.for_org)

    assert list(separation.not_of_the_applicant(doer, "insurer", [as_("submit")]))
    assert list(separation.reviewer_does_not_decide(doer, [as_("review")]))
    assert list(separation.decider_does_not_review(doer, [as_("propose")]))
    assert list(separation.approvers_are_distinct(doer, [as_("propose")], distinct_departments=False))
    signers = [person for person in (event.person_id, event.for_person) if person]
    assert list(separation.approver_does_not_activate(doer, signers))
    assert list(separation.suspender_does_not_resume(doer, [as_("suspend")]))


def test_a_third_person_of_a_third_department_may() -> None:
    third = Doer("third", frozenset({"roads"}), frozenset({"fourth"}))
    signed = [Past("propose", "deputy", "parks", "principal", "bureau")]
    assert not list(separation.approvers_are_distinct(third, signed, distinct_departments=True))
    of_principals_house = Doer("third", frozenset({"bureau"}))
    assert list(separation.approvers_are_distinct(of_principals_house, signed, distinct_departments=True))


def test_a_lent_role_permits_deciding_and_nothing_else(house: House) -> None:
    desk = stand_in(house)
    with desk.read("helper") as (_, actor):
        lent = {name for name in PERMISSIONS if actor.may(name)} - {
            name for name, roles in PERMISSIONS.items() if Role.STEWARD in roles
        }
        assert lent == {name for name in LENDABLE if Role.APPROVER in PERMISSIONS[name]} - {
            name for name in LENDABLE if Role.STEWARD in PERMISSIONS[name]
        }
        assert actor.own_kinds == {Role.STEWARD}
        assert not actor.may("auth:grant:revoke")


def stand_in(house: House, deputy: str = "helper", principal: str = "approver", scope: str = PLATFORM, **changes: Any) -> Desk:  # fmt: skip
    """`helper`, a steward of `roads`, stands in for the bureau's approver for a week."""
    desk = a_desk(house)
    with house.write() as work:
        a_person(work, "helper", "roads", ["steward"])
    made = named(desk, principal, deputy, scope=scope, **changes)
    answered(desk, deputy, made.id, Step.ACCEPT)
    return desk


def named(desk: Desk, principal: str, deputy: str, **changes: Any) -> service.DelegationRead:
    with desk.write(principal) as (work, actor):
        today = work.now.date()
        body = {
            "deputy": deputy,
            "scope": PLATFORM,
            "starts_on": today,
            "ends_on": today + timedelta(days=6),
            "reason": "年假",
        }
        return service.offer(work, actor, DelegationCreate.model_validate(body | changes))


def answered(desk: Desk, who: str, delegation_id: str, step: Step, note: str = "") -> service.DelegationRead:
    with desk.write(who) as (work, actor):
        return service.answer(work, actor, delegation_id, step, CaseStep(note=note))


def test_a_deputy_decides_for_the_principal_and_the_record_says_so(house: House) -> None:
    desk = stand_in(house)
    found = an_application(desk, at=State.DECIDING)
    with desk.read("helper") as (work, actor):
        assert [row.id for row in queries.listed(work, actor, waiting=True)[0]] == [found.id]
        assert "application.waits" in [each.kind for each in messages.inbox(work, actor)[0]]
    made = proposed(desk, found, "helper")
    assert made.state is State.OFFERED
    with desk.read("auditor") as (work, actor):
        event = queries.events(work, found.id)[-1]
        assert (event.for_name, event.for_org) == ("approver", "bureau")
        said = client_as(house, "auditor").get(f"/api/v1/audit?subject={found.id}").json()["items"][0]
        assert '"for":"approver"' in str(said["payload"]).replace(" ", "").replace("'", '"')
    page = browser_as(house, "auditor", "en").get(f"/applications/{found.id}").text
    assert "(for approver)" in page
    letter = client_as(house, "applicant").get(f"/api/v1/applications/{found.id}/letter").json()
    assert "Helper, standing in for Approver" in json.dumps(letter)
    assert (
        "Helper, standing in for Approver"
        in browser_as(house, "applicant", "en").get(f"/applications/{found.id}/letter").text
    )
    grant = agreed(desk, made).grants[0]
    with house.write() as work:  # the principal has a second account, as a steward
        a_person(work, "both", "parks", ["steward"], person_id=actor_of(work, "approver").person_id)
    with pytest.raises(AccessRefused) as refusal:
        activated(desk, grant, "both")
    assert codes(refusal) == ["separation-of-duties-4"]


def test_principal_and_deputy_are_one_signature(house: House) -> None:
    desk = stand_in(house)
    found = an_application(desk, at=State.DECIDING, ask=an_ask(RESCUES))
    made = proposed(desk, found, "helper")
    assert made.proposal
    assert made.proposal.signed_by == ["helper (for approver)"]
    with desk.write("approver") as (work, actor), pytest.raises(AccessRefused) as refusal:
        applications.concur(work, actor, made.id, ConcurBody(version=made.version, has_no_conflict=True), assets=desk.assets)  # fmt: skip
    assert codes(refusal) == ["separation-of-duties-3"]
    with desk.read("approver") as (work, actor):
        assert queries.listed(work, actor, waiting=True)[1] == 0, "nothing waits for whom the deputy signed"
    with desk.read("parks_approver") as (work, actor):
        assert queries.listed(work, actor, waiting=True)[1] == 1
        told = [each for each in messages.inbox(work, actor)[0] if each.kind == "application.lines_wait"]
        assert len(told) == 1


def test_a_deputy_inherits_the_principals_conflicts(house: House) -> None:
    desk = a_desk(house)
    with house.write() as work:
        a_person(work, "twin", "parks", ["approver"], person_id=actor_of(work, "screener").person_id)
        a_person(work, "helper", "roads", ["steward"])
    made = named(desk, "twin", "helper", scope="parks")
    answered(desk, "helper", made.id, Step.ACCEPT)
    found = an_application(desk, at=State.DECIDING)  # reviewed by the principal's other account
    with pytest.raises(AccessRefused) as refusal:
        proposed(desk, found, "helper")
    assert codes(refusal) == ["separation-of-duties-2"]


def test_it_counts_only_once_agreed_and_ends_by_itself_at_once_or_with_the_principals_role(
    house: House, clock: TestClock
) -> None:
    desk = a_desk(house)
    with house.write() as work:
        a_person(work, "helper", "roads", ["steward"])
    made = named(desk, "approver", "helper")
    found = an_application(desk, at=State.DECIDING)

    def may() -> bool:
        with desk.read("helper") as (_, actor):
            return actor.may("auth:application:decide")

    assert not may()
    with pytest.raises(AccessRefused) as refusal:
        answered(desk, "approver", made.id, Step.ACCEPT)
    assert codes(refusal) == ["not-the-deputy"]
    answered(desk, "helper", made.id, Step.ACCEPT)
    assert may()
    with desk.read("parks_approver") as (work, actor), pytest.raises(NotFound):
        service.delegation(work, actor, made.id)
    clock.forward(days=7)
    assert not may()
    with pytest.raises(NotFound):
        proposed(desk, found, "helper")
    again = named(desk, "approver", "helper")
    answered(desk, "helper", again.id, Step.ACCEPT)
    assert may()
    answered(desk, "approver", again.id, Step.END)
    assert not may()
    with pytest.raises(TransitionRefused):
        answered(desk, "helper", again.id, Step.ACCEPT)
    assert kinds(desk).count("delegation.agreed") == 2


def test_what_cannot_be_named_is_refused_in_words(house: House) -> None:
    desk = stand_in(house)
    with pytest.raises(InputRefused):
        named(desk, "approver", "nobody-here")
    for principal, deputy, changes, code in (
        ("approver2", "auditor", {}, "deputy-barred"),
        ("parks_approver", "steward_a", {"scope": "*"}, "delegation-too-wide"),
        ("approver2", "approver", {}, "delegation-chain"),
    ):
        with pytest.raises(AccessRefused) as refusal:
            named(desk, principal, deputy, **changes)
        assert codes(refusal) == [code]


def test_pages_and_routes_of_delegations(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    browser = browser_as(sqlite_house, "approver", "en")
    typed = {
        "deputy": "auditor",
        "scope": "*",
        "starts_on": "2026-03-02",
        "ends_on": "2027-03-09",
        "reason": "Annual leave",
    }
    refused = browser.submit("/delegations", **typed)
    assert refused.status_code == 403
    assert "Annual leave" in refused.text
    assert "deputy-barred" in refused.text
    assert "delegation-too-long" in refused.text
    made = browser.submit("/delegations", **typed | {"deputy": "steward_a", "ends_on": "2026-03-09"})
    assert made.status_code == 303, made.text
    place = made.headers["location"].partition("?")[0]
    deputy = browser_as(sqlite_house, "steward_a", "zh")
    assert "同意代理" in deputy.get(place).text
    assert deputy.submit(f"{place}/accept").status_code == 303
    assert "approver → steward_a" in browser.get("/delegations").text
    api = client_as(sqlite_house, "steward_a")
    assert api.get("/api/v1/delegations").json()["items"][0]["counts_today"]
    assert client_as(sqlite_house, "parks_approver").get("/api/v1" + place).status_code == 404
    with desk.read("approver") as (work, actor):
        assert "delegation.agreed" in [each.kind for each in messages.inbox(work, actor)[0]]


def test_how_long_a_deputy_stands_in_is_a_value_of_the_profile(house: House) -> None:
    desk = a_desk(house)
    shorter = shipped()[DEFAULT].model_dump() | {
        "numbers": {"delegation_days": {"value": 5, "source": "local policy, for a test"}}
    }
    in_force(desk, Profile.model_validate(shorter))
    with pytest.raises(AccessRefused) as refused:
        named(desk, "approver", "steward_b")  # a week
    assert [reason.code for reason in refused.value.reasons] == ["delegation-too-long"]
    assert "5 天" in browser_as(house, "approver").get("/delegations/new").text
