"""Anybody asks, withdraws, refuses, erases, works on, leaves, in any order: a plain model says what must come of it, and no proof breaks."""

from __future__ import annotations

import json
import shutil
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import select as rows_of
from sqlmodel import SQLModel, select

from api.house import House
from auth import audit
from auth.applications import service as applications
from auth.applications.models import StepBody
from auth.applications.tables import ApplicationRow
from auth.casework.book import CaseStep
from auth.erasure import service
from auth.erasure.places import KEPT
from auth.erasure.service import ErasureCreate
from auth.erasure.tables import ErasureRow
from auth.erasure.workflow import State, Step
from auth.grants import service as grants
from auth.grants.steps import GrantStep
from auth.grants.tables import GrantRow
from auth.identity import accounts
from auth.identity.tables import RoleAssignmentRow
from auth.policy.filters.rules import LOCAL
from auth.proof.checkpoint import Place
from auth.proof.service import checkpoints_at_odds
from core.errors import AccessRefused, AppError, Conflict, InputRefused, NotFound, TransitionRefused
from core.ids import ApplicationId, GrantId
from tests.auth.proof.packs import sealed
from tests.auth.registers import Registers
from tests.desk import a_desk, activated, agreed, an_application, an_ask
from tests.examples import examples
from tests.people import a_person, actor_of

WHO = "zhong-wumo"
ADMINS = ("root", "root2")


