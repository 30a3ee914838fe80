"""Every place that counts grants in force counts the same: dashboard, month, register, matrix and disclosure, whatever their histories. On both databases."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from api.house import House
from auth.applications.tables import ApplicationLineRow
from auth.grants import in_force, ledger, register
from auth.grants.tables import GrantRow
from auth.grants.workflow import FINAL, State
from auth.policy.filters.rules import LOCAL
from auth.supervision.dashboard import Dashboard, dashboard
from auth.supervision.disclosure import disclosure, year_span
from auth.supervision.monthly import By, monthly, span
from catalog.queries import public_ids
from tests.catalog.records import a_dataset
from tests.conftest import TestClock
from tests.desk import PARKS, Desk, a_desk, a_grant
from tests.people import actor_of

DAY = timedelta(days=1)
STANDS = (State.ACTIVE, State.SUSPENDED)


@pytest.fixture
def desk(house: House) -> Desk:
    found = a_desk(house)
    with house.write() as work:
        a_dataset(work, PARKS.dataset_id, "parks", auth_op_scope="yes")
    return found


@dataclass
class Life:
    """A grant's period, and the states it came into, each with its instant."""

    starts_at: datetime
    ends_at: datetime
    states: list[tuple[datetime, State]]

    def stood(self, at: datetime, states: tuple[State, ...] = STANDS) -> bool:
        held = [state for since, state in self.states if since <= at]
        return bool(held) and held[-1] in states and self.starts_at <= at < self.ends_at

    def stood_in(self, begins: datetime, until: datetime) -> bool:
        """`until` not counted. What begins to stand does so with its period or with a step."""
        instants = [begins, self.starts_at, *(since for since, _ in self.states)]
        return any(begins <= each < until and self.stood(each) for each in instants)

    def row(self, like: GrantRow, line_id: str, now: datetime) -> GrantRow:
        known = [each for each in self.states if each[0] <= now]
        activated = [since for since, state in known if state == State.ACTIVE]
        ended = [since for since, state in known if state in FINAL]
        changes = {
            "id": f"g-{line_id}", "line_id": line_id, "state": str(known[-1][1] if known else State.PENDING),
            "starts_at": self.starts_at, "ends_at": self.ends_at, "created_at": self.starts_at - 400 * DAY,
            "activated_at": activated[0] if activated else None, "ended_at": ended[0] if ended else None,
        }  # fmt: skip
        return GrantRow(**like.model_dump() | changes)


def a_life(draw: random.Random, now: datetime) -> Life:
    """Within two years of now, with instants that fall on the bounds of months and years, and on now itself."""
    bounds = [now, *(edge for month in ("2025-12", "2026-03", "2026-04", "2026-05") for edge in span(month))]

    def instant(least: datetime) -> datetime:
        known = [each for each in bounds if each > least]
        if known and draw.random() < 0.3:
            return draw.choice(known).astimezone(UTC)
        return least + timedelta(seconds=draw.randrange(1, 200 * 86_400))

    starts_at = instant(now - 300 * DAY)
    ends_at = instant(starts_at)
    states: list[tuple[datetime, State]] = []
    at = now - 320 * DAY
    while draw.random() < 0.75:
        at = instant(at)
        last = states[-1][1] if states else State.PENDING
        if last in FINAL or (states and at >= ends_at):
            break
        if last == State.PENDING:
            states.append((at, State.ACTIVE))
        elif draw.random() < 0.3:
            states.append((at, State.REVOKED))
        else:
            states.append((at, State.SUSPENDED if last == State.ACTIVE else State.ACTIVE))
    return Life(starts_at, ends_at, states)


