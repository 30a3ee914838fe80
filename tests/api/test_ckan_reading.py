"""What CKAN's many clients ask for besides datasets, asked as they ask it: no release is needed for any of it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.house import House
from auth.actor import SYSTEM
from catalog import imports, queries, service
from catalog.ckan.names import BY_GET, EMPTY, REFUSED
from catalog.search import saved
from tests.catalog.records import a_dataset, a_department
from tests.people import actor_of, client_as

# What the R package ckanr calls, by name.
CKANR = """
am_following_dataset api_token_create api_token_list api_token_revoke bulk_update_delete bulk_update_private
bulk_update_public config_option_list config_option_show config_option_update dashboard_activity_list
dashboard_mark_activities_old dashboard_new_activities_count dataset_followee_count dataset_followee_list
dataset_follower_count dataset_follower_list datastore_create datastore_delete datastore_info datastore_search
datastore_search_sql datastore_upsert follow_dataset follow_group follow_user followee_count followee_list
group_activity_list group_autocomplete group_create group_delete group_follower_count group_follower_list group_list
group_list_authz group_member_create group_member_delete group_package_show group_patch group_purge group_show
group_update help_show job_cancel job_clear job_list job_show license_list member_create member_delete member_list
member_roles_list organization_activity_list organization_autocomplete organization_create organization_delete
organization_follower_count organization_list organization_list_for_user organization_member_create
organization_member_delete organization_patch organization_purge organization_show organization_update
package_activity_list package_autocomplete package_collaborator_create package_collaborator_delete
package_collaborator_list package_collaborator_list_for_user package_create package_delete package_list package_patch
package_relationship_create package_relationship_delete package_relationship_update package_relationships_list
package_resource_reorder package_revise package_search package_show package_update
recently_changed_packages_activity_list resource_create resource_delete resource_patch resource_search resource_show
resource_update resource_view_clear resource_view_create resource_view_delete resource_view_list
resource_view_reorder resource_view_show resource_view_update site_read status_show tag_autocomplete tag_create
tag_delete tag_list tag_show task_status_delete task_status_show task_status_update task_status_update_many
term_translation_show term_translation_update term_translation_update_many unfollow_dataset unfollow_group
unfollow_user user_activity_list user_autocomplete user_create user_delete user_followee_count user_followee_list
user_follower_count user_follower_list user_invite user_list user_patch user_show user_update vocabulary_create
vocabulary_delete vocabulary_list vocabulary_show vocabulary_update
""".split()  # noqa: SIM905 - a list as people read it


@pytest.fixture
def house(sqlite_house: House) -> House:
    """Two published records of one department, a draft, and a hidden one above the open levels."""
    with sqlite_house.write() as work:
        a_department(work, "traffic")
        a_department(work, "weather")
        a_dataset(work, "DP-PK-001", "traffic")
        a_dataset(
            work,
            "DP-TR-001",
            "traffic",
            title_zh="成都旅游公交",
            domain_code="TR",
            keywords=["公交"],
            formats=["json"],
        )
        a_dataset(work, "DP-PK-990", "traffic", draft=True, title_zh="秘密草稿", keywords=["草稿词"])
        a_dataset(
            work,
            "DP-PK-991",
            "traffic",
            draft=True,
            title_zh="不可见",
            keywords=["隐词"],
            data_level=5,
            open_type="N",
        )
    return sqlite_house


@pytest.fixture
def client(house: House) -> TestClient:
    return TestClient(create_app(house=house))


def result(client: TestClient, action: str, **params: Any) -> Any:
    told = client.post(f"/api/3/action/{action}", json=params)
    assert told.status_code == 200, told.text
    return told.json()["result"]


def test_every_name_of_ckanr_is_answered_in_ckans_own_form(client: TestClient) -> None:
    strange = []
    for name in CKANR:
        told = client.post(f"/api/3/action/{name}", json={"id": "no-such"})
        body = told.json()
        sound = isinstance(body, dict) and told.status_code < 500
        if not sound or not (body["success"] or body["error"]["__type"].endswith("Error")):
            strange.append((name, told.status_code, told.text[:80]))
    assert strange == []
    assert len(CKANR) >= 130
    assert client.post("/api/3/action/no_such").json() == "Bad request - Action name not known: no_such"


def test_what_policy_refuses_says_where_it_is_done(client: TestClient) -> None:
    for name, why in REFUSED.items():
        told = client.post(f"/api/action/{name}", json={})
        assert (told.status_code, told.json()["error"]["__type"]) == (403, "Authorization Error")
        assert told.json()["error"]["message"] == f"Access denied: {why.en} {why.zh}"
        assert client.get(f"/api/action/{name}").status_code == (403 if name in BY_GET else 400)
        assert name not in EMPTY


NOT_HERE = {  # collaborators, views, vocabularies: empty, not found, or refused with where it is done
    "package_collaborator_list": [], "package_collaborator_list_for_user": [],
    "package_collaborator_create": "a record has no collaborators", "package_collaborator_delete": "a record has no collaborators",
    "resource_view_list": [], "resource_view_show": 404, "resource_view_create": "/datasets", "resource_view_update": "/datasets",
    "resource_view_delete": "/datasets", "resource_view_reorder": "/datasets", "resource_view_clear": "/datasets",
    "vocabulary_list": [], "vocabulary_show": 404, "vocabulary_create": "code lists", "vocabulary_update": "code lists",
    "vocabulary_delete": "code lists",
}  # fmt: skip


@pytest.mark.parametrize("who", [None, "traffic-steward"])
def test_what_is_not_kept_here_is_empty_unknown_or_refused_in_ckans_form(
    house: House, who: str | None
) -> None:
    client = client_as(house, who) if who else TestClient(create_app(house=house))
    for name, expected in NOT_HERE.items():
        told = client.post(f"/api/3/action/{name}", json={"id": "dp-pk-001", "package_id": "dp-pk-001"})
        body = told.json()
        if expected == []:
            assert (told.status_code, body["success"], body["result"]) == (200, True, []), name
        elif expected == 404:
            assert (told.status_code, body["error"]["__type"]) == (404, "Not Found Error"), name
        else:
            assert (told.status_code, body["error"]["__type"]) == (403, "Authorization Error"), name
            assert str(expected) in body["error"]["message"], name


def test_methods_and_forms_of_asking(client: TestClient) -> None:
    path = "/api/3/action/package_show"
    for method in ("PUT", "PATCH", "DELETE"):
        assert client.request(method, path).status_code == 405
    assert client.head(f"{path}?id=dp-pk-001").status_code == 200
    shared = client.options(path)
    assert (shared.status_code, shared.headers["access-control-allow-origin"]) == (200, "*")
    assert "Authorization" in shared.headers["access-control-allow-headers"]
    strange = {"include_datasets": True, "include_users": False, "include_password_hash": True, "zz": 1}
    assert result(client, "package_show", id="dp-pk-001", **strange)["id"] == "DP-PK-001"
    asked = client.post(f"{path}?id=dp-tr-001", json={"id": "dp-pk-001"})
    assert asked.json()["result"]["id"] == "DP-TR-001", "the query string wins over a body"
    form = client.post(f"{path}?id=dp-tr-001", data={"id": "dp-pk-001"})
    assert form.json()["result"]["id"] == "DP-PK-001", "a form wins over both"
    trick = client.post(path, data={json.dumps({"id": "dp-pk-001"}): "1"})
    assert trick.json()["result"]["id"] == "DP-PK-001"
    parts = client.post(path, files={"id": (None, "dp-pk-001")})
    assert parts.json()["result"]["id"] == "DP-PK-001"
    several = client.get("/api/3/action/package_search?fq_list=organization:traffic&fq_list=groups:tr")
    assert several.json()["result"]["count"] == 1


def test_jsonp_calls_the_page_back_as_a_visitor(client: TestClient) -> None:
    told = client.get("/api/3/action/package_list?callback=jq.cb_1")
    assert told.headers["content-type"].startswith("application/javascript")
    assert (told.text[:13], told.text[-3:]) == ("/**/jq.cb_1({", "});")
    assert client.get("/api/3/action/package_list?callback=alert(1)//").status_code == 400


def test_jsonp_forgets_who_asks(house: House) -> None:
    steward = client_as(house, "traffic-steward")
    assert "traffic-steward" in steward.get("/api/3/action/user_list").text
    assert "traffic-steward" not in steward.get("/api/3/action/user_list?callback=f").text


def test_names_are_completed_as_ckans_pages_ask(client: TestClient) -> None:
    def asked(path: str) -> Any:
        return client.get(path).json()

    tags = asked("/api/2/util/tag/autocomplete?incomplete=公")
    assert tags == {"ResultSet": {"Result": [{"Name": "公交"}]}}
    found = asked("/api/util/dataset/autocomplete?incomplete=旅游")["ResultSet"]["Result"]
    assert [each["name"] for each in found] == ["dp-tr-001"]
    assert asked("/api/2/util/organization/autocomplete?q=traf")[0]["name"] == "traffic"
    assert asked("/api/2/util/group/autocomplete?q=停车")[0]["name"] == "pk"
    assert asked("/api/2/util/resource/format_autocomplete?incomplete=js")["ResultSet"]["Result"] == [
        {"Format": "json"}
    ]
    assert asked("/api/2/util/dataset/munge_title_to_name?title=Parking Lots 2026!") == "parking-lots-2026"
    assert asked("/api/2/util/user/autocomplete?q=a") == []
    assert client.get("/api/2/util/zz/autocomplete").status_code == 404


def test_nothing_hidden_leaks(client: TestClient) -> None:
    for path in (
        "3/action/package_list",
        '3/action/package_search?q=草稿&facet.field=["tags","groups","organization"]',
        '3/action/package_search?q=*:*&rows=100&include_drafts=true&include_private=true&facet.field=["tags"]',
        "3/action/tag_list",
        "3/action/tag_autocomplete?q=词",
        "3/action/package_autocomplete?q=秘密",
        "2/util/tag/autocomplete?incomplete=词",
        "2/util/dataset/autocomplete?incomplete=不可见",
        "3/action/recently_changed_packages_activity_list?limit=100",
        "3/action/organization_activity_list?id=traffic",
        "3/action/group_package_show?id=pk",
        "3/action/organization_show?id=traffic&include_datasets=true",
        "3/action/current_package_list_with_resources",
    ):
        told = client.get(f"/api/{path}")
        assert told.status_code == 200, told.text
        for hidden in ("秘密草稿", "不可见", "草稿词", "隐词", "990", "991"):
            assert hidden not in told.text, (path, hidden)
    counts = client.get("/api/3/action/organization_show?id=traffic").json()["result"]
    assert counts["package_count"] == 2


def test_extras_kept_for_clients_are_asked_for_by_their_key(house: House, client: TestClient) -> None:
    extras = [{"key": "harvest_source_id", "value": "a_b-1"}, {"key": "n", "value": 5}]
    with house.write() as work:
        row = queries.by_id(work, "DP-TR-001")
        imports.keep(
            work, actor_of(work, "traffic-steward"), row, "dp-tr-001", {"extras": extras}, is_import=False
        )
        hidden = queries.by_id(work, "DP-PK-990")
        imports.keep(
            work, actor_of(work, "traffic-steward"), hidden, "dp-pk-990", {"extras": extras}, is_import=False
        )
        imports.keep(
            work,
            actor_of(work, "traffic-steward"),
            queries.by_id(work, "DP-PK-001"),
            "dp-pk-001",
            {"extras": ""},
            is_import=False,
        )

    def count(fq: str) -> int:
        return int(result(client, "package_search", fq=fq, rows=0)["count"])

    assert count('harvest_source_id:"a_b-1"') == count("extras_harvest_source_id:A_B*") == count("n:5") == 1
    assert count("harvest_source_id:aXb-1") == count("harvest_source_id:x") == count("titel:停车") == 0
    assert count("extras_open_type:U") == count("open_type:U") == 2
    assert (
        client.get("/api/3/action/package_search", params={"fq": "a:1 b:1 c:1 d:1 e:1 f:1"}).status_code
        == 400
    )


def test_parts_of_packages_and_lists_in_order(client: TestClient) -> None:
    for fl in ("name, extras_open_type", ["name", "extras_open_type"], '["name", "extras_open_type"]'):
        found = result(client, "package_search", fl=fl, sort="name asc")["results"]
        assert found == [
            {"name": "dp-pk-001", "extras_open_type": "U"},
            {"name": "dp-tr-001", "extras_open_type": "U"},
        ]
    assert "resources" in result(client, "package_search", fl="*")["results"][0]
    counted = [
        each["package_count"]
        for each in result(client, "group_list", all_fields=True, sort="package_count desc")
    ]
    assert counted == sorted(counted, reverse=True)
    names = result(client, "group_list", sort="name")
    assert names == sorted(names)
    assert client.post("/api/3/action/group_list", json={"sort": "nope"}).status_code == 409
    assert [
        each["name"] for each in result(client, "tag_show", id="公交", include_datasets=True)["packages"]
    ] == ["dp-tr-001"]
    assert result(client, "member_list", id="traffic", object_type="package") == [
        ["DP-PK-001", "package", "public"],
        ["DP-TR-001", "package", "public"],
    ]
    assert result(client, "member_list", id="traffic", object_type="user") == []
    for action in ("member_list", "organization_activity_list", "group_activity_list"):
        assert client.post(f"/api/3/action/{action}", json={"id": "nobody"}).status_code == 404


def test_what_answers_the_words_best_comes_first_and_of_equal_ones_the_last_changed(
    house: House, client: TestClient, clock: Any
) -> None:
    """As CKAN's usual sort has it: `score desc, metadata_modified desc`; without words all answer alike."""

    def told(**asked: Any) -> list[str]:
        return [each["name"] for each in result(client, "package_search", **asked)["results"]]

    with house.write() as work:
        a_department(work, "harbour")
        for code, more in (
            ("R-BODY", {"title_zh": "泊位", "description_zh": "附近有灯塔的泊位。"}),
            ("R-TITLE", {"title_zh": "灯塔名录"}), ("R-TAG", {"title_zh": "航标", "keywords": ["灯塔"]}),
        ):  # fmt: skip
            clock.forward(minutes=1)
            a_dataset(work, code, "harbour", **more)
    with house.write() as work:
        clock.forward(minutes=1)
        a_dataset(work, "R-LATER", "harbour", title_zh="灯塔影像")
    best = ["r-later", "r-title", "r-tag", "r-body"]
    for asked in ({}, {"sort": "score desc, metadata_modified desc"}, {"sort": "score desc"}, {"sort": "rank"}, {"sort": "score"}):  # fmt: skip
        assert told(q="灯塔", **asked) == best, asked
    assert told(q="灯塔", sort="score asc") == ["r-body", "r-tag", "r-later", "r-title"]
    assert told(q="灯塔", sort="score desc, name desc") == ["r-title", "r-later", "r-tag", "r-body"]
    assert [*told(q="灯塔", rows=3), *told(q="灯塔", rows=3, start=3)] == best
    assert told(q="灯塔 OR r-body")[0] in ("r-body", "r-later")
    assert told(q="r-tag")[0] == "r-tag", "its own name before all words"
    newest = told(sort="metadata_modified desc, id asc")
    for asked in ({}, {"sort": "score desc"}, {"q": "*:*"}, {"q": "", "sort": "score desc, metadata_modified desc"}):  # fmt: skip
        assert told(**asked) == newest, asked
    assert told(fq="灯塔", sort="score desc") == [name for name in newest if name in best], (
        "a filter weighs nothing"
    )


