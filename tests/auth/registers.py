"""Machines over registers: a house with the desk's people, steps by anybody, and what must hold of every register's history."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlmodel import select

from api.house import House
from auth import audit
from auth.actor import Actor
from auth.casework.book import Book
from auth.casework.tables import CaseEventRow
from auth.deadlines import note_due
from auth.roles import Role
from core.db import make_engine
from core.errors import AppError
from core.files import FileStore
from core.settings import Settings
from core.work import Work
from tests.conftest import TestClock
from tests.desk import Desk
from tests.people import actor_of

NOTE = "核对材料，说明情况"
PEOPLE = (
    "steward_a",
    "steward_b",
    "screener",
    "screener2",
    "keeper",
    "keeper2",
    "approver",
    "approver2",
    "watch",
    "applicant",
    "officer",
    "auditor",
)
WHO = st.sampled_from(PEOPLE)
PICK = st.integers(0, 9)


HANDS = {
    Role.STEWARD: ("steward_a", "steward_b"), Role.REVIEWER_BUSINESS: ("screener", "screener2"), Role.CATALOG_ADMIN: ("keeper", "keeper2"),
    Role.APPROVER: ("approver", "approver2"), Role.SECURITY_OFFICER: ("watch",), Role.APPLICANT: ("applicant",), Role.CLERK: ("clerk",),
    Role.ORG_OFFICER: ("officer",), Role.REVIEWER_SECURITY: ("security",),
}  # fmt: skip


class Registers(RuleBasedStateMachine):
    """A house with the desk's people and one grant; each example begins with a copy of it."""

    template: ClassVar[Path]
    books: ClassVar[tuple[Book[Any], ...]]
    far: ClassVar[frozenset[str]]
    """States that the examples must come to, so that the promises are about something."""
    reached: ClassVar[set[str]]

    @initialize()
    def fresh(self) -> None:
        self.room, self.clock = Path(tempfile.mkdtemp()), TestClock()
        held = Settings(data_dir=self.room, worker=False, demo=True)
        held.keys_dir.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(type(self).template, self.room / "datagrant.db")
        numbers = itertools.count(1)
        house = House(held, make_engine(held.database), FileStore(held.files_dir), self.clock)
        self.house = replace(house, new_id=lambda: f"z{next(numbers):012}")
        self.desk = Desk(self.house)
        self.begin()

    def begin(self) -> None:
        """What each example finds there already."""

    def teardown(self) -> None:
        if hasattr(self, "house"):
            with self.house.read() as work:
                assert audit.verify(work)[1] is None
            self.house.engine.dispose()
            shutil.rmtree(self.room, ignore_errors=True)

    @contextmanager
    def trying(self, who: str) -> Iterator[tuple[Work, Actor]]:
        with suppress(AppError), self.house.write() as work:
            yield work, actor_of(work, who)

    def one(self, table: Any, pick: int) -> str:
        with self.house.read() as work:
            ids = work.db.exec(select(table.id).order_by(table.id)).all()
        return str(ids[pick % len(ids)]) if ids else "nothing"

    @rule(pick=PICK, turn=st.integers(0, 59))
    def somebody_who_may(self, pick: int, turn: int) -> None:
        """A step that the table opens now, by somebody with its role, so that the far states are reached."""
        book = self.books[0]
        with self.house.read() as work:
            rows = list(work.db.exec(select(book.table).order_by(book.table.id)))
        if not rows:
            return
        state = book.states(rows[pick % len(rows)].state)
        open_ = [
            (step, move.by) for (at, step), move in book.machine.moves.items() if at == state and move.by
        ]
        if open_:
            step, by = open_[turn % len(open_)]
            hands = [name for role in sorted(by) for name in HANDS[role]]
            self.guided(hands[turn // 7 % len(hands)], pick % len(rows), step)

    def guided(self, who: str, pick: int, step: Any) -> None:
        """Take this step on that row."""

    @rule(days=st.sampled_from([1, 5, 20]))
    def time_passes(self, days: int) -> None:
        self.clock.forward(days=days)
        with self.house.write() as work:
            note_due(work)

    @invariant()
    def histories_are_those_of_the_tables(self) -> None:
        if not hasattr(self, "house"):
            return
        with self.house.read() as work:
            for book in self.books:
                for row in work.db.exec(select(book.table)):
                    self._told(book, row, book.events(work, row.id))
            self.holds(work)

    def _told(self, book: Book[Any], row: Any, events: list[CaseEventRow]) -> None:
        assert [each.version for each in events] == list(range(1, row.version + 1))
        assert events[-1].to_state == row.state
        self.reached.update(each.to_state for each in events)
        for before, after in itertools.pairwise(events):
            assert before.to_state == after.from_state
            move = book.machine.moves[
                book.states(after.from_state), next(s for s in book.machine.step_names if s == after.step)
            ]
            assert move.to == after.to_state
            assert (after.person_id == "system") == (not move.by)
        assert (row.ended_at is not None) == (book.states(row.state) in book.final)

    def holds(self, work: Work) -> None:
        """What the register itself promises."""

    def persons(self, book: Book[Any], work: Work, row_id: str, *steps: str) -> set[str]:
        return {each.person_id for each in book.events(work, row_id) if each.step in steps}