@pytest.mark.parametrize("seed", range(4))
def test_all_numbers_of_grants_agree_for_random_histories(desk: Desk, clock: TestClock, seed: int) -> None:
    a_grant(desk)
    clock.now = datetime(2026, 4, 12, 3, tzinfo=UTC)
    draw, now = random.Random(seed), clock.now  # noqa: S311 - no secret
    lives = [a_life(draw, now) for _ in range(60)]
    with desk.house.write() as work:
        like = work.db.exec(select(GrantRow)).one()
        line = work.db.get_one(ApplicationLineRow, like.line_id)
        for number in range(len(lives)):
            changes = {"id": f"l-{seed}-{number}", "position": 100 + number}
            work.db.add(ApplicationLineRow(**line.model_dump() | changes))
        work.db.flush()
        for number, life in enumerate(lives):
            work.db.add(life.row(like, f"l-{seed}-{number}", now))
        like.state, like.activated_at = State.PENDING, None  # counts nowhere
        work.db.add(like)
    stand = sum(life.stood(now) for life in lives)
    use = sum(life.stood(now, (State.ACTIVE,)) for life in lives)
    assert 0 < use < stand < len(lives), "the draw says something"
    with desk.house.read() as work:
        watcher = actor_of(work, "watch")
        shown, total = register.register(work, public_ids(), limit=500)
        board = dashboard(work, "2026-01", "2026-04")
        matrix = register.live(work, watcher, [PARKS.dataset_id])
        assert (total, sum(not each.is_suspended for each in shown)) == (stand, use)
        assert board.live_grants == use == sum(found is register.Standing.IN_FORCE for *_, found in matrix)
        for month in ("2025-12", "2026-03", "2026-04", "2026-05"):
            begins, ends = span(month)
            until = in_force.until(ends, now)
            expected = sum(life.stood_in(begins, until) for life in lives)
            found = monthly(work, month, By.ENTERPRISE)
            assert found.total.in_force == sum(each.in_force for each in found.lines) == expected, month
        for year in (2025, 2026, 2027):
            begins, ends = year_span(year)
            until = in_force.until(ends, now)
            figures = disclosure(work, year).figures
            assert figures["authorisations"] == sum(life.stood_in(begins, until) for life in lives), year
        assert disclosure(work, 2026).figures["in_force_at_end"] == stand


def _board(desk: Desk, first: str, last: str) -> Dashboard:
    with desk.house.read() as work:
        return dashboard(work, first, last)


def test_what_has_not_begun_is_in_force_nowhere_and_not_dormant(desk: Desk, clock: TestClock) -> None:
    """Activated in March for a period that begins in a year: no number counts it, and nobody can have used it."""
    grant = a_grant(desk)
    with desk.house.write() as work:
        row = work.db.get_one(GrantRow, grant.id)
        row.starts_at, row.ends_at = clock.now + 300 * DAY, clock.now + 600 * DAY
        work.db.add(row)
    clock.forward(days=200)
    month = clock.now.astimezone(LOCAL).strftime("%Y-%m")
    board = _board(desk, month, month)
    assert (board.live_grants, board.idle_grants, board.dormant, board.over_broad) == (0, 0, [], [])
    with desk.house.read() as work:
        assert monthly(work, month, By.DATASET).total.in_force == 0
        assert register.register(work, public_ids())[1] == 0
    clock.forward(days=101)
    month = clock.now.astimezone(LOCAL).strftime("%Y-%m")
    board = _board(desk, month, month)
    assert (board.live_grants, board.dormant) == (1, []), "a day old, whenever it was activated"


def test_a_grant_is_not_counted_as_ended_before_its_end(desk: Desk, clock: TestClock) -> None:
    grant = a_grant(desk)
    month = (grant.ends_at - DAY).astimezone(LOCAL).strftime("%Y-%m")
    clock.now = grant.ends_at - timedelta(seconds=1)
    for later, ended in ((0, 0), (1, 1)):
        clock.forward(seconds=later)
        here = clock.now.astimezone(LOCAL).strftime("%Y-%m")
        with desk.house.read() as work:
            found = monthly(work, here, By.DATASET).total
            assert (found.ended, monthly(work, month, By.DATASET).total.in_force) == (ended, 1)


def test_refusals_of_other_months_are_not_told(desk: Desk, clock: TestClock) -> None:
    grant = a_grant(desk)
    clock.now = datetime(2026, 6, 10, tzinfo=UTC)
    with desk.house.write() as work:
        for number in range(3):
            ledger.enter(work, grant.id, ledger.REFUSED, subject=f"x{number}", reasons=("columns",))
    for first, last, times in (("2026-03", "2026-04", 0), ("2026-05", "2026-06", 3), ("2026-07", "2026-08", 0)):  # fmt: skip
        board = _board(desk, first, last)
        assert board.total.refusals == sum(each.times for each in board.refused) == times, json.dumps([first, last])  # fmt: skip