@pytest.mark.parametrize("typed", ["停车", "停車", "ting che", "tcc", "dp-pk"])
def test_a_name_is_completed_in_either_script_and_by_sound(client: TestClient, typed: str) -> None:
    assert result(client, "package_autocomplete", q=typed)[0]["name"] == "dp-pk-001"
    assert (
        result(client, "package_autocomplete", q="秘密")
        == result(client, "package_autocomplete", q="mimi")
        == []
    )


def test_what_happened_lately_is_told_newest_first(house: House, client: TestClient, clock: Any) -> None:
    clock.forward(hours=1)
    with house.write() as work:
        service.withdraw(work, SYSTEM, "DP-TR-001", "数据有误，撤回")
        service.withdraw(work, SYSTEM, "DP-PK-990", "从未发布过的草稿")
    lately = result(client, "recently_changed_packages_activity_list")
    assert [(each["activity_type"], each["object_id"]) for each in lately] == [
        ("deleted package", "DP-TR-001"),
        ("new package", "DP-PK-001"),
    ]
    assert [each["activity_type"] for each in result(client, "package_activity_list", id="dp-pk-001")] == [
        "new package"
    ]
    assert client.post("/api/3/action/package_activity_list", json={"id": "dp-pk-990"}).status_code == 404


def test_people_see_themselves_alone(house: House, client: TestClient) -> None:
    steward = client_as(house, "traffic-steward")
    assert result(client, "user_list") == []
    assert client.post("/api/3/action/user_show", json={"id": "traffic-steward"}).status_code == 404
    assert result(steward, "user_show", id="traffic-steward")["name"] == "traffic-steward"
    (own,) = result(steward, "organization_list_for_user")
    assert (own["id"], own["capacity"]) == ("traffic", "editor")
    assert result(client, "organization_list_for_user") == []


