"""What is said beside the steps of an application, who reads it, and who handles the case."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import col, select

from api.house import House
from auth.applications import handlers, talk
from auth.applications import service as applications
from auth.applications.handlers import Handling
from auth.applications.models import StepBody
from auth.applications.talk import CommentCreate, CommentHide
from auth.applications.workflow import State
from auth.audit import AuditEventRow
from auth.audit_reading import history
from auth.messages import service as messages
from core.errors import AccessRefused, AppError, Conflict, InputRefused, NotFound, TooMany, TransitionRefused
from tests.desk import (
    RESCUES,
    Desk,
    a_desk,
    agreed,
    an_application,
    an_ask,
    offered,
    reviewed,
    screened,
    submitted,
)

STRANGERS = ("applicant2", "officer2", "roads_screener")
APPLICANTS = ("applicant", "officer", "analyst")
BUREAU = ("screener", "security", "approver", "watch", "auditor", "steward_a")


@pytest.fixture
def desk(house: House) -> Desk:
    return a_desk(house)


@pytest.fixture
def quick(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


def say(desk: Desk, who: str, application_id: Any, body: str, **more: Any) -> Any:
    with desk.write(who) as (work, actor):
        return talk.comment(work, actor, application_id, CommentCreate(body=body, **more))


def heard(desk: Desk, who: str, application_id: Any) -> list[str]:
    with desk.read(who) as (work, actor):
        return [each.body for each in talk.comments(work, actor, application_id)[0]]


def told(desk: Desk, who: str) -> list[str]:
    with desk.read(who) as (work, actor):
        return [
            each.kind
            for each in messages.inbox(work, actor)[0]
            if each.kind in {"application.commented", "application.opinion_asked", "application.assigned"}
        ]


def test_each_side_reads_what_is_meant_for_it(desk: Desk) -> None:
    found = an_application(desk, at=State.IN_REVIEW)
    say(desk, "screener", found.id, "请补充说明留存天数")
    say(desk, "applicant", found.id, "留存三十天足够")
    say(desk, "screener", found.id, "第三列恐过宽", audience="internal")
    for who in APPLICANTS:
        assert heard(desk, who, found.id) == ["请补充说明留存天数", "留存三十天足够"]
    for who in BUREAU:
        assert heard(desk, who, found.id) == ["请补充说明留存天数", "留存三十天足够", "第三列恐过宽"]
    for who in STRANGERS:
        with pytest.raises(NotFound):
            heard(desk, who, found.id)
    with desk.read("applicant") as (work, actor):
        assert talk.comments(work, actor, found.id)[1] == 2, "nor does the count tell of a remark"
        kinds = {each.kind for each in history(work, application_id=found.id)}
        words = str([each.facts for each in history(work, application_id=found.id, internal=True)])
    assert "application.commented" in kinds
    assert "application.remarked" not in kinds
    assert "第三列恐过宽" not in words, "the history names the remark; its words are read beside it"


def test_nothing_said_moves_the_version_that_deciders_saw(quick: Desk) -> None:
    found = an_application(quick, at=State.IN_REVIEW)
    say(quick, "applicant", found.id, "另有说明")
    with quick.read("applicant") as (work, actor):
        assert applications.application(work, actor, found.id).version == found.version


@pytest.mark.parametrize(
    ("who", "audience", "refusal"),
    [
        ("applicant", "internal", AccessRefused),
        ("officer", "internal", AccessRefused),
        ("analyst", "public", AccessRefused),
        ("auditor", "public", AccessRefused),
        ("auditor", "internal", AccessRefused),
        ("applicant2", "public", NotFound),
        ("roads_screener", "internal", NotFound),
        ("clerk", "public", NotFound),
    ],
)
def test_who_may_not_speak(quick: Desk, who: str, audience: Any, refusal: type[AppError]) -> None:
    found = an_application(quick, at=State.IN_REVIEW)
    with pytest.raises(refusal):
        say(quick, who, found.id, "一句话", audience=audience)
    assert heard(quick, "auditor", found.id) == []


def test_talk_begins_with_submission_and_ends_with_the_case(quick: Desk) -> None:
    draft = an_application(quick, at=State.DRAFT)
    with pytest.raises(TransitionRefused):
        say(quick, "applicant", draft.id, "未提交")
    found = submitted(quick, draft)
    say(quick, "applicant", found.id, "已提交")
    found = agreed(quick, offered(quick, reviewed(quick, screened(quick, found))))
    with pytest.raises(TransitionRefused):
        say(quick, "applicant", found.id, "已办结")
    assert heard(quick, "applicant", found.id) == ["已提交"]


def test_the_other_side_is_told_and_never_the_author(desk: Desk) -> None:
    found = an_application(desk, at=State.SUBMITTED)
    say(desk, "applicant", found.id, "何时受理？")
    assert (told(desk, "screener"), told(desk, "applicant")) == (["application.commented"], [])
    say(desk, "screener", found.id, "三个工作日内")
    assert told(desk, "applicant") == ["application.commented"]
    say(desk, "screener", found.id, "请看第二列", audience="internal", ask="approver")
    assert told(desk, "approver") == ["application.opinion_asked"]
    say(desk, "approver", found.id, "可以", audience="internal")
    assert told(desk, "screener")[:1] == ["application.commented"], "who takes part hears how it goes on"
    assert told(desk, "applicant") == ["application.commented"], "a remark tells the applicant nothing"


@pytest.mark.parametrize("ask", ["applicant", "officer", "auditor", "roads_screener", "nobody", "screener"])
def test_opinions_are_sought_of_colleagues_alone(quick: Desk, ask: str) -> None:
    found = an_application(quick, at=State.SUBMITTED)
    with pytest.raises(InputRefused):
        say(quick, "screener", found.id, "意见？", audience="internal", ask=ask)
    with pytest.raises(InputRefused):
        say(quick, "screener", found.id, "意见？", audience="public", ask="approver")


def test_a_hidden_text_leaves_its_reason_and_the_record_keeps_it(desk: Desk) -> None:
    found = an_application(desk, at=State.SUBMITTED)
    said = say(desk, "applicant", found.id, "误贴了电话")
    with desk.write("screener") as (work, actor), pytest.raises(AccessRefused):
        talk.hide(work, actor, found.id, said.id, CommentHide(reason="个人信息"))
    with desk.write("approver") as (work, actor):
        hidden = talk.hide(work, actor, found.id, said.id, CommentHide(reason="个人信息"))
    assert (hidden.body, hidden.hidden_reason) == ("", "个人信息")
    assert heard(desk, "applicant", found.id) == [""]
    with desk.write("applicant") as (work, actor), pytest.raises((AccessRefused, Conflict)):
        talk.hide(work, actor, found.id, said.id, CommentHide(reason="再隐藏一次"))
    with desk.read("auditor") as (work, _):
        wanted = select(AuditEventRow.kind).where(AuditEventRow.application_id == found.id)
        kinds = list(work.db.exec(wanted.order_by(col(AuditEventRow.seq))))
    assert kinds[-2:] == ["application.commented", "application.comment_hidden"]


def test_a_remark_cannot_be_touched_from_the_other_side(quick: Desk) -> None:
    found = an_application(quick, at=State.SUBMITTED)
    other = an_application(quick, at=State.SUBMITTED, ask=an_ask(RESCUES, columns=["event_type"]))
    said = say(quick, "screener", found.id, "内部", audience="internal")
    for who, of in (("applicant", found), ("screener", other)):
        with quick.write(who) as (work, actor), pytest.raises(NotFound):
            talk.hide(work, actor, of.id, said.id, CommentHide(reason="不想看见"))


def test_one_person_does_not_flood_a_case(quick: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talk, "AN_HOUR", 3)
    found = an_application(quick, at=State.SUBMITTED)
    for at in range(3):
        say(quick, "applicant", found.id, f"第 {at} 条")
    with pytest.raises(TooMany):
        say(quick, "applicant", found.id, "第四条")
    monkeypatch.setattr(talk, "MOST", 3)
    with pytest.raises(Conflict):
        say(quick, "screener", found.id, "满了")


# -- who handles it


def assign(desk: Desk, who: str, application_id: Any, username: str, department: str = "parks") -> Any:
    with desk.write(who) as (work, actor):
        return handlers.assign(
            work, actor, application_id, Handling(department_id=department, username=username)
        )


def handled(desk: Desk, who: str) -> list[str]:
    with desk.read(who) as (work, actor):
        return [each.id for each in applications.applications(work, actor, handled=True)[0]]


def test_a_case_is_given_to_a_colleague_and_taken_back(desk: Desk) -> None:
    found = an_application(desk, at=State.SUBMITTED)
    (now,) = assign(desk, "screener", found.id, "screener2")
    assert (now.department_id, now.username) == ("parks", "screener2")
    assert (handled(desk, "screener2"), handled(desk, "screener")) == ([found.id], [])
    assert told(desk, "screener2") == ["application.assigned"]
    with pytest.raises(Conflict):
        assign(desk, "approver", found.id, "screener2")
    assign(desk, "approver", found.id, "screener")
    assert (handled(desk, "screener2"), handled(desk, "screener")) == ([], [found.id])
    assign(desk, "approver", found.id, "")
    assert handled(desk, "screener") == []
    with desk.read("auditor") as (work, _):
        made = [
            each.facts["to_account"] != ""
            for each in history(work, application_id=found.id, internal=True)
            if each.kind == "application.assigned"
        ]
        assert not [
            each for each in history(work, application_id=found.id) if each.kind == "application.assigned"
        ]
    assert made == [True, True, False]


@pytest.mark.parametrize(
    "username", ["applicant", "officer", "auditor", "steward_a", "roads_screener", "nobody"]
)
def test_a_case_goes_to_reviewers_and_approvers_alone(quick: Desk, username: str) -> None:
    found = an_application(quick, at=State.SUBMITTED)
    with pytest.raises(InputRefused):
        assign(quick, "screener", found.id, username)


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("applicant", AccessRefused),
        ("auditor", AccessRefused),
        ("watch", AccessRefused),
        ("steward_a", AccessRefused),
        ("roads_screener", NotFound),
    ],
)
def test_who_may_not_assign(quick: Desk, who: str, refusal: type[AppError]) -> None:
    found = an_application(quick, at=State.SUBMITTED)
    with pytest.raises(refusal):
        assign(quick, who, found.id, "screener2")


def test_the_handler_hears_of_what_the_applicant_says_and_of_each_move(quick: Desk) -> None:
    found = an_application(quick, at=State.SUBMITTED)
    assign(quick, "screener", found.id, "screener2")
    say(quick, "applicant", found.id, "补充一句")
    assert told(quick, "screener2")[:1] == ["application.commented"]
    assert told(quick, "screener") == [], "who handles it is told; the others are spared"
    with quick.write("applicant") as (work, actor):
        applications.withdraw(work, actor, found.id, StepBody(version=found.version, note="不再需要"))
    with quick.read("screener2") as (work, actor):
        assert messages.inbox(work, actor)[0][0].kind == "application.moved"
    with pytest.raises(TransitionRefused):
        assign(quick, "screener", found.id, "screener")
