"""帮代办: a clerk drafts, the enterprise confirms exactly that, and the clerk is on its side of the case for good."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import select

from api.house import House
from auth import audit_reading
from auth.applications import service as applications
from auth.applications.models import ApplicationRead, ApplicationSave, AssistedAsk, DeclaredStep, StepBody
from auth.applications.workflow import State
from auth.messages.tables import MessageRow
from core.errors import AccessRefused, Conflict, InputRefused, NotFound, TransitionRefused
from tests.desk import Desk, a_desk, agreed, an_application, an_ask, codes, decided, reviewed, screened, voted
from tests.people import a_person, actor_of


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


def drafted(desk: Desk, who: str = "clerk", org: str = "insurer", **changes: Any) -> ApplicationRead:
    body = an_ask(**changes).model_dump() | {"org_id": org, "assisted_for": "保险公司王女士，电话登记在案"}
    with desk.write(who) as (work, actor):
        return applications.assist(work, actor, AssistedAsk.model_validate(body), assets=desk.assets)


def did(desk: Desk, who: str, step: Any, found: ApplicationRead) -> ApplicationRead:
    with desk.write(who) as (work, actor):
        now = applications.application(work, actor, found.id)
        more = {"assets": desk.assets} if step is applications.submit else {}
        done: ApplicationRead = step(work, actor, found.id, StepBody(version=now.version), **more)
        return done


def saved(desk: Desk, who: str, found: ApplicationRead, **changes: Any) -> ApplicationRead:
    with desk.write(who) as (work, actor):
        now = applications.application(work, actor, found.id)
        body = ApplicationSave.model_validate(an_ask(**changes).model_dump() | {"version": now.version})
        return applications.save(work, actor, found.id, body, assets=desk.assets)


def refusal(act: Any) -> list[str]:
    with pytest.raises(AccessRefused) as refused:
        act()
    return codes(refused)


def test_a_draft_is_submitted_once_the_enterprise_has_confirmed_that_very_content(house: House) -> None:
    desk = a_desk(house)
    found = drafted(desk)
    assert (found.org_id, found.assisted_by, found.is_confirmed) == ("insurer", "clerk", False)
    for who in ("clerk", "applicant"):
        assert refusal(lambda who=who: did(desk, who, applications.submit, found)) == ["draft-not-confirmed"]
    with pytest.raises(TransitionRefused):
        did(desk, "clerk", applications.confirm, found)
    assert did(desk, "applicant", applications.confirm, found).is_confirmed
    changed = saved(desk, "clerk", found, purpose_text="用于旅游意外险的分区域评估与定价测算。")
    assert not changed.is_confirmed
    assert refusal(lambda: did(desk, "clerk", applications.submit, found)) == ["draft-not-confirmed"]
    did(desk, "applicant", applications.confirm, found)
    assert did(desk, "clerk", applications.submit, found).state == State.SUBMITTED
    with house.read() as work:
        told = work.db.exec(select(MessageRow).where(MessageRow.kind == "application.assisted"))
        assert {row.account_id for row in told} == {actor_of(work, "applicant").account_id}


def test_what_the_enterprise_changes_itself_it_confirms_too(desk: Desk) -> None:
    found = drafted(desk)
    saved(desk, "applicant", found, purpose_text="用于旅游意外险的分区域评估与定价测算。")
    assert refusal(lambda: did(desk, "applicant", applications.submit, found)) == ["draft-not-confirmed"]
    did(desk, "applicant", applications.confirm, found)
    assert did(desk, "applicant", applications.submit, found).state == State.SUBMITTED
    own = an_application(desk, at=State.DRAFT, scenario_id="weather")
    with pytest.raises(Conflict):
        did(desk, "applicant", applications.confirm, own)


def test_the_clerk_sees_what_he_drafted_and_nothing_else(desk: Desk) -> None:
    other = an_application(desk, scenario_id="weather")
    found = drafted(desk)
    for who, wanted in (("clerk", [found.id]), ("clerk2", []), ("officer2", [])):
        with desk.read(who) as (work, actor):
            assert [each.id for each in applications.applications(work, actor)[0]] == wanted
    with pytest.raises(NotFound), desk.read("clerk") as (work, actor):
        applications.application(work, actor, other.id)
    with pytest.raises(NotFound):
        saved(desk, "clerk2", found)
    with desk.read("clerk") as (work, actor):
        assert applications.applications(work, actor, waiting=True)[1] == 1
    done = agreed(desk, decided(desk, reviewed(desk, screened(desk, _sent(desk, found)))))
    with desk.read("clerk") as (work, actor):
        seen = applications.application(work, actor, found.id)
        assert (seen.state, seen.reviews, seen.proposal) == (State.AGREED, [], None)
        assert applications.commands(work, actor, found.id, assets=desk.assets) == []
    assert done.grants


def _sent(desk: Desk, found: ApplicationRead) -> ApplicationRead:
    did(desk, "applicant", applications.confirm, found)
    return did(desk, "applicant", applications.submit, found)


@pytest.mark.parametrize("account", ["own", "second"])
def test_the_clerk_never_reviews_or_decides_what_he_drafted(desk: Desk, account: str) -> None:
    """Rule 1, also by another account of the same person that holds the roles."""
    with desk.house.write() as work:
        person = actor_of(work, "clerk").person_id
        a_person(work, "another", "bureau", ["reviewer_business", "approver"], person_id=person)
        a_person(work, "both", "bureau", ["clerk", "reviewer_business", "approver"])
    who, by = ("both", "both") if account == "own" else ("another", "clerk")
    found = _sent(desk, drafted(desk, by))
    one = ["separation-of-duties-1"]
    assert refusal(lambda: screened(desk, found, who)) == one
    at = screened(desk, found)
    assert refusal(lambda: voted(desk, at, who)) == one
    back = DeclaredStep(has_no_conflict=True, version=at.version, note="请补充说明")
    with desk.write(who) as (work, actor), pytest.raises(AccessRefused) as refused:
        applications.send_back(work, actor, at.id, back)
    assert codes(refused) == one
    at = reviewed(desk, at)
    assert refusal(lambda: decided(desk, at, who)) == one
    assert decided(desk, at).state == State.OFFERED


def test_the_history_takes_the_side_of_the_enterprise_not_of_whoever_wrote_the_draft(desk: Desk) -> None:
    found = drafted(desk)
    with pytest.raises(AccessRefused) as refused:
        did(desk, "applicant", applications.submit, found)
    with desk.write("applicant") as (work, actor):
        applications.note_refusal(work, actor, found.id, "submit", refused.value)
    with desk.read("applicant") as (work, _actor):
        told = audit_reading.history(work, application_id=found.id)
    assert [(each.kind, each.org_id) for each in told] == [
        ("application.created", "bureau"), ("application.assisted", "bureau"), ("application.refused", "insurer"),
    ]  # fmt: skip


def test_drafts_are_made_for_enterprises_by_clerks_who_do_not_work_there(desk: Desk) -> None:
    with desk.house.write() as work:
        a_person(work, "moonlighter", "bureau", ["clerk"], person_id=actor_of(work, "officer").person_id)
    with pytest.raises(InputRefused):
        drafted(desk, org="parks")
    with pytest.raises(NotFound):
        drafted(desk, org="nobody")
    assert refusal(lambda: drafted(desk, "moonlighter")) == ["clerk-of-own-enterprise"]
    with desk.write("clerk") as (work, actor), pytest.raises(AccessRefused) as refused:
        applications.create(work, actor, an_ask(), assets=desk.assets)
    assert codes(refused) == ["not-an-applicant"]


def test_returned_it_goes_through_the_same_confirmation(desk: Desk) -> None:
    found = screened(desk, _sent(desk, drafted(desk)), outcome="return", note="请补充用途说明")
    changed = saved(desk, "clerk", found, purpose_text="用于旅游意外险的分区域评估与定价测算。")
    assert not changed.is_confirmed
    assert _sent(desk, found).turn == 2