def test_datasets_are_followed_and_keys_kept_by_their_owner(house: House, client: TestClient) -> None:
    steward = client_as(house, "traffic-steward")
    assert client.post("/api/3/action/follow_dataset", json={"id": "dp-pk-001"}).status_code == 403
    assert result(steward, "follow_dataset", id="dp-pk-001")["object_id"] == "DP-PK-001"
    assert steward.post("/api/3/action/follow_dataset", json={"id": "dp-pk-001"}).status_code == 409
    assert result(steward, "am_following_dataset", id="dp-pk-001") is True
    assert [each["id"] for each in result(steward, "dataset_followee_list")] == ["DP-PK-001"]
    assert result(client, "dataset_follower_count", id="dp-pk-001") == 0
    assert result(steward, "unfollow_dataset", id="dp-pk-001") is None
    assert result(steward, "followee_list") == []
    key = result(steward, "api_token_create", name="harvester")["token"]
    (kept,) = result(steward, "api_token_list")
    assert kept["name"] == "harvester"
    bare = TestClient(create_app(house=house), headers={"Authorization": key})
    assert result(bare, "user_show")["name"] == "traffic-steward"
    assert bare.post("/api/3/action/api_token_create", json={"name": "more"}).status_code == 403
    result(steward, "api_token_revoke", jti=kept["id"])
    assert bare.get("/api/3/action/site_read").headers["x-datagrant-token"] == "refused; read as a visitor"


