"""Use it or lose it: computed at the moment of use, noted once, warned of before, let again by a steward when the holder asks."""

from __future__ import annotations

import shutil
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test
from sqlmodel import select

from api.house import House
from auth.deadlines import is_anything_due, note_due
from auth.grants import dormancy, queries, service, usage, waking
from auth.grants.reading import GrantRead
from auth.grants.steps import GrantStep
from auth.grants.tables import GrantEventRow
from auth.grants.workflow import State, Step
from auth.messages.tables import MessageRow
from auth.policy.rules import effective
from auth.profile.model import DEFAULT, Profile, shipped
from auth.supervision.dashboard import a_year_to, dashboard
from core.errors import AccessRefused, AppError
from core.ids import GrantId
from tests.auth.agreements.scene import in_force
from tests.auth.registers import Registers
from tests.conftest import TestClock
from tests.desk import Desk, a_desk, a_grant, codes
from tests.examples import examples
from tests.people import browser_as, client_as

DAYS = 60
WHY = GrantStep(note="新一轮测算需要")
LOSING = Profile.model_validate(
    shipped()[DEFAULT].model_dump()
    | {"numbers": {dormancy.KEY: {"value": DAYS, "source": "local policy, for a test"}}}
)


@pytest.fixture
def desk(house: House) -> Desk:
    made = a_desk(house)
    in_force(made, LOSING)
    return made


def why_not(desk: Desk, grant: GrantRead) -> list[str]:
    with desk.house.read() as work:
        return [reason.code for reason in effective(queries.view(work, grant.id), work.now)]


def state(desk: Desk, grant: GrantRead) -> str:
    with desk.house.read() as work:
        return queries.row(work, grant.id).state


def swept(desk: Desk) -> int:
    with desk.house.write() as work:
        return waking.suspend_dormant_due(work)


def told(desk: Desk, kind: str) -> int:
    with desk.house.read() as work:
        return len(work.db.exec(select(MessageRow).where(MessageRow.kind == kind)).all())


def used(desk: Desk, grant: GrantRead) -> None:
    with desk.house.write() as work:
        usage.charge(work, grant.id, extracts=1)


def test_it_counts_to_the_last_second_and_not_after_whether_or_not_anybody_swept(
    desk: Desk, clock: TestClock
) -> None:
    grant = a_grant(desk)
    used(desk, grant)
    clock.now += timedelta(days=DAYS, seconds=-1)
    assert why_not(desk, grant) == []
    assert swept(desk) == 0
    clock.now += timedelta(seconds=1)
    assert why_not(desk, grant) == ["grant-dormant"]
    with desk.house.read() as work:
        assert is_anything_due(work)
    with pytest.raises(AccessRefused) as refused:
        used(desk, grant)
    assert codes(refused) == ["grant-dormant"]
    assert (swept(desk), swept(desk), state(desk, grant)) == (1, 0, State.SUSPENDED)
    assert told(desk, "grant.dormant") > 0


def test_use_puts_it_off_and_a_profile_without_days_never_suspends(
    sqlite_house: House, clock: TestClock
) -> None:
    desk = a_desk(sqlite_house)
    grant = a_grant(desk)
    clock.now += timedelta(days=300)
    assert (why_not(desk, grant), swept(desk)) == ([], 0)
    in_force(desk, LOSING)
    assert why_not(desk, grant) == ["grant-dormant"]


def test_the_holder_is_warned_before(desk: Desk, clock: TestClock) -> None:
    a_grant(desk)
    for days, warned in ((DAYS - 31, False), (1, True), (5, True)):
        clock.now += timedelta(days=days)
        with desk.house.write() as work:
            note_due(work)
        count = told(desk, "reminder.dormant")
        assert bool(count) is warned
    with desk.house.write() as work:
        note_due(work)
    assert told(desk, "reminder.dormant") == count, "each warning once"


def test_the_holder_asks_and_a_steward_decides(desk: Desk, clock: TestClock) -> None:
    grant = a_grant(desk)
    clock.now += timedelta(days=DAYS)
    swept(desk)
    steward, holder = client_as(desk.house, "steward_a"), client_as(desk.house, "officer")
    where = f"/api/v1/grants/{grant.id}"
    early = steward.post(f"{where}/wake", json={})
    assert [each["code"] for each in early.json()["reasons"]] == ["resume-not-asked"]
    assert holder.post(f"{where}/ask-resume", json={}).status_code == 422, "needs a reason"
    assert holder.post(f"{where}/ask-resume", json={"note": WHY.note}).status_code == 200
    again = holder.post(f"{where}/ask-resume", json={"note": WHY.note})
    assert [each["code"] for each in again.json()["reasons"]] == ["resume-asked-already"]
    assert holder.post(f"{where}/wake", json={}).status_code == 403
    assert client_as(desk.house, "applicant").post(f"{where}/wake", json={}).status_code == 403
    assert (
        steward.post(f"{where}/decline-resume", json={"note": "说明不足，请补充用途"}).json()["state"]
        == "SUSPENDED"
    )
    page = browser_as(desk.house, "officer")
    assert "因长期未使用暂停" in page.get(f"/grants/{grant.id}").text
    version = str(page_version(desk, grant))
    sent = page.post(
        f"/grants/{grant.id}/ask-resume",
        data={"note": WHY.note, "version": version, "csrf": page.csrf},
        follow_redirects=False,
    )
    assert sent.status_code == 303, sent.text
    with desk.house.read() as work:
        first, last = a_year_to(work.now)
        seen = dashboard(work, first, last)
        assert ([each.grant_id for each in seen.asleep], seen.idle_grants, seen.idle_share) == (
            [grant.id],
            1,
            1.0,
        )
    assert steward.post(f"{where}/wake", json={}).json()["is_effective"] is True
    assert why_not(desk, grant) == []
    clock.now += timedelta(days=DAYS)
    assert why_not(desk, grant) == ["grant-dormant"], "it begins anew"


