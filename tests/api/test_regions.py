"""Divisions on pages, in routes, commands, outside forms, tables and harvests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import rdflib
import typer
from rdflib.namespace import DCTERMS, SKOS
from typer.testing import CliRunner

from api.cli.dataset import app as dataset_command
from api.cli.record_change import app as change_command
from api.cli.region import command
from api.house import House
from auth.actor import SYSTEM
from catalog import service
from tests.catalog.records import a_dataset, a_department
from tests.people import browser_as, client_as
from tests.web.browser import OpenPage, axe, overflow, shot

CODE = "DP-PK-001"


@pytest.fixture
def desk(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        a_department(work, "traffic")
        a_dataset(work, CODE, "traffic", spatial="大鹏新区", spatial_codes=["440307"])
        a_dataset(work, "DP-PK-002", "traffic", title_zh="余位", spatial_codes=["黄浦区"])
        a_dataset(work, "DP-PK-003", "traffic", draft=True, spatial_codes=["北京"])
    return sqlite_house


def test_divisions_are_looked_up_and_filter_over_http(desk: House) -> None:
    visitor = client_as(desk)
    provinces = visitor.get("/api/v1/regions").json()
    assert (provinces["total"], provinces["items"][0]["zh"]) == (34, "北京市")
    found = visitor.get("/api/v1/regions", params={"q": "黄浦"}).json()["items"]
    assert found[0] == {
        "code": "310101", "name": "黄浦区", "zh": "上海市黄浦区", "en": "Shanghai › 黄浦区", "parent": "310000", "path": ["310000", "310101"],
    }  # fmt: skip
    shown = visitor.get("/api/v1/regions/440300").json()
    assert "440307" in [each["code"] for each in shown["children"]]
    assert visitor.get("/api/v1/regions/999999").status_code == 404
    listed = visitor.get("/api/v1/datasets", params={"region": "310000"}).json()
    assert [each["id"] for each in listed["items"]] == ["DP-PK-002"]
    region = next(each for each in listed["facets"] if each["key"] == "region")
    assert {each["value"]: each["count"] for each in region["options"]} == {
        "310000": 1,
        "310101": 1,
        "440000": 1,
    }
    steward = client_as(desk, "traffic-steward")
    refused = steward.patch(
        "/api/v1/datasets/DP-PK-003", json={"spatial_codes": ["鼓楼区"]}, headers={"If-Match": "*"}
    )
    assert refused.status_code == 422
    assert "320106 江苏省南京市鼓楼区" in refused.text
    assert "is the name of 4 divisions" in refused.text


def test_ckan_shows_takes_and_finds_divisions(desk: House) -> None:
    visitor = client_as(desk)
    package = visitor.get("/api/3/action/package_show", params={"id": CODE.lower()}).json()["result"]
    assert {"key": "spatial_codes", "value": "440307"} in package["extras"]
    for query, ids in (("spatial_codes:440000", [CODE]), ("spatial_codes:310000", ["DP-PK-002"]), ("spatial_codes:110000", []), ("spatial_codes:*", [CODE, "DP-PK-002"])):  # fmt: skip
        found = visitor.get("/api/3/action/package_search", params={"fq": query, "sort": "id asc"}).json()[
            "result"
        ]
        assert [each["id"] for each in found["results"]] == ids, query
    steward = client_as(desk, "traffic-steward")
    sent = {"id": "DP-PK-003", "extras": [{"key": "spatial_codes", "value": "310101 深圳市"}]}
    answer = steward.post("/api/3/action/package_patch", json=sent)
    assert answer.status_code == 200, answer.text
    assert steward.get("/api/v1/datasets/DP-PK-003").json()["spatial_codes"] == ["310101", "440300"]


def test_standards_name_divisions_by_address_and_label(desk: House) -> None:
    visitor = client_as(desk)
    site = desk.settings.public_url
    graph = rdflib.Graph().parse(
        data=visitor.get(f"/api/v1/datasets/{CODE}/metadata?form=turtle").content, format="turtle"
    )
    place = rdflib.URIRef(f"{site}/regions/440307")
    assert place in set(graph.objects(rdflib.URIRef(f"{site}/datasets/{CODE}"), DCTERMS.spatial))
    assert str(graph.value(place, DCTERMS.identifier)) == "440307"
    assert str(graph.value(place, SKOS.prefLabel)) == "广东省深圳市龙岗区"
    us = visitor.get(f"/api/v1/datasets/{CODE}/metadata?form=dcat_us").json()
    assert [each.get("identifier") for each in us["spatial"]] == [
        None,
        ["440307"],
    ]  # a list, as the published schema wants
    html = visitor.get(f"/datasets/{CODE}", headers={"accept": "text/html"}).text
    assert '"identifier": "440307"' in html or '"identifier":"440307"' in html


def test_pages_offer_look_up_and_links(desk: House) -> None:
    visitor = client_as(desk)
    for lang, said in (("zh", "广东省 › 深圳市 › 龙岗区"), ("en", "Guangdong › 深圳市 › 龙岗区")):
        ask = {"params": {"lang": lang}, "headers": {"accept": "text/html"}}
        assert said in visitor.get(f"/datasets/{CODE}", **ask).text
        assert said in visitor.get("/regions/440307", **ask).text
        assert "/datasets?region=440300" in visitor.get("/regions/440000", **ask).text
        assert "310101" in visitor.get("/regions?q=黄浦区&lang=" + lang, headers=ask["headers"]).text
    assert visitor.get("/regions/1", headers={"accept": "text/html"}).status_code == 404
    steward = browser_as(desk, "traffic-steward")
    form = steward.get("/datasets/DP-PK-003/edit").text
    assert 'name="spatial_codes"' in form
    bad = steward.submit("/datasets/DP-PK-003/edit", version="1", title_zh="名", spatial_codes="鼓楼区")
    assert bad.status_code == 422
    assert "320106" in bad.text
    good = steward.submit(
        "/datasets/DP-PK-003/edit", version="1", title_zh="名", spatial_codes="深圳市龙岗区，上海"
    )
    assert good.status_code == 303
    with desk.read() as work:
        assert service.show(work, SYSTEM, "DP-PK-003").spatial_codes == ["440307", "310000"]


def test_commands_and_tables_take_divisions(desk: House, tmp_path: Path) -> None:
    where = ["--data-dir", str(desk.settings.data_dir), "--as", "traffic-steward"]
    run = CliRunner()
    app = typer.Typer()
    app.command()(command)
    assert json.loads(run.invoke(app, ["深圳市", "--json", *where]).stdout)["items"][0]["code"] == "440300"
    assert json.loads(run.invoke(app, ["310000", "--json", *where]).stdout)["children"]
    listed = run.invoke(dataset_command, ["list", "--region", "310000", "--json", *where])
    assert [each["id"] for each in json.loads(listed.stdout)["items"]] == ["DP-PK-002"]
    out = tmp_path / "records.csv"
    assert (
        run.invoke(
            change_command, ["sheet", "--query", "publisher=traffic", "--out", str(out), *where]
        ).exit_code
        == 0
    )
    table = out.read_text("utf-8-sig")
    assert "310101" in table
    unchanged = run.invoke(change_command, ["read", str(out), "--json", *where])
    assert json.loads(unchanged.stdout)["items"] == []
    out.write_text(table.replace("310101", "徐汇区、440307"), "utf-8")
    seen = json.loads(run.invoke(change_command, ["read", str(out), "--json", *where]).stdout)
    assert "310104" in json.dumps(seen["items"][0])
    out.write_text(table.replace("310101", "鼓楼区"), "utf-8")
    faulty = run.invoke(change_command, ["read", str(out), *where])
    assert faulty.exit_code == 1
    assert "320106" in faulty.output


@pytest.mark.browser
def test_pages_are_accessible(desk: House, open_page: OpenPage) -> None:
    for lang, scheme, width in (("zh", "light", 1280), ("en", "dark", 390)):
        for name, path in (
            ("all", "/regions"),
            ("one", "/regions/440300"),
            ("found", "/datasets?region=310000"),
        ):
            page = open_page(path, lang=lang, scheme=scheme, width=width)
            shot(page, f"regions-{name}-{lang}-{width}")
            assert axe(page) == [], name
            assert overflow(page) == 0, name
            page.close()
