"""The lines of M on the page of reading, as far as they can be played without Excel: what Power Query sends, and what it is given."""

from __future__ import annotations

import csv
import html
import io
import re
from typing import Final

import httpx2
import pytest

from api.house import House
from auth.identity import api_keys
from auth.identity.api_keys import ApiKeyCreate
from tests.datasets.extracts.scene import a_scene
from tests.datasets.sharing.reading import makes
from tests.datasets.sharing.server import a_port, a_server
from tests.people import client_as

MASHUP: Final = {
    "User-Agent": "Microsoft.Data.Mashup (https://go.microsoft.com/fwlink/?LinkID=304225)", "Accept-Encoding": "gzip, deflate", "Accept-Language": "zh-CN",
}  # fmt: skip
ODATA: Final = "application/json;odata.metadata=minimal;q=1.0,application/json;odata=minimalmetadata;q=0.9,application/atomsvc+xml;q=0.8,text/plain;q=0.7"


@pytest.mark.slow
def test_the_lines_shown_fetch_the_view_as_often_as_they_are_refreshed(sqlite_house: House) -> None:
    scene = a_scene(sqlite_house)
    makes(scene)
    with scene.desk.write("analyst") as (work, actor):
        key = api_keys.create(work, actor, ApiKeyCreate(name="excel")).key
    page = client_as(sqlite_house, "analyst").get(f"/grants/{scene.grant_id}/read?lang=zh").text
    lines = html.unescape(page.split('id="power-query"')[1].split("</code>")[0])
    path, asked = (
        re.search(pattern, lines) for pattern in (r'RelativePath = "([^"]+)"', r"Query = \[([^]]+)\]")
    )
    assert path
    assert asked
    query = dict(re.findall(r'(\w+) = "([^"]*)"', asked[1]))
    with a_server(sqlite_house, a_port()) as url, httpx2.Client(base_url=url, headers=MASHUP) as excel:
        first = excel.get(f"/{path[1]}", params=query)
        assert first.status_code == 404, "without the key the table is nobody's"
        for accept in ("*/*", ODATA):
            answer = excel.get(f"/{path[1]}", params=query, headers={"Authorization": key, "Accept": accept})
            assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
            assert answer.content.startswith(b"\xef\xbb\xbf"), "so that Chinese is read as such"
            rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
            assert (len(rows), {row["venue_id"] for row in rows}) == (5, {"V1", "V2", "V3", "V4", "V5"})
        scene.revokes()
        refused = excel.get(f"/{path[1]}", params=query, headers={"Authorization": key})
        assert (refused.status_code, "grant-not-active" in refused.text) == (403, True), refused.text
    assert scene.view().used.extracts == 1, "however often it is refreshed on a day"
