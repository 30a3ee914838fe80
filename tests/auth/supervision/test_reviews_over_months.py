"""A file that waits for its review over the end of a month or a year: no report goes below nothing, and no month that is over gains."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

import pytest
from sqlmodel import select

from api.house import House
from auth.grants.ledger import RESERVED, month_of
from auth.grants.tables import UsageEventRow, UsageMonthRow
from auth.policy.filters.rules import LOCAL
from auth.supervision import disclosed
from auth.supervision.disclosed import PublicationCreate
from auth.supervision.disclosure import disclosure
from auth.supervision.monthly import By, monthly
from datasets.outputs import deciding
from datasets.outputs.models import OutputRefuse
from tests.auth.supervision.test_ledger import UNITS
from tests.conftest import TestClock
from tests.datasets.extracts.scene import GRANTED, ROWS, Scene, a_scene, a_table
from tests.people import client_as

pytestmark = pytest.mark.filterwarnings("ignore:no holiday table")
MANY = [(f"V{n}", *row[1:3], n, *row[4:]) for n, row in enumerate(ROWS * 8)]
THIRTY_SEVEN = {"op": "le", "column": "rooms", "value": 36}
ENDS = ["2026-03-31", "2026-12-31"]  # of a month, and of a year


@pytest.fixture
def scene(house: House) -> Scene:
    return a_scene(house, table=a_table(MANY), columns=list(GRANTED))


def _waits(scene: Scene, clock: TestClock, last_day: str) -> tuple[str, int]:
    """Made on the last evening of a month, and still waiting on the next morning: the extract and its bytes."""
    clock.now = datetime.fromisoformat(f"{last_day}T23:30").replace(tzinfo=LOCAL)
    made = scene.asks(filter=THIRTY_SEVEN)
    scene.works(releases=False)
    clock.forward(hours=10)
    with scene.house.read() as work:
        from datasets.outputs.tables import OutputReviewRow

        return made.id, work.db.exec(select(OutputReviewRow.size_bytes)).one()


def _told(scene: Scene, month: str) -> dict[str, int]:
    """What the month's report says, which is what its page and its files show."""
    with scene.house.read() as work:
        total = monthly(work, month, By.DATASET).total
    asked = client_as(scene.house, "watch").get(f"/api/v1/supervision/months/{month}").json()["total"]
    found = {unit: getattr(total, unit) for unit in (*UNITS, "deliveries")}
    assert {unit: asked[unit] for unit in found} == found
    return found


def _reconciled(scene: Scene) -> None:
    """Lines by month = sums by month, to the byte: what waits is left out, and what is given back counts where it was taken."""
    with scene.house.read() as work:
        lines = list(work.db.exec(select(UsageEventRow).order_by(UsageEventRow.at, UsageEventRow.id)))  # type: ignore[arg-type]
        taken_in: dict[str, str] = {}
        counted: dict[tuple[str, str], Counter[str]] = {}
        waiting: Counter[str] = Counter()
        for line in lines:
            if line.kind == RESERVED:
                waiting.update({unit: getattr(line, unit) for unit in UNITS})
                continue
            if line.kind == "charge":
                taken_in.setdefault(line.subject, month_of(line.at))
            month = taken_in[line.subject] if line.kind == "refund" else month_of(line.at)
            counted.setdefault((line.grant_id, month), Counter()).update(
                {unit: getattr(line, unit) for unit in UNITS}
            )
        for row in work.db.exec(select(UsageMonthRow)):
            told = {unit: getattr(row, unit) for unit in UNITS}
            assert told == {unit: counted.get((row.grant_id, row.month), Counter())[unit] for unit in UNITS}
            assert min(told.values()) >= 0
        used: Any = scene.view().used
        total = Counter({unit: sum(held[unit] for held in counted.values()) for unit in UNITS})
        assert {unit: getattr(used, unit) for unit in UNITS} == {
            unit: total[unit] + waiting[unit] for unit in UNITS
        }


def _next(last_day: str) -> str:
    year, month = int(last_day[:4]), int(last_day[5:7])
    return f"{year + month // 12}-{month % 12 + 1:02d}"


@pytest.mark.parametrize("last_day", ENDS)
def test_what_is_released_in_the_next_month_counts_there_alone(
    scene: Scene, clock: TestClock, last_day: str
) -> None:
    extract_id, size = _waits(scene, clock, last_day)
    asked = {"extracts": 1, "rows": 0, "bytes": 0, "deliveries": 0}
    assert _told(scene, last_day[:7]) == asked
    assert scene.view().used.rows == 40  # taken of the quota all the same
    _reconciled(scene)
    scene.checks()
    assert scene.extract(extract_id).state == "ready"
    assert _told(scene, last_day[:7]) == asked, "a month that is over does not change"
    assert _told(scene, _next(last_day)) == {"extracts": 0, "rows": 37, "bytes": size, "deliveries": 1}
    assert (scene.view().used.rows, scene.view().used.bytes) == (37, size)
    _reconciled(scene)


@pytest.mark.parametrize("last_day", ENDS)
@pytest.mark.parametrize("ends", ["withdrawn", "refused"])
def test_what_is_not_released_takes_nothing_from_the_month_in_which_that_was_said(
    scene: Scene, clock: TestClock, last_day: str, ends: str
) -> None:
    extract_id, _ = _waits(scene, clock, last_day)
    if ends == "withdrawn":
        with scene.desk.write("analyst") as (work, actor):
            deciding.withdraw(work, actor, extract_id)  # type: ignore[arg-type]
    else:
        with scene.desk.write("checker") as (work, actor):
            against = OutputRefuse(refusal="beyond-purpose", note="与场景不符")
            deciding.refuse(work, actor, scene.waiting()[0], against, scene.signer)
    assert scene.extract(extract_id).state == ends
    nothing = {"extracts": 0, "rows": 0, "bytes": 0, "deliveries": 0}
    stays = 1 if ends == "withdrawn" else 0
    assert _told(scene, last_day[:7]) == nothing | {"extracts": stays}
    assert _told(scene, _next(last_day)) == nothing
    assert (scene.view().used.extracts, scene.view().used.rows, scene.view().used.bytes) == (stays, 0, 0)
    _reconciled(scene)


def test_a_file_that_was_not_made_goes_back_to_the_month_in_which_it_was_asked_for(
    scene: Scene, clock: TestClock
) -> None:
    clock.now = datetime(2026, 3, 31, 23, 59, tzinfo=LOCAL)
    scene.asks()
    clock.forward(minutes=5)
    scene.suspends()
    scene.works()
    assert _told(scene, "2026-03")["extracts"] == _told(scene, "2026-04")["extracts"] == 0
    _reconciled(scene)


def test_a_year_that_is_disclosed_stays_as_it_was_told_whatever_a_review_says_later(
    scene: Scene, clock: TestClock
) -> None:
    """What waited over the year's end was never delivered in it: the year has none of its rows, and the next year has all."""
    _waits(scene, clock, "2026-12-31")
    with scene.desk.write("watch") as (work, actor):
        digest = disclosed.digest(disclosure(work, 2026))
        disclosed.publish(work, actor, 2026, PublicationCreate(sha256=digest))
    scene.checks()
    with scene.house.read() as work:
        assert disclosed.digest(disclosed.told(work, 2026)) == digest
        assert disclosed.digest(disclosure(work, 2026)) == digest, "nor do the records say otherwise"
        assert [disclosure(work, year).figures["rows"] for year in (2026, 2027)] == [0, 37]
        assert [disclosure(work, year).figures["deliveries"] for year in (2026, 2027)] == [0, 1]
