"""Records in the words of outside standards, each judged by its own validator; and what harvesters and feed readers find."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import feedparser
import jsonschema
import pytest
import rdflib
from fastapi.testclient import TestClient
from lxml import etree
from rdflib.compare import isomorphic

from api.app import create_app
from api.house import House, open_house
from catalog import service as catalog
from catalog.reuses import service as reuses
from catalog.reuses.models import ReuseCreate, ReuseDecision
from catalog.reuses.workflow import ReuseStep
from catalog.standards import forms
from core.settings import Settings
from tests.api.judges import dcat_us_judge, shapes
from tests.catalog.records import a_dataset
from tests.croissant import mlcroissant
from tests.datasets.parking import CLEAN, DATASET, a_parking_dataset, hand_in, publish
from tests.people import a_person, actor_of, an_org, client_as
from tests.web.browser import served

pytestmark = [
    pytest.mark.gx,
    pytest.mark.filterwarnings(
        "ignore:ConjunctiveGraph is deprecated:DeprecationWarning"
    ),  # rdflib's own JSON-LD reader
]
OPEN, LOCKED, DRAFT, HIDDEN, GONE = DATASET, "DP-PK-901", "DP-PK-902", "DP-PK-903", "DP-PK-904"
REUSE = {
    "kind": "application", "title": "停车<b>地图</b>", "summary": "实时显示余位。\n第二行", "made_by": "某公司",
    "url": 'https://example.org/地图?a=<b>"c"\\d',
}  # fmt: skip
SITE = "http://127.0.0.1:8000"
SH = rdflib.Namespace("http://www.w3.org/ns/shacl#")
DCAT = rdflib.Namespace("http://www.w3.org/ns/dcat#")


@pytest.fixture(scope="module")
def house(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An open record with a release; one under conditions; a draft, a hidden one, a withdrawn one. Tests only read it."""
    room = tmp_path_factory.mktemp("standards")
    shutil.copyfile(sqlite_template, room / "datagrant.db")
    made = open_house(Settings(data_dir=room, worker=False, demo=True))
    with made.write() as work:
        a_parking_dataset(
            work,
            title_en="Vacancy </script><b>",
            spatial="大鹏新区",
            crs="CGCS2000",
            contact="data@example.cn",
        )
        a_dataset(
            work,
            LOCKED,
            "traffic",
            open_type="C",
            open_condition="签订协议",
            data_level=2,
            related_codes=[OPEN],
        )
        a_dataset(work, DRAFT, "traffic", draft=True)
        a_dataset(work, HIDDEN, "traffic", open_type="N", open_condition="不开放", data_level=5)
        a_dataset(work, GONE, "traffic")
        catalog.withdraw(work, actor_of(work, "lin"), GONE, "内容并入另一数据集", expected_version=None)
    publish(made, "zhou", hand_in(made, "lin", CLEAN).id)
    with made.write() as work:
        an_org(work, "insurer")
        a_person(work, "wang", "insurer", ["applicant"])
        for body, taken in (
            (REUSE, ReuseStep.SHOW),
            (REUSE | {"title": "未公开", "url": ""}, ReuseStep.DECLINE),
        ):
            told = reuses.suggest(work, actor_of(work, "wang"), OPEN, ReuseCreate.model_validate(body))
            reuses.step(work, actor_of(work, "lin"), told.id, taken, ReuseDecision(reason="已核对"))
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def visitor(house: House) -> TestClient:
    return TestClient(create_app(house=house), base_url=SITE)


def taken(visitor: TestClient, form: str, dataset_id: str = OPEN) -> Any:
    found = visitor.get(f"/api/v1/datasets/{dataset_id}/metadata?form={form}")
    assert found.status_code == 200, found.text
    return found


def graph_of(visitor: TestClient, form: str, dataset_id: str = OPEN) -> rdflib.Graph:
    named = {"turtle": "turtle", "rdfxml": "xml", "jsonld": "json-ld", "ntriples": "nt"}[form]
    return rdflib.Graph().parse(data=taken(visitor, form, dataset_id).content, format=named)


