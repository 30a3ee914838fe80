"""Relations, boxes and scenarios where people and programs meet them: pages, routes, commands, CKAN, outside standards, harvest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import rdflib
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api.app import create_app
from api.cli import dataset as commands
from api.house import House
from auth.actor import SYSTEM
from catalog import service
from catalog.harvest import ckan, data_package, data_us, dcat
from catalog.models import DatasetUpdate
from core.work import Work
from tests.api.judges import dcat_us_judge, shapes
from tests.catalog.records import a_dataset, a_department
from tests.catalog.relations.test_service import a_series
from tests.people import browser_as, client_as
from tests.snapshots import written
from tests.web.browser import OpenPage, axe, overflow, shot

PARK, BUS, SERIES, HIDDEN, FREE = "DP-PK-001", "DP-TR-001", "DP-PK-S01", "DP-SF-999", "DP-PK-002"
DCAT, DCT = rdflib.Namespace("http://www.w3.org/ns/dcat#"), rdflib.DCTERMS


def _fill(work: Work) -> None:
    a_department(work, "traffic")
    a_department(work, "culture")
    service.publish(work, SYSTEM, service.create(work, SYSTEM, a_series(SERIES)).id)
    a_dataset(
        work,
        BUS,
        "culture",
        title_zh="公交线路",
        bbox="114.28,22.4,114.65,22.72",
        scenarios=["tourism-traffic"],
    )
    a_dataset(
        work,
        PARK,
        "traffic",
        relations=[f"inSeries:{SERIES}", f"isPartOf:{BUS}", f"hasVersion:{BUS}"],
        bbox="113,22,114,23",
    )
    a_dataset(
        work,
        HIDDEN,
        "culture",
        open_type="N",
        open_condition="不开放",
        data_level=5,
        relations=[f"replaces:{PARK}"],
    )
    service.update(work, SYSTEM, BUS, DatasetUpdate(relations=[f"requires:{HIDDEN}"], related_codes=[HIDDEN]))
    a_dataset(work, FREE, "traffic", draft=True)


@pytest.fixture
def desk(sqlite_house: House) -> House:
    written(sqlite_house, _fill)
    return sqlite_house


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_tells_relations_and_the_steward_states_them(desk: House, lang: str) -> None:
    shown = client_as(desk).get(f"/datasets/{PARK}?lang={lang}", headers={"accept": "text/html"}).text
    assert ("属于系列" if lang == "zh" else "is in series") in shown
    assert f'href="/datasets/{SERIES}"' in shown
    series = client_as(desk).get(f"/datasets/{SERIES}?lang={lang}", headers={"accept": "text/html"}).text
    assert f'href="/datasets/{PARK}"' in series
    assert "/applications/new" not in series
    assert 'id="score"' in series, "its own record and its members are scored"
    assert ("更新周期" if lang == "zh" else "Update frequency") not in series
    steward = browser_as(desk, "traffic-steward")

    def posted(dataset: str, **form: str) -> Any:
        with desk.read() as work:
            version = str(service.show(work, SYSTEM, dataset).version)
        given = {"csrf": steward.csrf, "version": version, **form}
        return steward.post(f"/datasets/{dataset}/relations", data=given)

    assert f'href="/datasets/{BUS}"' in posted(FREE, kind="replaces", code=BUS).text
    bad = posted(FREE, kind="replaces", code=HIDDEN)
    assert bad.status_code == 409
    assert f'value="{HIDDEN}"' in bad.text
    gone = posted(FREE, remove=f"replaces:{BUS}")
    assert gone.url.path == f"/datasets/{FREE}"
    with desk.read() as work:
        assert service.show(work, SYSTEM, FREE).relations == []
    waits = posted(PARK, kind="references", code=BUS)
    assert waits.url.path.startswith("/record-proposals/")


def test_nothing_hidden_leaks_through_a_relation(desk: House) -> None:
    visitor = client_as(desk)
    for path in (
        f"/datasets/{BUS}", f"/datasets/{PARK}", f"/api/v1/datasets/{BUS}", f"/api/v1/datasets/{BUS}/export",
        f"/api/v1/datasets/{BUS}/relations", f"/api/v1/datasets/{PARK}/relations", "/data.json", "/api/v1/catalogue",
        f"/api/3/action/package_show?id={BUS}", f"/api/3/action/package_relationships_list?id={BUS}",
        *(f"/api/v1/datasets/{BUS}/metadata?form={each['form']}" for each in visitor.get("/api/v1/metadata-forms").json()["items"]),
    ):  # fmt: skip
        told = visitor.get(path)
        assert told.status_code == 200, (path, told.text)
        assert HIDDEN not in told.text, path
    own = client_as(desk, "culture-steward").get(f"/api/v1/datasets/{BUS}/relations").json()
    assert [(one["kind"], one["dataset_id"]) for one in own["items"] if one["dataset_id"] == HIDDEN] == [
        ("requires", HIDDEN), ("relation", HIDDEN),
    ]  # fmt: skip
    assert visitor.get(f"/api/v1/datasets/{HIDDEN}/relations").status_code == 404


def test_the_command_reads_and_states_relations(desk: House) -> None:
    where = ["--data-dir", str(desk.settings.data_dir), "--json", "--as", "traffic-steward"]
    run = CliRunner()

    def told(*words: str) -> Any:
        done = run.invoke(commands.app, [*words, *where])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    assert [one["dataset_id"] for one in told("relations", SERIES, "--kind", "seriesMember")["items"]] == [
        PARK
    ]
    made = told("relations", FREE, "--add", f"inSeries:{SERIES}", "--add", f"替代:{BUS}")
    assert made["relations"] == [f"inSeries:{SERIES}", f"replaces:{BUS}"]
    assert told("relations", FREE, "--remove", f"replaces:{BUS}")["relations"] == [f"inSeries:{SERIES}"]
    assert run.invoke(commands.app, ["relations", FREE, "--add", f"loves:{BUS}", *where]).exit_code == 1
    assert [one["id"] for one in told("search", "停车", "--box", "112,21,113.5,24")["items"]] == [PARK]


def test_ckan_tells_relationships_and_takes_a_box(desk: House) -> None:
    client = TestClient(create_app(house=desk))

    def ask(action: str, **params: Any) -> Any:
        told = client.post(f"/api/3/action/{action}", json=params)
        assert told.status_code == 200, told.text
        return told.json()["result"]

    shown = ask("package_show", id="dp-pk-001")
    assert [(one["type"], one["subject"], one["object"], one["comment"]) for one in shown["relationships_as_subject"]] == [
        ("child_of", "dp-pk-001", "dp-pk-s01", "inSeries"), ("child_of", "dp-pk-001", "dp-tr-001", "isPartOf"),
    ]  # fmt: skip
    assert [one["comment"] for one in shown["relationships_as_object"]] == ["isVersionOf"]
    listed = ask("package_relationships_list", id="dp-pk-s01")
    assert listed == [
        {"subject": "dp-pk-s01", "type": "parent_of", "object": "dp-pk-001", "comment": "seriesMember"}
    ]
    assert ask("package_relationships_list", id="dp-pk-s01", rel="child_of") == []
    assert len(ask("package_relationships_list", id=PARK, id2=BUS)) == 2
    for wrong in ({"id": PARK, "rel": "friend_of"}, {"id": PARK, "id2": HIDDEN}, {"id": "zz"}):
        assert client.post("/api/3/action/package_relationships_list", json=wrong).status_code in (404, 409)
    names = [one["name"] for one in ask("package_search", ext_bbox="112,21,113.5,24")["results"]]
    assert names == ["dp-pk-001"]
    assert ask("package_search", extras={"ext_bbox": "112,21,113.5,24"}, rows=0)["count"] == 1
    assert ask("package_search", **{"ext_bbox": "-5,-5,5,5", "facet.field": ["organization"]})["facets"] == {
        "organization": {}
    }
    assert ask("package_search", fq="scenarios:tourism-traffic")["count"] == 1
    wrong_box = client.get("/api/3/action/package_search?ext_bbox=1,2,3")
    assert (wrong_box.status_code, wrong_box.json()["error"]["__type"]) == (409, "Search Error")


def test_ckan_states_relationships_and_takes_them_back(desk: House) -> None:
    steward = client_as(desk, "traffic-steward")

    def ask(action: str, status: int = 200, **params: Any) -> Any:
        told = steward.post(f"/api/3/action/package_relationship_{action}", json=params)
        assert told.status_code == status, told.text
        return told.json()

    def listed() -> list[tuple[str, str, str]]:
        told = steward.post("/api/3/action/package_relationships_list", json={"id": FREE}).json()["result"]
        return [(one["type"], one["object"], one["comment"]) for one in told]

    free, bus, series = "dp-pk-002", "dp-tr-001", "dp-pk-s01"
    made = ask("create", subject=free, object=bus, type="depends_on", comment="as said in the contract")
    assert made["result"] == {"subject": free, "type": "depends_on", "object": bus, "comment": "requires"}
    assert ask("create", subject=free, object=series, type="child_of")["result"]["comment"] == "inSeries"
    for comment in ("replaces", "prev"):
        ask("create", subject=free, object=bus, type="links_to", comment=comment)
    ask("create", subject=free, object=bus, type="links_to", comment="prev")  # stated before
    held = [("child_of", series, "inSeries"), ("links_to", bus, "replaces"), ("links_to", bus, "prev"), ("depends_on", bus, "requires")]  # fmt: skip
    assert listed() == held
    assert ask("update", subject=free, object=bus, type="depends_on", comment="requires")["success"]
    ask("delete", subject=free, object=bus, type="links_to", comment="prev")
    ask("update", subject=free, object=bus, type="links_to", comment="isVersionOf")
    assert listed() == [held[0], ("links_to", bus, "isVersionOf"), held[3]]
    ask("delete", subject=free, object=bus, type="links_to")
    assert listed() == [held[0], held[3]]
    with desk.write() as work:
        service.update(work, SYSTEM, FREE, DatasetUpdate(related_codes=[BUS]))
    ask("delete", subject=free, object=bus, type="links_to")
    assert listed() == [held[0], held[3]]
    # of a published record it waits for a second person
    waits = ask("create", subject="dp-pk-001", object=free, type="links_to")
    assert "waits for a second person" in waits["notes"][0]
    assert "changed_entities" not in waits
    ask("delete", subject="dp-pk-001", object=free, type="links_to")  # what waits is taken back as well
    for status, wrong in (
        (409, {"subject": free, "object": bus}), (409, {"subject": free, "object": bus, "type": "friend_of"}),
        (404, {"subject": free, "object": HIDDEN, "type": "links_to"}), (404, {"subject": "zz", "object": bus, "type": "links_to"}),
        (403, {"subject": bus, "object": free, "type": "links_to"}), (409, {"subject": free, "object": free, "type": "depends_on"}),
    ):  # fmt: skip
        ask("create", status, **wrong)
    for action in ("update", "delete"):
        ask(action, 404, subject=free, object=bus, type="derives_from")
    with desk.write() as work:
        service.update(work, SYSTEM, BUS, DatasetUpdate(relations=[f"source:{FREE}"]))
    ask(
        "delete", 403, subject=free, object=bus, type="has_derivation"
    )  # the other record says it, of another department
    visitor = client_as(desk)
    wrong = {"subject": free, "object": bus, "type": "links_to"}
    for action in ("create", "update", "delete"):
        told = visitor.post(f"/api/3/action/package_relationship_{action}", json=wrong)
        assert (told.status_code, told.json()["error"]["__type"]) == (403, "Authorization Error")


def test_page_and_route_take_a_box_and_say_when_it_is_none(desk: House) -> None:
    visitor = client_as(desk)
    html = {"accept": "text/html"}
    page = visitor.get("/datasets?west=114.3&south=22.5&east=114.4&north=22.6", headers=html).text
    assert f"/datasets/{BUS}" in page
    assert f"/datasets/{PARK}" not in page
    assert 'value="114.3"' in page
    assert "四个经纬度" in visitor.get("/datasets?west=9&south=22.5&east=1&north=22.6", headers=html).text
    assert "four sides" in visitor.get("/datasets?west=9&lang=en", headers=html).text
    found = visitor.get(
        "/api/v1/datasets", params={"bbox": "114.3,22.5,114.4,22.6", "scenario": "tourism-traffic"}
    ).json()
    assert [one["id"] for one in found["items"]] == [BUS]
    assert visitor.get("/api/v1/datasets?bbox=1,2").status_code == 422
    assert BUS in visitor.get("/feeds/datasets.atom?bbox=114.3,22.5,114.4,22.6").text
    assert visitor.get("/feeds/datasets.atom?bbox=x").status_code == 422


@pytest.mark.shared
def test_relations_are_told_in_the_words_of_standards_and_pass_their_judges(
    desk: House, shared: Path
) -> None:
    import pyshacl

    visitor = TestClient(create_app(house=desk), base_url="http://127.0.0.1:8000")
    folder = shared / "conformance"
    rules = shapes(folder / "dcat-ap-3.0.1", "dcat-ap-SHACL.ttl", "ranges.ttl")
    whole = rdflib.Graph().parse(data=visitor.get("/api/v1/catalogue").content, format="turtle")
    alone = rdflib.Graph().parse(
        data=visitor.get(f"/api/v1/datasets/{PARK}/metadata?form=turtle").content, format="turtle"
    )
    me, series = (rdflib.URIRef(f"http://127.0.0.1:8000/datasets/{code}") for code in (PARK, SERIES))
    for graph in (whole, alone):
        sound, _, said = pyshacl.validate(graph, shacl_graph=rules, inference="none", do_owl_imports=False)
        assert sound, said
        assert (me, DCAT.inSeries, series) in graph
        assert (series, rdflib.RDF.type, DCAT.DatasetSeries) in graph
        assert len(list(graph.objects(series, DCT.description))) == 1
    assert list(whole.objects(me, DCAT.hasVersion))
    assert list(alone.objects(me, DCT.hasVersion))
    document = visitor.get("/data.json").json()
    assert [
        each.message for each in dcat_us_judge(folder / "dcat-us-3" / "jsonschema").iter_errors(document)
    ] == []
    told = {one["identifier"][0]: one for one in document["dataset"]}
    assert told[PARK]["inSeries"] == [str(series)]
    assert told[BUS]["geographicBoundingBox"][0]["westBoundingLongitude"] == "114.28"


def test_what_we_tell_of_relations_is_read_by_a_harvest(desk: House) -> None:
    visitor = TestClient(create_app(house=desk), base_url="http://127.0.0.1:8000")
    expected = {("inSeries", SERIES), ("isPartOf", BUS), ("hasVersion", BUS)}
    read = {one.identifier: one for one in dcat.read(visitor.get("/api/v1/catalogue").content).records}
    assert set(read[PARK].relations) == expected
    assert (read[SERIES].is_series, set(read[SERIES].relations)) == (True, {("seriesMember", PARK)})
    packages = visitor.get("/api/3/action/package_search?rows=100").content
    assert (
        set(next(one for one in ckan.read(packages).records if one.identifier == PARK).relations) == expected
    )
    us = {one.identifier: one for one in data_us.read(visitor.get("/data.json").content).records}
    assert set(us[PARK].relations) == {
        ("inSeries", SERIES),
        ("hasVersion", BUS),
    }  # it has no word for isPartOf


def test_a_data_package_names_what_it_is_made_from(desk: House) -> None:
    with desk.write() as work:
        service.update(work, SYSTEM, BUS, DatasetUpdate(relations=[f"source:{PARK}", f"requires:{HIDDEN}"]))
    visitor = TestClient(create_app(house=desk), base_url="http://127.0.0.1:8000")
    described = [
        visitor.get(f"/api/v1/datasets/{code}/metadata?form=datapackage").json() for code in (PARK, BUS)
    ]
    (park, bus) = data_package.read(json.dumps(described).encode()).records
    assert bus.relations == (("source", park.identifier),)


@pytest.mark.browser
def test_relations_and_the_box_are_accessible_and_fit(desk: House, open_page: OpenPage) -> None:
    for lang, width, user in (("zh", 1280, "traffic-steward"), ("en", 390, None)):
        for path, name in (
            (f"/datasets/{PARK}", "relations"), (f"/datasets/{SERIES}", "series"),
            ("/datasets?west=114.3&south=22.5&east=114.4&north=22.6&scenario=tourism-traffic", "box"), ("/datasets?west=9", "no-box"),
        ):  # fmt: skip
            page = open_page(path, user=user, lang=lang, width=width)
            shot(page, f"{name}-{lang}-{width}")
            assert axe(page) == [], (path, lang)
            assert overflow(page) == 0, (path, lang)
            page.close()
