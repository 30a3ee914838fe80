"""Pages and commands of sources: what was typed is kept, all that is wrong is said, nothing secret is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from api import cli
from api.house import House
from tests.datasets.parking import CLEAN, DATASET, a_parking_dataset
from tests.datasets.sources.places import Web, a_source, a_web, allow, ended, look
from tests.people import browser_as
from tests.web.browser import OpenPage, axe, overflow, shot


@pytest.fixture
def web() -> Iterator[Web]:
    with a_web() as opened:
        opened.serve("/lots.csv", CLEAN)
        yield opened


@pytest.fixture
def home(sqlite_house: House) -> House:
    allow(sqlite_house)
    with sqlite_house.write() as work:
        a_parking_dataset(work, suite=False, update_freq="3")
    return sqlite_house


def typed(web: Web, **changes: str) -> dict[str, str]:
    return {"kind": "http", "dataset_id": DATASET, "name": "车位", "url": web.url("/lots.csv"), "header": "",
            "secret": "", "plan": "every", "interval": "PT15M", "at": "06:30"} | changes  # fmt: skip


def test_a_steward_adds_tests_runs_and_stops_a_source_in_the_browser(home: House, web: Web) -> None:
    lin = browser_as(home, "lin")
    for kind in ("http", "folder", "postgres", "s3"):
        assert lin.get(f"/sources/new?kind={kind}").status_code == 200
    made = lin.submit("/sources", **typed(web))
    assert made.status_code == 303, made.text
    where = made.headers["location"]
    source_id = where.rsplit("/", 1)[-1]
    tested = lin.submit(f"{where}/test")
    assert tested.status_code == 200
    assert "测试通过" in tested.text
    assert lin.submit(f"{where}/run").status_code == 303
    assert "立即读取" not in lin.get(where).text
    ended(home, source_id)
    page = lin.get(where).text
    assert "已提交新批次" in page
    assert where in lin.get("/jobs").text
    assert "lots.csv" in page
    assert "Every 15 minutes" in browser_as(home, "lin", "en").get("/sources").text
    assert lin.submit(f"{where}/pause").status_code == 303
    again = lin.submit(f"{where}/pause")
    assert again.status_code == 409
    assert "已暂停，不能暂停" in again.text
    assert lin.submit(f"{where}/resume").status_code == 303
    assert lin.submit(f"{where}/remove").headers["location"] == "/sources"
    assert "车位" not in lin.get("/sources").text
    assert "车位" in lin.get("/sources?state=removed").text
    assert "立即读取" not in lin.get(where).text


def test_a_form_that_fails_says_everything_at_its_place_and_keeps_what_was_typed(
    home: House, web: Web
) -> None:
    lin, english = browser_as(home, "lin"), browser_as(home, "lin", "en")
    wrong = typed(web, url="http://user:pw@example.org/", name="", secret="pa55word")
    refused = lin.submit("/sources", **wrong)
    assert refused.status_code == 422
    assert "地址：不得包含用户名或密码；请填入凭据一栏" in refused.text
    assert "must not hold" not in refused.text
    assert 'value="PT15M"' in refused.text
    assert "pa55word" not in refused.text
    assert "Address: must not hold user name or password" in english.submit("/sources", **wrong).text
    later = lin.submit("/sources", **typed(web, interval="soon"))
    assert later.status_code == 422
    assert "看不懂的计划" in later.text
    database = {"kind": "postgres", "dataset_id": DATASET, "name": "x", "plan": "manual", "host": "db", "port": "5432",
                "database": "d", "user": "u", "tls": "prefer", "table": "", "query": ""}  # fmt: skip
    assert "请给出表或查询，二选一" in lin.submit("/sources", **database).text
    assert lin.submit("/sources", **typed(web, dataset_id="NOPE")).status_code == 404


def test_an_auditor_sees_and_touches_nothing(home: House, web: Web) -> None:
    source = a_source(home, {"kind": "http", "url": web.url("/lots.csv")})
    eye = browser_as(home, "eye")
    assert "立即读取" not in eye.get(f"/sources/{source.id}").text
    assert eye.submit(f"/sources/{source.id}/run").status_code == 403
    assert browser_as(home, "other").get(f"/sources/{source.id}").status_code == 404


def test_a_batch_says_which_source_brought_it(home: House, web: Web) -> None:
    source = a_source(home, {"kind": "http", "url": web.url("/lots.csv")})
    run = look(home, source.id)
    shown = browser_as(home, "lin").get(f"/batches/{run.items[0]['batch_id']}").text
    assert f"/sources/{source.id}" in shown
    assert web.url("/lots.csv") in shown


@pytest.mark.slow
def test_the_commands_do_the_same(home: House, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGRANT_SOURCE_ALLOW", "127.0.0.1")
    monkeypatch.setenv("LOTS_KEY", "pa55word")
    web.serve("/k?key=pa55word", CLEAN)
    runner, program = CliRunner(), cli._assemble()

    def run(*words: str) -> Any:
        done = runner.invoke(
            program, ["source", *words, "--data-dir", str(home.settings.data_dir), "--as", "lin", "--json"]
        )
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    made = run(
        "add",
        "http",
        web.url("/k?key={secret}"),
        "--dataset",
        DATASET,
        "--name",
        "lots",
        "--secret-env",
        "LOTS_KEY",
    )
    assert (made["has_secret"], made["schedule"]) == (True, "frequency")
    assert "pa55word" not in json.dumps(made)
    assert run("test", made["id"])["ok"] is True
    assert run("run", made["id"])["outcome"] == "running"
    ended(home, made["id"])
    assert run("show", made["id"])["runs"][0]["outcome"] == "delivered"
    assert run("remove", made["id"])["state"] == "removed"


@pytest.mark.browser
def test_the_pages_can_be_read_and_used_by_everybody(home: House, web: Web, page_as: OpenPage) -> None:
    source = a_source(home, {"kind": "http", "url": web.url("/lots.csv")}, name="停车场空位每日文件")
    look(home, source.id)
    broken = a_source(home, {"kind": "http", "url": web.url("/gone.csv")}, name="旧系统导出")
    look(home, broken.id)
    pages = (("list", "/sources", "zh"), ("new", "/sources/new?kind=postgres", "en"), ("show", f"/sources/{source.id}", "zh"),
             ("show", f"/sources/{source.id}", "en"), ("failed", f"/sources/{broken.id}", "en"))  # fmt: skip
    for name, path, lang in pages:
        page = page_as("lin", path, lang=lang, width=390 if name == "show" else 1280)
        shot(page, f"sources-{name}-{lang}")
        assert axe(page) == []
        assert overflow(page) == 0
        page.close()
