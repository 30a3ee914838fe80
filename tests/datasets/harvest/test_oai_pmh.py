"""OAI-PMH: pages of Dublin Core become foreign records; deleted ones go, what is no data is left, our own repository is read whole."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from sqlmodel import select

from api.durable import drain
from api.house import House
from catalog.harvest import oai_pmh
from catalog.harvest.records import Unreadable
from catalog.tables import DatasetRow
from tests.catalog.records import a_dataset
from tests.datasets.harvest.portals import a_catalogue, harvest
from tests.datasets.sources.places import Web
from tests.people import an_org, client_as
from tests.web.browser import OpenPage, axe, overflow, shot

FIRST, SECOND = (
    "/oai?verb=ListRecords&set=geo&metadataPrefix=oai_dc",
    "/oai?verb=ListRecords&resumptionToken=p%2F2",
)


def a_record(number: int, *more: str, status: str = "") -> str:
    head = f"<header{status}><identifier>oai:x:{number}</identifier><datestamp>2026-01-0{number}</datestamp></header>"
    if status:
        return f"<record>{head}</record>"
    said = "".join(more) or f"<dc:title>停车场 {number}</dc:title>"
    return (
        f'<record>{head}<metadata><o:dc xmlns:o="http://www.openarchives.org/OAI/2.0/oai_dc/" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/">{said}</o:dc></metadata></record>'
    )


def page(*records: str, token: str = "") -> bytes:
    end = f"<resumptionToken>{token}</resumptionToken>" if token else ""
    said = f"<ListRecords>{''.join(records)}{end}</ListRecords>"
    return f'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">{said}</OAI-PMH>'.encode()


def test_a_record_is_read_with_its_languages_and_places() -> None:
    found = oai_pmh.read(
        page(
            a_record(
                1,
                '<dc:title xml:lang="zh">停车场</dc:title><dc:title xml:lang="en">Car parks</dc:title>',
                "<dc:description>各停车场的车位。</dc:description><dc:subject>停车</dc:subject><dc:type>Dataset</dc:type>",
                "<dc:identifier>10.1/x</dc:identifier><dc:identifier>https://a.example/1</dc:identifier>",
                "<dc:identifier>https://a.example/1.csv</dc:identifier><dc:publisher>交通局</dc:publisher><dc:rights>CC BY</dc:rights>",
            ),
            a_record(
                2, "<dc:title>A thesis</dc:title><dc:type>info:eu-repo/semantics/masterThesis</dc:type>"
            ),
            a_record(
                3, "<dc:title>Text and data</dc:title><dc:type>Text</dc:type><dc:type>Dataset</dc:type>"
            ),
            a_record(4, status=' status="deleted"'),
            a_record(5, "<dc:subject>no title</dc:subject>"),
            "<record><header><identifier>oai:x:6</identifier></header><metadata><other xmlns='u'/></metadata></record>",
        )
    )
    made, other = found.records
    assert (made.identifier, made.title_zh, made.title_en) == ("oai:x:1", "停车场", "Car parks")
    assert (made.description_zh, made.keywords, made.publisher) == ("各停车场的车位。", ("停车",), "交通局")
    assert (made.page, [each.url for each in made.links]) == (
        "https://a.example/1",
        ["https://a.example/1.csv"],
    )
    assert (made.licence, made.modified) == ("CC BY", "2026-01-01")
    assert other.identifier == "oai:x:3"
    assert [each.where for each in found.faults] == ["oai:x:5", "oai:x:6"]


def test_pages_are_followed_by_token_and_what_is_deleted_is_gone(home: House, web: Web) -> None:
    web.serve(FIRST, page(a_record(1), a_record(2), token="p/2"), etag=None)
    web.serve(SECOND, page(a_record(3)), etag=None)
    made = a_catalogue(home, web.url("/oai?set=geo"), "oai-pmh")
    run, _ = harvest(home, made.id)
    assert run.counts == {"created": 3}
    assert [path for path, _ in web.asked] == [FIRST, SECOND]
    web.serve(SECOND, page(a_record(3, status=' status="deleted"')), etag=None)
    run, items = harvest(home, made.id)
    assert run.counts == {"unchanged": 2, "gone": 1}
    assert [each.identifier for each in items if each.result == "gone"] == ["oai:x:3"]


def test_a_token_that_leads_back_ends_the_harvest(home: House, web: Web) -> None:
    web.serve(FIRST, page(a_record(1), token="p/2"), etag=None)
    web.serve(SECOND, page(a_record(2), token="p/2"), etag=None)
    run, _ = harvest(home, a_catalogue(home, web.url("/oai?set=geo"), "oai-pmh").id)
    assert run.state == "failed"
    assert "gone" not in run.counts


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><error code="badArgument">no</error></OAI-PMH>', "badArgument no"),
        (b"<html/>", "no OAI-PMH 2.0"),
        (b"<a", "no readable XML"),
        (b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>', "DOCTYPE"),
    ],
)  # fmt: skip
def test_what_is_no_list_of_records_is_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(Unreadable) as refused:
        oai_pmh.read(data)
    assert why in refused.value.why.en


def test_nothing_that_matches_is_an_empty_catalogue() -> None:
    told = b'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><error code="noRecordsMatch"/></OAI-PMH>'
    assert oai_pmh.read(told).records == []


def test_our_own_repository_is_read(house: House) -> None:
    with house.write() as work:
        an_org(work, "traffic", "source_department")
        for n in range(3):
            a_dataset(work, f"DP-PK-{n:03}", "traffic", title_en=f"Vacancy {n}")
    found = oai_pmh.read(client_as(house).get("/oai?verb=ListRecords&metadataPrefix=oai_dc").content)
    assert (len(found.records), found.faults) == (3, [])
    assert {each.identifier.rsplit(":", 1)[-1] for each in found.records} == {
        "DP-PK-000",
        "DP-PK-001",
        "DP-PK-002",
    }
    assert all(each.title_zh and each.title_en.startswith("Vacancy") and each.page for each in found.records)


@pytest.mark.browser
def test_a_repository_is_proposed_approved_and_harvested_by_hand(
    home: House, web: Web, open_page: OpenPage
) -> None:
    """One person adds it and tries it, a second approves it, the report says what came."""
    web.serve(
        FIRST,
        page(
            a_record(1, "<dc:title>停车场一览</dc:title>", "<dc:coverage>深圳市龙岗区</dc:coverage>"),
            token="p/2",
        ),
        etag=None,
    )
    web.serve(SECOND, page(a_record(2, "<dc:subject>no title</dc:subject>")), etag=None)
    seen = open_page("/harvests/new", user="ada", scripts=False)
    seen.get_by_label("名称").fill("邻市机构库")
    seen.get_by_label("负责部门").select_option("traffic")
    seen.get_by_label("格式").select_option("oai-pmh")
    seen.get_by_label("地址").fill(web.url("/oai?set=geo"))
    seen.get_by_label("计划").fill("manual")
    seen.get_by_role("button", name="添加").click()
    expect(seen.get_by_role("heading", level=1)).to_contain_text("邻市机构库")
    seen.get_by_role("button", name="试运行").click()
    drain(home)
    with home.read() as work:
        assert work.db.exec(select(DatasetRow)).all() == []  # nothing entered the catalogue
    place = seen.url
    assert seen.get_by_role("button", name="批准").count() == 0
    seen.close()
    second = open_page(place[place.index("/harvests") :], user="bea", lang="en")
    second.get_by_role("button", name="Approve").click()
    second.get_by_role("button", name="Harvest now").click()
    drain(home)
    second.reload()
    second.locator("a[href*='/runs/']").first.click()
    assert axe(second) == []
    assert overflow(second) == 0
    expect(second.get_by_role("row", name="停车场一览")).to_be_visible()
    expect(second.get_by_role("row", name="oai:x:2")).to_contain_text("title")
    shot(second, "harvest-oai-pmh-report")
    second.get_by_role("link", name="停车场一览").click()
    expect(second.get_by_text("Guangdong › 深圳市 › 龙岗区")).to_be_visible()
    second.close()