def page_version(desk: Desk, grant: GrantRead) -> int:
    with desk.house.read() as work:
        return queries.row(work, grant.id).version


def test_another_suspension_is_not_woken_by_a_steward(desk: Desk) -> None:
    grant = a_grant(desk)
    with desk.write("watch") as (work, actor):
        service.suspend(work, actor, grant.id, WHY)
    for who, act in (("officer", waking.ask_resume), ("steward_a", waken)):
        with desk.write(who) as (work, actor), pytest.raises(AccessRefused) as refused:
            act(work, actor, grant.id, WHY)
        assert codes(refused) == ["grant-not-dormant"]


def waken(work: Any, actor: Any, grant_id: GrantId, body: GrantStep) -> GrantRead:
    return waking.decide_resume(work, actor, grant_id, body, Step.WAKE)


class Sleeping(Registers):
    """Anybody uses, asks, lets again, suspends, waits, in any order; a plain model says when the grant must sleep."""

    books: ClassVar[tuple[Any, ...]] = ()
    reached: ClassVar[set[str]] = set()

    def begin(self) -> None:
        with self.house.read() as work:
            row = work.db.exec(select(queries.GrantRow)).one()
            self.grant, self.woken = GrantId(row.id), row.activated_at
        self.naps, self.other = 0, False

    @rule(days=st.sampled_from([1, 20, 40]))
    def time_passes(self, days: int) -> None:
        self.clock.forward(days=days)
        with self.house.write() as work:
            waking.suspend_dormant_due(work)
        if not self.other and not self.asleep and self.clock() >= self.woken + timedelta(days=DAYS):
            self.naps, self.asleep = self.naps + 1, True
            self.reached.add("asleep")

    asleep = False

    @rule()
    def use(self) -> None:
        done = False
        with suppress(AppError), self.house.write() as work:
            usage.charge(work, self.grant, extracts=1)
            done = True
        assert done is (not self.asleep and not self.other)
        if done:
            self.woken = self.clock()

    @rule(
        who=st.sampled_from(["officer", "steward_a", "watch", "watch2", "auditor"]),
        step=st.sampled_from([Step.ASK_RESUME, Step.WAKE, Step.DECLINE_RESUME, Step.SUSPEND, Step.RESUME]),
    )
    def attempt(self, who: str, step: Step) -> None:
        acts: dict[Step, Any] = {
            Step.ASK_RESUME: waking.ask_resume,
            Step.SUSPEND: service.suspend,
            Step.RESUME: service.resume,
        }
        with self.trying(who) as (work, actor):
            if step in acts:
                acts[step](work, actor, self.grant, WHY)
            else:
                waking.decide_resume(work, actor, self.grant, WHY, step)
            if step in (Step.WAKE, Step.RESUME):
                assert self.asleep or self.other
                assert who in (("steward_a",) if step is Step.WAKE else ("watch", "watch2"))
                self.asleep, self.other, self.woken = False, False, self.clock()
                self.reached.add("woken")
            if step is Step.SUSPEND:
                self.other = True

    @invariant()
    def histories_are_those_of_the_tables(self) -> None:
        if not hasattr(self, "grant"):
            return
        with self.house.read() as work:
            row = queries.row(work, self.grant)
            assert (row.state == State.SUSPENDED) is (self.asleep or self.other)
            assert bool(dormancy.sleep_of(work, row)) is self.asleep
            events = work.db.exec(
                select(GrantEventRow).where(GrantEventRow.step == Step.SUSPEND_DORMANT)
            ).all()
            assert len(events) == self.naps, "an event for each time, once"

    @rule()
    def asked_and_let_again(self) -> None:
        self.attempt(who="watch2", step=Step.RESUME) if self.other else None
        self.attempt(who="officer", step=Step.ASK_RESUME)
        self.attempt(who="steward_a", step=Step.WAKE)

    def somebody_who_may(self, pick: int = 0, turn: int = 0) -> None:
        """Of other machines."""


@pytest.mark.slow
def test_whatever_happens_the_grant_sleeps_exactly_when_nobody_used_it(
    sqlite_house: House, tmp_path: Path
) -> None:
    desk = a_desk(sqlite_house)
    in_force(desk, LOSING)
    a_grant(desk)
    sqlite_house.engine.dispose()
    Sleeping.template, Sleeping.reached = tmp_path / "template.db", set()
    shutil.copyfile(sqlite_house.settings.data_dir / "datagrant.db", Sleeping.template)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Sleeping,
        settings=settings(
            max_examples=examples(12),
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.generate),
        ),
    )
    assert Sleeping.reached == {"asleep", "woken"}
