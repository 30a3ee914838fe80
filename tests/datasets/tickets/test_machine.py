"""Anybody tries anything in any order: what must hold of tickets, waivers and batches holds after every step."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlmodel import select

from api.house import House
from core.db import make_engine
from core.errors import AppError
from core.files import FileStore
from core.settings import Settings
from datasets.batches.tables import BatchRow
from datasets.batches.workflow import BatchState
from datasets.tickets import deadlines, queries, service
from datasets.tickets.models import TicketAnswer, TicketAssign, TicketNote
from datasets.tickets.tables import RuleFailureRow, TicketRow
from datasets.tickets.workflow import LIVE
from datasets.waivers import service as waivers
from datasets.waivers.models import WaiverNote
from datasets.waivers.tables import WaiverRow
from tests.conftest import TestClock
from tests.datasets.tickets.stories import a_stage, an_ask, judged
from tests.examples import examples
from tests.people import actor_of

PEOPLE = st.sampled_from(["lin", "zhou", "third", "chief", "guard", "keeper", "other", "eye"])
RULES = st.sampled_from(["K1", "K2", "W1"])
ANSWERS = st.sampled_from(["corrected", "data_right", "cannot"])
FAILING = st.dictionaries(RULES, st.integers(1, 9), max_size=2)


class Anything(RuleBasedStateMachine):
    """Steps are tried by whoever; refusals are part of the game."""

    template: Path

    @initialize()
    def fresh(self) -> None:
        self.room = Path(tempfile.mkdtemp())
        self.clock = TestClock()
        self.house = self._house()

    def _house(self) -> House:
        """A house with the stage set. Ids count up, so that a history can be played again."""
        held = Settings(data_dir=self.room, worker=False, demo=True)
        held.keys_dir.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(type(self).template, self.room / "datagrant.db")
        numbers = count(1)
        engine, files = make_engine(held.database), FileStore(held.files_dir)
        house = House(held, engine, files, self.clock)
        a_stage(house)
        return replace(house, new_id=lambda: f"z{next(numbers):012}")

    def teardown(self) -> None:
        if hasattr(self, "house"):
            self.house.engine.dispose()
            shutil.rmtree(self.room, ignore_errors=True)

    def _one(self, kind: Any, pick: int) -> str | None:
        with self.house.read() as work:
            ids = work.db.exec(select(kind.id).order_by(kind.id)).all()
        return str(ids[pick % len(ids)]) if ids else None

    @rule(who=st.sampled_from(["lin", "zhou"]), fails=FAILING, corrects=st.none() | st.integers(0, 9))
    def hand_in(self, who: str, fails: dict[str, int], corrects: int | None) -> None:
        former = self._one(BatchRow, corrects) if corrects is not None else None
        with suppress(AppError):
            judged(self.house, who, fails, former)

    @rule(
        who=PEOPLE,
        pick=st.integers(0, 9),
        step=st.sampled_from(["accept", "start", "confirm", "reopen", "comment"]),
    )
    def step(self, who: str, pick: int, step: str) -> None:
        if ticket_id := self._one(TicketRow, pick):
            with suppress(AppError), self.house.write() as work:
                getattr(service, step)(work, actor_of(work, who), ticket_id, TicketNote(note="说明情况"))

    @rule(who=PEOPLE, pick=st.integers(0, 9), said=ANSWERS)
    def answer(self, who: str, pick: int, said: Any) -> None:
        if ticket_id := self._one(TicketRow, pick):
            with suppress(AppError), self.house.write() as work:
                body = TicketAnswer(answer=said, note="已核对源系统")
                service.answer(work, actor_of(work, who), ticket_id, body)

    @rule(who=PEOPLE, whom=PEOPLE, pick=st.integers(0, 9))
    def assign(self, who: str, whom: str, pick: int) -> None:
        if ticket_id := self._one(TicketRow, pick):
            with suppress(AppError), self.house.write() as work:
                service.assign(work, actor_of(work, who), ticket_id, TicketAssign(username=whom))

    @rule(who=PEOPLE, key=RULES, days=st.integers(0, 20), most=st.none() | st.integers(1, 5))
    def sign(self, who: str, key: str, days: int, most: int | None) -> None:
        with suppress(AppError), self.house.write() as work:
            waivers.sign(work, actor_of(work, who), an_ask(work, key, days, max_count=most))

    @rule(who=PEOPLE, pick=st.integers(0, 9), step=st.sampled_from(["second", "refuse", "revoke"]))
    def on_waiver(self, who: str, pick: int, step: str) -> None:
        if waiver_id := self._one(WaiverRow, pick):
            with suppress(AppError), self.house.write() as work:
                getattr(waivers, step)(work, actor_of(work, who), waiver_id, WaiverNote(note="说明情况"))

    @rule(key=RULES, signer=st.sampled_from(["third", "zhou"]), most=st.none() | st.integers(5, 9))
    def waive(self, key: str, signer: str, most: int | None) -> None:
        """By the way it is meant, so that the far states are reached."""
        with suppress(AppError), self.house.write() as work:
            made = waivers.sign(work, actor_of(work, signer), an_ask(work, key, 5, max_count=most))
            waivers.second(work, actor_of(work, "chief"), made.id, WaiverNote())

    @rule(answerer=st.sampled_from(["lin", "zhou"]), said=ANSWERS, pick=st.integers(0, 9))
    def close(self, answerer: str, said: Any, pick: int) -> None:
        self.answer(who=answerer, pick=pick, said=said)
        self.step(who="third", pick=pick, step="confirm")

    @rule(days=st.integers(1, 9))
    def time_passes(self, days: int) -> None:
        self.clock.forward(days=days)
        with self.house.write() as work:
            deadlines.note_due(work)

    @invariant()
    def what_must_hold_holds(self) -> None:
        if not hasattr(self, "house"):
            return
        with self.house.read() as work:
            tickets = work.db.exec(select(TicketRow)).all()
            live = [(row.dataset_id, row.rule_key) for row in tickets if row.state in LIVE]
            assert len(live) == len(set(live)), "one live ticket per rule"
            for row in tickets:
                events = queries.history(work, row.id)
                assert events[0].step == "open"
                assert (row.state == "closed") == (row.closed is not None)
                assert (row.answer is not None) == (row.state in ("answered", "closed"))
                if row.closed:
                    assert row.closed["person_id"] not in queries.answerers(work, row), "two people"
            self._failures(work)
            for batch in work.db.exec(
                select(BatchRow).where(BatchRow.state == BatchState.PASSED_WITH_WAIVERS)
            ):
                self._waived(work, batch)

    def _failures(self, work: Any) -> None:
        """Every failure has its ticket or its waiver."""
        for failure in work.db.exec(select(RuleFailureRow)):
            assert failure.ticket_id or failure.waiver_id

    def _waived(self, work: Any, batch: BatchRow) -> None:
        """Each failed critical rule is covered by a waiver of two people, neither of whom prepared the batch."""
        assert batch.waivers
        for each in batch.waivers:
            signed = work.db.get_one(WaiverRow, each["waiver_id"])
            people = {who["person_id"] for who in (signed.signed, signed.seconded) if who}
            assert people.isdisjoint(batch.preparers)
            assert len(people) == 2 or each["severity"] == "warning"
            assert signed.max_count is None or each["failing_rows"] <= signed.max_count
            assert signed.valid_to >= signed.signed_at.date()


def test_whatever_is_tried_two_people_answer_and_nothing_gets_lost(
    sqlite_template: Path, tmp_path: Path
) -> None:
    Anything.template = tmp_path / "template.db"
    shutil.copyfile(sqlite_template, Anything.template)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Anything,
        settings=settings(
            max_examples=examples(5),
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
