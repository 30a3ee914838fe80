"""The month's report: every heading adds up to the ledger, grants and applications count in the months they belong to, and it leaves as a file."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import python_calamine
from sqlmodel import select
from typer.testing import CliRunner

from api.cli.supervision import app as command
from api.house import House
from auth.applications.workflow import State
from auth.grants import ledger, usage
from auth.grants import service as grants
from auth.grants.ledger import Taking
from auth.grants.reading import GrantRead
from auth.grants.steps import GrantStep
from auth.grants.tables import UsageMonthRow
from auth.supervision.monthly import TAKEN, By, Monthly, monthly
from tests.conftest import TestClock
from tests.desk import Desk, a_desk, a_grant, an_application, decided, reviewed, screened
from tests.people import browser_as, client_as


def told(house: House, month: str, by: By = By.DATASET) -> Monthly:
    with house.read() as work:
        return monthly(work, month, by)


def take(desk: Desk, grant: GrantRead, rows: int, subject: str) -> None:
    with desk.write("analyst") as (work, actor):
        taking = Taking.by(actor, purpose="risk-pricing", scenario_id="safety", columns=("rooms",))
        usage.charge(work, grant.id, rows=rows, bytes=rows * 7, subject=subject, taking=taking, delivers=True)


@pytest.mark.parametrize("by", list(By))
def test_each_heading_adds_up_to_the_months_sums(house: House, clock: TestClock, by: By) -> None:
    """The clock of the tests begins in March 2026."""
    desk = a_desk(house)
    first, second = a_grant(desk), a_grant(desk, scenario_id="weather")
    take(desk, first, 10, "a")
    take(desk, second, 5, "b")
    with house.write() as work:
        ledger.enter(work, first.id, ledger.REFUSED, subject="x", reasons=("columns",))
    clock.forward(days=31)
    take(desk, first, 3, "c")
    for month, rows, refusals in (("2026-03", 15, 1), ("2026-04", 3, 0), ("2026-05", 0, 0)):
        found = told(house, month, by)
        with house.read() as work:
            sums = list(work.db.exec(select(UsageMonthRow).where(UsageMonthRow.month == month)))
        for unit in TAKEN:
            assert sum(getattr(line, unit) for line in found.lines) == getattr(found.total, unit)
            assert getattr(found.total, unit) == sum(getattr(each, unit) for each in sums)
        assert (found.total.rows, found.total.refusals) == (rows, refusals)
        has_come = month != "2026-05"
        assert found.total.in_force == sum(line.in_force for line in found.lines) == 2 * has_come


def test_a_grant_counts_from_its_activation_to_its_end(house: House, clock: TestClock) -> None:
    desk = a_desk(house)
    assert told(house, "2026-03").lines == []
    grant = a_grant(desk)
    a_grant(desk, at="PENDING", scenario_id="weather")
    line = told(house, "2026-03").lines[0]
    assert (line.in_force, line.activated, line.ended) == (1, 1, 0), "what was not activated is not in force"
    assert told(house, "2026-02").lines == []
    clock.forward(days=40)
    with desk.write("officer") as (work, actor):
        grants.relinquish(work, actor, grant.id, GrantStep(version=grant.version, note="不再需要这些数据"))
    assert told(house, "2026-03").total.ended == 0
    here = clock.now.strftime("%Y-%m")
    found = told(house, here)
    assert (found.total.in_force, found.total.activated, found.total.ended, found.is_over) == (1, 0, 1, False)
    clock.forward(days=40)
    assert told(house, here).is_over
    assert told(house, clock.now.strftime("%Y-%m")).lines == []


def test_applications_count_when_they_came_and_when_they_were_decided(house: House, clock: TestClock) -> None:
    desk = a_desk(house)
    waiting = an_application(desk, at=State.SUBMITTED)
    an_application(desk, scenario_id="weather", at=State.SUBMITTED)
    clock.forward(days=31)
    decided(desk, reviewed(desk, screened(desk, waiting)))
    for by in By:
        came, went = told(house, "2026-03", by), told(house, "2026-04", by)
        assert (came.total.applications, came.total.decided) == (2, 0)
        assert (went.total.applications, went.total.decided) == (0, 1)
        assert [line.decided for line in went.lines] == [1]


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    made = a_desk(sqlite_house)
    take(made, a_grant(made), 10, "a")
    return made


def test_it_leaves_as_a_file_with_the_total_last(desk: Desk) -> None:
    watcher = client_as(desk.house, "watch")
    at = "/api/v1/supervision/months/2026-03"
    found = watcher.get(at, params={"by": "enterprise"}).json()
    assert (found["lines"][0]["key"], found["total"]["rows"]) == ("insurer", 10)
    sheet = watcher.get(f"{at}/file", params={"by": "enterprise"})
    rows = list(csv.DictReader(io.StringIO(sheet.content.decode("utf-8-sig"))))
    assert [(row["key"], row["rows"]) for row in rows] == [("insurer", "10"), ("total", "10")]
    assert "supervision-2026-03-enterprise.csv" in sheet.headers["content-disposition"]
    book = python_calamine.CalamineWorkbook.from_filelike(
        io.BytesIO(watcher.get(f"{at}/file", params={"form": "xlsx"}).content)
    )
    assert [row[0] for row in book.get_sheet_by_index(0).to_python()][-1] == "total"
    told_ = watcher.get(f"{at}/file", params={"form": "json", "by": "department"}).json()
    assert told_["by"] == "department"


@pytest.mark.parametrize("path", ["2026-13", "nonsense", "2026-3"])
def test_a_month_that_is_none_is_refused_and_others_may_not_look(desk: Desk, path: str) -> None:
    assert client_as(desk.house, "watch").get(f"/api/v1/supervision/months/{path}").status_code == 422
    assert client_as(desk.house, "officer").get("/api/v1/supervision/months/2026-03").status_code == 403


@pytest.mark.parametrize(("lang", "words"), [("zh", ("监管月报 2026-03", "企业")), ("en", ("Supervision in 2026-03", "Enterprise"))])  # fmt: skip
def test_the_page_reads_and_prints(desk: Desk, lang: str, words: tuple[str, ...]) -> None:
    page = browser_as(desk.house, "watch", lang=lang)
    shown = page.get("/supervision/monthly?month=2026-03&by=enterprise").text
    assert all(word in shown for word in (*words, "insurer"))
    assert page.get("/supervision/monthly?month=nonsense&by=weather").status_code == 200
    assert page.get("/supervision/monthly/file?month=2026-03&form=csv").content.startswith(b"\xef\xbb\xbf")
    assert "/supervision/monthly" in page.get("/supervision").text


def test_the_command_tells_the_same(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGRANT_SECOND_FACTOR_ROLES", "none")
    given = ["--data-dir", str(desk.house.settings.data_dir), "--as", "watch"]
    run = CliRunner().invoke(command, ["monthly", "2026-03", "--by", "enterprise", "--json", *given])
    assert run.exit_code == 0, run.output
    found: dict[str, Any] = json.loads(run.output)
    assert found["total"]["rows"] == 10
    out = tmp_path / "march.xlsx"
    run = CliRunner().invoke(command, ["monthly", "2026-03", "--out", str(out), *given])
    assert run.exit_code == 0, run.output
    assert out.read_bytes()[:2] == b"PK"
