"""What a line of the ledger tells besides quotas: the privacy budget that was spent, and how long the service worked for it."""

from __future__ import annotations

import csv
import io
import time

import pytest
from alembic import command
from sqlalchemy import event
from sqlmodel import col, select

from api.house import House
from api.schema import bring_up_to_date
from api.upgrading import config
from auth.grants import ledger, usage
from auth.grants.ledger import Taking
from auth.grants.tables import UsageEventRow
from core import elapsed
from tests.datasets.extracts.scene import Scene, a_scene
from tests.datasets.queries.scene import a_query_scene
from tests.people import a_person, client_as


@pytest.fixture
def scene(house: House) -> Scene:
    made = a_scene(house)
    with house.write() as work:
        a_person(work, "watcher", roles=["auditor"])
    return made


def lines(house: House) -> list[UsageEventRow]:
    with house.read() as work:
        return list(work.db.exec(select(UsageEventRow).order_by(col(UsageEventRow.id))))


def test_a_line_takes_the_time_since_its_work_began(scene: Scene) -> None:
    with elapsed.counted():
        time.sleep(0.05)
        with scene.house.write() as work:
            ledger.enter(work, scene.grant_id, ledger.REFUSED, subject="x")
    with scene.house.write() as work:
        ledger.enter(work, scene.grant_id, ledger.REFUSED, subject="y")
    timed, untimed = lines(scene.house)[-2:]
    assert timed.duration_ms is not None
    assert 50 <= timed.duration_ms < 60_000
    assert untimed.duration_ms is None


@pytest.mark.parametrize("form", ["query_agg", "query_dp", "verify", "enclave"])
def test_how_long_a_question_took_is_not_kept(scene: Scene, form: str) -> None:
    with elapsed.counted(), scene.house.write() as work:
        ledger.enter(work, scene.grant_id, ledger.REFUSED, subject="x", taking=Taking(form=form))
        usage.charge(work, scene.grant_id, rows=1, subject="z", taking=Taking(form=form), delivers=True)
        usage.charge(
            work, scene.grant_id, rows=1, subject="r", taking=Taking(form="extract_csv"), reserves=True
        )
    assert [line.duration_ms for line in lines(scene.house)[-3:]] == [None, None, None]


def test_delivery_and_download_say_how_long_they_took_wherever_lines_are_shown(scene: Scene) -> None:
    with elapsed.counted():
        made = scene.delivered(columns=["venue_id"])
    analyst = client_as(scene.house, "analyst")
    assert analyst.get(f"/api/v1/extracts/{made.id}/file").status_code == 200
    found = analyst.get(f"/api/v1/grants/{scene.grant_id}/usage").json()
    took = {each["kind"]: each["duration_ms"] for each in found["items"]}
    assert took["delivery"] is not None
    assert took["download"] is not None
    assert found["sums"]["epsilon_micro"] == 0
    watcher = client_as(scene.house, "watcher")
    listed = watcher.get("/api/v1/usage").json()["items"]
    assert {each["kind"]: each["duration_ms"] for each in listed} == took
    rows = csv.DictReader(
        io.StringIO(watcher.get("/api/v1/usage/file", params={"form": "csv"}).text.lstrip("\ufeff"))
    )
    assert {each["kind"]: each["duration_ms"] for each in rows} == {
        kind: str(ms) if ms is not None else "" for kind, ms in took.items()
    }


def test_a_line_is_one_statement_whatever_it_tells(scene: Scene) -> None:
    told: list[str] = []

    def note(_c: object, _u: object, statement: str, *_: object) -> None:
        told.append(statement)

    event.listen(scene.house.engine, "before_cursor_execute", note)
    try:
        with elapsed.counted(), scene.house.write() as work:
            ledger.enter(work, scene.grant_id, ledger.REFUSED, subject="x", epsilon_micro=7)
    finally:
        event.remove(scene.house.engine, "before_cursor_execute", note)
    assert sum("auth_usage_event" in each for each in told) == 1


def test_what_was_spent_before_is_entered_in_its_line(house: House) -> None:
    """The migration reads the budget's own book."""
    scene = a_query_scene(house)
    scene.caps()
    scene.private(epsilon_micro=250_000)
    scene.private(epsilon_micro=250_000)  # told before: costs nothing

    def told() -> list[tuple[str, int]]:
        return [(line.kind, line.epsilon_micro) for line in lines(house)]

    before = told()
    assert sorted(before) == [("charge", 250_000), ("delivery", 0), ("delivery", 0)]
    with house.engine.begin() as connection:
        command.downgrade(config(connection), "w22_proof_0002-1")
    bring_up_to_date(house.engine)
    assert told() == before
