"""How often open data are visited, downloaded and called: on pages, in routes, commands and CKAN's API; nothing of what is granted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from api.cli.dataset import app as command
from api.house import House
from api.visits import visits_of
from auth.actor import SYSTEM
from auth.audit import AuditEventRow
from catalog import service as catalogue
from catalog.models import DatasetUpdate
from tests.catalog.records import a_dataset
from tests.conftest import TestClock
from tests.datasets.parking import CLEAN, DATASET, a_parking_dataset, hand_in, publish
from tests.people import Browser, browser_as, client_as, new_browser
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = pytest.mark.gx
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def _filled(house: House) -> str:
    with house.write() as work:
        a_parking_dataset(work)
    return publish(house, "zhou", hand_in(house, "lin", CLEAN).id).id


@pytest.fixture
def release(house: House) -> str:
    return _filled(house)


def _person(house: House, address: str = "203.0.113.7", agent: str = FIREFOX) -> Browser:
    made = new_browser(house)
    made.headers["user-agent"] = agent
    made._transport.client = (address, 50000)  # type: ignore[attr-defined]
    return made


def _numbers(house: House, path: str = f"/api/v1/datasets/{DATASET}/use") -> tuple[int, int, int]:
    found = client_as(house).get(path).json()
    return found["visits"], found["downloads"], found["calls"]


def test_downloads_and_calls_count_with_their_record(house: House, release: str) -> None:
    visitor, file = client_as(house), f"/api/v1/releases/{release}/file"
    whole = visitor.get(file)
    tag, size = whole.headers["etag"], len(whole.content)
    assert _numbers(house) == (0, 1, 0)
    visitor.head(file)
    visitor.get(file, headers={"If-None-Match": tag})
    visitor.get(file, headers={"Range": "bytes=9-20"})
    assert _numbers(house) == (0, 1, 0), "no file left, or the rest of one that was counted"
    visitor.get(file, headers={"Range": f"bytes={size - 8}-{size - 1}"})
    assert _numbers(house) == (0, 1, 1), "opened in place"
    visitor.get(f"{file}?format=csv", headers={"Range": "bytes=0-10"})
    visitor.get(file, headers={"Range": "bytes=9-20", "If-Range": '"another"'})
    visitor.get(f"/datastore/dump/{release}-csv")
    assert _numbers(house) == (0, 4, 1)
    visitor.get(f"/api/v1/datasets/{DATASET}/rows")
    visitor.get(f"/api/v1/datasets/{DATASET}/statistics")
    visitor.get("/api/3/action/datastore_search", params={"resource_id": f"{release}-csv"})
    assert _numbers(house) == (0, 4, 4)
    new_browser(house).get(f"/datasets/{DATASET}?view=rows")
    assert _numbers(house) == (0, 4, 4), "what a page shows is neither"
    found = visitor.get(f"/api/v1/datasets/{DATASET}/use").json()
    assert found["releases"] == [
        {"visits": 0, "downloads": 4, "calls": 4, "release_id": release, "number": 1}
    ]
    with house.read() as work:
        told = work.db.exec(select(AuditEventRow).where(AuditEventRow.kind == "release.downloaded")).all()
    uses = [json.loads(each.payload).get("use") for each in told]
    assert (uses.count("download"), uses.count("call")) == (4, 4), "the log tells the same"


def test_a_person_visits_once_a_day_and_a_robot_never(house: House, release: str, clock: TestClock) -> None:
    def seen() -> int:
        visits_of(house).write(house)
        return _numbers(house)[0]

    page = f"/datasets/{DATASET}"
    for visitor in (_person(house), _person(house), _person(house, "203.0.113.8")):
        assert visitor.get(page).status_code == 200
        assert visitor.get(f"{page}?view=columns").status_code == 200
    assert seen() == 2
    _person(house, "203.0.113.9", "Mozilla/5.0 (compatible; Baiduspider/2.0)").get(page)
    _person(house, "203.0.113.9").head(page)
    _person(house, "203.0.113.9").get(page, headers={"accept": "text/turtle"})
    _person(house, "203.0.113.9").get(page, headers={"sec-purpose": "prefetch"})
    _person(house, "203.0.113.9").get("/datasets/NO-SUCH")
    assert seen() == 2
    for who in ("lin", "other", "other"):  # of the department itself; of another one
        signed_in = browser_as(house, who)
        signed_in.headers["user-agent"] = FIREFOX
        signed_in.get(page)
    assert seen() == 3
    clock.forward(hours=24)
    _person(house).get(page)
    assert seen() == 4
    months = client_as(house).get(f"/api/v1/datasets/{DATASET}/use").json()["days"]
    assert [each["visits"] for each in months] == [3, 1]
    with house.read() as work:
        told = work.db.exec(select(AuditEventRow).where(AuditEventRow.kind == "use.counted")).all()
    assert sum(json.loads(each.payload)["visits"] for each in told) == 4
    assert {each.via for each in told} == {"system"}
    stored = "203.0.113" in json.dumps([each.payload for each in told], default=str)
    assert not stored


def test_visits_that_cannot_be_written_wait(sqlite_house: House) -> None:
    _filled(sqlite_house)
    _person(sqlite_house).get(f"/datasets/{DATASET}")
    with sqlite_house.engine.begin() as raw:
        raw.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON catalog_use BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"
        )
    visits_of(sqlite_house).write(sqlite_house)
    with sqlite_house.engine.begin() as raw:
        raw.exec_driver_sql("DROP TRIGGER full")
    assert _numbers(sqlite_house) == (0, 0, 0)
    visits_of(sqlite_house).write(sqlite_house)
    assert _numbers(sqlite_house) == (1, 0, 0)


def test_a_service_that_stops_writes_what_it_counted(sqlite_house: House) -> None:
    _filled(sqlite_house)
    visits = visits_of(sqlite_house)
    visits.serve(sqlite_house)
    _person(sqlite_house).get(f"/datasets/{DATASET}")
    visits.stop()
    assert _numbers(sqlite_house) == (1, 0, 0)


def test_nothing_is_told_of_data_that_need_a_grant(house: House, release: str) -> None:
    visitor = client_as(house)
    visitor.get(f"/api/v1/releases/{release}/file")
    _person(house).get(f"/datasets/{DATASET}")
    with house.write() as work:
        catalogue.update(work, SYSTEM, DATASET, DatasetUpdate(open_type="C", open_condition="签署承诺"))
    visits_of(house).write(house)  # it was counted while the data were open, and they are not any more
    refused = visitor.get(f"/api/v1/datasets/{DATASET}/use")
    assert (
        refused.status_code,
        "ledger" in refused.json()["detail"] or "台账" in refused.json()["detail"],
    ) == (404, True)
    assert visitor.get("/api/v1/use-numbers").json()["items"] == []
    assert 'id="use"' not in _person(house).get(f"/datasets/{DATASET}").text
    package = visitor.get("/api/3/action/package_show", params={"id": DATASET, "include_tracking": "true"})
    assert package.json()["result"]["tracking_summary"] == {"total": 0, "recent": 0}


def test_lists_sorts_and_ckan_tell_the_same(house: House, release: str, tmp_path: Path) -> None:
    with house.write() as work:
        a_dataset(work, "DP-PK-100", publisher="traffic", open_type="U", data_level=1)
    visitor = client_as(house)
    visitor.get(f"/api/v1/releases/{release}/file")
    _person(house).get(f"/datasets/{DATASET}")
    visits_of(house).write(house)

    def order(**asked: Any) -> list[str]:
        return [each["id"] for each in visitor.get("/api/v1/datasets", params=asked).json()["items"]]

    assert order(sort="used")[0] == DATASET
    assert order(sort="newest")[0] == "DP-PK-100"
    assert "Most used" in visitor.get("/datasets", params={"sort": "used", "lang": "en"}).text
    found = visitor.get("/api/v1/use-numbers").json()
    assert [(each["dataset_id"], each["downloads"]) for each in found["items"]] == [
        (DATASET, 1),
        ("DP-PK-100", 0),
    ]
    assert found["sums"] == {"visits": 1, "downloads": 1, "calls": 0}
    ask = {"since": "2026-03-01", "until": "2026-03-31", "sort": "visits", "limit": 1}
    part = visitor.get("/api/v1/use-numbers", params=ask).json()
    assert (part["items"][0]["dataset_id"], part["next"], part["sums"]["visits"]) == ("DP-PK-100", 1, 1)
    empty = visitor.get("/api/v1/use-numbers", params={"since": "2027-01-01"}).json()
    assert (empty["total"], empty["sums"]["visits"]) == (2, 0)
    assert visitor.get("/api/v1/use-numbers?since=2027-01-01&until=2026-01-01").status_code == 422
    csv = visitor.get("/api/v1/use-numbers?format=csv")
    assert csv.text.lstrip("\ufeff").splitlines()[1].startswith(f"{DATASET},")
    lines = visitor.get(f"/api/v1/datasets/{DATASET}/use?format=csv").text.lstrip("\ufeff").splitlines()
    assert lines[0] == "day,release_id,release,visits,downloads,calls"
    assert sorted(lines[1:]) == ["2026-03-02,,,1,0,0", f"2026-03-02,{release},1,0,1,0"]
    for path in (f"/datasets/{DATASET}", "/publishers/traffic", "/use-numbers?since=2026-03-01&sort=-calls"):
        assert "Numbers of use" in visitor.get(path, params={"lang": "en"}).text, path

    def action(name: str, **given: Any) -> Any:
        return visitor.get(f"/api/3/action/{name}", params=given).json()["result"]

    plain = action("package_show", id=DATASET)
    assert "tracking_summary" not in plain
    assert action("package_show", id=DATASET, include_tracking=True) == plain | {
        "tracking_summary": {"total": 1, "recent": 1}
    }
    assert "tracking_summary" not in action("package_search")["results"][0]
    for sort in ("views_recent desc", "views_total desc"):
        results = action("package_search", sort=sort, include_tracking=True)["results"]
        assert [(each["id"], each["tracking_summary"]["total"]) for each in results] == [
            (DATASET, 1),
            ("DP-PK-100", 0),
        ]
    where = ["--data-dir", str(house.settings.data_dir), "--as", "eye"]
    if house.engine.dialect.name == "sqlite":
        told = json.loads(CliRunner().invoke(command, ["use", DATASET, "--json", *where]).stdout)
        assert (told["downloads"], told["visits"]) == (1, 1)
        assert "2026-03-02" in CliRunner().invoke(command, ["use", DATASET, "--by", "day", *where]).stdout
        assert DATASET in CliRunner().invoke(command, ["use", *where]).stdout
        out = tmp_path / "use.csv"
        assert CliRunner().invoke(command, ["use", "--out", str(out), *where]).exit_code == 0
        assert DATASET in out.read_text(encoding="utf-8")


@pytest.mark.browser
def test_pages_are_accessible_and_fit(sqlite_house: House, open_page: OpenPage, clock: TestClock) -> None:
    release = _filled(sqlite_house)
    for n in range(4):
        client_as(sqlite_house).get(f"/api/v1/releases/{release}/file")
        client_as(sqlite_house).get(f"/api/v1/datasets/{DATASET}/rows")
        for m in range(n + 2):
            _person(sqlite_house, f"203.0.113.{m}").get(f"/datasets/{DATASET}")
        clock.forward(days=31)
    visits_of(sqlite_house).write(sqlite_house)
    for lang, width in (("zh", 1280), ("en", 390)):
        for name, path in (
            ("list", "/use-numbers"),
            ("dataset", f"/datasets/{DATASET}"),
            ("publisher", "/publishers/traffic"),
        ):
            page = open_page(path, lang=lang, width=width)
            if name == "dataset":
                page.locator("#use").scroll_into_view_if_needed()
            shot(page, f"use-{name}-{lang}-{width}")
            assert axe(page) == [], name
            assert overflow(page) == 0, name
            page.close()
