"""Links looked at on a web of this machine: politely, through the guard, and told to records and their keepers; on both databases."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli.link import app as command
from api.durable import ask_for_link_look, drain
from api.house import House
from auth.actor import SYSTEM
from catalog import imports, service
from catalog.queries import by_id
from core.errors import Conflict
from datasets.links import asking, rules
from datasets.links import service as links
from datasets.links.rules import Outcome
from datasets.sources.guard import Allowed
from tests.catalog.records import a_dataset, a_department
from tests.conftest import TestClock
from tests.datasets.sources.places import Web, a_web, allow
from tests.people import a_person, actor_of, an_org, browser_as, client_as
from tests.web.browser import OpenPage, axe, overflow, shot

CODE, OTHER = "DP-PK-001", "DP-WL-001"


@pytest.fixture
def web() -> Iterator[Web]:
    with a_web() as opened:
        yield opened


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "PAUSE_S", 0.0)


def _people(house: House) -> None:
    allow(house)
    with house.write() as work:
        an_org(work, "hall", kind="implementing_body")
        a_person(work, "ada", "hall", ["catalog_admin"])
        a_department(work, "traffic")
        a_department(work, "culture")
        a_dataset(work, CODE, "traffic")
        a_dataset(work, OTHER, "culture")


def _holds(house: House, code: str, page: str = "", *urls: str) -> None:
    with house.write() as work:
        row = by_id(work, code)
        document = {"url": page, "resources": [{"id": f"{code.lower()}-{n}", "url": url} for n, url in enumerate(urls)]}  # fmt: skip
        imports.keep(work, SYSTEM, row, code.lower(), document, is_import=False)


def _look(house: House, clock: TestClock | None = None) -> dict[str, Any]:
    if clock is not None:
        clock.forward(days=8)
    with house.write() as work:
        asked = links.ask_look(work, actor_of(work, "ada"))
    drain(house)
    job: dict[str, Any] = client_as(house, "ada").get(f"/api/v1/jobs/{asked.id}").json()
    assert job["state"] == "done", job
    return dict(job["result"])


def _told(house: House, who: str = "traffic-steward", **asked: str) -> dict[str, dict[str, Any]]:
    items = client_as(house, who).get("/api/v1/links", params=asked).json()["items"]
    return {each["url"]: each for each in items}


def test_links_are_looked_at_and_what_they_said_is_kept_with_its_history(
    house: House, web: Web, clock: TestClock
) -> None:
    _people(house)
    good, gone, moved, closed = (web.url(f"/{name}") for name in ("good", "gone", "moved", "closed"))
    web.serve("/good", b"x" * 10)
    web.redirect("/moved", web.url("/good"))
    web.pages["/closed"] = lambda _asked: (403, {}, b"no")
    _holds(house, CODE, good, gone, moved, closed, "http://10.0.0.8/inside", "http://nowhere.invalid/x")
    told = _look(house)
    assert told == {"looked": 6, "good": 2, "broken": 2, "unsure": 2}
    found = _told(house)
    assert {url.rsplit("/", 1)[-1]: each["outcome"] for url, each in found.items()} == {
        "good": "good", "gone": "broken", "moved": "good", "closed": "unsure", "inside": "unsure", "x": "broken",
    }  # fmt: skip
    assert (found[gone]["status"], found[gone]["last_good"]) == (404, None)
    assert "private" in found["http://10.0.0.8/inside"]["said_en"]
    since = found[gone]["since"]
    assert _look(house)["looked"] == 0  # nothing is due
    web.serve("/gone", b"back")
    del web.pages["/good"]
    assert _look(house, clock)["looked"] == 6
    found = _told(house)
    assert (found[gone]["outcome"], found[gone]["since"] > since) == ("good", True)
    assert found[good]["outcome"] == "broken"
    assert found[good]["last_good"] == since
    with house.read() as work:
        row = by_id(work, CODE)
        assert (row.links_good, row.links_broken, row.version) == (1, 3, 2)
    _holds(house, CODE, gone)
    _look(house, clock)
    assert set(_told(house)) == {gone}
    with house.write() as work:
        service.withdraw(work, actor_of(work, "traffic-steward"), CODE, "不再提供")
    _look(house, clock)
    assert _told(house) == {}


def test_each_department_sees_its_own_and_only_the_catalogues_administrator_has_them_looked_at(
    house: House, web: Web
) -> None:
    _people(house)
    shared = web.url("/shared")
    web.serve("/shared", b"x")
    _holds(house, CODE, shared)
    _holds(house, OTHER, shared)
    _look(house)
    assert [each["dataset_id"] for each in _told(house).values()] == [CODE]
    assert client_as(house, "ada").get("/api/v1/links").json()["total"] == 2
    assert len(web.asked) == 1  # asked once for both
    assert client_as(house).get("/api/v1/links").status_code == 401
    assert client_as(house, "traffic-steward").post("/api/v1/links/look").status_code == 403
    assert (
        "/links?dataset_id"
        not in client_as(house).get(f"/datasets/{CODE}", headers={"accept": "text/html"}).text
    )
    with house.write() as work:
        links.ask_look(work, actor_of(work, "ada"))
        with pytest.raises(Conflict):
            links.ask_look(work, actor_of(work, "ada"))


def test_the_page_shows_each_department_its_own_and_strangers_nothing(sqlite_house: House, web: Web) -> None:
    house = sqlite_house
    _people(house)
    with house.write() as work:
        an_org(work, "insurer")
        a_person(work, "officer", "insurer", ["org_officer"])
        a_person(work, "unplaced", "traffic")
    own, other = web.url("/own"), web.url("/other")
    _holds(house, CODE, own)
    _holds(house, OTHER, other)
    _look(house)
    for who, seen in (
        ("traffic-steward", (True, False)),
        ("culture-steward", (False, True)),
        ("ada", (True, True)),
    ):
        for path in (
            "/links",
            f"/links?dataset_id={CODE}",
            f"/links?dataset_id={OTHER}",
            "/links?host=127.0.0.1",
        ):
            page = browser_as(house, who).get(path)
            about = (OTHER not in path, f"dataset_id={CODE}" not in path)
            wanted = tuple(sees and asked for sees, asked in zip(seen, about, strict=True))
            assert (page.status_code, (own in page.text, other in page.text)) == (200, wanted), (who, path)
    for who, status in (("officer", 403), ("unplaced", 403), (None, 303)):
        page = client_as(house, who).get("/links", headers={"accept": "text/html"}, follow_redirects=False)
        assert (page.status_code, own in page.text or other in page.text) == (status, False), who


def test_broken_links_cost_a_record_the_points_of_access(house: House, web: Web, clock: TestClock) -> None:
    _people(house)

    def failing() -> set[str]:
        score = client_as(house, "traffic-steward").get(f"/api/v1/datasets/{CODE}/score").json()
        return {each["key"] for each in score["mend_first"]} & {"obtainable", "downloadable"}

    assert failing() == {"obtainable", "downloadable"}  # no release, no links
    web.serve("/a", b"x")
    _holds(house, CODE, "", web.url("/a"))
    _look(house)
    assert failing() == set()
    _holds(house, CODE, "", web.url("/a"), web.url("/b"))
    _look(house, clock)
    assert failing() == {"obtainable", "downloadable"}


def test_asking_is_polite(
    sqlite_house: House, web: Web, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = sqlite_house
    _people(house)
    web.serve("/kept", b"x", etag='"v1"')
    web.pages["/busy"] = lambda _asked: (429, {"Retry-After": "3600"}, b"slow down")
    _holds(house, CODE, "", web.url("/kept"))
    _look(house)
    assert [asked.get("range") for _, asked in web.asked] == [
        "bytes=0-0"
    ]  # this server knows no HEAD: one byte is asked for
    assert "link check" in web.asked[0][1]["user-agent"]
    web.asked.clear()
    _look(house, clock)
    assert web.asked[0][1]["if-none-match"] == '"v1"'
    assert _told(house)[web.url("/kept")]["status"] == 304
    _holds(house, CODE, "", *(web.url(f"/busy{'' if n == 0 else n}") for n in range(5)))
    for n in range(1, 5):
        web.pages[f"/busy{n}"] = web.pages["/busy"]
    web.asked.clear()
    assert _look(house, clock)["looked"] == 1  # a host that asks to be left alone is, for the rest of the run
    web.pages.clear()
    monkeypatch.setattr(rules, "PAUSE_S", 0.3)
    began = time.monotonic()
    assert _look(house, clock)["looked"] == 5
    assert time.monotonic() - began >= 4 * 0.3


def test_budget_bounds_a_run_and_without_one_the_worker_asks_for_none(
    sqlite_house: House, web: Web, clock: TestClock
) -> None:
    house = sqlite_house
    _people(house)
    _holds(house, CODE, "", *(web.url(f"/{n}") for n in range(7)))
    assert not ask_for_link_look(house)
    object.__setattr__(house.settings, "link_looks", 3)
    assert [_look(house)["looked"] for _ in range(4)] == [3, 3, 1, 0]
    clock.forward(days=2)
    assert ask_for_link_look(house)
    assert not ask_for_link_look(house)


def test_redirects_end_and_pass_the_guard_at_every_hop(web: Web) -> None:
    here = Allowed.parse("127.0.0.1")

    def answer(path: str) -> asking.Answer:
        return asking.look(web.url(path), "", "", here, "https://own.example")

    web.redirect("/round", web.url("/round"))
    web.redirect("/in", "http://169.254.169.254/latest/meta-data")
    web.redirect("/odd", "javascript:alert(1)")
    web.redirect("/none", "")
    assert answer("/round").outcome is Outcome.BROKEN
    assert "without end" in answer("/round").said.en
    assert (answer("/in").outcome, "metadata" in answer("/in").said.en) == (Outcome.UNSURE, True)
    assert answer("/odd").outcome is Outcome.BROKEN
    assert answer("/none").outcome is Outcome.BROKEN
    for odd in ("http://user:pass@127.0.0.1/", "http://0x7f000001/", "http://", "http://2130706433/"):
        assert asking.look(odd, "", "", here, "s").outcome is Outcome.UNSURE, odd
    assert (
        asking.look(web.url("/x"), "", "", Allowed.parse(""), "s").outcome is Outcome.UNSURE
    )  # this machine is not public


def test_links_stand_on_pages_in_tables_and_in_the_command(
    sqlite_house: House, web: Web, tmp_path: Path
) -> None:
    house = sqlite_house
    _people(house)
    web.serve("/good", b"x")
    _holds(house, CODE, web.url("/good"), web.url("/gone"))
    admin = browser_as(house, "ada")
    assert admin.submit("/links/look").status_code == 303
    assert admin.submit("/links/look").status_code == 409
    drain(house)
    for lang, said in (("zh", "失效"), ("en", "broken")):
        steward = browser_as(house, "traffic-steward", lang)
        assert said in steward.get("/links?outcome=broken").text
        assert web.url("/gone") in steward.get(f"/datasets/{CODE}").text
        assert web.url("/good") not in steward.get("/links?outcome=broken").text
    text = client_as(house, "traffic-steward").get("/api/v1/links", params={"format": "csv"}).text
    lines = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))
    assert [each["outcome"] for each in lines] == ["broken", "good"]
    where = ["--data-dir", str(house.settings.data_dir), "--as", "traffic-steward"]
    run = CliRunner()
    shown = run.invoke(command, ["list", "--outcome", "broken", "--json", *where])
    assert [each["url"] for each in json.loads(shown.stdout)["items"]] == [web.url("/gone")]
    out = tmp_path / "links.csv"
    assert run.invoke(command, ["list", "--out", str(out), *where]).exit_code == 0
    assert out.read_text("utf-8").count("127.0.0.1") >= 2
    assert run.invoke(command, ["look", *where]).exit_code == 1


@pytest.mark.browser
def test_pages_are_accessible(sqlite_house: House, web: Web, open_page: OpenPage) -> None:
    house = sqlite_house
    _people(house)
    web.serve("/good", b"x")
    _holds(house, CODE, web.url("/good"), web.url("/gone"), "http://10.0.0.8/" + "long/" * 40)
    _look(house)
    for lang, scheme, width in (("zh", "light", 1280), ("en", "dark", 390)):
        for name, path, user in (
            ("list", "/links", "ada"),
            ("dataset", f"/datasets/{CODE}", "traffic-steward"),
        ):
            page = open_page(path, user=user, lang=lang, scheme=scheme, width=width)
            shot(page, f"links-{name}-{lang}-{width}")
            assert axe(page) == [], name
            assert overflow(page) == 0, name
            page.close()
