"""Synonyms kept by the catalogue's administrators: page, route, command's route, audit, and what a search makes of them."""

from __future__ import annotations

from sqlmodel import col, select

from api.house import House
from auth.actor import ANYONE
from auth.audit import AuditEventRow
from catalog.search import synonyms
from catalog.search.engine import Search, search
from tests.catalog.records import a_dataset, a_department
from tests.people import a_person, an_org, browser_as, client_as


def _found(house: House, asked: str) -> list[str]:
    with house.read() as work:
        return [str(hit.row.id) for hit in search(work, ANYONE, Search(asked)).hits]


def test_group_counts_from_the_next_search_on_and_is_on_record(sqlite_house: House) -> None:
    with sqlite_house.write() as work:
        an_org(work, "hall", kind="implementing_body")
        a_person(work, "ada", "hall", ["catalog_admin"])
        a_department(work, "traffic")
        a_dataset(work, "DP-PK-001", "traffic", title_zh="诱导屏清单", keywords=["屏"])
    api = client_as(sqlite_house, "ada")
    assert _found(sqlite_house, "指示牌清单") == []
    assert api.post("/api/v1/synonyms", json={"words": ["指示牌", "诱导屏"]}).status_code == 201
    assert _found(sqlite_house, "指示牌清单") == ["DP-PK-001"]
    again = api.post("/api/v1/synonyms", json={"words": ["誘導屏", "指示牌"]})
    assert (again.status_code, "指示牌" in again.json()["detail"]) == (409, True)
    for words in (
        ["一个"],
        ["、", "指示牌"],
        ["指示牌", "指示牌"],
        ["词" * 61, "短"],
        [f"词{n}" for n in range(13)],
    ):
        assert api.post("/api/v1/synonyms", json={"words": words}).status_code == 422, words
    listed = api.get("/api/v1/synonyms", params={"q": "指示"}).json()
    assert [each["words"] for each in listed["items"]] == [["指示牌", "诱导屏"]]
    group_id = listed["items"][0]["id"]
    assert api.delete(f"/api/v1/synonyms/{group_id}").status_code == 204
    assert api.delete(f"/api/v1/synonyms/{group_id}").status_code == 404
    assert _found(sqlite_house, "指示牌清单") == []
    with sqlite_house.read() as work:
        kinds = work.db.exec(
            select(AuditEventRow.kind).where(col(AuditEventRow.kind).startswith("synonym."))
        ).all()
    assert kinds == ["synonym.added", "synonym.removed"]


def test_page_adds_refuses_and_removes(sqlite_house: House) -> None:
    with sqlite_house.write() as work:
        an_org(work, "hall", kind="implementing_body")
        a_person(work, "ada", "hall", ["catalog_admin"])
    browser = browser_as(sqlite_house, "ada")
    assert "parking lot" in browser.get("/synonyms").text
    assert browser.submit("/synonyms", words="指示牌\n诱导屏").status_code == 303
    assert "指示牌" in browser.get("/synonyms").text
    refused = browser.submit("/synonyms", words="只有一个词")
    assert (refused.status_code, "只有一个词" in refused.text) == (422, True)
    assert "没有符合" in browser.get("/synonyms", params={"q": "没有的词"}).text
    with sqlite_house.read() as work:
        group = synonyms.listed(work, words="指示牌")[0][0]
    browser.submit(f"/synonyms/{group.id}/remove")
    assert "指示牌" not in browser.get("/synonyms").text
