"""Saved searches: kept by page and route, owners told by the worker's look of what is new to them, and of nothing else."""

from __future__ import annotations

from api.durable import tell_of_searches
from api.house import House
from auth.actor import SYSTEM
from auth.messages import service as messages
from catalog import service
from catalog.models import DatasetUpdate
from tests.catalog.records import a_dataset, a_department
from tests.people import a_person, actor_of, an_org, browser_as, client_as


def _people(house: House) -> None:
    with house.write() as work:
        a_department(work, "traffic")
        a_department(work, "culture")
        an_org(work, "insurer")
        a_person(work, "ann", "insurer", ["analyst"])
        a_dataset(work, "DP-PK-001", "traffic")


def _told(house: House, username: str) -> list[str]:
    with house.read() as work:
        return [
            each.en
            for each in messages.inbox(work, actor_of(work, username))[0]
            if each.kind == "search.found"
        ]


def test_owner_is_told_of_what_is_new_and_may_be_seen(house: House) -> None:
    _people(house)
    ann, steward = client_as(house, "ann"), client_as(house, "culture-steward")
    for api in (ann, steward):
        made = api.post(
            "/api/v1/me/searches", json={"query": "?page=3&q=停车&theme=PK&theme=TR&lang=en", "title": "停车"}
        )
        assert made.status_code == 201
        assert made.json()["query"] == "q=%E5%81%9C%E8%BD%A6&theme=PK&theme=TR"
    assert tell_of_searches(house) == 0  # what was there before is not new
    with house.write() as work:
        a_dataset(work, "DP-PK-002", "traffic", title_zh="停车场余位")
        a_dataset(work, "DP-PK-003", "culture", draft=True, title_zh="停车收费")
        a_dataset(work, "DP-BC-001", "culture", domain_code="BC", title_zh="停车优惠")
    assert tell_of_searches(house) == 2
    assert _told(house, "ann") == ["Your saved search “停车”: 1 dataset(s) are new or have changed."]
    assert _told(house, "culture-steward") == [
        "Your saved search “停车”: 2 dataset(s) are new or have changed."
    ]
    assert tell_of_searches(house) == 0
    search_id = ann.get("/api/v1/me/searches").json()["items"][0]["id"]
    assert ann.patch(f"/api/v1/me/searches/{search_id}", json={"tells": False}).json()["tells"] is False
    with house.write() as work:
        service.update(work, SYSTEM, "DP-PK-002", DatasetUpdate(description_zh="改过的说明"))
    assert tell_of_searches(house) == 1
    assert len(_told(house, "ann")) == 1
    for call in (steward.delete, lambda path: steward.patch(path, json={"tells": True})):
        assert call(f"/api/v1/me/searches/{search_id}").status_code == 404  # another's
    assert ann.delete(f"/api/v1/me/searches/{search_id}").status_code == 204
    assert ann.get("/api/v1/me/searches").json()["items"] == []
    assert ann.post("/api/v1/me/searches", json={"query": "page=2&strange=1"}).status_code == 422


def test_page_saves_what_is_looked_at(sqlite_house: House) -> None:
    _people(sqlite_house)
    browser = browser_as(sqlite_house, "ann")
    assert "保存此检索" in browser.get("/datasets", params={"q": "停车", "since": "2026-01-01"}).text
    assert "保存此检索" not in browser.get("/datasets").text
    assert browser.submit("/me/searches", query="q=停车&since=2026-01-01").status_code == 303
    shown = browser.get("/me/searches").text
    assert "/feeds/datasets.atom?q=%E5%81%9C%E8%BD%A6&amp;since=2026-01-01" in shown
    feed = browser.get("/feeds/datasets.atom", params={"q": "停车", "since": "2027-01-01"}).text
    assert "DP-PK-001" not in feed
    assert browser.submit("/me/searches", query="").status_code == 422
