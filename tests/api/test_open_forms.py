"""Open data in every form: made once in the worker when first asked for, the same rows as the release, gone with it."""

from __future__ import annotations

import csv
import io
import json
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlmodel import select
from typer.testing import CliRunner

from api.cli.release import app
from api.house import House, open_house
from core.jobs import JobRow, JobState
from core.jobs_run import context_for, in_place, perform
from datasets.content import ROW_COLUMN
from datasets.formats.xlsx import read_sheet
from datasets.pipeline import form_build
from datasets.releases import forms
from datasets.releases.tables import OpenFileRow, ReleaseRow
from datasets.store.citations import is_cited
from tests.catalog.records import a_dataset
from tests.datasets.extracts.scene import COLUMNS, VENUES, a_release, a_table
from tests.desk import a_desk
from tests.people import browser_as, client_as

OPEN = COLUMNS[:8]


def an_open_release(house: House, **record: Any) -> str:
    """Venues without the columns that are not for everybody, open without condition."""
    a_desk(house)
    columns = [{"name": name, "title_zh": name, "type": kind, "level": 1} for name, kind, *_ in OPEN]
    with house.write() as work:
        a_dataset(work, VENUES, "parks", **{"columns": columns, "data_level": 1, "open_type": "U"} | record)
        table = a_table().select([*(name for name, *_ in OPEN), ROW_COLUMN])
        row = a_release(work, house.files, house.settings.data_dir, table)
        row.csv_sha256 = house.files.put([b"csv"]).sha256
        return row.id


def works(house: House) -> None:
    """What the worker does."""
    with house.read() as work:
        wanted = select(JobRow).where(JobRow.kind == forms.JOB, JobRow.state == JobState.QUEUED)
        waiting = list(work.db.exec(wanted))
    for row in waiting:
        perform(
            context_for(house.engine, house.files, house.settings, house.clock, house.new_id, row, in_place), form_build.JOB
        )  # fmt: skip


def test_each_form_is_made_once_and_holds_the_release(house: House, tmp_path: Path) -> None:
    release = an_open_release(house)
    visitor = client_as(house)
    address = f"/api/v1/releases/{release}/file?format="
    made = ("csv-gb18030", "xlsx", "jsonl")
    for form in made:
        assert [visitor.get(address + form).status_code for _ in range(2)] == [429, 429]
    works(house)
    files = {form: visitor.get(address + form) for form in made}
    assert {answer.status_code for answer in files.values()} == {200}
    with house.read() as work:
        assert len(list(work.db.exec(select(JobRow).where(JobRow.kind == forms.JOB)))) == 3
        file = work.db.get_one(ReleaseRow, release).sha256 or ""
    whole = pq.read_table(house.files.path(file))
    lines = [json.loads(line) for line in files["jsonl"].text.splitlines()]
    assert [each["venue_id"] for each in lines] == whole.column("venue_id").to_pylist()
    assert list(lines[0]) == whole.column_names
    assert lines[1]["venue_name"] == "=1+1"
    rows = list(csv.reader(io.StringIO(files["csv-gb18030"].content.decode("gb18030"))))
    assert (rows[0], rows[1][1], rows[2][1]) == (whole.column_names, "大鹏所城", "'=1+1")
    (tmp_path / "book.xlsx").write_bytes(files["xlsx"].content)
    sheet = read_sheet(tmp_path / "book.xlsx", 100).read_all()
    assert sheet.column("venue_name").to_pylist()[1] == "'=1+1"
    assert 'filename="DP-BC-002-v1-gb18030.csv"' in files["csv-gb18030"].headers["content-disposition"]
    part = visitor.get(address + "jsonl", headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, files["jsonl"].content[:4])
    assert visitor.head(address + "jsonl").status_code == 200
    assert visitor.get(address + "jsonl&partition=2026-03").status_code == 422


def test_what_cannot_be_is_refused_and_makes_nothing(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = an_open_release(sqlite_house)
    visitor = client_as(sqlite_house)
    address = f"/api/v1/releases/{release}/file?format="
    refused = visitor.get(address + "geojson")
    assert (refused.status_code, refused.json()["reasons"][0]["code"]) == (403, "no-geometry-for-form")
    monkeypatch.setattr(forms, "MOST_ROWS", {"geojson": 4})
    told = visitor.get(address + "geojson", headers={"accept-language": "en"}).json()["reasons"][0]
    assert told["code"] == "too-many-rows-for-form"
    assert "JSON lines have no limit" in str(told)
    assert visitor.get(address + "pdf").status_code == 422
    with sqlite_house.read() as work:
        assert list(work.db.exec(select(OpenFileRow))) == []
    assert visitor.get(address + "csv-gb18030").status_code == 429, "a stream of lines has no limit"


def test_data_that_are_not_open_are_made_in_no_form_and_what_was_made_stops(sqlite_house: House) -> None:
    release = an_open_release(sqlite_house)
    visitor = client_as(sqlite_house)
    address = f"/api/v1/releases/{release}/file?format=jsonl"
    visitor.get(address)
    works(sqlite_house)
    assert visitor.get(address).status_code == 200
    from catalog.tables import DatasetRow

    with sqlite_house.write() as work:
        work.db.get_one(DatasetRow, VENUES).open_type = "C"
    assert visitor.get(address).json()["reasons"][0]["code"] == "not-open-unconditionally"
    assert visitor.get(address.replace("jsonl", "xlsx")).status_code == 403
    with sqlite_house.write() as work:
        digest = forms.row_of(work, release, "jsonl").sha256  # type: ignore[union-attr]
        assert is_cited(work, digest or "")
        assert forms.forget(work, release) == [digest]
        work.db.flush()
        assert not is_cited(work, digest or "")


def test_page_and_command(sqlite_house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("api.house.open_house", partial(open_house, clock=sqlite_house.clock))
    release = an_open_release(sqlite_house)
    visitor = browser_as(sqlite_house, "analyst", "en")
    page = visitor.get(f"/releases/{release}").text
    assert f'action="/releases/{release}/forms/xlsx"' in page
    assert "/forms/geojson" not in page, "it has no shapes"
    sent = {"csrf": visitor.csrf}
    asked = visitor.post(f"/releases/{release}/forms/xlsx", data=sent, follow_redirects=True)
    assert "being made; reload" in asked.text
    assert (
        "none of the columns chosen"
        in visitor.post(f"/releases/{release}/forms/geojson", data=sent).text.lower()
    )
    assert visitor.post(f"/releases/{release}/forms/pdf", data=sent).status_code == 404
    works(sqlite_house)
    assert f"/api/v1/releases/{release}/file?format=xlsx" in visitor.get(f"/releases/{release}").text
    where = ["--data-dir", str(sqlite_house.settings.data_dir), "--as", "analyst"]
    out = tmp_path / "venues.xlsx"
    done = CliRunner().invoke(app, ["download", release, "--out", str(out), "--format", "xlsx", *where])
    assert (done.exit_code, out.read_bytes()[:2]) == (0, b"PK")
    late = CliRunner().invoke(
        app, ["download", release, "--out", str(out) + "2", "--format", "jsonl", *where]
    )
    assert late.exit_code == 1
