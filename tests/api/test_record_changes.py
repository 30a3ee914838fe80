"""Changes of many records through routes, commands and pages."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.record_change import app as command
from api.house import House
from tests.catalog.records import a_dataset, a_department
from tests.people import browser_as, client_as


@pytest.fixture
def desk(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        a_department(work, "traffic")
        a_dataset(work, "DP-PK-001", "traffic")
        a_dataset(work, "DP-PK-002", "traffic", draft=True, title_zh="余位")
    return sqlite_house


def test_table_by_command_is_edited_and_undone(desk: House, tmp_path: Path) -> None:
    where = ["--data-dir", str(desk.settings.data_dir), "--as", "traffic-steward"]
    out = tmp_path / "records.csv"
    run = CliRunner().invoke
    assert run(command, ["sheet", "--query", "publisher=traffic", "--out", str(out), *where]).exit_code == 0
    out.write_text(out.read_text("utf-8-sig").replace("余位", "实时余位"), "utf-8")
    seen = run(command, ["read", str(out), "--json", *where])
    assert [item["dataset_id"] for item in json.loads(seen.stdout)["items"]] == ["DP-PK-002"]
    made = json.loads(run(command, ["read", str(out), "--apply", "--json", *where]).stdout)
    assert made["records"] == 1
    back = json.loads(run(command, ["undo", made["id"], "--json", *where]).stdout)
    assert back["undoes"] == made["id"]
    edited = run(command, ["edit", "--id", "DP-PK-002", "--add", "keywords=交通", "--apply", *where])
    assert edited.exit_code == 0, edited.output
    refused = run(command, ["edit", "--id", "DP-PK-001", "--set", "contact=", *where])
    assert refused.exit_code == 1
    listed = client_as(desk, "traffic-steward").get("/api/v1/record-changes").json()
    assert [each["source"] for each in listed["items"]] == ["edit", "undo", "file"]


def test_pages_show_the_difference_then_carry_out_and_undo(desk: House) -> None:
    steward = browser_as(desk, "traffic-steward", "en")
    assert "/record-changes/new?q=" in steward.get("/datasets", params={"q": "停车"}).text
    assert "DP-PK-001" in steward.get("/record-changes/new", params={"publisher": "traffic"}).text
    form = {"query": "publisher=traffic", "id": ["DP-PK-002"], "op": "set", "value": "停车科"}
    assert "Choose at least one field" in steward.submit("/record-changes/edit", **form, field="").text
    shown = steward.submit("/record-changes/edit", **form, field="contact").text
    assert "<ins>停车科</ins>" in shown
    held = re.search(r'name="changes" value="([^"]+)"', shown)
    assert held is not None
    made = steward.submit("/record-changes", changes=html.unescape(held[1]), note="改电话")
    assert made.status_code == 303
    again = steward.submit("/record-changes", changes=html.unescape(held[1]))
    assert (again.status_code, "Problems: 1" in again.text) == (
        422,
        True,
    )  # the version that was seen is gone
    undone = steward.submit(f"{made.headers['location']}/undo")
    assert undone.status_code == 303
    assert "This takes another change back" in steward.get(undone.headers["location"]).text
    assert steward.submit(f"{made.headers['location']}/undo").status_code == 409
    sheet = steward.get("/record-changes/sheet", params={"query": "publisher=traffic", "format": "xlsx"})
    taken = steward.post(
        "/record-changes/file", data={"csrf": steward.csrf}, files={"file": ("r.xlsx", sheet.content)}
    )
    assert "Nothing differs" in taken.text
    columns = steward.get(
        "/record-changes/sheet", params={"query": "publisher=traffic", "format": "csv", "part": "columns"}
    )
    edited = columns.content.decode().splitlines()
    cells = edited[-1].split(",")
    edited[-1] = ",".join([*cells[:3], "改名", *cells[4:]])
    seen = steward.post(
        "/record-changes/file",
        data={"csrf": steward.csrf},
        files={"file": ("c.csv", "\n".join(edited).encode())},
    )
    assert "Title (Chinese)" in seen.text
    assert "改名" in seen.text
    bad = steward.post(
        "/record-changes/file", data={"csrf": steward.csrf}, files={"file": ("r.xlsx", b"PK no")}
    )
    assert (bad.status_code, "cannot be opened" in bad.text) == (422, True)


def test_strangers_neither_read_nor_change(desk: House) -> None:
    with desk.write() as work:
        a_department(work, "culture")
    other = client_as(desk, "culture-steward")
    sheet = other.get("/api/v1/record-sheets", params={"query": "publisher=traffic", "format": "csv"})
    assert b"DP-PK" not in sheet.content
    body = {"changes": [{"dataset_id": "DP-PK-002", "fields": {"contact": "x"}}]}
    refused = other.post("/api/v1/record-changes", json=body)
    assert (refused.status_code, refused.json()["problems"][0]["code"]) == (422, "not-found")
    body["changes"][0]["fields"] = {"state": "published", "no_such": 1}
    unknown = client_as(desk, "traffic-steward").post("/api/v1/record-changes", json=body)
    assert unknown.status_code == 422
    assert client_as(desk).get("/api/v1/record-sheets").status_code == 401