def test_organisations_and_themes_are_followed_as_saved_searches(house: House, client: TestClient) -> None:
    steward = client_as(house, "weather-steward")
    assert client.post("/api/3/action/follow_group", json={"id": "pk"}).status_code == 403
    assert steward.post("/api/3/action/follow_group", json={"id": "nothing"}).status_code == 404
    assert result(steward, "follow_group", id="pk")["object_id"] == "PK"
    assert result(steward, "follow_organization", id="traffic")["object_id"] == "traffic"
    assert steward.post("/api/3/action/follow_group", json={"id": "traffic"}).status_code == 409
    assert (
        result(steward, "am_following_group", id="pk")
        is result(steward, "am_following_group", id="traffic")
        is True
    )
    assert result(steward, "am_following_group", id="tr") is False
    assert [(each["type"], each["dict"]["name"]) for each in result(steward, "followee_list")] == [
        ("organization", "traffic"),
        ("group", "pk"),
    ]
    assert (result(steward, "group_followee_count"), result(steward, "followee_count")) == (1, 2)
    assert {each["query"] for each in steward.get("/api/v1/me/searches").json()["items"]} == {
        "theme=PK",
        "publisher=traffic",
    }
    with house.write() as work:
        a_dataset(work, "DP-PK-005", "traffic", title_zh="新停车场")
        assert saved.tell(work, lambda work, _id: actor_of(work, "weather-steward")) == 2
    assert result(steward, "unfollow_group", id="pk") is None
    assert steward.post("/api/3/action/unfollow_group", json={"id": "pk"}).status_code == 404
    assert result(steward, "group_followee_list") == []


