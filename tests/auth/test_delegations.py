"""A deputy decides for somebody for some days: no wider, no chain, nobody who is barred, and the two are one person to every rule."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import select

from api.house import House
from auth.actor import PLATFORM, Lender, RoleAt
from auth.applications import listing, queries
from auth.applications import service as applications
from auth.applications.models import ConcurBody
from auth.applications.workflow import State
from auth.casework.book import CaseStep
from auth.delegations import rules, service
from auth.delegations.rules import Cover, Party, Wish
from auth.delegations.service import DelegationCreate
from auth.delegations.standing import persons
from auth.delegations.workflow import Step
from auth.identity.tables import AccountRow
from auth.messages import audience
from auth.messages import service as messages
from auth.policy import separation
from auth.policy.separation import Doer, Past
from auth.profile.model import DEFAULT, Profile, shipped
from auth.registrations import service as registrations
from auth.registrations.rules import NEEDED, PAPERS
from auth.registrations.workflow import Act
from auth.reviews import service as reviews
from auth.roles import LENDABLE, PERMISSIONS, Role, lends
from core.errors import AccessRefused, InputRefused, NotFound, TransitionRefused
from datasets.waivers import rules as waivers
from tests.auth.agreements.scene import in_force
from tests.conftest import TestClock
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
    codes,
    concurred,
    kinds,
    proposed,
    screened,
    voted,
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
        own = {name for name, roles in PERMISSIONS.items() if Role.STEWARD in roles}
        assert {name for name in PERMISSIONS if actor.may(name)} - own == LENDABLE[Role.APPROVER] - own
        assert actor.own_kinds == {Role.STEWARD}
        assert not actor.may("auth:grant:revoke")


@pytest.mark.parametrize("role", list(Role))
def test_approvers_and_reviewers_alone_lend_and_only_what_their_role_permits(role: Role) -> None:
    wish = Wish("parks", WISH.starts_on, WISH.ends_on, role)
    own = party("p", role)
    found = [
        each.code for each in rules.objections(wish, own, party("d", Role.STEWARD), (), TODAY, most_days=90)
    ]
    can = role in {Role.APPROVER, Role.REVIEWER_BUSINESS, Role.REVIEWER_SECURITY}
    assert found == ([] if can else ["role-not-lendable"])
    assert (role in LENDABLE) == can
    assert all(role in PERMISSIONS[name] for name in LENDABLE.get(role, ()))
    assert lends(role, "auth:application:read") == can
    assert not lends(role, "auth:grant:revoke")


@pytest.mark.parametrize("held", sorted(LENDABLE))
@pytest.mark.parametrize("lent", sorted(LENDABLE))
def test_a_role_is_lent_by_its_holder_alone(held: Role, lent: Role) -> None:
    wish = Wish("parks", WISH.starts_on, WISH.ends_on, lent)
    found = rules.objections(wish, party("p", held), party("d", Role.STEWARD), (), TODAY, most_days=90)
    assert [each.code for each in found] == ([] if held is lent else ["delegation-too-wide"])


@pytest.mark.parametrize(
    ("starts", "ends", "meets"),
    [(-3, -1, False), (-3, 0, True), (0, 6, True), (3, 4, True), (6, 9, True), (7, 9, False)],
)
@pytest.mark.parametrize("is_deputy_away", [True, False])
def test_chains_are_counted_by_the_day(starts: int, ends: int, *, meets: bool, is_deputy_away: bool) -> None:
    first, last = TODAY + timedelta(days=starts), TODAY + timedelta(days=ends)
    other = Cover("d", "x", first, last) if is_deputy_away else Cover("x", "p", first, last)
    found = rules.objections(
        WISH, Party("p", APPROVER), party("d", Role.STEWARD), (other,), TODAY, most_days=90
    )
    assert [each.code for each in found] == (["delegation-chain"] if meets else [])


def test_a_deputy_screens_and_votes_for_a_reviewer_and_the_two_have_one_vote(house: House) -> None:
    desk = stand_in(house, principal="screener", scope="parks", role=Role.REVIEWER_BUSINESS)
    found = an_application(desk, at=State.SUBMITTED, ask=an_ask(RESCUES))
    with desk.read("helper") as (work, actor):
        assert [row.id for row in listing.listed(work, actor, waiting=True)[0]] == [found.id]
        assert "application.waits" in [each.kind for each in messages.inbox(work, actor)[0]]
        assert not actor.may("auth:application:decide")
        assert not actor.may("auth:clock:sign")
    found = voted(
        desk, screened(desk, found, "helper"), "helper", "business:parks", note="可以", vote="approve"
    )
    with desk.read("auditor") as (work, actor):
        said = {event.step: (event.for_name, event.for_org) for event in queries.events(work, found.id)}
        assert said["screen_ok"] == said["review"] == ("screener", "parks")
    with desk.read("screener") as (work, actor):
        seen = applications.application(work, actor, found.id).reviews
        assert [each.reviewer_name for each in seen] == ["helper (for screener)"], (
            "what was voted for him he sees"
        )
        assert not listing.listed(work, actor, waiting=True)[1]
    with desk.read("screener2") as (work, actor):
        assert applications.application(work, actor, found.id).reviews == [], "votes are blind"
    with house.write() as work:
        a_person(
            work, "second", "bureau", ["reviewer_security"], person_id=actor_of(work, "screener").person_id
        )
    for who in ("second", "helper"):
        with pytest.raises(AccessRefused) as refusal:
            voted(desk, found, who, "security")
        assert codes(refusal) == (["one-vote-each"] if who == "second" else ["no-stage-for-you"])
    assert voted(desk, found, "security", "security").state is State.DECIDING


def test_a_deputy_whose_account_was_disabled_is_told_nothing(house: House) -> None:
    stand_in(house)
    with house.write() as work:
        approver, helper = (
            work.db.exec(select(AccountRow).where(AccountRow.username == name)).one()
            for name in ("approver", "helper")
        )
        before = audience.deciders(work, [])
        assert {approver.id, helper.id} <= set(before)
        helper.disabled = True
        work.db.flush()
        assert set(audience.deciders(work, [])) == set(before) - {helper.id}


def test_all_who_stand_in_for_one_principal_count_as_one(house: House) -> None:
    desk = stand_in(house)
    made = named(desk, "approver", "steward_b")
    answered(desk, "steward_b", made.id, Step.ACCEPT)
    found = proposed(desk, an_application(desk, at=State.DECIDING, ask=an_ask(RESCUES)), "helper")
    with pytest.raises(AccessRefused) as refusal:
        concurred(desk, found, "steward_b")
    assert codes(refusal) == ["separation-of-duties-3"]
    with desk.read("steward_b") as (work, actor):
        everybody = {actor_of(work, name).person_id for name in ("approver", "helper", "steward_b")}
        assert persons(work, actor) == everybody


def test_registration_reviews_waivers_and_the_rest_see_the_pair(house: House) -> None:
    """Each of these is settled by a second person; somebody who counts as the first is none."""
    desk = stand_in(house, deputy="steward_a")  # steward_a stands in for the approver
    grant = a_grant(desk)
    with desk.write("approver2") as (work, actor):
        look = reviews.evaluate(work, actor, grant.id)
    with desk.write("steward_a") as (work, actor):
        said = {"outcome": "withdraw", "note": "长期未用", "value": "无", "complaints": "无", "quality": "良"}
        reviews.answer(work, actor, look.id, reviews.ReviewAnswer.model_validate(said))
    with desk.write("approver") as (work, actor), pytest.raises(AccessRefused) as refusal:
        reviews.decide(work, actor, look.id, reviews.Step.REVOKE, CaseStep(note="同意撤销"))
    assert codes(refusal) == ["answerer-does-not-decide"]

    asked = {"dataset_id": PARKS.dataset_id, "body": dict.fromkeys(NEEDED[Act.FIRST], "详见材料")}
    papers = [{"paper": each.value, "name": "附件.pdf", "sha256": "a" * 64} for each in PAPERS[Act.FIRST]]
    asked["body"] |= {"attachments": papers}  # type: ignore[operator]
    with desk.write("steward_a") as (work, actor):
        body = registrations.RegistrationCreate.model_validate(asked)
        act = registrations.draft(work, actor, body, assets=desk.assets)
        registrations.step(work, actor, act.id, registrations.Step.SUBMIT, CaseStep())
        row = registrations.BOOK.row(work, act.id, actor)
        approver, other = (actor_of(work, name) for name in ("approver", "approver2"))
        for step in (registrations.Step.PASS, registrations.Step.REFUSE, registrations.Step.CERTIFY):
            assert [each.code for each in registrations.against(work, approver, row, step)] == [
                "registration-people"
            ]
            assert not list(registrations.against(work, other, row, step))
        assert "certify" not in [each.step for each in registrations.commands(work, actor, act.id)], (
            "not lent"
        )


@pytest.mark.parametrize("who", ["prepared", "signed", "other"])
def test_the_pair_signs_a_waiver_once(who: str) -> None:
    found = waivers.people_objections({"himself", who}, {"prepared"}, "signed")
    expected = {"prepared": ["preparer-may-not-waive"], "signed": ["second-person-missing"], "other": []}
    assert [each.code for each in found] == expected[who]


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
        assert [row.id for row in listing.listed(work, actor, waiting=True)[0]] == [found.id]
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
        assert listing.listed(work, actor, waiting=True)[1] == 0, "nothing waits for whom the deputy signed"
    with desk.read("parks_approver") as (work, actor):
        assert listing.listed(work, actor, waiting=True)[1] == 1
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
        "role": "approver",
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
