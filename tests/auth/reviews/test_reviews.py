"""Each half year every live grant is answered for, by two people where it ends; pilots are evaluated before they are renewed."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.house import House
from auth import deadlines
from auth.applications import service as applications
from auth.applications import succession
from auth.casework.book import CaseStep
from auth.duties import service as duties
from auth.duties.service import DutyAnswer
from auth.grants import reading
from auth.grants import service as grants
from auth.grants.reading import GrantRead
from auth.grants.steps import GrantStep
from auth.messages import reminders
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import Reminded, limits
from auth.profile.model import ReminderDays, shipped
from auth.reviews import pilots, rules, service
from auth.reviews.service import CampaignOpen, CampaignRead, PilotMark, ReviewAnswer, ReviewRead
from auth.reviews.workflow import MOVES, UNANSWERED, State, Step, advance
from auth.roles import Role
from core.errors import AccessRefused, Conflict, InputRefused, NotFound, TransitionRefused
from tests.auth.agreements.scene import in_force
from tests.auth.grants.following import follow, granted
from tests.conftest import TestClock
from tests.desk import (
    Desk,
    a_desk,
    a_grant,
    activated,
    agreed,
    codes,
    decided,
    kinds,
    reviewed,
    screened,
    submitted,
)
from tests.people import a_person, actor_of, browser_as, client_as

DAY = date(2026, 3, 2)
AUTUMN = date(2026, 11, 30)


@pytest.fixture
def desk(house: House) -> Desk:
    return a_desk(house)


def test_only_the_table_moves_a_review() -> None:
    for state, step, role in itertools.product(State, Step, Role):
        move = MOVES.get((state, step))
        if move is not None and role in move.by:
            assert advance(state, step, frozenset({role})) is move.to
        else:
            with pytest.raises(TransitionRefused):
                advance(state, step, frozenset({role}))


@given(
    st.lists(
        st.tuples(st.sampled_from(State), st.integers(-9, 9).map(lambda n: DAY + timedelta(n))), max_size=12
    )
)
def test_the_figures_of_a_campaign_add_up(items: list[tuple[State, date]]) -> None:
    found = rules.progress(items, DAY)
    opened = sum(state is State.OPEN for state, _ in items)
    assert found.total == len(items) == found.answered + opened
    assert found.answered == found.kept + found.narrowed + found.withdrawn + found.settled
    assert found.overdue == sum(state in UNANSWERED and due < DAY for state, due in items)


@given(
    st.sampled_from([Step.KEEP, Step.NARROW, Step.WITHDRAW]),
    st.frozensets(st.sampled_from("abc")),
    st.frozensets(st.sampled_from("ab")),
)
def test_narrowing_names_columns_of_the_grant_and_leaves_some(
    step: Step, gone: frozenset[str], held: frozenset[str]
) -> None:
    allowed = step is not Step.NARROW or (bool(gone) and gone <= held and gone != held)
    assert (not list(rules.answer_objections(step, gone, held))) is allowed


def _campaign(desk: Desk) -> CampaignRead:
    with desk.write("watch") as (work, actor):
        return service.open_campaign(work, actor, CampaignOpen())


def _items(desk: Desk, who: str = "steward_a", **by: Any) -> list[ReviewRead]:
    with desk.read(who) as (work, actor):
        return service.reviews(work, actor, **by)[0]


def _answer(desk: Desk, found: ReviewRead, outcome: Step, who: str = "steward_a", **more: Any) -> ReviewRead:
    with desk.write(who) as (work, actor):
        return service.answer(
            work, actor, found.id, ReviewAnswer(outcome=outcome, note="已核对使用台账", **more)
        )


def _decide(desk: Desk, found: ReviewRead, which: Step, who: str = "watch", note: str = "") -> ReviewRead:
    with desk.write(who) as (work, actor):
        return service.decide(work, actor, found.id, which, CaseStep(note=note))


def _grant(desk: Desk, grant_id: str) -> Any:
    with desk.read("officer") as (work, actor):
        return reading.grant(work, actor, grant_id)  # type: ignore[arg-type]


def test_a_campaign_asks_about_every_live_grant_and_ends_when_all_are_answered(
    desk: Desk, clock: TestClock
) -> None:
    kept, gone = (
        a_grant(desk, columns=["venue_id"]),
        a_grant(desk, columns=["venue_name"], scenario_id="parking"),
    )
    a_grant(desk, at="PENDING", columns=["rooms"], scenario_id="weather")
    made = _campaign(desk)
    assert (made.period, made.progress["total"], str(made.due_on)) == ("2026H1", 2, "2026-03-30")
    with desk.write("watch") as (work, actor), pytest.raises(Conflict):
        service.open_campaign(work, actor, CampaignOpen(period="2026H1"))
    with desk.write("watch") as (work, actor), pytest.raises(InputRefused):
        service.open_campaign(work, actor, CampaignOpen(period="2026-1"))
    items = {each.grant_id: each for each in _items(desk)}
    assert _items(desk, "roads_screener") == []
    with desk.read("roads_screener") as (work, actor), pytest.raises(NotFound):
        service.campaign(work, actor, made.id)
    with desk.write("steward_a") as (work, actor), pytest.raises(InputRefused):
        service.answer(work, actor, items[kept.id].id, ReviewAnswer(outcome=Step.KEEP, note=""))
    assert _answer(desk, items[kept.id], Step.KEEP).state is State.KEPT
    with desk.write("watch") as (work, actor), pytest.raises(AccessRefused) as refused:
        service.close_campaign(work, actor, made.id, CaseStep())
    assert codes(refused) == ["campaign-unanswered"]
    proposed = _answer(desk, items[gone.id], Step.WITHDRAW)
    assert _grant(desk, gone.id).state == "ACTIVE"
    clock.forward(days=40)
    assert [each.id for each in _items(desk, overdue=True)] == [proposed.id]
    assert _decide(desk, proposed, Step.REVOKE).state is State.WITHDRAWN
    assert _grant(desk, gone.id).state == "REVOKED"
    with desk.write("watch") as (work, actor):
        done = service.close_campaign(work, actor, made.id, CaseStep())
    assert (done.progress["kept"], done.progress["withdrawn"], done.progress["overdue"]) == (1, 1, 0)
    assert kinds(desk)[-3:] == [
        "grant.revoked",
        "review.withdrawn",
        "campaign.closed",
    ] or "grant.revoked" in kinds(desk)


def test_two_people_withdraw_and_what_is_returned_is_answered_anew(desk: Desk) -> None:
    with desk.house.write() as work:
        a_person(work, "both", "parks", ["steward", "approver"])
    grant = a_grant(desk, columns=["venue_id"])
    _campaign(desk)
    found = _answer(desk, _items(desk)[0], Step.WITHDRAW, "both")
    with pytest.raises(AccessRefused) as refused:
        _decide(desk, found, Step.REVOKE, "both")
    assert codes(refused) == ["answerer-does-not-decide"]
    with pytest.raises(TransitionRefused):
        _decide(desk, found, Step.REVOKE, "steward_a")
    with pytest.raises(InputRefused):
        _decide(desk, found, Step.RETURN)
    assert _decide(desk, found, Step.RETURN, note="请说明依据").state is State.OPEN
    assert _answer(desk, found, Step.KEEP).state is State.KEPT
    assert _grant(desk, grant.id).state == "ACTIVE"


def test_whoever_belongs_to_the_holder_by_any_account_neither_answers_nor_decides(desk: Desk) -> None:
    a_grant(desk, columns=["venue_id", "venue_name"])
    _campaign(desk)
    (found,) = _items(desk)
    with desk.house.write() as work:
        officer = actor_of(work, "officer").person_id
        a_person(work, "two_hats", "parks", ["steward", "approver"], person_id=officer)

    def offered() -> dict[str, list[str]]:
        with desk.read("two_hats") as (work, actor):
            said = service.commands(work, actor, found.id)
        return {each.step: [reason.code for reason in each.reasons] for each in said}

    own = ["separation-of-duties-1"]
    assert offered() == {"keep": own, "narrow": own, "withdraw": own}
    for outcome, columns in ((Step.KEEP, ()), (Step.NARROW, ("venue_id",)), (Step.WITHDRAW, ())):
        with pytest.raises(AccessRefused) as refused:
            _answer(desk, found, outcome, "two_hats", columns=columns)
        assert codes(refused) == own
    _answer(desk, found, Step.WITHDRAW)
    assert offered() == {"revoke": own, "return": own}
    for which in (Step.RETURN, Step.REVOKE):
        with pytest.raises(AccessRefused) as refused:
            _decide(desk, found, which, "two_hats", note="请说明依据")
        assert codes(refused) == own


def test_a_narrowed_grant_is_amended_in_time_or_stops(desk: Desk, clock: TestClock) -> None:
    grant = a_grant(desk, columns=["venue_id", "venue_name"])
    _campaign(desk)
    found = _items(desk)[0]
    assert set(found.found["columns_unread"]) == {"venue_id", "venue_name"}
    for columns in ((), ("venue_id", "venue_name"), ("rooms",)):
        with pytest.raises(AccessRefused):
            _answer(desk, found, Step.NARROW, columns=columns)
    narrowing = _decide(desk, _answer(desk, found, Step.NARROW, columns=("venue_name",)), Step.CONFIRM)
    assert str(narrowing.narrow_due_on) == "2026-03-30"
    assert "review.narrowed" in [
        m["kind"] for m in client_as(desk.house, "officer").get("/api/v1/me/messages").json()["items"]
    ]
    with desk.write("applicant") as (work, actor):
        draft = succession.amend(work, actor, grant.id, assets=desk.assets)
        said = applications.precheck(work, actor, draft.id, assets=desk.assets).blocking
    assert [each.code for each in said] == ["column-taken-away"]
    clock.now = clock.now.replace(day=31)
    assert [each["code"] for each in _grant(desk, grant.id).why_not] == ["narrowing-overdue"]
    with desk.write("applicant") as (work, actor):
        ask = applications.application(work, actor, draft.id)
        line = ask.lines[0].model_dump(mode="json")
        body = {
            "lines": [{
                "dataset_id": line["dataset_id"], "columns": [c for c in line["columns"] if c["name"] != "venue_name"],
                "row_filter": None, "delivery_forms": line["delivery_forms"], "quotas": line["quotas"],
            }],
            "scenario_id": ask.scenario_id, "purposes": ask.purposes, "purpose_text": ask.purpose_text, "starts_on": "2026-03-31",
            "ends_on": str(ask.ends_on), "retention_days": ask.retention_days, "version": ask.version,
        }  # fmt: skip
        from auth.applications.models import ApplicationSave

        applications.save(work, actor, draft.id, ApplicationSave.model_validate(body), assets=desk.assets)
        draft = applications.application(work, actor, draft.id)
    done = agreed(desk, decided(desk, reviewed(desk, screened(desk, submitted(desk, draft)))))
    activated(desk, done.grants[0])
    with desk.house.write() as work:
        deadlines.note_due(work)
    assert _items(desk, grant_id=grant.id)[0].state is State.SETTLED
    assert _grant(desk, done.grants[0]).why_not == []


def test_a_pilot_is_evaluated_before_it_is_renewed(desk: Desk, clock: TestClock) -> None:
    long = a_grant(desk, columns=["venue_id"], starts_on=DAY, ends_on=date(2028, 3, 1))
    with desk.write("approver") as (work, actor), pytest.raises(AccessRefused) as refused:
        service.mark_pilot(work, actor, long.id, PilotMark(reason="首批试点场景"))
    assert codes(refused) == ["pilot-too-long"]
    grant = a_grant(desk, columns=["venue_name"], scenario_id="parking")
    with desk.write("approver") as (work, actor):
        service.mark_pilot(work, actor, grant.id, PilotMark(reason="首批试点场景"))
        with pytest.raises(Conflict):
            service.mark_pilot(work, actor, grant.id, PilotMark(reason="首批试点场景"))
    with desk.write("officer") as (work, actor):
        duties.report_early(work, actor, grant.id, DutyAnswer(text="用于旅游风险评估，未对外提供"))
    with desk.write("applicant") as (work, actor), pytest.raises(AccessRefused) as refused:
        succession.renew(work, actor, grant.id, assets=desk.assets)
    assert codes(refused) == ["pilot-not-evaluated"]
    with desk.write("watch") as (work, actor):
        found = service.evaluate(work, actor, grant.id)
        with pytest.raises(Conflict):
            service.evaluate(work, actor, grant.id)
    assert found.is_pilot
    clock.forward(days=27)
    with desk.house.write() as work:
        assert [ending.kind for ending, _ in reminders.due(work)] == ["review"]
    with pytest.raises(InputRefused):
        _answer(desk, found, Step.KEEP)
    kept = _answer(desk, found, Step.KEEP, value="赔付更准", complaints="无", quality="良好")
    assert (kept.state, kept.found["deliveries"]) == (State.KEPT, 0)
    with desk.write("applicant") as (work, actor):
        assert succession.renew(work, actor, grant.id, assets=desk.assets).succession == "renewal"


def _sweep(desk: Desk) -> list[ReviewRead]:
    with desk.house.read() as work:
        waits = deadlines.is_anything_due(work)
    with desk.house.write() as work:
        assert (deadlines.note_due(work) > 0) == waits
    return _items(desk, kind="evaluation")


def _last_day(grant: GrantRead) -> date:
    return (grant.ends_at - timedelta(seconds=1)).astimezone(LOCAL).date()


def test_the_evaluation_of_a_pilot_is_opened_once_in_time_before_its_end(
    desk: Desk, clock: TestClock
) -> None:
    grant = a_grant(desk, columns=["venue_id"], ends_on=AUTUMN)
    a_grant(desk, columns=["venue_name"], scenario_id="parking", ends_on=AUTUMN)
    with desk.write("approver") as (work, actor):
        service.mark_pilot(work, actor, grant.id, PilotMark(reason="首批试点场景"))
    before = max(limits().reminders[Reminded.GENERAL].days)
    clock.now = grant.ends_at - timedelta(days=before + 1, seconds=1)
    assert _sweep(desk) == [], "nothing to judge yet"
    clock.forward(days=1)
    (asked,) = _sweep(desk)
    assert (asked.grant_id, asked.state, asked.is_pilot) == (grant.id, State.OPEN, True)
    assert asked.due_on < _last_day(grant)
    told = client_as(desk.house, "steward_a").get("/api/v1/me/messages").json()["items"]
    assert "review.waits" in {each["kind"] for each in told}
    with desk.house.write() as work:
        assert pilots.open_due(work) == 0
    _answer(desk, asked, Step.KEEP, value="赔付更准", complaints="无", quality="良好")
    clock.forward(days=1)
    assert [each.id for each in _sweep(desk)] == [asked.id]


def test_a_pilot_that_was_evaluated_or_has_ended_is_not_asked_about(desk: Desk, clock: TestClock) -> None:
    kept, ended = (
        a_grant(desk, columns=["venue_id"], ends_on=AUTUMN),
        a_grant(desk, columns=["venue_name"], scenario_id="parking", ends_on=AUTUMN),
    )
    with desk.write("approver") as (work, actor):
        for grant in (kept, ended):
            service.mark_pilot(work, actor, grant.id, PilotMark(reason="首批试点场景"))
    with desk.write("watch") as (work, actor):
        found = service.evaluate(work, actor, kept.id)
        grants.revoke(work, actor, ended.id, GrantStep(note="违反使用约定"))
    _answer(desk, found, Step.KEEP, value="赔付更准", complaints="无", quality="良好")
    clock.now = kept.ends_at - timedelta(days=9)
    assert [each.id for each in _sweep(desk)] == [found.id]


def test_a_pilot_that_was_amended_is_asked_about_and_a_profile_of_late_reminders_asks_in_time(
    desk: Desk, clock: TestClock
) -> None:
    first = a_grant(desk, columns=["venue_id", "venue_name"], ends_on=AUTUMN)
    with desk.write("approver") as (work, actor):
        service.mark_pilot(work, actor, first.id, PilotMark(reason="首批试点场景"))
    clock.forward(days=1)
    second = activated(desk, granted(desk, follow(desk, first.id)))
    late = ReminderDays(days_before=(1,), source="本地规定")
    in_force(desk, shipped()["generic-open-data"].model_copy(update={"reminders": {Reminded.GENERAL: late}}))
    days = 2 * limits()["review_answer_working_days"]
    clock.now = second.ends_at - timedelta(days=days + 1, seconds=1)
    assert _sweep(desk) == []
    clock.forward(days=1)
    (asked,) = _sweep(desk)
    assert asked.grant_id == second.id
    assert asked.due_on < _last_day(second)


def test_a_grant_that_ends_meanwhile_settles_its_look(desk: Desk) -> None:
    grant = a_grant(desk, columns=["venue_id"])
    made = _campaign(desk)
    with desk.write("watch") as (work, actor):
        grants.revoke(work, actor, grant.id, GrantStep(note="违反使用约定"))
    with desk.house.write() as work:
        assert deadlines.is_anything_due(work)
        deadlines.note_due(work)
    with desk.read("auditor") as (work, actor):
        assert service.campaign(work, actor, made.id).progress["settled"] == 1
    with desk.read("applicant") as (work, actor), pytest.raises(NotFound):
        service.review(work, actor, _items(desk)[0].id)


def test_pages_and_routes_ask_and_answer(desk: Desk) -> None:
    grant = a_grant(desk, columns=["venue_id", "venue_name"])
    watch, steward = browser_as(desk.house, "watch"), browser_as(desk.house, "steward_a")
    assert watch.submit("/campaigns", period="nonsense").status_code == 422
    assert watch.submit("/campaigns", period="").status_code == 303
    assert client_as(desk.house, "steward_a").post("/api/v1/campaigns", json={}).status_code == 403
    place = f"/reviews/{_items(desk)[0].id}"
    box = '<input type="checkbox" name="columns" value="{}"{}>'
    page = steward.get(place).text
    assert [box.format(name, " checked") in page for name in ("venue_id", "venue_name", "rooms")] == [
        True,
        True,
        False,
    ]
    both = ["venue_id", "venue_name"]
    kept = steward.submit(f"{place}/narrow", version="1", note="留住这个理由", columns=both)
    assert (kept.status_code, "留住这个理由" in kept.text) == (403, True), "some must stay"
    none = steward.submit(f"{place}/narrow", version="1", note="一列也没有")
    assert none.status_code == 403
    assert all(box.format(name, "") in none.text for name in both), (
        "what was ticked is kept, also where it is nothing"
    )
    assert (
        steward.submit(f"{place}/narrow", version="1", note="不在授权内", columns="rooms").status_code == 403
    )
    assert (
        steward.submit(f"{place}/narrow", version="1", note="从未读取", columns="venue_name").status_code
        == 303
    )
    assert [each.columns for each in _items(desk)] == [["venue_name"]]
    assert browser_as(desk.house, "approver").submit(f"{place}/confirm", version="2").status_code == 303
    with desk.read("watch") as (work, actor):
        campaign = service.campaigns(work, actor)[0][0]
    assert "<progress" in watch.get(f"/campaigns/{campaign.id}").text
    assert watch.submit(f"/campaigns/{campaign.id}/close", version="1").status_code == 303
    assert watch.submit(f"/evaluations/{grant.id}").status_code == 303
    bad = client_as(desk.house, "steward_a").post(
        f"/api/v1{place}/answer", json={"outcome": "revoke", "note": "不可如此"}
    )
    assert bad.status_code == 422
