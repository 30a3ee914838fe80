"""CKAN's DataStore over a grant: the rows of the grant's own view, asked, charged and written down as in every reading in place."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import ckanapi
import pytest
from fastapi.testclient import TestClient
from lxml import etree

from api.app import create_app
from api.house import House
from auth.actor import SYSTEM
from auth.identity import accounts
from datasets.sharing import service
from datasets.sharing.tables import ViewRow
from tests.conftest import TestClock
from tests.datasets.extracts.scene import COLUMNS, ROWS, VENUES, Scene, a_scene, a_table
from tests.datasets.sharing.reading import makes, works
from tests.people import a_person, app_of, client_as
from tests.web.browser import served

HELD = {name: [row[at] for row in ROWS] for at, (name, *_) in enumerate(COLUMNS)}
FEW = ["venue_id", "rooms", {"name": "contact_phone", "reason": "同一联系人去重", "use": "pseudonymised"}]
LARGE = {"op": "gt", "column": "rooms", "value": 10}


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    return a_scene(sqlite_house, columns=FEW, row_filter=LARGE)


@pytest.fixture
def analyst(scene: Scene) -> TestClient:
    client = client_as(scene.house, "analyst")
    client.headers["accept-language"] = "en"
    return client


def _asks(client: TestClient, action: str = "datastore_search", **params: Any) -> Any:
    return client.post(f"/api/3/action/{action}", json=params)


def _rows(client: TestClient, resource_id: str, **params: Any) -> Any:
    told = _asks(client, resource_id=resource_id, **params)
    assert told.status_code == 200, told.text
    return told.json()["result"]


def test_rows_of_the_view_with_everything_that_clients_ask(scene: Scene, analyst: TestClient) -> None:
    makes(scene)
    found = _rows(analyst, scene.grant_id, sort="rooms desc")
    assert [each["id"] for each in found["fields"]] == ["_id", "venue_id", "rooms", "contact_phone"]
    assert ([each["rooms"] for each in found["records"]], found["total"]) == ([55, 30, 12], 3)
    assert found["resource_id"] == f"{scene.grant_id}-v1"
    phones = {each["contact_phone"] for each in found["records"]}
    assert len(phones) == 3
    assert not phones & set(HELD["contact_phone"]), "pseudonyms, whatever is asked"
    assert found["fields"][1]["info"]["label"] == "列venue_id"
    assert [row["venue_id"] for row in _rows(analyst, scene.grant_id, q="v5")["records"]] == ["V5"]
    few = _rows(analyst, scene.grant_id, filters={"rooms": {"lt": 50}}, fields="venue_id", sort="venue_id", include_total=False)  # fmt: skip
    assert (few["records"], "total" in few) == ([{"venue_id": "V1"}, {"venue_id": "V2"}], False)
    assert _rows(analyst, scene.grant_id, fields="rooms", distinct=True, records_format="csv", sort="rooms")["records"] == "12\n30\n55\n"  # fmt: skip
    masked = [each["contact_phone"] for each in _rows(analyst, scene.grant_id, sort="contact_phone")["records"]]  # fmt: skip
    assert masked == sorted(masked), "sorted by what is shown"
    (one,) = _rows(analyst, scene.grant_id, filters={"contact_phone": masked[1]})["records"]
    assert one["contact_phone"] == masked[1]
    assert (scene.view().used.extracts, scene.view().used.rows) == (1, 3)  # once, as the whole view
    assert len(scene.events("view.read")) == 1


def test_pages_by_key_give_every_row_once(scene: Scene, analyst: TestClient, clock: TestClock) -> None:
    makes(scene)
    pinned, page, held = "", {"filters": {}}, []
    while page:
        told = _rows(analyst, pinned or scene.grant_id, limit=1, include_next_page=True, **page)
        pinned, held = told["resource_id"], [*held, *told["records"]]
        page = {"filters": told["next_page"]} if "next_page" in told else {}
    assert sorted(each["venue_id"] for each in held) == ["V1", "V2", "V5"]
    clock.forward(hours=2)
    makes(scene, scene.releases(a_table(ROWS[:1]), 2))
    assert _rows(analyst, scene.grant_id)["total"] == 1
    again = _asks(analyst, resource_id=pinned)
    assert again.status_code in (
        200,
        403,
    )  # the id keeps its release, as far as the grant lets old ones be read
    assert again.status_code != 200 or again.json()["result"]["total"] == 3


def test_a_record_names_the_tables_of_the_one_who_asks(scene: Scene, analyst: TestClient) -> None:
    makes(scene)
    name = VENUES.lower()

    def ids(client: TestClient) -> list[str]:
        return [each["id"] for each in _asks(client, "package_show", id=name).json()["result"]["resources"]]

    table = f"{scene.grant_id}-v1"
    assert ids(analyst) == [f"{VENUES}-apply", table]
    shown = _asks(analyst, "resource_show", id=table).json()["result"]
    assert (shown["datastore_active"], shown["url"].endswith(f"/datastore/dump/{table}")) == (True, True)
    for _ in range(2):  # as it is made, then as it might have been kept
        assert table in _asks(analyst, "package_search", q="").text
    for other in (client_as(scene.house), client_as(scene.house, "auditor"), client_as(scene.house, "applicant2")):  # fmt: skip
        assert ids(other) == [f"{VENUES}-apply"]
        assert _asks(other, "resource_show", id=table).status_code == 404
        assert scene.grant_id not in _asks(other, "package_search", q="").text
        assert scene.grant_id not in _asks(other, "resource_search", query="name:").text
    assert table in _asks(analyst, "package_search", q="").text, "whatever others were told before"
    for named in (f"{VENUES}-apply", scene.release_id, f"{scene.release_id}-csv"):
        assert _rows(analyst, named)["total"] == 3
    about = _asks(analyst, "datastore_info", id=table).json()["result"]
    assert (about["meta"]["count"], about["schema"]["rooms"]) == (3, "int8")


def test_without_a_grant_the_answer_leads_to_applying(scene: Scene) -> None:
    makes(scene)
    with scene.house.write() as work:
        a_person(work, "stranger", "insurer", [])
    for client in (
        client_as(scene.house),
        client_as(scene.house, "auditor"),
        client_as(scene.house, "stranger"),
    ):
        for named in (f"{VENUES}-apply", f"{scene.release_id}-parquet"):
            told = _asks(client, resource_id=named)
            assert (told.status_code, told.json()["error"]["__type"]) == (403, "Authorization Error")
            assert "not-open-unconditionally" in told.json()["error"]["reasons"]
            assert client.get(f"/datastore/dump/{named}").status_code == 403
        for named in (scene.grant_id, f"{scene.grant_id}-v1", "NO-apply"):
            told = _asks(client, resource_id=named)
            assert (told.status_code, told.json()["error"]["message"]) == (404, f"Not found: Resource {named!r} was not found.")  # fmt: skip
    assert scene.view().used.extracts == 0
    assert not scene.events("view.read")


@pytest.mark.parametrize(
    "asked",
    [
        {"filters": {"NAME": "x"}}, {"filters": {"$or": [{"NAME": None}]}}, {"fields": "NAME"}, {"sort": "NAME desc"},
        {"q": {"NAME": "a"}}, {"fields": "rooms", "distinct": True, "sort": "NAME"},
    ],
)  # fmt: skip
def test_what_is_not_granted_does_not_exist(scene: Scene, analyst: TestClient, asked: dict[str, Any]) -> None:
    makes(scene)

    def said(name: str) -> tuple[int, str]:
        told = _asks(
            analyst, resource_id=scene.grant_id, **json.loads(json.dumps(asked).replace("NAME", name))
        )
        return told.status_code, told.text.replace(name, "NAME")

    assert said("secret_note") == said("no_such_column")
    assert said("secret_note")[0] == 409
    assert scene.view().used.extracts == 0  # and costs nothing


def test_rows_outside_the_filter_cannot_be_counted_or_found(scene: Scene, analyst: TestClient) -> None:
    makes(scene)
    assert _rows(analyst, scene.grant_id, filters={"rooms": {"lte": 10}})["total"] == 0
    assert _rows(analyst, scene.grant_id, filters={"rooms": None})["total"] == 0
    assert _rows(analyst, scene.grant_id, filters={"$or": [{"venue_id": "V4"}, {"venue_id": {"ne": "V4"}}]})["total"] == 3  # fmt: skip
    phone = HELD["contact_phone"][0]
    for ask in ({"filters": {"contact_phone": phone}}, {"q": phone}, {"q": "秘密"}):
        assert _rows(analyst, scene.grant_id, **ask)["total"] == 0
    assert sorted(each["_id"] for each in _rows(analyst, scene.grant_id)["records"]) == [1, 2, 3]


def test_the_next_page_after_a_revocation_holds_nothing(house: House) -> None:
    scene = a_scene(house)
    makes(scene)
    client = client_as(house, "analyst")
    told = _rows(client, scene.grant_id, limit=1, include_next_page=True)
    scene.revokes()
    for answer in (
        _asks(client, resource_id=told["resource_id"], filters=told["next_page"]),
        client.get(f"/datastore/dump/{told['resource_id']}"),
        _asks(client, "datastore_info", id=scene.grant_id),
    ):
        assert (answer.status_code, answer.json()["error"]["__type"]) == (403, "Authorization Error")
        assert answer.json()["error"]["reasons"]
        assert "V2" not in answer.text
    assert len(scene.events("view.refused")) == 3


def test_a_revocation_while_rows_are_looked_for_keeps_them_in(
    scene: Scene, analyst: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    makes(scene)
    from datasets import datastore

    reads = datastore.read

    def slow(*given: Any) -> Any:
        found = reads(*given)
        scene.suspends()
        return found

    monkeypatch.setattr(datastore, "read", slow)
    answer = _asks(analyst, resource_id=scene.grant_id)
    assert (answer.status_code, "V1" in answer.text) == (403, False)
    assert scene.view().used.extracts == 0


def test_the_quota_is_exact_and_no_grant_helps_another(house: House, clock: TestClock) -> None:
    scene = a_scene(house, quotas={"extracts": 2})
    makes(scene)
    client = client_as(house, "analyst")
    for _ in range(3):
        assert _asks(client, resource_id=scene.grant_id).status_code == 200
    rows = scene.view().used.rows
    clock.forward(hours=24)
    client = client_as(house, "analyst")
    assert client.get(f"/datastore/dump/{scene.grant_id}").status_code == 200
    clock.forward(hours=24)
    answer = _asks(client_as(house, "analyst"), resource_id=scene.grant_id)
    assert (answer.status_code, answer.json()["error"]["reasons"]) == (403, ["quota-exhausted"])
    assert (scene.view().used.extracts, scene.view().used.rows) == (2, 2 * rows)


def test_dumps_in_every_form_leave_as_the_view_is(scene: Scene, analyst: TestClient) -> None:
    makes(scene)
    at = f"/datastore/dump/{VENUES}-apply"
    told = analyst.get(f"{at}?bom=true&sort=rooms")
    table = list(csv.DictReader(io.StringIO(told.content.decode("utf-8-sig"))))
    assert [row["venue_id"] for row in table] == ["V1", "V2", "V5"]
    assert told.headers["content-disposition"].endswith(f'filename="{VENUES}-v1.csv"')
    assert told.headers["cache-control"] == "private, no-store"
    assert analyst.get(f"{at}?format=tsv&fields=rooms&sort=rooms").text == "rooms\r\n12\n30\n55\n"
    said = analyst.get(f"{at}?format=json&limit=2").json()
    assert (len(said["records"]), [each["id"] for each in said["fields"]][:2]) == (2, ["_id", "venue_id"])
    rows = etree.fromstring(analyst.get(f"{at}?format=xml").content)
    assert sorted(row.findtext("venue_id") for row in rows) == ["V1", "V2", "V5"]
    assert analyst.get(f"{at}?sort=secret_note").status_code == 409
    assert analyst.get(f"{at}?format=exe").status_code == 400
    assert scene.view().used.extracts == 1
    assert not list(scene.house.settings.scratch_dir.glob("*.csv")), "nothing is left behind"


@pytest.mark.parametrize("end", ["nothing", "revoked", "dismissed", "disabled"])
@pytest.mark.parametrize("at", ["/datastore/dump/{}", "/api/v1/grants/{}/rows"])
def test_what_flows_ends_with_the_right_in_its_midst(
    scene: Scene, analyst: TestClient, monkeypatch: pytest.MonkeyPatch, end: str, at: str
) -> None:
    makes(scene)
    asks = service.may_still

    def ended_before(*given: Any) -> bool:
        """The first time that it is asked again while bytes flow."""
        monkeypatch.setattr(service, "may_still", asks)
        if end == "revoked":
            scene.revokes()
        with scene.house.write() as work:
            row = accounts.account_row(work, "analyst")
            if end == "dismissed":
                for role in accounts.account(work, row.id).roles:
                    accounts.take_role(work, SYSTEM, row.id, role.id)
            if end == "disabled":
                row.disabled = True
                work.db.add(row)
        with scene.house.read() as work:
            return asks(work, *given[1:])

    monkeypatch.setattr("api.delivery.RECHECK_S", 0)
    monkeypatch.setattr(service, "may_still", ended_before)
    if end == "nothing":
        assert analyst.get(at.format(scene.grant_id)).status_code == 200
    else:
        with pytest.raises(ConnectionError):
            analyst.get(at.format(scene.grant_id))


def test_while_the_view_is_made_clients_are_told_when_to_ask_again(scene: Scene, analyst: TestClient) -> None:
    told = _asks(analyst, resource_id=scene.grant_id)
    assert (told.status_code, told.headers["retry-after"]) == (429, "2")
    assert told.json()["error"]["message"].startswith("Not ready: ")
    works(scene, releases=False)
    assert _asks(analyst, resource_id=scene.grant_id).status_code == 409  # waits for its output review
    scene.checks()
    assert analyst.head(f"/api/3/action/datastore_search?resource_id={scene.grant_id}").status_code == 200
    assert _asks(analyst, "datastore_info", id=scene.grant_id).status_code == 200
    assert scene.view().used.extracts == 0, "a look at the head takes nothing"
    assert _asks(analyst, resource_id=scene.grant_id).status_code == 200


def test_a_purpose_is_the_keys_or_said_or_the_only_one(scene: Scene, analyst: TestClient) -> None:
    makes(scene)
    assert _asks(analyst, resource_id=scene.grant_id, purpose="risk-pricing").status_code == 200
    other = _asks(analyst, resource_id=scene.grant_id, purpose="research")
    assert (other.status_code, other.json()["error"]["reasons"]) == (403, ["purpose-mismatch"])
    profile = analyst.post(f"/api/v1/grants/{scene.grant_id}/profile", json={}).json()
    key = TestClient(create_app(house=scene.house), headers={"X-CKAN-API-Key": profile["bearerToken"]})
    assert _rows(key, f"{VENUES}-apply")["total"] == 3
    assert _asks(key, resource_id=scene.grant_id, purpose="research").status_code == 403
    browser = TestClient(create_app(house=scene.house))
    jsonp = browser.get(f"/api/3/action/datastore_search?resource_id={scene.grant_id}&callback=f")
    assert jsonp.status_code == 404


def test_ckans_own_client_reads_by_key(scene: Scene, analyst: TestClient) -> None:
    makes(scene)
    ask = {"name": "ckan", "scopes": ["datasets:share:read"], "days": 5}
    key = analyst.post("/api/v1/me/api-keys", json=ask).json()["key"]
    with served(app_of(scene.house)) as address, ckanapi.RemoteCKAN(address, apikey=key) as ckan:
        table = ckan.action.package_show(id=VENUES.lower())["resources"][-1]
        rows = ckan.action.datastore_search(
            resource_id=table["id"], filters={"rooms": [12, 55]}, sort="rooms"
        )
        assert [each["venue_id"] for each in rows["records"]] == ["V1", "V5"]
        with pytest.raises(ckanapi.ValidationError) as unknown:
            ckan.action.datastore_search(resource_id=table["id"], filters={"secret_note": "x"})
        assert unknown.value.error_dict["filters"] == ["Unknown field: secret_note"]
        scene.revokes()
        with pytest.raises(ckanapi.NotAuthorized):
            ckan.action.datastore_search(resource_id=table["id"])


def test_bytes_are_counted_for_whom_they_went_to(scene: Scene, analyst: TestClient) -> None:
    view = makes(scene)
    with scene.house.write() as work:
        a_person(work, "second", "insurer", ["analyst"])
    second = client_as(scene.house, "second")
    first_sent = len(_asks(analyst, resource_id=scene.grant_id).content)
    second_sent = len(_asks(second, resource_id=scene.grant_id, limit=1).content)
    first_sent += len(_asks(analyst, resource_id=scene.grant_id, limit=2).content)
    assert _sent(scene, view) == {"analyst": first_sent, "second": second_sent}


def _sent(scene: Scene, view: ViewRow) -> dict[str, int]:
    from sqlmodel import select

    from auth.grants.tables import UsageEventRow

    with scene.house.read() as work:
        lines = work.db.exec(select(UsageEventRow).where(UsageEventRow.subject == view.id))
        return {line.account: line.sent_bytes for line in lines if line.kind == "download"}
