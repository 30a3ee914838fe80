"""Open data looked at through pages, routes and commands; restricted data never."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from api.cli.dataset import app as command
from api.house import House
from auth.actor import SYSTEM
from auth.audit import AuditEventRow
from catalog import service as catalogue
from catalog.models import DatasetUpdate
from core.work import Work
from tests.datasets.parking import COLUMNS, DATASET, a_parking_dataset, hand_in, publish
from tests.people import browser_as, client_as, new_browser
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = pytest.mark.gx
PLACES = "lot,name,total,free,day,lon,lat\nP01,东门,120,13,2026-03-01,114.50,22.55\nP02,西门,80,0,2026-03-01,114.61,22.60\n".encode()
NUMBER = {"type": "number", "level": 1}
MORE = [{"name": name, "title_zh": name, **NUMBER} for name in ("lon", "lat")]


def _fill(work: Work) -> None:
    a_parking_dataset(work, columns=[*COLUMNS, *MORE], spatial="大鹏", crs="CGCS2000")


@pytest.fixture
def desk(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        _fill(work)
    publish(sqlite_house, "zhou", hand_in(sqlite_house, "lin", PLACES).id)
    return sqlite_house


def test_rows_columns_and_places_of_open_data_and_none_of_closed(desk: House, tmp_path: Path) -> None:
    visitor = new_browser(desk)
    assert f"/datasets/{DATASET}/data" in visitor.get(f"/datasets/{DATASET}").text
    page = visitor.get(f"/datasets/{DATASET}/data", params={"c": "free", "o": "gte", "v": "5", "lang": "en"})
    assert ("P01" in page.text, "P02" in page.text) == (True, False)
    assert "holds numbers" in visitor.get(f"/datasets/{DATASET}/data?c=free&o=gte&v=x&lang=en").text
    assert "<rect" in visitor.get(f"/datasets/{DATASET}/data?view=columns").text
    assert visitor.get(f"/datasets/{DATASET}/data?view=map").text.count("<circle") == 2
    api = client_as(desk)
    rows = api.get(f"/api/v1/datasets/{DATASET}/rows", params={"where": "lot:eq:P02", "sort": "-free"}).json()
    assert (rows["total"], rows["records"][0]["name"]) == (1, "西门")
    assert api.get(f"/api/v1/datasets/{DATASET}/rows", params={"where": "lot"}).status_code == 422
    assert api.get(f"/api/v1/datasets/{DATASET}/points").json()["total"] == 2
    where = ["--data-dir", str(desk.settings.data_dir), "--json", "--as", "eye"]
    done = CliRunner().invoke(command, ["statistics", DATASET, *where])
    assert json.loads(done.stdout)["rows"] == 2
    assert "P01" in CliRunner().invoke(command, ["rows", DATASET, "--where", "free:gte:5", *where]).stdout
    with desk.read() as work:
        seen = work.db.exec(select(AuditEventRow).where(AuditEventRow.kind == "release.downloaded")).all()
        assert len(seen) >= 6
    with desk.write() as work:
        catalogue.update(work, SYSTEM, DATASET, DatasetUpdate(open_type="C", open_condition="签署承诺"))
    for path in ("rows", "statistics", "points"):
        refused = api.get(f"/api/v1/datasets/{DATASET}/{path}")
        assert (refused.status_code, refused.json()["reasons"][0]["code"]) == (
            403,
            "not-open-unconditionally",
        )
    refused_page = visitor.get(f"/datasets/{DATASET}?view=rows")
    assert (refused_page.status_code, "P01" in refused_page.text) == (403, False)
    closed = visitor.get(f"/datasets/{DATASET}/data")
    assert (closed.status_code, "P01" in closed.text) == (403, False)
    assert f"/datasets/{DATASET}/data" not in visitor.get(f"/datasets/{DATASET}").text
    assert browser_as(desk, "lin").get(f"/datasets/{DATASET}/data").status_code == 403  # not even to its own


def test_the_datasets_own_page_shows_rows_spread_and_map_when_asked(desk: House) -> None:
    visitor = new_browser(desk)

    def looks() -> int:
        with desk.read() as work:
            wanted = select(AuditEventRow).where(AuditEventRow.kind == "release.downloaded")
            return len(work.db.exec(wanted).all())

    before = looks()
    bare = visitor.get(f"/datasets/{DATASET}").text
    assert (f"/datasets/{DATASET}?view=rows#data" in bare, "P01" in bare, looks()) == (True, False, before)
    asked = {"view": "rows", "c": "free", "o": "gte", "v": "5", "lang": "en"}
    shown = visitor.get(f"/datasets/{DATASET}", params=asked)
    assert (shown.status_code, "P01" in shown.text, "P02" in shown.text) == (200, True, False)
    assert f'action="/datasets/{DATASET}#data"' in shown.text
    assert looks() == before + 1
    assert "<rect" in visitor.get(f"/datasets/{DATASET}?view=columns").text
    assert visitor.get(f"/datasets/{DATASET}?view=map").text.count("<circle") == 2
    assert "holds numbers" in visitor.get(f"/datasets/{DATASET}", params=asked | {"v": "x"}).text
    assert visitor.get("/datasets/NO-SUCH?view=rows").status_code == 404
    assert "P01" not in visitor.get(f"/datasets/{DATASET}?view=else").text


@pytest.mark.browser
def test_pages_are_accessible_and_fit(desk: House, open_page: OpenPage) -> None:
    for lang, width in (("zh", 1280), ("en", 390)):
        for view, path in (("rows", "/data"), ("columns", "/data"), ("map", "/data"), ("rows", "")):
            page = open_page(f"/datasets/{DATASET}{path}?view={view}", lang=lang, width=width)
            shot(page, f"open-data-{view}{path and '-large'}-{lang}-{width}")
            assert axe(page) == [], view
            assert overflow(page) == 0, view
            page.close()
