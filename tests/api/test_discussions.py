"""Questions and error reports through pages, routes and commands."""

from __future__ import annotations

import json

import feedparser
import pytest
from typer.testing import CliRunner

from api.cli.discussion import app as command
from api.house import House
from tests.catalog.records import a_dataset, a_department
from tests.people import a_person, an_org, browser_as, client_as, new_browser
from tests.web.browser import OpenPage, axe, overflow, shot

CODE = "DP-PK-001"
PAGE = f"/datasets/{CODE}/discussion"


@pytest.fixture
def desk(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        a_department(work, "traffic")
        an_org(work, "insurer")
        a_person(work, "wang", org="insurer", roles=["applicant"])
        a_dataset(work, CODE, "traffic")
    return sqlite_house


def test_pages_take_a_question_and_its_answer(desk: House) -> None:
    visitor = new_browser(desk)
    assert "Sign in to write" in visitor.get(PAGE).text
    assert PAGE in visitor.get(f"/datasets/{CODE}").text
    wang, steward = browser_as(desk, "wang", "en"), browser_as(desk, "traffic-steward", "en")
    short = wang.submit(PAGE, kind="question", body="啊", release_number="")
    assert (short.status_code, ">啊</textarea>" in short.text) == (422, True)
    assert wang.submit(PAGE, kind="error", body="<b>坐标错了</b>", release_number="").status_code == 303
    (thread,) = client_as(desk).get("/api/v1/discussions", params={"state": "open"}).json()["items"]
    where = f"/discussions/{thread['id']}"
    assert "&lt;b&gt;坐标错了" in steward.get("/discussions").text
    assert wang.submit(f"{where}/settle", body="我自己答复").status_code == 409
    assert steward.submit(f"{where}/settle", body="已更正").status_code == 303
    assert "已更正" in visitor.get(PAGE).text
    told = visitor.get("/feeds/discussions.atom", params={"dataset": CODE, "lang": "en"})
    assert told.headers["content-type"].startswith("application/atom+xml")
    (entry,) = feedparser.parse(told.content).entries
    assert entry.link.endswith(f"/datasets/{CODE}/discussion#{thread['id']}")
    assert "Department: 已更正" in entry.content[0].value
    assert steward.submit(f"{where}/hide", body="含个人信息").status_code == 303
    assert "坐标错了" not in visitor.get("/feeds/discussions.atom").text
    assert visitor.get("/feeds/discussions.atom", params={"dataset": "NO-SUCH"}).status_code == 404
    assert "坐标错了" not in visitor.get(PAGE).text
    assert new_browser(desk).submit(f"{where}/reply", body="匿名").status_code in (303, 401, 403)
    assert len(client_as(desk).get(f"/api/v1{where}").json()["replies"]) == 1


def test_commands(desk: House) -> None:
    dir_ = ["--data-dir", str(desk.settings.data_dir), "--json"]
    run = CliRunner().invoke
    made = json.loads(run(command, ["post", CODE, "--text", "单位是什么？", "--as", "wang", *dir_]).stdout)
    done = run(
        command, ["step", made["id"], "settle", "--text", "单位是个", "--as", "traffic-steward", *dir_]
    )
    assert json.loads(done.stdout)["state"] == "settled"
    assert (
        run(command, ["step", made["id"], "settle", "--text", "再来", "--as", "wang", *dir_]).exit_code == 1
    )


@pytest.mark.browser
def test_page_is_accessible_and_fits(desk: House, open_page: OpenPage) -> None:
    wang = client_as(desk, "wang")
    body = {"kind": "error", "body": "P01 的坐标落在海里，请核对。\n第二行"}
    made = wang.post("/api/v1/discussions", params={"dataset_id": CODE}, json=body).json()
    client_as(desk, "traffic-steward").post(
        f"/api/v1/discussions/{made['id']}/accept", json={"body": "已确认，下版更正。"}
    )
    for lang, width, user in (("zh", 1280, "traffic-steward"), ("en", 390, "wang")):
        page = open_page(PAGE, user=user, lang=lang, width=width)
        page.locator("summary").first.click()
        shot(page, f"discussion-{lang}-{width}")
        assert axe(page) == []
        assert overflow(page) == 0
        page.close()
