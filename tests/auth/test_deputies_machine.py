"""Anybody names anybody as deputy, agrees, declines, ends; roles go and come back, days pass; deputies and principals screen, vote, decide.

Beside the services runs a plain model of who stands in for whom. What is lent must be what the model says after every step, and no step
of a case may be taken by somebody who counts as one person with whoever took a step that excludes it.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test
from sqlmodel import col, select

from api.house import House
from auth.actor import PLATFORM, SYSTEM, RoleAt
from auth.applications import plans, queries
from auth.applications import service as applications
from auth.applications.models import ConcurBody, DecideBody, DeclaredStep, ReviewBody, ScreenBody, StepBody
from auth.applications.reviewing import stages_open_to
from auth.applications.tables import ApplicationEventRow, ApplicationRow
from auth.applications.workflow import State as At
from auth.casework.book import CaseStep
from auth.delegations import service
from auth.delegations.service import DelegationCreate
from auth.delegations.standing import pair_of
from auth.delegations.tables import DelegationRow
from auth.delegations.workflow import State, Step
from auth.identity import accounts
from auth.identity.accounts import RoleGive
from auth.policy.separation import DECISIONS, RETURNED_IN_REVIEW, REVIEWS, SIGNS
from auth.roles import LENDABLE, Role
from core.errors import AppError
from core.ids import ApplicationId
from core.work import Work
from tests.auth.registers import Registers
from tests.desk import RESCUES, a_desk, an_application, an_ask
from tests.examples import examples
from tests.people import a_person, actor_of

NOTE = "情况说明，详见附件"
OWN = {
    "approver": (Role.APPROVER, PLATFORM), "approver2": (Role.APPROVER, PLATFORM), "parks_approver": (Role.APPROVER, "parks"),
    "screener": (Role.REVIEWER_BUSINESS, "parks"), "screener2": (Role.REVIEWER_BUSINESS, "parks"),
    "security": (Role.REVIEWER_SECURITY, PLATFORM), "helper": (Role.STEWARD, "roads"), "steward_b": (Role.STEWARD, "parks"),
}  # fmt: skip
ANYBODY = st.sampled_from([*OWN, "auditor"])
PRINCIPAL = st.sampled_from([name for name, (role, _) in OWN.items() if role in LENDABLE])
PICK = st.integers(0, 9)


@dataclass
class Known:
    """One delegation as the model has it."""

    principal: str
    deputy: str
    role: Role
    scope: str
    starts_on: date
    ends_on: date
    state: State = State.OFFERED

    def counts(self, day: date) -> bool:
        return self.state is State.AGREED and self.starts_on <= day <= self.ends_on


class Deputies(Registers):
    books = (service.BOOK,)
    far = frozenset({"AGREED", "DECLINED", "ENDED"})
    acted: ClassVar[set[str]]
    """What deputies did for somebody, so that the promises are about something."""

    @initialize()
    def fresh(self) -> None:
        self.known: dict[str, Known] = {}
        self.held = dict(OWN)
        super().fresh()

    def begin(self) -> None:
        with self.house.read() as work:
            self.ids = {name: actor_of(work, name).person_id for name in (*OWN, "auditor")}
        self.names = {person: name for name, person in self.ids.items()}
        self.name("approver2", "helper", PLATFORM, 0, 3)
        self.deputy_answers(0, Step.DECLINE)
        self.name("security", "steward_b", PLATFORM, 0, 3)
        self.deputy_answers(1, Step.ACCEPT)
        self.deputy_answers(1, Step.END)
        self.goes_on_leave("screener", "helper")
        self.goes_on_leave("approver", "steward_b")
        for _ in ("screens", "votes"):
            self.acts("helper", "word")

    @property
    def today(self) -> date:
        return self.clock().date()

    # -- naming and ending

    @rule(
        who=PRINCIPAL,
        deputy=ANYBODY,
        scope=st.sampled_from([PLATFORM, "parks"]),
        starts=st.integers(-2, 6),
        days=st.integers(1, 9),
    )
    def name(self, who: str, deputy: str, scope: str, starts: int, days: int) -> None:
        first = self.today + timedelta(days=starts)
        wish = Known(who, deputy, OWN[who][0], scope, first, first + timedelta(days=days - 1))
        body = DelegationCreate(
            deputy=deputy,
            role=wish.role,
            scope=scope,
            starts_on=wish.starts_on,
            ends_on=wish.ends_on,
            reason="休假",
        )
        with self.trying(who) as (work, actor):
            made = service.offer(work, actor, body)
            self.known[made.id] = wish

    @rule(who=ANYBODY, pick=PICK, which=st.sampled_from(Step))
    def answer(self, who: str, pick: int, which: Step) -> None:
        row_id = self.one(DelegationRow, pick)
        with self.trying(who) as (work, actor):
            service.answer(work, actor, row_id, which, CaseStep(note=NOTE))
            party = self.known[row_id]
            assert who == party.deputy or (which is Step.END and who == party.principal)
            party.state = {Step.ACCEPT: State.AGREED, Step.DECLINE: State.DECLINED, Step.END: State.ENDED}[
                which
            ]

    @rule(pick=PICK, turn=st.integers(0, 59))
    def somebody_who_may(self, pick: int, turn: int) -> None:
        """The deputy answers; mostly he agrees."""
        self.deputy_answers(pick, (Step.ACCEPT, Step.ACCEPT, Step.DECLINE, Step.END)[turn % 4])

    def deputy_answers(self, pick: int, which: Step) -> None:
        row_id = self.one(DelegationRow, pick)
        if row_id in self.known:
            self.answer(self.known[row_id].deputy, pick, which)

    @rule(who=PRINCIPAL, deputy=st.sampled_from(["helper", "steward_b", "approver2", "screener2"]))
    def goes_on_leave(self, who: str, deputy: str) -> None:
        self.name(who, deputy, OWN[who][1], 0, 5)
        self.deputy_answers(len(self.known) - 1, Step.ACCEPT)

    @rule(who=PRINCIPAL)
    def role_goes_or_comes_back(self, who: str) -> None:
        role, scope = OWN[who]
        with self.house.write() as work:
            account = accounts.account(work, who)
            if who in self.held:
                accounts.take_role(work, SYSTEM, account.id, account.roles[0].id)
                del self.held[who]
            else:
                accounts.give_role(work, SYSTEM, account.id, RoleGive(role=role, scope=scope))
                self.held[who] = (role, scope)

    # -- the case

    def _now(self, work: Work) -> ApplicationRow:
        return list(work.db.exec(select(ApplicationRow).order_by(col(ApplicationRow.id))))[-1]

    @rule(who=ANYBODY, what=st.sampled_from(["word", "word", "word", "return", "dissent"]))
    def acts(self, who: str, what: str) -> None:
        """Whatever the state of the case wants, by anybody; returned and objected to now and then."""
        with self.trying(who) as (work, actor):
            row = self._now(work)
            at, step = (
                ApplicationId(row.id),
                DeclaredStep(has_no_conflict=True, version=row.version, note=NOTE),
            )
            if what == "return":
                applications.send_back(work, actor, at, step)
            elif what == "dissent":
                applications.dissent(work, actor, at, step)
            elif row.state == At.SUBMITTED:
                applications.screen(
                    work, actor, at, ScreenBody(version=row.version, has_no_conflict=True, outcome="ok")
                )
            elif row.state == At.IN_REVIEW:
                stage = (stages_open_to(work, actor, row) or plans.plan(work, row))[0]
                votes = [{"line_id": line, "vote": "approve"} for line in stage.line_ids]
                said = {"version": row.version, "stage": stage.name, "has_no_conflict": True, "lines": votes}
                applications.review(work, actor, at, ReviewBody.model_validate(said))
            elif row.state == At.DECIDING and row.proposal:
                applications.concur(
                    work,
                    actor,
                    at,
                    ConcurBody(version=row.version, has_no_conflict=True),
                    assets=self.desk.assets,
                )
            elif row.state == At.DECIDING:
                lines = [{"line_id": line.id, "outcome": "approve"} for line in queries.lines(work, row.id)]
                said = {"version": row.version, "has_no_conflict": True, "lines": lines}
                applications.decide(work, actor, at, DecideBody.model_validate(said), assets=self.desk.assets)
            else:
                return
            self.stands_apart(work, who, row)

    @rule()
    def each_has_a_try(self) -> None:
        """So that cases move: deputies first, then those who hold the roles."""
        for who in ("helper", "steward_b", *OWN):
            self.acts(who, "word")

    @rule()
    def applicant_goes_on(self) -> None:
        """Hands in again what was returned; takes back what was offered and begins anew."""
        with self.house.read() as work:
            row = self._now(work)
            at, state, version = ApplicationId(row.id), At(row.state), row.version
        with suppress(AppError):
            if state is At.RETURNED:
                with self.desk.write("applicant") as (work, actor):
                    applications.submit(work, actor, at, StepBody(version=version), assets=self.desk.assets)
            elif state is At.OFFERED:
                with self.desk.write("officer") as (work, actor):
                    applications.decline(work, actor, at, StepBody(version=version, note=NOTE))
            elif state in (At.WITHDRAWN, At.LAPSED):
                an_application(self.desk, at=At.SUBMITTED, ask=an_ask(RESCUES))

    # -- what must hold

    def same(self, who: str) -> set[str]:
        """By the model: the persons who count as one with him today."""
        counting = [each for each in self.known.values() if each.counts(self.today)]
        principals = {each.principal for each in counting if each.deputy == who} | {who}
        deputies = {each.deputy for each in counting if each.principal in principals}
        return {self.ids[name] for name in principals | deputies}

    def stands_apart(self, work: Work, who: str, row: ApplicationRow) -> None:
        """The step just taken, against every earlier one that excludes it, judged on all who count as one person."""
        *earlier, now = queries.events(work, row.id)
        if now.person_id == "system":
            *earlier, now = earlier  # the last vote moved the case on
        assert now.person_id == self.ids[who]
        mine = self.same(who)
        reset = max((event.version for event in earlier if event.step in ("dissent", "counter")), default=0)
        for event in earlier:
            if _excludes(event, now) and not (
                event.step in SIGNS and now.step in SIGNS and event.version < reset
            ):
                assert not {event.person_id, event.for_person} & mine, (event.step, now.step)
        self.on_behalf(now, who)

    def on_behalf(self, now: ApplicationEventRow, who: str) -> None:
        """Somebody stands behind a step exactly when the deputy's own role does not reach, and he lends it that day."""
        wanted = {
            "propose": {Role.APPROVER}, "concur": {Role.APPROVER}, "offer": {Role.APPROVER}, "dissent": {Role.APPROVER},
            "screen_ok": {Role.REVIEWER_BUSINESS}, "review": {Role.REVIEWER_BUSINESS, Role.REVIEWER_SECURITY},
        }.get(now.step, set(LENDABLE))  # fmt: skip
        own = self.held.get(who)
        if not now.for_person:
            assert own is not None
            assert own[0] in wanted
            return
        self.acted.add(now.step)
        principal = self.names[now.for_person]
        assert self.held[principal][0] in wanted
        assert any(
            each.counts(self.today) and (each.principal, each.deputy) == (principal, who)
            for each in self.known.values()
        )

    def holds(self, work: Work) -> None:
        assert {row.id: row.state for row in work.db.exec(select(DelegationRow))} == {
            row_id: each.state.value for row_id, each in self.known.items()
        }
        counting = [each for each in self.known.values() if each.counts(self.today)]
        assert not {each.principal for each in counting} & {each.deputy for each in counting}, "no chains"
        for who in OWN:
            lent = {
                (each.role, each.scope, each.principal)
                for each in counting
                if each.deputy == who and self.reaches(each)
            }
            assert {_told(held) for held in actor_of(work, who).roles if held.lender} == lent
            assert pair_of(work, self.ids[who]) == self.same(who) - {self.ids[who]}

    def reaches(self, each: Known) -> bool:
        return self.held.get(each.principal) in ((each.role, each.scope), (each.role, PLATFORM))