def test_requests_of_the_qgis_plugin(client: TestClient) -> None:
    groups = client.get("/api/3/action/group_list?all_fields=true").json()["result"]
    assert all({"display_name", "name"} <= set(each) for each in groups)
    told = client.get(
        "/api/3/action/package_search?q=&fq=(groups:pk+OR+groups:tr)&sort=name asc&rows=50&start=0"
    ).json()["result"]
    assert [each["name"] for each in told["results"]] == ["dp-pk-001", "dp-tr-001"]
    for each in told["results"]:
        assert {
            "id",
            "title",
            "notes",
            "author",
            "author_email",
            "license_id",
            "num_resources",
            "resources",
        } <= set(each)


def test_pages_of_the_ckan_harvester_end_and_never_repeat(
    house: House, client: TestClient, clock: Any
) -> None:
    clock.forward(days=1)
    since = (clock() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    with house.write() as work:
        for n in range(5):
            a_dataset(work, f"NEW-{n}", "traffic")
        service.update(
            work, actor_of(work, "traffic-steward"), "DP-PK-001", service.DatasetUpdate(title_en="Lots")
        )
    for action, name in (("organization_show", "traffic"), ("group_show", "pk")):  # asked of every record
        assert client.get(f"/api/3/action/{action}?id={name}").json()["result"]["name"] == name
    seen: list[str] = []
    start = 0
    while True:
        page = client.get(
            "/api/3/action/package_search",
            params={
                "rows": 2,
                "start": start,
                "sort": "id asc",
                "fq": f"(organization:traffic OR organization:weather) metadata_modified:[{since} TO *] -organization:other",
            },
        ).json()["result"]["results"]
        if not page:
            break
        seen += [each["id"] for each in page]
        start += 2
    assert seen == sorted(set(seen)) == ["DP-PK-001", *(f"NEW-{n}" for n in range(5))]


def test_requests_of_udatas_harvester(client: TestClient) -> None:
    names = client.get("/api/3/action/package_list").json()["result"]
    assert names == ["dp-pk-001", "dp-tr-001"]
    for name in names:
        shown = client.get(f"/api/3/action/package_show?id={name}")
        assert shown.headers["content-type"].split(";")[0] == "application/json"
        assert {"title", "notes", "tags", "extras", "resources", "license_id", "organization"} <= set(
            shown.json()["result"]
        )
    wrong = client.get(
        "/api/3/action/package_show?nothing=1"
    )  # it strips the quotes or shows the error's message
    assert wrong.status_code == 409
    assert not wrong.json()["success"]
    told = client.get("/api/3/action/package_search?q=organization:traffic AND -tags:公交&rows=1000")
    assert told.headers["content-type"].split(";")[0] == "application/json"
    assert [each["name"] for each in told.json()["result"]["results"]] == ["dp-pk-001"]
    assert (
        client.get("/api/3/action/package_show?id=dp-pk-001").json()["result"]["organization"]["name"]
        == "traffic"
    )
