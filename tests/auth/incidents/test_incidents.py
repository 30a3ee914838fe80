"""A freeze stops all use from its own instant, whatever it is laid on; only somebody else ends it."""

from __future__ import annotations

import pytest

from api.house import House
from auth.applications.workflow import State
from auth.casework.book import CaseStep
from auth.grants import reading, usage
from auth.identity.tables import AccountRow
from auth.incidents import service
from auth.incidents.service import IncidentCreate
from auth.incidents.workflow import Target
from core.errors import AccessRefused, Conflict, InputRefused, NotFound, Stale, TransitionRefused
from core.ids import GrantId
from tests.conftest import TestClock
from tests.desk import PARKS, Desk, a_desk, a_grant, agreed, an_application, codes, decided, submitted
from tests.people import a_person, actor_of, browser_as, client_as


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


def _freeze(desk: Desk, kind: str, target: str, who: str = "watch", reason: str = "疑似超范围使用") -> str:
    body = IncidentCreate(target_kind=Target(kind), target_id=target, reason=reason)
    with desk.write(who) as (work, actor):
        return service.freeze(work, actor, body, assets=desk.assets).id


def _lift(desk: Desk, incident: str, who: str = "watch2", note: str = "核查完毕，未见异常") -> None:
    with desk.write(who) as (work, actor):
        service.lift(work, actor, incident, CaseStep(note=note))


def _charge(desk: Desk, grant_id: str) -> None:
    with desk.house.write() as work:
        usage.charge(work, GrantId(grant_id), rows=1)


@pytest.mark.parametrize("kind", ["grant", "organisation", "dataset", "department", "platform"])
def test_use_stops_at_the_second_of_the_freeze_and_goes_on_after_it(
    house: House, clock: TestClock, kind: str
) -> None:
    desk = a_desk(house)
    grant = a_grant(desk)
    target = {
        "grant": grant.id,
        "organisation": "insurer",
        "dataset": PARKS.dataset_id,
        "department": "parks",
        "platform": "all",
    }[kind]
    clock.forward(hours=20)
    _charge(desk, grant.id)
    incident = _freeze(desk, kind.replace("department", "organisation"), target)
    for seconds in (0, 1, -2):  # at once, a second later, and by a clock that lags
        clock.forward(seconds=seconds)
        with pytest.raises(AccessRefused) as refused:
            _charge(desk, grant.id)
        assert [reason.code for reason in refused.value.reasons] == ["frozen"]
    with desk.read("officer") as (work, actor):
        seen = reading.grant(work, actor, grant.id)
    assert (seen.state, seen.is_effective, seen.why_not[0]["code"]) == ("ACTIVE", False, "frozen")
    _lift(desk, incident)
    _charge(desk, grant.id)


def test_other_grants_are_not_touched(desk: Desk, clock: TestClock) -> None:
    grant = a_grant(desk)
    clock.forward(hours=20)
    _freeze(desk, "organisation", "mapper")
    _freeze(desk, "dataset", "DP-SF-002")
    _charge(desk, grant.id)


def test_what_is_frozen_is_not_granted_and_may_be_refused(desk: Desk) -> None:
    found = an_application(desk, at=State.DECIDING)
    _freeze(desk, "organisation", "insurer")
    with pytest.raises(AccessRefused) as refused:
        decided(desk, found)
    assert "frozen" in [reason.code for reason in refused.value.reasons]
    done = decided(desk, found, outcome="reject", reason_code="not-minimal", note="列数超出用途所需")
    assert done.state is State.REJECTED


def test_nobody_lifts_his_own_freeze_not_even_by_a_second_account(desk: Desk) -> None:
    incident = _freeze(desk, "dataset", PARKS.dataset_id)
    with desk.write("watch") as (work, actor):
        a_person(work, "watch_again", "bureau", ["security_officer"], person_id=actor.person_id)
    for who in ("watch", "watch_again"):
        with pytest.raises(AccessRefused) as refused:
            _lift(desk, incident, who)
        assert [reason.code for reason in refused.value.reasons] == ["freezer-does-not-lift"]
    with pytest.raises(InputRefused):
        _lift(desk, incident, note=" ")
    _lift(desk, incident)
    with pytest.raises(TransitionRefused):
        _lift(desk, incident)


def test_whoever_belongs_to_the_frozen_organisation_does_not_lift(desk: Desk) -> None:
    with desk.write("watch2") as (work, actor):
        a_person(work, "moonlighter", "insurer", ["analyst"], person_id=actor.person_id)
    incident = _freeze(desk, "organisation", "insurer")
    with pytest.raises(AccessRefused) as refused:
        _lift(desk, incident)
    assert [reason.code for reason in refused.value.reasons] == ["own-organisation"]