def _told(held: RoleAt) -> tuple[Role, str, str]:
    assert held.lender is not None
    return held.role, held.scope, held.lender.username


def _excludes(event: ApplicationEventRow, now: ApplicationEventRow) -> bool:
    """Whether who took the earlier step may not take this one: 2, one vote each, and two signatures on one proposal."""
    before, after = _deed(event), _deed(now)
    if (before in REVIEWS and after in DECISIONS) or (before in DECISIONS and after in REVIEWS):
        return after != "return"  # sending back is open to whoever reviewed, too
    if before == after == "review":
        return event.turn == now.turn
    return before in SIGNS and after in SIGNS - {"propose"} and event.turn == now.turn


def _deed(event: ApplicationEventRow) -> str:
    return RETURNED_IN_REVIEW if event.step == "return" and event.from_state == At.IN_REVIEW else event.step


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::core.calendar.UnknownYearWarning")
def test_whoever_stands_in_for_whom_the_two_are_one_person(sqlite_house: House, tmp_path: Path) -> None:
    desk = a_desk(sqlite_house)
    with sqlite_house.write() as work:
        a_person(work, "helper", "roads", ["steward"])
    an_application(desk, at=At.SUBMITTED, ask=an_ask(RESCUES))
    sqlite_house.engine.dispose()
    Deputies.template, Deputies.reached, Deputies.acted = tmp_path / "template.db", set(), set()
    shutil.copyfile(sqlite_house.settings.data_dir / "datagrant.db", Deputies.template)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Deputies,
        settings=settings(
            max_examples=examples(5), stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.generate),
        ),
    )  # fmt: skip
    assert Deputies.far <= Deputies.reached
    assert {"screen_ok", "review", "propose"} <= Deputies.acted
