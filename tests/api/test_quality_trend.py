"""The course of quality: written down once a day, never computed for a reader, public as far as its records are."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli.quality_trend import command
from api.durable import note_quality
from api.house import House
from auth.actor import SYSTEM
from catalog import service as catalogue
from catalog.models import DatasetUpdate
from datasets.releases.tables import ReleaseRow
from tests.catalog.records import a_dataset, a_department
from tests.conftest import TestClock
from tests.datasets.parking import CLEAN, DATASET, a_parking_dataset, hand_in, publish
from tests.people import client_as
from tests.web.browser import OpenPage, axe, overflow, shot

BASE = "/api/v1/quality-trend"


def _course(house: House, publisher: str = "traffic", **asked: str) -> list[dict[str, Any]]:
    answer = client_as(house).get(f"{BASE}/{publisher}", params=asked)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


@pytest.mark.gx
def test_what_is_stored_is_written_down_once_a_day_with_the_past_that_releases_tell(
    house: House, clock: TestClock
) -> None:
    with house.write() as work:
        a_parking_dataset(work)
    release = publish(house, "zhou", hand_in(house, "lin", CLEAN).id)
    with house.read() as work:
        record, row = catalogue.show(work, SYSTEM, DATASET), work.db.get(ReleaseRow, release.id)
        assert row is not None
    clock.forward(days=40)  # two months' ends later nobody had looked
    assert (note_quality(house), note_quality(house)) == (1, 0)
    past, now = _course(house)
    assert (past["day"], past["records"], past["points"], past["releases"]) == ("2026-03-31", None, None, 1)
    assert (past["quality"], past["pass_rate"]) == (now["quality"], now["pass_rate"])
    score = client_as(house).get(f"/api/v1/datasets/{DATASET}/score").json()
    assert now["day"] == "2026-04-11"
    assert (now["points"], now["filled"], now["quality"]) == (
        score["points"],
        score["filled"],
        record.quality_score,
    )
    assert now["pass_rate"] == 100.0
    with house.write() as work:
        catalogue.update(work, SYSTEM, DATASET, DatasetUpdate(spatial="大鹏新区"))
    assert _course(house)[-1] == now  # a reader's request computes nothing
    clock.forward(days=1)
    assert note_quality(house) == 1
    later = _course(house, by="day")[-1]
    told = client_as(house).get(f"/api/v1/datasets/{DATASET}/score").json()
    assert later["points"] == told["points"] != now["points"]
    standing = client_as(house).get(BASE).json()["items"]
    assert [(each["publisher"], each["points_change"], each["since"]) for each in standing] == [
        ("traffic", None, "2026-03-31")
    ]
    assert _course(house, since="2026-04-12") == [later]
    assert _course(house)[0] == past


def _two_days(house: House, clock: TestClock) -> None:
    with house.write() as work:
        a_department(work, "traffic")
        a_department(work, "culture")
        a_dataset(work, "DP-PK-001", "traffic")
        a_dataset(work, "DP-WL-001", "culture", draft=True)
    assert note_quality(house) == 1
    clock.forward(days=35)
    with house.write() as work:
        catalogue.update(work, SYSTEM, "DP-PK-001", DatasetUpdate(spatial="大鹏新区", spatial_en="Dapeng"))
    assert note_quality(house) == 1


def test_drafts_and_strangers_have_no_course(sqlite_house: House, clock: TestClock) -> None:
    _two_days(sqlite_house, clock)
    visitor = client_as(sqlite_house)
    for unknown in ("culture", "nobody", "部门"):
        answer = visitor.get(f"{BASE}/{unknown}")
        assert answer.status_code == 404, unknown
    wrong = visitor.get(f"{BASE}/traffic", params={"since": "2026-05-01", "until": "2026-04-01"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "since")
    assert visitor.get(f"{BASE}/traffic", params={"by": "year"}).status_code == 422
    (standing,) = visitor.get(BASE).json()["items"]
    assert standing["points_change"] == 20


def test_course_stands_on_pages_in_tables_and_in_the_command(
    sqlite_house: House, clock: TestClock, tmp_path: Path
) -> None:
    _two_days(sqlite_house, clock)
    visitor = client_as(sqlite_house)
    for lang, said in (("zh", "质量走势"), ("en", "Course of quality")):
        for path in ("/publishers/traffic", "/quality-trend"):
            shown = visitor.get(path, params={"lang": lang}, headers={"accept": "text/html"}).text
            assert said in shown, path
    front = visitor.get("/publishers/traffic", headers={"accept": "text/html"}).text
    assert 'data-chart="course-data"' in front
    assert '<th scope="row">2026-04-06</th>' in front
    lines = list(
        csv.DictReader(
            io.StringIO(
                visitor.get(f"{BASE}/traffic", params={"by": "day", "format": "csv"}).text.lstrip("\ufeff")
            )
        )
    )
    assert [each["day"] for each in lines] == ["2026-03-02", "2026-04-06"]
    import typer

    app = typer.Typer()
    app.command()(command)
    where = ["--data-dir", str(sqlite_house.settings.data_dir), "--as", "traffic-steward"]
    run = CliRunner()
    shown = run.invoke(app, ["traffic", "--by", "day", "--json", *where])
    assert [each["records"] for each in json.loads(shown.stdout)["items"]] == [1, 1], shown.output
    assert json.loads(run.invoke(app, ["--json", *where]).stdout)["total"] == 1
    out = tmp_path / "course.csv"
    assert run.invoke(app, ["traffic", "--out", str(out), *where]).exit_code == 0
    assert out.read_text(encoding="utf-8").count("\n") >= 3


@pytest.mark.browser
def test_pages_are_accessible(sqlite_house: House, clock: TestClock, open_page: OpenPage) -> None:
    _two_days(sqlite_house, clock)
    for lang, scheme, width in (("zh", "light", 1280), ("en", "dark", 390)):
        for name, path in (("course", "/quality-trend"), ("front", "/publishers/traffic")):
            page = open_page(path, lang=lang, scheme=scheme, width=width)
            shot(page, f"quality-{name}-{lang}-{width}")
            assert axe(page) == [], name
            assert overflow(page) == 0, name
            page.close()
