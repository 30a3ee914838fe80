"""Previews: rows that look like the data, are made without them, and are the same for everybody."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from api.cli.query import app
from api.house import House
from core.files import FileStore
from tests.datasets.queries.scene import COLUMNS, STAYS, a_query_scene, stays
from tests.people import client_as


def test_a_preview_is_made_without_the_data_and_seen_by_all(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = a_query_scene(sqlite_house)

    def never(*_: object) -> None:
        raise AssertionError("a preview reads no file")

    monkeypatch.setattr(FileStore, "path", never)
    nobody = client_as(scene.house)
    found = nobody.get(f"/api/v1/previews/{STAYS}").json()
    assert (found["synthetic"], found["columns"], len(found["rows"])) == (
        True,
        [name for name, *_ in COLUMNS],
        20,
    )
    assert {row["plate"] for row in found["rows"]} == {"***"}  # names nobody, not even somebody made up
    assert {row["lot"] for row in found["rows"]} <= {"A", "B", "C", "D", "E"}
    assert all(0 <= row["fee"] <= 20 for row in found["rows"])
    held = {tuple(str(value) for value in row) for row in stays()}
    assert not held & {tuple(str(value) for value in row.values()) for row in found["rows"]}
    assert client_as(scene.house, "analyst").get(f"/api/v1/previews/{STAYS}").json() == found
    page = nobody.get(f"/previews/{STAYS}?lang=en")
    assert (page.status_code, "synthetic" in page.text) == (200, True)
    assert f"/previews/{STAYS}" in nobody.get(f"/datasets/{STAYS}").text
    for missing in ("DP-BC-002", "DP-XX-999"):  # no release; no dataset
        assert nobody.get(f"/api/v1/previews/{missing}").status_code == 404
    where = ["--data-dir", str(scene.house.settings.data_dir), "--as", "analyst", "--json"]
    assert json.loads(CliRunner().invoke(app, ["preview", STAYS, *where]).stdout) == found
