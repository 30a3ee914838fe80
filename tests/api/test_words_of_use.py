"""Pages on which data are used speak of titles, words and names: no raw column, measure, user name or id where there is a word for it."""

from __future__ import annotations

import re

import pytest

from api.house import House
from tests.datasets.enclave.scene import an_enclave_scene
from tests.datasets.extracts.scene import a_scene
from tests.datasets.queries.scene import a_query_scene
from tests.people import client_as


def _said(page: str) -> str:
    """What stands in the main part, without what is code on purpose."""
    main = page.split("<main", 1)[1].split("</main>", 1)[0]
    main = re.sub(r"<(code|pre|script)\b.*?</\1>", " ", main, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))


def test_questions_and_their_answers_are_told_in_words(sqlite_house: House) -> None:
    scene = a_query_scene(sqlite_house)
    made = scene.query(
        group_by=[{"column": "lot"}], select=[{"kind": "count"}, {"kind": "mean", "column": "fee"}]
    )
    analyst = client_as(sqlite_house, "analyst")
    listed = _said(analyst.get("/queries?lang=zh").text)
    assert "计数、均值（列fee）" in listed
    assert "列lot" in listed
    shown = _said(analyst.get(f"/queries/{made.id}?lang=zh").text)
    assert "DP-PK-009 停车记录" in shown
    assert f"/grants/{scene.grant_id}" in analyst.get(f"/queries/{made.id}").text
    for page in (listed, shown):
        assert "analyst先生" in page
        assert not {"count", "mean(fee)", scene.grant_id} & set(page.split())


@pytest.mark.parametrize("path", ["/queries/new", "/queries/private", "/verifications/new", "/enclave/new"])
def test_columns_are_chosen_by_title(sqlite_house: House, path: str) -> None:
    scene = an_enclave_scene(sqlite_house) if path == "/enclave/new" else a_query_scene(sqlite_house)
    page = client_as(sqlite_house, "analyst").get(f"{path}?grant={scene.grant_id}&lang=zh").text
    assert re.search(r'<option value="day"[^>]*>列day（day）</option>', page)


def test_extracts_are_told_in_words(sqlite_house: House) -> None:
    scene = a_scene(sqlite_house, row_filter={"op": "gt", "column": "rooms", "value": 5})
    made, analyst = scene.delivered(columns=["venue_id", "rooms"]), client_as(sqlite_house, "analyst")
    shown = analyst.get(f"/extracts/{made.id}?lang=zh").text
    assert "DP-BC-002 旅游场所名录 v1" in _said(shown)
    assert "列rooms <code>rooms</code>" in shown
    form = analyst.get(f"/extracts/new?grant={scene.grant_id}&lang=zh").text
    assert '"op"' not in form
    assert "大于 5" in _said(form)
    assert re.search(r'<option value="rooms"[^>]*>列rooms（rooms）</option>', form)
    for page in (shown, analyst.get("/extracts?lang=zh").text):
        assert "analyst先生" in _said(page)


def test_specifications_of_the_enclave_are_told_in_words(sqlite_house: House) -> None:
    scene = an_enclave_scene(sqlite_house)
    made, analyst = scene.submits(), client_as(sqlite_house, "analyst")
    for path in ("/enclave", f"/enclave/{made.id}"):
        said = _said(analyst.get(f"{path}?lang=zh").text)
        assert {"计数", "列lot", "analyst先生"} <= set(said.split()), path
        assert "count" not in said.split()