@pytest.mark.parametrize(
    ("kind", "code"),
    [("grant", ["separation-of-duties-1"]), ("dataset", ["own-organisation"]), ("department", ["own-organisation"]), ("platform", [])],
)  # fmt: skip
def test_whoever_belongs_to_the_holder_by_any_account_does_not_lift_what_stops_its_grant(
    desk: Desk, kind: str, code: list[str]
) -> None:
    grant = a_grant(desk)
    with desk.house.write() as work:
        officer = actor_of(work, "officer").person_id
        a_person(work, "two_hats", "bureau", ["security_officer"], person_id=officer)
    target = {"grant": grant.id, "dataset": PARKS.dataset_id, "department": "parks", "platform": "all"}[kind]
    incident = _freeze(desk, kind.replace("department", "organisation"), target)
    with desk.read("two_hats") as (work, actor):
        (offered,) = service.commands(work, actor, incident)
    assert [reason.code for reason in offered.reasons] == code
    if code:
        with pytest.raises(AccessRefused) as refused:
            _lift(desk, incident, "two_hats")
        assert codes(refused) == code
    _lift(desk, incident, "watch2" if code else "two_hats")


def test_whoever_acted_for_the_holder_does_not_lift_after_changing_sides(desk: Desk) -> None:
    grant = a_grant(desk)
    with desk.house.write() as work:
        work.db.get_one(AccountRow, actor_of(work, "applicant").account_id).org_id = "mapper"
        applied = actor_of(work, "applicant").person_id
        a_person(work, "two_hats", "bureau", ["security_officer"], person_id=applied)
    with pytest.raises(AccessRefused) as refused:
        _lift(desk, _freeze(desk, "grant", grant.id), "two_hats")
    assert codes(refused) == ["separation-of-duties-1"]


def test_one_freeze_at_a_time_on_a_target_that_exists_with_a_reason(desk: Desk) -> None:
    _freeze(desk, "dataset", PARKS.dataset_id)
    with pytest.raises(Conflict):
        _freeze(desk, "dataset", PARKS.dataset_id, "watch2")
    for kind in Target:
        with pytest.raises(NotFound):
            _freeze(desk, kind, "nothing")
    with pytest.raises(InputRefused):
        _freeze(desk, "organisation", "insurer", reason="急")
    with desk.write("watch2") as (work, actor):
        row = service.incidents(work, actor)[0][0]
        with pytest.raises(Stale):
            service.lift(work, actor, row.id, CaseStep(version=row.version + 1, note="核查完毕"))


def test_what_is_frozen_is_neither_applied_for_nor_signed_nor_activated(desk: Desk) -> None:
    offered = an_application(desk, at=State.OFFERED)
    incident = _freeze(desk, "dataset", PARKS.dataset_id)
    with pytest.raises(AccessRefused) as refused:
        agreed(desk, offered)
    assert [reason.code for reason in refused.value.reasons] == ["frozen"]
    _lift(desk, incident)
    agreed(desk, offered)
    _freeze(desk, "organisation", "insurer", "watch2")
    draft = an_application(desk, at=State.DRAFT, starts_on="2026-05-01")
    with pytest.raises(AccessRefused) as refused:
        submitted(desk, draft)
    assert "frozen" in {reason.code for reason in refused.value.reasons}


def test_pages_and_routes_freeze_and_lift_and_hide_from_strangers(desk: Desk) -> None:
    grant = a_grant(desk)
    guard = browser_as(desk.house, "watch")
    assert f"/incidents/new?kind=grant&amp;target={grant.id}" in guard.get(f"/grants/{grant.id}").text
    made = guard.submit("/incidents", target_kind="grant", target_id=grant.id, reason="疑似超范围使用")
    assert made.status_code == 303
    assert "已冻结" in browser_as(desk.house, "analyst").get(f"/grants/{grant.id}").text
    kept = guard.submit(f"{made.headers['location']}/lift", note="核查完毕，未见异常", version="1")
    assert kept.status_code == 403
    assert "核查完毕，未见异常" in kept.text
    assert "另一位安全管理员" in kept.text
    twice = guard.submit("/incidents", target_kind="grant", target_id=grant.id, reason="再次冻结此授权")
    assert (twice.status_code, "再次冻结此授权" in twice.text) == (409, True)
    other = browser_as(desk.house, "watch2", "en")
    assert other.submit(f"{made.headers['location']}/lift", note="checked", version="1").status_code == 303
    assert "Lifted" in other.get("/incidents").text
    for who, status in (("applicant", 403), ("auditor", 200), (None, 401)):
        assert client_as(desk.house, who).get("/api/v1/incidents").status_code == status
    assert client_as(desk.house, "roads_screener").get("/api/v1/incidents").json()["total"] == 0
    assert client_as(desk.house, "screener").get("/api/v1/incidents").json()["total"] == 1


def test_the_form_asks_before_everything_stops(desk: Desk) -> None:
    page = browser_as(desk.house, "watch").get("/incidents/new").text
    assert 'data-confirm="即时停止一切使用' in page
