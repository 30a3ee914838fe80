"""Reuses through pages, routes and commands."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from api.cli.reuse import app as command
from api.house import House
from tests.catalog.records import a_dataset, a_department
from tests.people import a_person, an_org, browser_as, client_as, new_browser
from tests.web.browser import OpenPage, axe, overflow, shot

CODE = "DP-PK-001"
PAGE = f"/datasets/{CODE}/reuses"
TOLD = {
    "kind": "application", "title": "停车<b>地图</b>", "summary": "实时显示余位。\n第二行", "url": "https://example.org/map",
    "made_by": "某公司", "product_id": "",
}  # fmt: skip


@pytest.fixture
def desk(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        a_department(work, "traffic")
        an_org(work, "insurer")
        a_person(work, "wang", org="insurer", roles=["applicant"])
        a_dataset(work, CODE, "traffic")
    return sqlite_house


def test_pages_take_a_suggestion_and_its_judgement(desk: House) -> None:
    visitor = new_browser(desk)
    assert "Sign in to suggest" in visitor.get(PAGE).text
    assert PAGE in visitor.get(f"/datasets/{CODE}").text
    wang, steward = browser_as(desk, "wang", "en"), browser_as(desk, "traffic-steward", "en")
    bad = wang.submit(PAGE, **(TOLD | {"url": "javascript:alert(1)"}))
    assert (bad.status_code, "某公司" in bad.text, "web address" in bad.text) == (422, True, True)
    assert wang.submit(PAGE, **TOLD).status_code == 303
    (made,) = client_as(desk, "wang").get("/api/v1/reuses").json()["items"]
    assert "地图" not in visitor.get(PAGE).text
    where = f"/reuses/{made['id']}"
    refused = steward.submit(f"{where}/decline", reason="")
    assert (refused.status_code, "Say why" in refused.text) == (422, True)
    assert steward.submit(f"{where}/show", reason="").status_code == 303
    told = visitor.get(PAGE).text
    assert ("停车&lt;b&gt;地图" in told, "<b>地图" in told, 'rel="nofollow noopener external"' in told) == (
        True,
        False,
        True,
    )
    assert "地图" in visitor.get("/reuses").text
    assert "(1)" in visitor.get(f"/datasets/{CODE}").text
    assert wang.submit(f"{where}/remove", reason="x").status_code == 409
    assert wang.submit(f"{where}/else", reason="x").status_code == 404
    assert wang.submit(f"{where}/take-back", reason="").status_code == 303
    assert visitor.get(where.replace("/reuses", "/api/v1/reuses")).status_code == 404


def test_commands_say_the_same(desk: House) -> None:
    where = ["--data-dir", str(desk.settings.data_dir), "--json"]

    def run(*words: str, who: str = "wang") -> str:
        done = CliRunner().invoke(command, [*words, *where, "--as", who])
        assert done.exit_code == 0, done.output
        return done.stdout

    made = json.loads(run("suggest", CODE, "--title", "地图", "--summary", "实时余位", "--by", "某公司"))
    run("step", made["id"], "show", who="traffic-steward")
    assert json.loads(run("show", made["id"], who="traffic-reviewer"))["state"] == "shown"
    assert "地图" in run("list", "--dataset", CODE, "--state", "shown")


@pytest.mark.browser
def test_page_is_accessible_and_fits(desk: House, open_page: OpenPage) -> None:
    wang = client_as(desk, "wang")
    for title in ("停车地图", "泊位预测"):
        made = wang.post("/api/v1/reuses", params={"dataset_id": CODE}, json=TOLD | {"title": title}).json()
    client_as(desk, "traffic-steward").post(f"/api/v1/reuses/{made['id']}/show", json={})
    for lang, width, user in (("zh", 1280, "traffic-steward"), ("en", 390, "wang")):
        page = open_page(PAGE, user=user, lang=lang, width=width)
        shot(page, f"reuses-{lang}-{width}")
        assert axe(page) == []
        assert overflow(page) == 0
        page.close()
