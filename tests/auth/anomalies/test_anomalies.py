"""Findings on real ledgers: what each result does, when, and who may answer for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from api.house import House
from auth.anomalies import service
from auth.anomalies.rules import Action, Rule
from auth.anomalies.service import AnomalyRead, SettingBody
from auth.anomalies.workflow import State, Step
from auth.casework.book import CaseStep
from auth.grants import ledger, reading, usage
from auth.grants import service as grants
from auth.grants.ledger import Taking
from auth.grants.reading import GrantRead
from auth.grants.steps import GrantStep
from auth.policy.filters.model import RowFilter, parse
from core.errors import AccessRefused, InputRefused, TransitionRefused
from core.work import Work
from tests.conftest import TestClock
from tests.desk import Desk, a_desk, a_grant, codes, kinds
from tests.people import a_person, actor_of, browser_as, client_as

WHY = "核查完毕，属正常业务"


def no_filters(_: Work, __: Sequence[str]) -> Mapping[str, RowFilter]:
    return {}


def sweep(desk: Desk, filters: service.Filters = no_filters) -> int:
    with desk.house.write() as work:
        return service.sweep(work, filters)


def ask(desk: Desk, grant: GrantRead, subject: str = "x", filter_hash: str = "") -> None:
    with desk.write("analyst") as (work, actor):
        taking = Taking.by(actor, filter_hash=filter_hash, columns=("venue_id",))
        usage.charge(work, grant.id, extracts=1, subject=subject, taking=taking)


def refuse(desk: Desk, grant: GrantRead, times: int) -> None:
    for _ in range(times):
        with desk.house.write() as work:
            ledger.enter(work, grant.id, ledger.REFUSED, subject="x", reasons=("column-not-granted",))


def spread(desk: Desk, grant: GrantRead, networks: int = 4) -> None:
    for number in range(networks):
        with desk.house.write() as work:
            ledger.enter(
                work, grant.id, ledger.DOWNLOAD, subject="x", taking=Taking(origin=f"10.0.{number}.0/24")
            )


def found(desk: Desk) -> list[AnomalyRead]:
    with desk.read("auditor") as (work, actor):
        return service.anomalies(work, actor)[0]


def close(desk: Desk, which: AnomalyRead, step: Step = Step.DISMISS, who: str = "watch2") -> None:
    with desk.write(who) as (work, actor):
        service.close(work, actor, which.id, step, CaseStep(note=WHY, version=which.version))


def configure(desk: Desk, rule: Rule, action: Action, who: str = "watch", **numbers: int) -> None:
    with desk.write(who) as (work, actor):
        body = SettingBody(action=action, numbers=numbers, reason="按季度监管会议纪要调整")
        service.configure(work, actor, rule, body)


def resume(desk: Desk, grant: GrantRead, who: str) -> None:
    with desk.write(who) as (work, actor):
        grants.resume(work, actor, grant.id, GrantStep(note=WHY))


def state_of(desk: Desk, grant: GrantRead) -> str:
    with desk.read("auditor") as (work, actor):
        return reading.grant(work, actor, grant.id).state


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


@pytest.fixture
def grant(desk: Desk, clock: TestClock) -> GrantRead:
    made = a_grant(desk)
    clock.forward(hours=26)  # the late morning
    return made


def test_a_rule_suspends_at_use_and_the_sweep_writes_it_down_once(house: House, clock: TestClock) -> None:
    desk = a_desk(house)
    grant = a_grant(desk)
    clock.forward(hours=26)  # the late morning
    ask(desk, grant)
    spread(desk, grant)
    with pytest.raises(AccessRefused) as refused:
        ask(desk, grant)
    assert codes(refused) == ["anomaly-many-addresses"]
    assert (sweep(desk), sweep(desk)) == (1, 0)
    (finding,) = found(desk)
    assert (finding.rule, finding.action, finding.state, finding.seen) == (
        "many_addresses",
        "suspend",
        "OPEN",
        4,
    )
    assert state_of(desk, grant) == "SUSPENDED"
    assert kinds(desk)[-2:] == ["anomaly.found", "grant.suspended"]
    with pytest.raises(AccessRefused) as refused:
        resume(desk, grant, "watch")
    assert codes(refused) == ["anomaly-open"]
    close(desk, finding)
    resume(desk, grant, "watch")
    ask(desk, grant)
    assert sweep(desk) == 0, "what was looked at does not count again"
    clock.forward(seconds=1)
    spread(desk, grant)
    assert sweep(desk) == 1


def test_the_rules_over_filters_are_judged_by_the_sweep(desk: Desk, grant: GrantRead) -> None:
    for number in range(20):
        ask(desk, grant, f"x-{number}", "h")
    asked = {f"x-{n}": parse({"op": "eq", "column": "venue_id", "value": f"V{n}"}) for n in range(20)}
    assert sweep(desk, lambda _, subjects: {each: asked[each] for each in subjects}) == 2
    assert {each.rule for each in found(desk)} == {"similar_filters", "sequential_keys"}
    assert state_of(desk, grant) == "SUSPENDED"


def test_a_throttle_spaces_requests_until_a_person_answers(
    desk: Desk, grant: GrantRead, clock: TestClock
) -> None:
    ask(desk, grant)
    refuse(desk, grant, 10)
    for _ in range(2):  # before the sweep as after it
        with pytest.raises(AccessRefused) as refused:
            ask(desk, grant)
        assert codes(refused) == ["throttled"]
        assert "retry_at" in refused.value.reasons[0].facts
        sweep(desk)
    with desk.house.write() as work:  # what was asked for before is still delivered
        usage.charge(work, grant.id, rows=3, subject="x", delivers=True)
    clock.forward(minutes=60)
    ask(desk, grant)
    with pytest.raises(AccessRefused):
        ask(desk, grant)
    close(desk, found(desk)[0], Step.ACKNOWLEDGE)
    ask(desk, grant)


def test_an_alert_stops_nothing_and_off_finds_nothing(desk: Desk, grant: GrantRead) -> None:
    configure(desk, Rule.MANY_ADDRESSES, Action.OFF)
    spread(desk, grant)
    assert sweep(desk) == 0
    configure(desk, Rule.MANY_ADDRESSES, Action.ALERT)
    assert sweep(desk) == 1
    ask(desk, grant)
    assert state_of(desk, grant) == "ACTIVE"


@pytest.mark.parametrize("step", list(Step))
def test_whoever_belongs_to_the_holder_by_any_account_does_not_end_its_throttle(
    desk: Desk, grant: GrantRead, step: Step
) -> None:
    with desk.house.write() as work:
        officer = actor_of(work, "officer").person_id
        a_person(work, "two_hats", "bureau", ["security_officer"], person_id=officer)
    refuse(desk, grant, 11)
    sweep(desk)
    (finding,) = found(desk)
    with desk.read("two_hats") as (work, actor):
        offered = service.commands(work, actor, finding.id)
        assert service.to_answer(work, actor) == ([], 0)
    assert {reason.code for each in offered for reason in each.reasons} == {"separation-of-duties-1"}
    with pytest.raises(AccessRefused) as refused:
        close(desk, finding, step, "two_hats")
    assert codes(refused) == ["separation-of-duties-1"]
    close(desk, finding, step)


@pytest.mark.parametrize("is_set_afterwards", [False, True])
def test_whoever_set_the_rule_does_not_resume(
    desk: Desk, grant: GrantRead, clock: TestClock, is_set_afterwards: bool
) -> None:
    if not is_set_afterwards:
        configure(desk, Rule.MANY_ADDRESSES, Action.SUSPEND, least=2)
    spread(desk, grant)
    assert sweep(desk) == 1
    clock.forward(minutes=1)
    if is_set_afterwards:  # to blind the rule and then resume
        configure(desk, Rule.MANY_ADDRESSES, Action.OFF)
    else:  # somebody else's later setting does not wash the first one away
        configure(desk, Rule.MANY_ADDRESSES, Action.ALERT, "watch2", least=9)
    close(desk, found(desk)[0], who="watch")
    with desk.write("watch") as (work, actor):
        a_person(work, "watch_again", "bureau", ["security_officer"], person_id=actor.person_id)
        a_person(work, "watch3", "bureau", ["security_officer"])
    for who in ("watch", "watch_again"):
        with pytest.raises(AccessRefused) as refused:
            resume(desk, grant, who)
        assert codes(refused) == ["configurer-does-not-resume"]
    resume(desk, grant, "watch3")


def test_a_finding_is_answered_once_with_a_reason(desk: Desk, grant: GrantRead) -> None:
    refuse(desk, grant, 10)
    sweep(desk)
    (finding,) = found(desk)
    with pytest.raises(InputRefused), desk.write("watch") as (work, actor):
        service.close(work, actor, finding.id, Step.DISMISS, CaseStep(note=" "))
    close(desk, finding)
    assert found(desk)[0].state is State.FALSE_ALARM
    with pytest.raises(TransitionRefused), desk.write("watch") as (work, actor):
        service.close(work, actor, finding.id, Step.ACKNOWLEDGE, CaseStep(note=WHY))


@pytest.mark.parametrize(
    "numbers", [{"least": 0}, {"unknown": 3}, {"window_minutes": 10**6}, {"least": 10**10}]
)
def test_a_rule_is_not_set_to_nonsense(desk: Desk, numbers: dict[str, int]) -> None:
    with pytest.raises(InputRefused):
        configure(desk, Rule.MANY_ADDRESSES, Action.ALERT, **numbers)


def test_over_http_and_on_pages(desk: Desk, grant: GrantRead) -> None:
    refuse(desk, grant, 10)
    sweep(desk)
    watch, auditor = client_as(desk.house, "watch"), client_as(desk.house, "auditor")
    (finding,) = auditor.get("/api/v1/anomalies", params={"state": "OPEN"}).json()["items"]
    assert auditor.get("/api/v1/anomalies/nothing").status_code == 404
    assert auditor.post(f"/api/v1/anomalies/{finding['id']}/dismiss", json={"note": WHY}).status_code == 403
    assert client_as(desk.house, "officer").get("/api/v1/anomalies").status_code == 403
    body = {"action": "alert", "numbers": {"least": 30}, "reason": "阈值过严，误报较多"}
    assert auditor.put("/api/v1/anomaly-rules/denied_burst", json=body).status_code == 403
    assert watch.put("/api/v1/anomaly-rules/denied_burst", json=body).json()["numbers"]["least"] == 30
    for lang, word in (("zh", "短时间内多次被拒"), ("en", "Many refusals")):
        page = browser_as(desk.house, "watch", lang)
        for path in ("/anomalies", f"/anomalies/{finding['id']}", "/anomaly-rules", "/anomaly-rules/denied_burst"):  # fmt: skip
            assert word in page.get(path).text, path
    page = browser_as(desk.house, "watch", "zh")
    bad = {"action": "alert", "least": "x", "within_minutes": "5", "window_minutes": "9", "reason": WHY}
    kept = page.submit("/anomaly-rules/denied_burst", **bad)
    assert kept.status_code == 422
    assert WHY in kept.text
    assert page.submit("/anomaly-rules/denied_burst", **bad | {"least": "7"}).status_code == 303
    assert page.submit(f"/anomalies/{finding['id']}/dismiss", note="").status_code == 422
    page.submit(f"/anomalies/{finding['id']}/dismiss", note=WHY)
    assert auditor.get(f"/api/v1/anomalies/{finding['id']}").json()["state"] == "FALSE_ALARM"
