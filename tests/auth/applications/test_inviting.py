"""A further reviewer votes where those of the plan are absent: by invitation alone, under every rule that binds them, for one turn. On both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from api.house import House
from auth.applications import inviting, listing, queries
from auth.applications import service as applications
from auth.applications.inviting import Invitation, InvitationRead
from auth.applications.models import ApplicationRead, DeclaredStep
from auth.applications.workflow import State
from auth.delegations.workflow import Step as DelegationStep
from auth.messages import service as messages
from auth.roles import Role
from core.errors import AccessRefused, AppError, Conflict, InputRefused, NotFound, Stale, TransitionRefused
from core.ids import DatasetId, OrgId
from tests.auth.test_delegations import answered, named
from tests.conftest import TestClock
from tests.desk import PARKS, RESCUES, Desk, a_desk, an_application, an_ask, codes, screened, voted
from tests.people import a_person, actor_of, browser_as, client_as

STAGE = "business:parks"
WHY = "两名审核人均在休假"


def in_review(desk: Desk) -> ApplicationRead:
    return screened(desk, an_application(desk, at=State.SUBMITTED, ask=an_ask(RESCUES)))


def invited(desk: Desk, found: ApplicationRead, who: str = "roads_screener", by: str = "steward_a", stage: str = STAGE, note: str = WHY) -> list[InvitationRead]:  # fmt: skip
    with desk.write(by) as (work, actor):
        body = Invitation(username=who, stage=stage, note=note, version=found.version)
        return inviting.invite(work, actor, found.id, body)


def sees(desk: Desk, who: str, found: ApplicationRead) -> bool:
    with desk.read(who) as (work, actor):
        try:
            return applications.application(work, actor, found.id).id == found.id
        except NotFound:
            return False


def waits_for(desk: Desk, who: str) -> list[str]:
    with desk.read(who) as (work, actor):
        return [row.id for row in listing.listed(work, actor, waiting=True)[0]]


def test_who_is_invited_sees_it_is_told_votes_once_and_the_plan_goes_on(house: House) -> None:
    desk = a_desk(house)
    found = in_review(desk)
    assert not sees(desk, "roads_screener", found)
    (made,) = invited(desk, found)
    assert (made.stage, made.username, made.invited_by, made.has_voted) == (
        STAGE,
        "roads_screener",
        "steward_a",
        False,
    )
    assert sees(desk, "roads_screener", found)
    assert waits_for(desk, "roads_screener") == [found.id]
    with desk.read("roads_screener") as (work, actor):
        assert [each.kind for each in messages.inbox(work, actor)[0]] == ["application.invited"]
        steps = {
            each["command"]: each for each in applications.commands(work, actor, found.id, assets=desk.assets)
        }
        assert "review" in steps
    found = voted(desk, found, "roads_screener", STAGE)
    assert waits_for(desk, "roads_screener") == []
    with desk.read("steward_a") as (work, actor):
        assert [each.has_voted for each in inviting.invitations(work, actor, found.id)] == [True]
    with pytest.raises(AccessRefused):
        voted(desk, found, "roads_screener", "security")
    assert voted(desk, found, "security", "security").state is State.DECIDING


def test_his_deputy_votes_for_him_while_he_is_away(house: House) -> None:
    desk = a_desk(house)
    with house.write() as work:
        a_person(work, "helper", "roads", ["steward"])
    made = named(desk, "roads_screener", "helper", scope="roads", role=Role.REVIEWER_BUSINESS)
    answered(desk, "helper", made.id, DelegationStep.ACCEPT)
    found = in_review(desk)
    invited(desk, found)
    assert sees(desk, "helper", found)
    found = voted(desk, found, "helper", STAGE)
    with desk.read("auditor") as (work, _):
        said = {event.step: event.for_name for event in queries.events(work, found.id)}
        assert said["review"] == "roads_screener"
        assert [
            each.has_voted for each in inviting.invitations(work, actor_of(work, "steward_a"), found.id)
        ] == [True]
    with pytest.raises(AccessRefused):
        voted(desk, found, "roads_screener", "security")


def test_every_rule_that_binds_reviewers_binds_the_invited(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    found = in_review(desk)
    with sqlite_house.write() as work:
        a_person(
            work, "double", "roads", ["reviewer_business"], person_id=actor_of(work, "applicant").person_id
        )
        a_person(
            work, "mine", "roads", ["reviewer_business"], person_id=actor_of(work, "steward_a").person_id
        )
    for who, expected in (
        ("double", "separation-of-duties-1"), ("mine", "invites-himself"), ("approver", "invitee-lacks-role"),
        ("security", "invitee-lacks-role"), ("screener2", "reviews-anyway"),
    ):  # fmt: skip
        with pytest.raises(AccessRefused) as refusal:
            invited(desk, found, who)
        assert expected in codes(refusal), who
    found = voted(desk, found, "screener", STAGE)
    with pytest.raises(AccessRefused) as refusal:
        invited(desk, found, stage=STAGE)
    assert codes(refusal) == ["not-your-stage"], "the stage is complete"


@pytest.mark.parametrize(
    ("how", "fault"),
    [
        ({"by": "roads_screener"}, NotFound), ({"by": "approver"}, AccessRefused), ({"note": "短"}, InputRefused),
        ({"who": "nobody-here"}, InputRefused), ({"stage": "security"}, None), ({"stage": "no-such"}, AccessRefused),
    ],
)  # fmt: skip
def test_who_may_invite_whom_and_to_what(
    sqlite_house: House, how: dict[str, str], fault: type[AppError] | None
) -> None:
    desk = a_desk(sqlite_house)
    found = in_review(desk)
    if fault is None:  # the security stage: its reviewer is of the whole platform, so nobody need be invited
        with pytest.raises(AccessRefused) as refusal:
            invited(desk, found, "security", **how)
        assert codes(refusal) == ["reviews-anyway"]
        return
    with pytest.raises(fault):
        invited(desk, found, **how)


def test_an_invitation_is_for_one_turn_and_can_be_taken_back(house: House, clock: TestClock) -> None:
    desk = a_desk(house)
    found = in_review(desk)
    with pytest.raises(Stale):
        invited(desk, found.model_copy(update={"version": found.version - 1}))
    (made,) = invited(desk, found)
    with pytest.raises(Conflict):
        invited(desk, found)
    with desk.write("screener") as (work, actor):
        inviting.take_back(work, actor, found.id, made.id)
    assert not sees(desk, "roads_screener", found)
    with pytest.raises(Conflict), desk.write("screener") as (work, actor):
        inviting.take_back(work, actor, found.id, made.id)
    invited(desk, found)
    with desk.write("screener2") as (work, actor):
        body = DeclaredStep(version=found.version, note="请补充用途说明和列的理由", has_no_conflict=True)
        applications.send_back(work, actor, found.id, body)
    clock.now += timedelta(minutes=1)
    with desk.read("roads_screener") as (work, actor):
        assert listing.listed(work, actor, waiting=True)[1] == 0
    with desk.read("steward_a") as (work, actor):
        now = applications.application(work, actor, found.id)
    with pytest.raises(TransitionRefused):
        invited(desk, now)


def test_an_invitation_is_taken_back_by_whom_it_concerns_and_once_it_is_known(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    found = in_review(desk)
    (made,) = invited(desk, found)
    for who, which, fault in (
        ("approver", made.id, AccessRefused), ("roads_screener", made.id, AccessRefused), ("steward_a", "none", NotFound),
    ):  # fmt: skip
        with pytest.raises(fault), desk.write(who) as (work, actor):
            inviting.take_back(work, actor, found.id, which)
    with desk.read("applicant") as (work, actor), pytest.raises(AccessRefused):
        inviting.invitations(work, actor, found.id)


def test_who_may_invite_to_several_stages_says_to_which(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    desk.known["ROAD-1"] = replace(PARKS, dataset_id=DatasetId("ROAD-1"), org_id=OrgId("roads"))
    with sqlite_house.write() as work:
        a_person(work, "both", "bureau", ["steward"])
        a_person(work, "third", "bureau", ["reviewer_business"])
    lines = [*an_ask(RESCUES).lines, *an_ask(desk.known["ROAD-1"]).lines]
    found = an_application(desk, at=State.SUBMITTED, ask=an_ask(RESCUES).model_copy(update={"lines": lines}))
    found = screened(desk, found)
    with desk.read("both") as (work, actor):
        open_ = [
            stage.name for stage in inviting.stages_to_invite(work, actor, queries.row(work, found.id, actor))
        ]
    assert open_ == ["business:parks", "business:roads", "security"]
    with pytest.raises(InputRefused, match="Say which stage") as refusal:
        invited(desk, found, "third", by="both", stage="")
    assert all(name in refusal.value.detail.zh for name in open_)


def test_who_could_be_invited_is_told_by_name(house: House) -> None:
    desk = a_desk(house)
    found = in_review(desk)
    with house.write() as work:
        person = actor_of(work, "applicant").person_id
        a_person(work, "double", "roads", ["reviewer_business"], person_id=person)
        a_person(work, "other", "roads", ["reviewer_business"])
    with desk.read("steward_a") as (work, actor):
        able = inviting.invitable(work, actor, found.id)
        assert [(each.stage, each.username) for each in able] == [(STAGE, "other"), (STAGE, "roads_screener")]
        assert all(each.name_zh and each.name_en and each.org_id == "roads" for each in able)
    invited(desk, found)
    with desk.read("steward_a") as (work, actor):
        assert [each.username for each in inviting.invitable(work, actor, found.id)] == ["other"]
    with desk.read("approver") as (work, actor):
        assert inviting.invitable(work, actor, found.id) == [], "who invites to no stage is told of nobody"


def test_page_and_routes(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    found = in_review(desk)
    page = browser_as(sqlite_house, "steward_a", "en")
    at = f"/applications/{found.id}"
    shown = page.get(at).text
    assert "Invite another to vote" in shown
    assert f'value="roads_screener|{STAGE}"' in shown
    assert f'value="screener2|{STAGE}"' not in shown, "he reviews it anyway"
    stale = page.submit(
        f"{at}/invitations",
        reviewer="roads_screener",
        stage=STAGE,
        invitation_note=WHY,
        version=found.version - 1,
    )
    assert stale.status_code == 422
    assert "changed by somebody else" in stale.text
    done = page.submit(
        f"{at}/invitations",
        reviewer=f"roads_screener|{STAGE}",
        invitation_note=WHY,
        version=found.version,
    )
    assert done.status_code == 303, done.text
    steward = client_as(sqlite_house, "steward_a", careful=False)
    (made,) = steward.get(f"/api/v1{at}/invitations").json()
    assert steward.get(f"/api/v1{at}/invitations/able").json() == [], "invited already"
    bare = steward.post(f"/api/v1{at}/invitations", json={"username": "roads_screener", "note": WHY})
    assert (bare.status_code, bare.json()["missing"]) == (422, "version")
    assert client_as(sqlite_house, "applicant").get(f"/api/v1{at}/invitations").status_code == 403
    assert "Review" in browser_as(sqlite_house, "roads_screener", "en").get(f"{at}/review").text
    gone = steward.delete(f"/api/v1{at}/invitations/{made['id']}")
    assert (gone.status_code, gone.json()[0]["ended_at"] is None) == (200, False)
    assert client_as(sqlite_house, "roads_screener").get(f"/api/v1{at}").status_code == 404