def _months_later(day: date, months: int) -> date:
    """The same day six months on, or that month's last, counted apart from the code under test."""
    year, month = divmod(day.month - 1 + months, 12)
    last = (date(day.year + year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return date(day.year + year, month + 1, min(day.day, last))


class Erasing(Registers):
    """The person signed a live grant, may apply, and leaves some day; two administrators, one colleague."""

    books: ClassVar[tuple[Any, ...]] = (service.BOOK,)
    reached: ClassVar[set[str]] = set()

    def begin(self) -> None:
        with self.house.read() as work:
            self.person = actor_of(work, WHO).person_id
            self.grant = GrantId(str(work.db.exec(select(GrantRow.id)).one()))
            used = select(audit.AuditEventRow.at).where(audit.AuditEventRow.actor_person == self.person)
            self.used: datetime = max(work.db.exec(used))
        self.in_office = self.live = True
        self.drafts, self.waits, self.asker, self.gone = 0, "", "", False

    def today(self) -> date:
        return self.clock().astimezone(LOCAL).date()

    def reasons(self) -> set[str]:
        """What law keeps now, by the model."""
        logs = _months_later(self.used.astimezone(LOCAL).date(), 6) >= self.today()
        said = {
            "still-in-office": self.in_office, "case-open": self.drafts > 0, "signed-live-grant": self.live,
            "logs-must-be-kept": logs,
        }  # fmt: skip
        return {code for code, holds in said.items() if holds}

    @rule(who=st.sampled_from([WHO, *ADMINS, "colleague"]))
    def ask(self, who: str) -> None:
        if self.gone and who == WHO:
            return
        body = ErasureCreate() if who == WHO else ErasureCreate(username=WHO, reason="离职后提出")
        made, refused = None, None
        try:
            with self.house.write() as work:
                made = service.ask(work, actor_of(work, who), body)
        except AppError as error:
            refused = error
        kinds = AccessRefused if who == "colleague" else (InputRefused, NotFound) if self.gone else Conflict
        assert refused is None or isinstance(refused, kinds)
        assert (made is not None) is (who != "colleague" and not self.waits and not self.gone)
        if made:
            self.waits, self.asker = made.id, who

    @precondition(lambda self: self.waits)
    @rule(who=st.sampled_from([WHO, *ADMINS, "colleague"]), step=st.sampled_from([*Step, Step.ERASE]))
    def act(self, who: str, step: Step) -> None:
        said, wanted, done, met = self.reasons(), self._wanted(who, step), "", set[str]()
        try:
            with self.house.write() as work:
                body = CaseStep(note="按规定办理")
                done = service.act(work, actor_of(work, who), self.waits, step, body).state
        except AccessRefused as refused:
            met = {reason.code for reason in refused.reasons}
        except (NotFound, TransitionRefused):
            met = {"not yours"}
        assert met == wanted, (who, step)
        assert bool(done) is (not wanted)
        if done:
            self.reached.add(done)
            with self.house.read() as work:
                row = work.db.get_one(ErasureRow, self.waits)
                assert set(json.loads(row.kept)) == (said if step is Step.REFUSE else set())
            self.waits, self.gone = "", done == State.ERASED
            if self.gone:
                self._nobody_is_named()
        elif step is Step.ERASE and who in ADMINS:
            self.reached |= wanted

    def _wanted(self, who: str, step: Step) -> set[str]:
        """The reasons that must stand against it; empty when it must be done."""
        if who == "colleague" or (who == WHO and step is not Step.WITHDRAW):
            return {"not yours"}
        if step is Step.WITHDRAW:
            return set() if who in (self.asker, WHO) else {"not yours"}
        against = {"asker-decides"} if who == self.asker else set()
        return against | (self.reasons() if step is Step.ERASE else set())

    @precondition(lambda self: not self.gone)
    @rule()
    def work_on(self) -> None:
        with self.house.write() as work:
            audit.record(
                work,
                actor_of(work, WHO),
                "thing.done",
                subject="thing",
                payload={"note": "我写的", "username": WHO},
            )
            self.used = work.now

    @precondition(lambda self: self.in_office)
    @rule()
    def draft(self) -> None:
        body = an_ask(scenario_id=("parking", "weather", "benefits")[self.drafts % 3])
        with self.house.write() as work:
            applications.create(work, actor_of(work, WHO), body, assets=self.desk.assets)
            self.used = work.now
        self.drafts += 1

    @precondition(lambda self: self.drafts)
    @rule()
    def withdraw_drafts(self) -> None:
        """By a colleague: what the person made is closed without him."""
        with self.house.write() as work:
            found = select(ApplicationRow).where(ApplicationRow.state == "DRAFT")
            for row in work.db.exec(found).all():
                body = StepBody(version=row.version, note="不再需要")
                applications.withdraw(work, actor_of(work, "officer"), ApplicationId(row.id), body)
        self.drafts = 0

    @precondition(lambda self: self.live)
    @rule()
    def the_grant_ends(self) -> None:
        with self.house.write() as work:
            grants.revoke(work, actor_of(work, "watch"), self.grant, GrantStep(note="超范围使用"))
        self.live = False

    @precondition(lambda self: self.in_office)
    @rule()
    def leave(self) -> None:
        with self.house.write() as work:
            account = accounts.account_row(work, WHO)
            for row in work.db.exec(
                select(RoleAssignmentRow).where(RoleAssignmentRow.account_id == account.id)
            ):
                row.valid_to = work.now
                work.db.add(row)
        self.in_office = False

    @rule(days=st.sampled_from([1, 40, 184, 185]))
    def days_go_by(self, days: int) -> None:
        self.clock.forward(days=days)

    @precondition(lambda self: not self.gone)
    @rule()
    def everything_is_over(self) -> None:
        """The straight way, so that erasing is reached."""
        for over, step in (
            (self.drafts, self.withdraw_drafts),
            (self.in_office, self.leave),
            (self.live, self.the_grant_ends),
        ):
            if over:
                step()
        self.clock.forward(days=190)
        if not self.waits:
            self.ask(who="root")
        self.act(who="root2" if self.asker != "root2" else "root", step=Step.ERASE)

    @precondition(lambda self: not self.gone)
    @rule(step=st.sampled_from([Step.ERASE, Step.REFUSE]))
    def decided_at_once(self, step: Step) -> None:
        """Asked for and decided by the two administrators, whatever stands against it."""
        if not self.waits:
            self.ask(who="root")
        self.act(who="root2" if self.asker != "root2" else "root", step=step)

    def _nobody_is_named(self) -> None:
        place = Place.of(self.house.settings)
        sealed(self.house)
        with self.house.read() as work:
            assert audit.verify(work)[1] is None
            assert checkpoints_at_odds(work, place) == []
            left = {
                f"{table.name}.{column.name}"
                for table in SQLModel.metadata.sorted_tables
                for column in table.columns
                for (value,) in work.db.connection().execute(rows_of(column)).all()
                if WHO in str(value) or WHO in json.dumps(value, default=str)
            }
            assert left <= set(KEPT)
            with pytest.raises(NotFound):
                accounts.account_row(work, WHO)

    @invariant()
    def histories_are_those_of_the_tables(self) -> None:
        if not hasattr(self, "house"):
            return
        with self.house.read() as work:
            rows = work.db.exec(select(ErasureRow)).all()
            assert [row.id for row in rows if row.state == State.ASKED] == (
                [self.waits] if self.waits else []
            )
            assert sum(row.state == State.ERASED for row in rows) == self.gone
            for row in rows:
                if row.state in (State.ERASED, State.REFUSED):
                    hands = [event.person_id for event in service.BOOK.events(work, row.id)]
                    assert len(set(hands)) == 2, "two people stand behind each"

    def somebody_who_may(self, pick: int = 0, turn: int = 0) -> None:
        """Of other machines."""

    def time_passes(self, days: int = 0) -> None:
        """Of other machines."""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::core.calendar.UnknownYearWarning")
def test_whatever_is_tried_two_people_erase_only_what_no_law_keeps(
    sqlite_house: House, tmp_path: Path
) -> None:
    desk = a_desk(sqlite_house)
    with sqlite_house.write() as work:
        for admin in ADMINS:
            a_person(work, admin, roles=["sysadmin"])
        a_person(work, WHO, "insurer", ["org_officer", "applicant"])
        a_person(work, "colleague", "insurer", ["analyst"])
    found = agreed(desk, an_application(desk, at="OFFERED"), WHO)  # type: ignore[arg-type]
    activated(desk, found.grants[0])
    sqlite_house.engine.dispose()
    Erasing.template, Erasing.reached = tmp_path / "template.db", set()
    shutil.copyfile(sqlite_house.settings.data_dir / "datagrant.db", Erasing.template)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Erasing,
        settings=settings(
            max_examples=examples(7), stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.generate),
        ),
    )  # fmt: skip
    assert {State.ERASED, State.REFUSED, "still-in-office", "logs-must-be-kept"} <= Erasing.reached
