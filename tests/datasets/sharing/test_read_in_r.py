"""The lines of R on the page of reading, played by R itself against a server process."""

from __future__ import annotations

import html
from pathlib import Path

import pytest

from api.house import House
from auth.identity import api_keys
from auth.identity.api_keys import ApiKeyCreate
from tests.datasets.extracts.scene import a_scene
from tests.datasets.formats.test_recipes import played, where_r_is
from tests.datasets.sharing.reading import makes
from tests.datasets.sharing.server import a_port, a_server
from tests.people import client_as


@pytest.mark.slow
def test_r_reads_the_view_by_the_lines_shown(sqlite_house: House, tmp_path: Path) -> None:
    r = where_r_is()
    scene = a_scene(sqlite_house)
    makes(scene)
    with scene.desk.write("analyst") as (work, actor):
        key = api_keys.create(work, actor, ApiKeyCreate(name="r")).key
    page = client_as(sqlite_house, "analyst").get(f"/grants/{scene.grant_id}/read?lang=zh").text
    shown = html.unescape(page.split('id="in-r"')[1].split("</code>")[0])
    lines = shown[shown.index("there <- ") :]
    assert '"venue_id" = "character"' in lines
    site = sqlite_house.settings.public_url.rstrip("/")
    with a_server(sqlite_house, a_port()) as url:
        asked = lines.replace(site, url).replace("pda_…", key)
        said = 'cat(nrow(df), class(df$venue_id), class(df$rooms), paste(sort(df$venue_id), collapse = ","), sep = "|")'
        assert played(r, f"{asked}\n{said}", tmp_path) == "5|character|integer|V1,V2,V3,V4,V5"