@pytest.mark.shared
def test_every_record_and_the_catalogue_conform_to_dcat_ap(visitor: TestClient, shared: Path) -> None:
    import pyshacl

    folder = shared / "conformance" / "dcat-ap-3.0.1"
    rules = shapes(folder, "dcat-ap-SHACL.ttl", "ranges.ttl")
    whole = rdflib.Graph().parse(data=visitor.get("/api/v1/catalogue").content, format="turtle")
    told = {str(each).rsplit("/", 1)[-1] for each in whole.subjects(rdflib.RDF.type, DCAT.Dataset)}
    assert told == {OPEN, LOCKED}
    for graph in (whole, graph_of(visitor, "turtle", LOCKED)):
        sound, _, said = pyshacl.validate(graph, shacl_graph=rules, inference="none", do_owl_imports=False)
        assert sound, said
    whole.remove((None, rdflib.DCTERMS.title, None))
    assert not pyshacl.validate(whole, shacl_graph=rules, inference="none", do_owl_imports=False)[0]


def test_the_four_syntaxes_say_the_same_and_the_same_bytes_each_time(visitor: TestClient) -> None:
    turtle = graph_of(visitor, "turtle")
    for form in ("rdfxml", "jsonld", "ntriples"):
        assert isomorphic(turtle, graph_of(visitor, form)), form
    for form in forms.FORMS:
        assert taken(visitor, form).content == taken(visitor, form).content
    assert not [each for each in turtle.all_nodes() if isinstance(each, rdflib.BNode)]


def test_data_under_conditions_offer_the_way_to_apply_and_no_file(visitor: TestClient) -> None:
    for form in forms.FORMS:
        said = taken(visitor, form, LOCKED).text
        assert "/file?" not in said, form
        assert "sha256" not in said.lower() or form in ("croissant",), form
    assert "/file?format=parquet" in taken(visitor, "turtle").text
    assert f"/previews/{OPEN}>" in taken(visitor, "turtle").text
    assert "adms:sample" not in taken(visitor, "turtle", LOCKED).text  # no release, hence no sample


def test_what_nobody_may_know_of_is_nowhere(visitor: TestClient, house: House) -> None:
    for dataset_id in (DRAFT, HIDDEN, "DP-NO-000"):
        assert visitor.get(f"/api/v1/datasets/{dataset_id}/metadata").status_code == 404
        assert visitor.get(f"/feeds/datasets/{dataset_id}.atom").status_code == 404
    gone = visitor.get(f"/api/v1/datasets/{GONE}/metadata")
    assert (gone.status_code, "并入" in gone.json()["detail"]) == (410, True)
    for address in (
        "/data.json",
        "/feeds/datasets.atom",
        "/sitemap.xml",
        "/api/v1/catalogue",
        "/oai?verb=ListRecords&metadataPrefix=oai_dc",
    ):
        said = visitor.get(address).text
        assert DRAFT not in said, address
        assert HIDDEN not in said, address
    assert client_as(house, "lin").get(f"/api/v1/datasets/{DRAFT}/metadata").status_code == 200  # fmt: skip


def test_accept_chooses_the_form_and_a_browser_gets_the_page(visitor: TestClient) -> None:
    def asked(accept: str, address: str = f"/datasets/{OPEN}") -> str:
        return str(visitor.get(address, headers={"Accept": accept}).headers["content-type"])

    assert asked("text/turtle") == "text/turtle; charset=utf-8"
    assert (
        asked("application/rdf+xml;q=0.5, application/ld+json;q=0.9") == "application/ld+json; charset=utf-8"
    )
    assert asked("application/json") == "application/json; charset=utf-8"
    assert asked("application/xml").startswith("application/xml")
    told = visitor.get(f"/datasets/{OPEN}", headers={"Accept": "application/json"})
    assert told.json() == visitor.get(f"/api/v1/datasets/{OPEN}/metadata?form=core_json").json()
    assert told.headers["vary"].startswith("Accept")
    assert visitor.get("/datasets/none", headers={"Accept": "application/json"}).status_code == 404
    for page in (
        "text/html,application/xhtml+xml,*/*;q=0.8",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "application/json;q=0.9, text/html",
        "*/*",
        "text/turtle;q=0.1, text/html",
        "text/turtle;q=x",
        "",
    ):
        assert asked(page).startswith("text/html"), page
    assert asked("application/n-triples", f"/api/v1/datasets/{OPEN}/metadata").startswith(
        "application/n-triples"
    )
    assert visitor.get(f"/api/v1/datasets/{OPEN}/metadata?form=marc").status_code == 422  # fmt: skip


