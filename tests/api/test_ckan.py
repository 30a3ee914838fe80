"""CKAN's clients at our door: the ckanapi library and command, and the transport rules that others rely on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import ckanapi
import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from api import ckan_rows
from api.house import House
from auth.actor import SYSTEM
from auth.audit import AuditEventRow
from catalog import service
from catalog.models import DatasetUpdate
from datasets import datastore
from tests.catalog.records import a_dataset
from tests.datasets.parking import CLEAN, DATASET, a_parking_dataset, hand_in, publish
from tests.people import a_person, app_of, client_as
from tests.web.browser import served

pytestmark = pytest.mark.gx
NAME = DATASET.lower()


@pytest.fixture
def house(sqlite_house: House) -> House:
    """An open dataset with a release, and a draft that nobody outside may know of."""
    with sqlite_house.write() as work:
        a_parking_dataset(work)
        a_dataset(work, "DP-PK-990", "traffic", draft=True)
    batch = hand_in(sqlite_house, "lin", CLEAN)
    publish(sqlite_house, "zhou", batch.id)
    return sqlite_house


@pytest.fixture
def ckan(house: House) -> Iterator[ckanapi.RemoteCKAN]:
    with served(app_of(house)) as address, ckanapi.RemoteCKAN(address) as remote:
        yield remote


@pytest.fixture
def client(house: House) -> TestClient:
    return TestClient(app_of(house))


def test_ckanapi_lists_searches_shows_and_reads_rows(ckan: ckanapi.RemoteCKAN) -> None:
    assert ckan.action.package_list(include_private=True) == [NAME]
    package = ckan.action.package_show(id=NAME, include_users=False)
    assert (package["name"], package["organization"]["name"], package["num_resources"]) == (
        NAME,
        "traffic",
        2,
    )
    assert {each["format"] for each in package["resources"]} == {"PARQUET", "CSV"}
    found = ckan.action.package_search(
        q="停车", fq="organization:traffic groups:(pk OR wx)", rows=1000, sort="metadata_modified desc",
        **{"facet.field": ["organization", "groups", "res_format"]},
    )  # fmt: skip
    assert (found["count"], found["results"][0]["id"]) == (1, DATASET)
    assert found["facets"]["organization"] == {"traffic": 1}
    assert found["search_facets"]["groups"]["items"][0]["display_name"] == "停车"
    assert ckan.action.package_search(q="metadata_modified:[2099-01-01T00:00:00Z TO *]")["count"] == 0
    assert ckan.action.organization_list() == ["traffic"]
    assert "pk" in [each["name"] for each in ckan.action.group_list(all_fields=True)]
    assert ckan.action.organization_show(id="traffic", include_datasets=True)["packages"][0]["id"] == DATASET
    table = next(each for each in package["resources"] if each["format"] == "PARQUET")
    assert ckan.action.resource_show(id=table["id"])["hash"] == table["hash"]
    both = ckan.action.resource_search(query="name:.", order_by="format")
    assert (both["count"], [each["format"] for each in both["results"]]) == (2, ["CSV", "PARQUET"])
    few = ckan.action.resource_search(query=["format:parquet", f"hash:{table['hash']}"], limit=1)
    assert [each["id"] for each in few["results"]] == [table["id"]]
    rows = ckan.action.datastore_search(resource_id=table["id"], sort="total desc", limit=2)
    assert rows["total"] == 3
    assert rows["fields"][0]["id"] == "_id"
    totals = [record["total"] for record in rows["records"]]
    assert totals == sorted(totals, reverse=True)
    few = ckan.action.datastore_search(
        resource_id=table["id"], filters={"total": {"gte": max(totals)}}, fields="lot,total"
    )
    assert [record["total"] for record in few["records"]] == [max(totals)]
    assert ckan.action.datastore_search(resource_id=table["id"], q=few["records"][0]["lot"])["total"] == 1


def test_ckanapi_gets_its_own_exceptions(ckan: ckanapi.RemoteCKAN) -> None:
    with pytest.raises(ckanapi.NotFound):
        ckan.action.package_show(id="no-such")
    with pytest.raises(ckanapi.NotFound):
        ckan.action.package_show(id="dp-pk-990")  # a draft
    with pytest.raises(ckanapi.NotAuthorized):
        ckan.action.package_create(name="x", owner_org="traffic")
    with pytest.raises(ckanapi.ValidationError):
        ckan.action.package_search(rows="many")
    with pytest.raises(ckanapi.CKANAPIError):
        ckan.action.no_such_action()
    table = ckan.action.package_show(id=NAME)["resources"][0]["id"]
    with pytest.raises(ckanapi.ValidationError) as unknown:
        ckan.action.datastore_search(resource_id=table, filters={"zz": 1})
    assert unknown.value.error_dict["filters"] == ["Unknown field: zz"]


def _get(client: TestClient, path: str, **headers: str) -> tuple[int, Any]:
    told = client.get(path, headers=headers)
    assert told.headers["content-type"].split(";")[0] == "application/json"
    return told.status_code, told.json()


def test_transport_rules_that_clients_rely_on(client: TestClient) -> None:
    assert _get(client, "/api/3") == (200, {"version": 3})
    assert _get(client, "/api/action/package_list")[1]["result"] == [NAME]
    assert _get(client, "/api/3/action/package_create")[0] == 400
    assert _get(client, "/api/3/action/nonsense") == (400, "Bad request - Action name not known: nonsense")
    assert client.post("/api/3/action/package_list", content=b"[1]").status_code == 400
    assert client.post("/api/3/action/package_list").json()["success"] is True
    form = client.post("/api/3/action/package_show", data={"id": NAME}).json()
    assert form["result"]["id"] == DATASET
    status, told = _get(client, "/api/3/action/package_search?fq=metadata_modified:1")
    assert (status, told["error"]["__type"]) == (400, "Search Query Error")
    status, told = _get(client, "/api/3/action/package_show?id=zz")
    assert (status, told["success"], told["error"]["__type"]) == (404, False, "Not Found Error")
    assert told["error"]["message"].startswith("Not found: ")
    read_on = client.get("/api/3/action/site_read", headers={"Authorization": "no-such-key"})
    assert (read_on.status_code, read_on.headers["x-datagrant-token"]) == (200, "refused; read as a visitor")


def test_restricted_data_show_the_way_to_apply_and_no_rows(house: House, client: TestClient) -> None:
    with house.write() as work:
        service.update(work, SYSTEM, DATASET, DatasetUpdate(open_type="C", open_condition="须申请"))
    package = client.get(f"/api/3/action/package_show?id={NAME}").json()["result"]
    (only,) = package["resources"]
    assert (only["format"], only["datastore_active"]) == ("HTML", False)
    assert any(each["key"] == "apply_url" for each in package["extras"])
    release = client.get(f"/api/v1/releases?dataset_id={DATASET}").json()["items"][0]["id"]
    for action in ("datastore_search?resource_id=", "datastore_info?id="):
        told = client.get(f"/api/3/action/{action}{release}-parquet")
        assert (told.status_code, told.json()["error"]["__type"]) == (403, "Authorization Error")
    assert json.dumps(told.json(), ensure_ascii=False).count("total") == 0


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("datastore_search", '{"resource_id":"RID","filters":{"total":NaN}}'),
        ("datastore_search", '{"resource_id":"RID","distinct":Infinity}'),
        ("datastore_search", '{"resource_id":"RID","q":"\\ud800"}'),
        ("package_show", '{"id":"\\ud800"}'),
        ("package_search", '{"q":' + "[" * 100_000),
        ("datastore_search", json.dumps({"resource_id": "RID", "filters": "[" * 100_000})),
        ("package_search", json.dumps({"facet.field": "[" * 100_000})),
        ("package_search", json.dumps({"facet.field": ["tags"], "facet.limit": "-x5"})),
        ("package_search", json.dumps({"q": "ab " * 1300})),
        ("package_search", json.dumps({"q": "metadata_modified:[0001-01-01T00:00:00+14:00 TO *]"})),
        ("organization_list", '{"organizations":"["}'),
        ("datastore_search", json.dumps({"resource_id": "RID", "filters": {"total": list(range(20_000))}})),
        (
            "datastore_search",
            json.dumps({"resource_id": "RID", "q": " ".join(f"w{n}" for n in range(20_000))}),
        ),
        ("datastore_search", json.dumps({"resource_id": "RID", "filters": {"total": {"gte": "many"}}})),
    ],
)
def test_what_cannot_be_answered_is_refused_at_once_and_never_a_fault_of_ours(
    house: House, action: str, body: str
) -> None:
    client = TestClient(app_of(house), raise_server_exceptions=False)
    resource = client.get(f"/api/3/action/package_show?id={NAME}").json()["result"]["resources"][0]["id"]
    sent = body.replace("RID", resource).encode()
    answer = client.post(
        f"/api/3/action/{action}", content=sent, headers={"content-type": "application/json"}
    )
    assert 400 <= answer.status_code < 500, answer.text


def test_filters_of_many_values_and_each_form_of_rows(client: TestClient) -> None:
    resource = client.get(f"/api/3/action/package_show?id={NAME}").json()["result"]["resources"][0]["id"]

    def rows(**params: Any) -> Any:
        answer = client.post(
            "/api/3/action/datastore_search", json={"resource_id": resource, "sort": "lot"} | params
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]["records"]

    assert [row["lot"] for row in rows(filters={"lot": ["P01", "P03", "no"]})] == ["P01", "P03"]
    assert rows(filters={"total": [80, "120"]}, fields=["lot"], records_format="lists") == [["P01"], ["P02"]]
    assert rows(filters={"total": None}, fields=["lot", "day"], records_format="csv") == "P03,2026-03-01\n"
    assert rows(filters={"lot": []}) == []


def test_rows_that_leave_stand_on_record(house: House, client: TestClient) -> None:
    resource = client.get(f"/api/3/action/package_show?id={NAME}").json()["result"]["resources"][0]["id"]
    client.get(f"/api/3/action/datastore_search?resource_id={resource}&limit=2&offset=1")
    with house.read() as work:
        told = list(work.db.exec(select(AuditEventRow).where(AuditEventRow.kind == "release.downloaded")))
    assert [json.loads(row.payload)["range"] for row in told] == ["rows 1+2"]


def test_a_frozen_dataset_gives_neither_rows_nor_files_until_somebody_else_lifts_it(
    house: House, client: TestClient
) -> None:
    resources = client.get(f"/api/3/action/package_show?id={NAME}").json()["result"]["resources"]
    table = next(each["id"] for each in resources if each["format"] == "PARQUET")
    rows = f"/api/3/action/datastore_search?resource_id={table}"
    file = f"/api/v1/releases/{table.removesuffix('-parquet')}/file"
    assert (client.get(rows).status_code, client.get(file).status_code) == (200, 200)
    with house.write() as work:
        a_person(work, "guard2", "bureau", ["security_officer"])
    guard, other = client_as(house, "guard"), client_as(house, "guard2")
    body = {"target_kind": "organisation", "target_id": "traffic", "reason": "源系统疑似泄露"}
    incident = guard.post("/api/v1/incidents", json=body).json()["id"]
    assert (client.get(rows).status_code, client.get(file).status_code) == (403, 403)
    assert "frozen" in client.get(file).text
    assert "已冻结" in client_as(house).get(f"/datasets/{DATASET}").text
    lift = f"/api/v1/incidents/{incident}/lift"
    assert guard.post(lift, json={"note": "核查完毕"}).status_code == 403
    assert other.post(lift, json={"note": "核查完毕"}).status_code == 200
    assert (client.get(rows).status_code, client.get(file).status_code) == (200, 200)


def test_whole_tables_leave_as_files_with_their_chinese_names(house: House, client: TestClient) -> None:
    resource = client.get(f"/api/3/action/package_show?id={NAME}").json()["result"]["resources"][0]["id"]
    at = f"/datastore/dump/{resource}"
    told = client.get(f"{at}?bom=true")
    lines = told.content.decode().split("\n")
    assert lines[0] == "\ufeff_id,lot,name,total,free,day\r"
    assert lines[1] == "1,P01,东门,120,13,2026-03-01"
    named = told.headers["content-disposition"]
    assert named.startswith("attachment; filename*=UTF-8''%E5%81%9C")
    assert named.split("filename=")[-1].strip('"') == f"{DATASET}-v1.csv"
    assert client.get(f"{at}?format=tsv&fields=lot,total&limit=1").text == "lot\ttotal\r\nP01\t120\n"
    read = client.get(f"{at}?format=json&sort=lot desc").json()
    assert [each["id"] for each in read["fields"]][:2] == ["_id", "lot"]
    assert [row[1] for row in read["records"]] == ["P03", "P02", "P01"]
    xml = client.get(f"{at}?format=xml&q=北").text
    assert '<row _id="3"><lot>P03</lot><name>北门</name><total xsi:nil="true"/>' in xml
    assert client.get(f"{at}?format=zz").status_code == 400
    assert client.get("/datastore/dump/no-such").status_code == 404
    assert list(house.settings.scratch_dir.glob("*.csv")) == []
    info = client.get(f"/api/3/action/datastore_info?id={resource}").json()["result"]
    assert info["meta"]["count"] == 3
    page = client.get(f"/api/3/action/datastore_search?resource_id={resource}&limit=2&include_next_page=true")
    assert page.json()["result"]["next_page"] == {"_id": {"gt": 2}}


def test_the_qgis_plugin_is_told_size_and_name_of_every_file(client: TestClient) -> None:
    """It indexes these keys hard, asks the head of each address for its length, and splits the name behind the last `filename=`."""
    found = client.get("/api/3/action/package_search?q=&fq=(groups:pk)&sort=name asc&rows=50&start=0").json()
    files = found["result"]["results"][0]["resources"]
    assert files
    for each in files:
        assert {"id", "name", "format", "url"} <= set(each)
        path = "/" + each["url"].split("/", 3)[3]
        head, whole = client.head(path), client.get(path)
        assert (head.status_code, whole.status_code) == (200, 200)
        assert int(head.headers["content-length"]) == len(whole.content) > 0
        named = head.headers["content-disposition"]
        assert named.index("filename*=") < named.rindex("filename=")
        assert named.split("filename=")[-1].strip('"').isascii()
    refused = client.get("/api/3/action/package_search?sort=nonsense").json()
    assert not refused["success"]
    assert refused["error"]["message"]


@pytest.mark.parametrize(("form", "sign"), [("csv", ","), ("tsv", "\t")])
def test_formulas_are_defused_where_rows_are_told_as_text(form: str, sign: str) -> None:
    found = datastore.Rows([{"id": "lot"}, {"id": "total"}], [{"lot": "=1+1", "total": -3}], 1)
    assert ckan_rows._formed(found, form) == f"'=1+1{sign}-3\n"
    assert ckan_rows._formed(found, "lists") == [["=1+1", -3]]
