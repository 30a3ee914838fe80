"""CSW: pages of ISO 19139 records become foreign records; broken ones are named, services left, declarations refused."""

from __future__ import annotations

import pytest
from sqlmodel import select

from api.house import House
from auth.actor import ANYONE
from catalog.harvest import csw
from catalog.harvest.records import Unreadable
from catalog.relations import service as relations
from catalog.tables import DatasetRow
from tests.datasets.harvest.csw_service import SPACES, Service, answer, asked, metadata
from tests.datasets.harvest.portals import a_catalogue, harvest
from tests.datasets.sources.places import Web


def test_a_record_is_read_with_its_languages_links_and_keeper() -> None:
    found = csw.read(answer([metadata(1, "停车场", english="Car parks")]), "https://geo.example/csw")
    (made,) = found.records
    assert (made.identifier, made.title_zh, made.title_en) == ("iso-001", "停车场", "Car parks")
    assert made.description_zh == "比例尺 1:10000"
    assert made.keywords == ("测绘",)
    assert (made.publisher, made.modified) == ("测绘局", "2026-01-02")
    assert [(each.url, each.title, each.form) for each in made.links] == [
        ("https://geo.example/1.zip", "下载", "ZIP")
    ]
    assert asked(made.page) | {"request": "GetRecordById", "id": "iso-001"} == asked(made.page)


def test_pages_are_followed_and_what_vanishes_becomes_a_tombstone(home: House, web: Web) -> None:
    service = Service(web, [metadata(n) for n in range(csw.PAGE + 5)])
    made = a_catalogue(home, service.url, "csw")
    assert harvest(home, made.id)[0].counts == {"created": csw.PAGE + 5}
    assert [asked(path)["startPosition"] for path, _ in web.asked] == ["1", str(csw.PAGE + 1)]
    assert {asked(path)["map"] for path, _ in web.asked} == {"a"}
    service.records = [metadata(n, "改名" if n == 3 else "") for n in range(csw.PAGE + 5) if n != 7]
    run, items = harvest(home, made.id)
    assert run.counts == {"unchanged": csw.PAGE + 3, "changed": 1, "gone": 1}
    assert next(each for each in items if each.result == "changed").changes == {
        "title_zh": ["地形图 3", "改名"]
    }


def test_a_service_of_the_third_version_is_asked_in_its_words(home: House, web: Web) -> None:
    service = Service(web, [metadata(n) for n in range(csw.PAGE + 5)], "3.0.0")
    made = a_catalogue(home, service.url, "csw-3")
    assert harvest(home, made.id)[0].counts == {"created": csw.PAGE + 5}
    sent = [asked(path) for path, _ in web.asked]
    assert [each["startPosition"] for each in sent] == ["1", str(csw.PAGE + 1)]
    assert {(each["version"], each["namespace"], "resultType" in each) for each in sent} == {
        ("3.0.0", "xmlns(gmd,http://www.isotc211.org/2005/gmd)", False)
    }
    assert harvest(home, made.id)[0].counts == {"unchanged": csw.PAGE + 5}
    (first, *_) = csw.read(answer([metadata(1)], version="3.0.0"), service.url).records
    assert asked(first.page) | {"request": "GetRecordById", "version": "3.0.0"} == asked(first.page)


def test_relations_are_read_by_parent_and_association() -> None:
    others = {"source": "iso-002", "crossReference": "iso-003", "stereoMate": "iso-004", "revisionOf": ""}
    (made,) = csw.read(answer([metadata(1, parent="iso-009", others=others)])).records
    assert made.relations == (("isPartOf", "iso-009"), ("source", "iso-002"), ("references", "iso-003"))


def test_relations_lead_to_records_of_the_same_catalogue(home: House, web: Web) -> None:
    service = Service(web, [metadata(1, parent="iso-002"), metadata(2), metadata(3, parent="not-here")])
    harvest(home, a_catalogue(home, service.url, "csw").id)
    with home.read() as work:
        rows = work.db.exec(select(DatasetRow).where(DatasetRow.foreign_from != "")).all()
        told = relations.of(work, ANYONE, [row.id for row in rows])
    named = {row.id: row.title_zh for row in rows}
    said = {(named[own], one.kind, one.title_zh) for own, found in told.items() for one in found}
    assert said == {("地形图 1", "isPartOf", "地形图 2"), ("地形图 2", "hasPart", "地形图 1")}


def test_broken_records_are_named_and_stop_none(home: House, web: Web) -> None:
    foreign = '<gmd:DS_Series xmlns:gmd="http://www.isotc211.org/2005/gmd"/>'
    bare = "<gmd:MD_Metadata/>"
    service = Service(
        web, [metadata(1), bare, foreign, metadata(2, identifier=""), metadata(3, " "), metadata(4, kind="service"), metadata(5)]
    )  # fmt: skip
    run, items = harvest(home, a_catalogue(home, service.url, "csw").id)
    assert run.counts == {"created": 2, "failed": 4}  # the service's record is left
    assert all(each.why for each in items if each.result == "failed")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"no xml", "no readable XML"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "DOCTYPE"),
        (b"<html/>", "no CSW"),
        (f"<csw:GetRecordsResponse {SPACES}/>".encode(), "no CSW"),
        (b'<ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows"><ows:ExceptionText>no such type</ows:ExceptionText></ows:ExceptionReport>', "no such type"),
    ],
)  # fmt: skip
def test_what_is_no_answer_of_a_csw_is_refused_in_words(data: bytes, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        csw.read(data)


@pytest.mark.parametrize(
    ("following", "matched", "place"),
    [("0", "9", 0), ("51", "60", 51), ("61", "60", 0), ("x", "60", 0), ("-1", "60", 0)],
)
def test_where_the_next_page_begins(following: str, matched: str, place: int) -> None:
    data = f'<csw:GetRecordsResponse {SPACES}><csw:SearchResults nextRecord="{following}" numberOfRecordsMatched="{matched}"/></csw:GetRecordsResponse>'
    assert csw.next_place(data.encode()) == place