def test_conditional_requests_and_other_sites(visitor: TestClient, house: House) -> None:
    address = f"/api/v1/datasets/{OPEN}/metadata?form=turtle"
    first = visitor.get(address)
    assert first.headers["access-control-allow-origin"] == "*"
    assert visitor.get(address, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
    assert visitor.head(address).headers["etag"] == first.headers["etag"]
    signed_in = client_as(house, "lin").get(address)
    assert "access-control-allow-origin" not in signed_in.headers
    assert signed_in.headers["cache-control"].startswith("private")


def test_the_page_carries_schema_org_that_cannot_end_its_element(visitor: TestClient) -> None:
    html = visitor.get(f"/datasets/{OPEN}").text
    found = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html, re.S)
    assert len(found) == 1
    told = json.loads(found[0])
    assert told["alternateName"] == "Vacancy </script><b>"
    assert (told["@type"], told["isAccessibleForFree"]) == ("Dataset", True)
    assert 50 <= len(told["description"]) <= 5000
    assert {each["encodingFormat"] for each in told["distribution"]} == {
        "application/vnd.apache.parquet",
        "text/csv",
    }


def test_what_was_made_of_the_data_stands_in_the_standards_own_words(visitor: TestClient) -> None:
    address = "https://example.org/地图?a=%3Cb%3E%22c%22%5Cd"
    for form in ("turtle", "rdfxml", "jsonld", "ntriples"):
        graph = graph_of(visitor, form)
        (made,) = graph.objects(None, rdflib.DCTERMS.isReferencedBy)
        assert str(made).startswith(f"{SITE}/datasets/{OPEN}/reuses#"), form
        assert str(graph.value(made, rdflib.DCTERMS.title)) == REUSE["title"]
        assert str(graph.value(made, rdflib.RDFS.seeAlso)) == address
    html = visitor.get(f"/datasets/{OPEN}").text
    told = json.loads(re.findall(r'<script type="application/ld\+json">(.*?)</script>', html, re.S)[0])
    (work,) = told["@reverse"]["isBasedOn"]
    assert (work["@type"], work["name"], work["creditText"], work["url"]) == (
        "SoftwareApplication", REUSE["title"], "某公司", address,
    )  # fmt: skip
    (entry,) = feedparser.parse(visitor.get(f"/feeds/datasets/{OPEN}.atom").content).entries
    assert [(one.href, one.title) for one in entry.links if one.rel == "related"] == [
        (address, REUSE["title"])
    ]
    us = {one["identifier"][0]: one for one in visitor.get("/data.json").json()["dataset"]}
    assert us[OPEN]["isReferencedBy"] == [address]
    assert "isReferencedBy" not in us[LOCKED]
    for path in (
        f"/api/v1/datasets/{OPEN}/metadata?form=turtle",
        f"/feeds/datasets/{OPEN}.atom",
        "/data.json",
    ):
        assert "未公开" not in visitor.get(path).text


@pytest.mark.shared
def test_data_json_is_valid_dcat_us(visitor: TestClient, shared: Path) -> None:
    folder = shared / "conformance" / "dcat-us-3" / "jsonschema"
    judge = dcat_us_judge(folder)
    document = visitor.get("/data.json").json()
    assert [each.message for each in judge.iter_errors(document)] == []
    assert len(document["dataset"]) == 2
    del document["dataset"][0]["publisher"]
    assert list(judge.iter_errors(document))  # fmt: skip


@pytest.mark.shared
def test_data_package_fits_its_profile(visitor: TestClient, shared: Path) -> None:
    profile = json.loads((shared / "conformance" / "datapackage-2.0" / "datapackage.json").read_text())
    for dataset_id in (OPEN, LOCKED):
        jsonschema.Draft7Validator(profile).validate(taken(visitor, "datapackage", dataset_id).json())


def test_frictionless_finds_the_files_as_the_package_says(house: House, tmp_path: Path) -> None:
    from frictionless import Package, system

    with served(create_app(house=house)) as address:
        told = (
            TestClient(create_app(house=house)).get(f"/api/v1/datasets/{OPEN}/metadata?form=datapackage").text
        )
        package = json.loads(told.replace(SITE, address))
        package["resources"] = [each for each in package["resources"] if each["name"] == "csv"]
        with system.use_context(trusted=True):
            report = Package.from_descriptor(package).validate()
    assert report.valid, report.flatten(["type", "message"])
    assert report.tasks[0].stats["rows"] == 3  # fmt: skip


@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")  # the validator's own
def test_mlcroissant_loads_the_rows(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROISSANT_CACHE", str(tmp_path / "cache"))
    reader = mlcroissant()
    with served(create_app(house=house)) as address:
        told = (
            TestClient(create_app(house=house)).get(f"/api/v1/datasets/{OPEN}/metadata?form=croissant").text
        )
        dataset = reader.Dataset(jsonld=json.loads(told.replace(SITE, address)))
        rows = list(dataset.records("records"))
    assert not dataset.metadata.ctx.issues.errors
    assert [row["records/lot"] for row in rows] == [b"P01", b"P02", b"P03"]  # fmt: skip


def test_core_metadata_fit_their_schema(visitor: TestClient) -> None:
    schema = etree.XMLSchema(etree.parse(str(Path(forms.__file__).with_name("core_metadata.xsd"))))
    for dataset_id in (OPEN, LOCKED):
        document = etree.fromstring(taken(visitor, "core_xml", dataset_id).content)
        schema.assertValid(document)
        told = taken(visitor, "core_json", dataset_id).json()
        assert {field["name"]: field["label"] for field in told["fields"]}["title_zh"] == "信息资源名称"
        assert len(document.findall("{*}items/{*}item")) == len(told["items"])
    assert "source_system" not in taken(visitor, "core_json", LOCKED).text


def test_feeds_are_read_and_lead_through_their_pages(
    visitor: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.pages.feeds.PAGE_SIZE", 1)
    first = feedparser.parse(visitor.get("/feeds/datasets.atom?lang=en").content)
    assert not first.bozo
    links = {link.rel: link.href for link in first.feed.links}
    second = feedparser.parse(visitor.get(links["next"]).content)
    assert {first.entries[0].id, second.entries[0].id} == {
        f"{SITE}/datasets/{OPEN}",
        f"{SITE}/datasets/{LOCKED}",
    }
    assert "next" not in {link.rel for link in second.feed.links}
    assert len(feedparser.parse(visitor.get("/feeds/organisations/traffic.atom").content).entries) == 1
    assert visitor.get("/feeds/organisations/nobody.atom").status_code == 404
    one = feedparser.parse(visitor.get(f"/feeds/datasets/{OPEN}.atom").content).entries[0]
    assert {link.type for link in one.links if link.rel == "enclosure"} == {
        "application/vnd.apache.parquet",
        "text/csv",
    }


def test_the_site_map_lists_public_pages(visitor: TestClient) -> None:
    places = etree.fromstring(visitor.get("/sitemap.xml").content).findall("{*}url/{*}loc")
    assert f"{SITE}/datasets/{OPEN}" in [place.text for place in places]
    assert visitor.get("/robots.txt").text.endswith(f"Sitemap: {SITE}/sitemap.xml\n")
    assert visitor.get("/sitemaps/2.xml").status_code == 404


def test_more_pages_than_one_map_holds_stand_in_several(
    visitor: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.pages.feeds.MOST", 1)
    index = etree.fromstring(visitor.get("/sitemap.xml").content)
    assert etree.QName(index).localname == "sitemapindex"
    maps = [place.text.removeprefix(SITE) for place in index.findall("{*}sitemap/{*}loc")]
    assert maps == ["/sitemaps/1.xml", "/sitemaps/2.xml"]
    found = [etree.fromstring(visitor.get(each).content).findtext("{*}url/{*}loc") for each in maps]
    assert sorted(found) == sorted(f"{SITE}/datasets/{each}" for each in (OPEN, LOCKED))


@pytest.mark.parametrize(
    "path", ["/data.json", "/feeds/datasets.atom", f"/feeds/datasets/{OPEN}.atom", "/sitemap.xml", "/robots.txt", "/oai?verb=Identify"]
)  # fmt: skip
def test_programs_may_ask_for_the_head_alone(visitor: TestClient, path: str) -> None:
    assert visitor.head(path).status_code == 200
    assert visitor.head(path).headers.get("etag") == visitor.get(path).headers.get("etag")


def test_a_feed_holds_nothing_that_was_not_asked_for(visitor: TestClient) -> None:
    assert len(feedparser.parse(visitor.get("/feeds/datasets.atom?q=parking").content).entries) == 2
    assert visitor.get("/api/v1/datasets?q=parkng").json()["meant"] == "parking"
    assert feedparser.parse(visitor.get("/feeds/datasets.atom?q=parkng").content).entries == []


@pytest.mark.parametrize(
    ("asked", "leads_to"),
    [
        ("/dataset", "/datasets"), ("/dataset?q=parking", "/datasets?q=parking"), (f"/dataset/{OPEN.lower()}", f"/datasets/{OPEN}"),
        (f"/dataset/{OPEN}/resource/anything", f"/datasets/{OPEN}"), (f"/dataset/{LOCKED}", f"/datasets/{LOCKED}"),
        ("/organization/traffic", "/publishers/traffic"),
    ],
)  # fmt: skip
def test_an_address_of_ckan_leads_to_ours(visitor: TestClient, asked: str, leads_to: str) -> None:
    answer = visitor.get(asked, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (302, leads_to)
    assert visitor.get(asked).status_code == 200


@pytest.mark.parametrize(
    "asked",
    ["/dataset/nothing", f"/dataset/{DRAFT}", f"/dataset/{HIDDEN}", "/organization/nobody", "/group/none"],
)
def test_no_address_of_ckan_tells_of_what_is_out_of_sight(visitor: TestClient, asked: str) -> None:
    assert visitor.get(asked, follow_redirects=False).status_code == 404


@pytest.fixture
def repository(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr("api.harvesting.PAGE", 1)
    with served(create_app(house=house)) as address:
        yield f"{address}/oai"


def test_an_oai_harvester_gets_all_pages_and_the_deletions(repository: str) -> None:
    from oaipmh_scythe import Scythe

    with Scythe(repository) as scythe:
        headers = {
            each.identifier.rsplit(":", 1)[-1]: each.deleted
            for each in scythe.list_identifiers(metadata_prefix="oai_dc")
        }
        assert headers == {OPEN: False, LOCKED: False, GONE: True}
        records = {
            each.header.identifier.rsplit(":", 1)[-1]: each
            for each in scythe.list_records(metadata_prefix="oai_dc")
        }
        assert "停车" in records[OPEN].metadata["title"][0]
        assert [
            each.header.deleted
            for each in scythe.list_records(metadata_prefix="dcat_ap", ignore_deleted=True)
        ] == [False, False]
        assert next(iter(scythe.list_sets())).setSpec.startswith("theme:")
        assert len(list(scythe.list_identifiers(metadata_prefix="oai_dc", set_="theme:PK"))) == 3  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("", "badVerb"),
        ("verb=Nothing", "badVerb"),
        ("verb=Identify&verb=Identify", "badVerb"),
        ("verb=Identify&set=x", "badArgument"),
        ("verb=ListRecords", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&metadataPrefix=oai_dc", "badArgument"),
        ("verb=ListRecords&metadataPrefix=marc", "cannotDisseminateFormat"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-02-30", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-03-01&until=2026-03-01T00:00:00Z", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-03-02&until=2026-03-01", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&until=1999-01-01", "noRecordsMatch"),
        ("verb=ListRecords&metadataPrefix=oai_dc&set=theme:NO", "noRecordsMatch"),
        ("verb=ListRecords&resumptionToken=eA==", "badResumptionToken"),
        ("verb=ListRecords&resumptionToken=W10=&metadataPrefix=oai_dc", "badArgument"),
        ("verb=ListRecords&metadataPrefix=%01", "badArgument"),
        ("verb=GetRecord&metadataPrefix=oai_dc&identifier=x", "idDoesNotExist"),
        ("verb=GetRecord&metadataPrefix=oai_dc&identifier=oai:127.0.0.1:DP-PK-902", "idDoesNotExist"),
        ("verb=ListMetadataFormats&identifier=oai:127.0.0.1:DP-PK-903", "idDoesNotExist"),
    ],
)
def test_oai_errors_are_those_of_the_protocol(visitor: TestClient, asked: str, code: str) -> None:
    told = visitor.get(f"/oai?{asked}")
    assert told.status_code == 200
    assert [each.get("code") for each in etree.fromstring(told.content).findall("{*}error")] == [code]


def test_oai_takes_forms_too(visitor: TestClient) -> None:
    told = etree.fromstring(visitor.post("/oai", data={"verb": "Identify"}).content)
    assert told.findtext("{*}Identify/{*}deletedRecord") == "persistent"
