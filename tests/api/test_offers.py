"""The offer of a dataset: for everybody who may know of it, and only where grants may cover it."""

from __future__ import annotations

from api.house import House
from auth.policy import odrl
from tests.catalog.records import a_dataset
from tests.people import a_person, an_org, client_as


def test_offer_is_public_where_grants_may_cover_the_dataset_and_says_why_elsewhere(
    sqlite_house: House,
) -> None:
    with sqlite_house.write() as work:
        an_org(work, "parks", kind="source_department")
        a_person(work, "steward", "parks", ["steward"])
        for name, changes in (
            ("DP-PK-001", {"open_type": "C", "auth_op_scope": "yes", "open_condition": "按场景授权"}),
            ("DP-PK-002", {"open_type": "U", "auth_op_scope": "no"}),
        ):
            a_dataset(work, name, "parks", **changes)
        a_dataset(work, "DP-PK-003", "parks", draft=True)
    visitor = client_as(sqlite_house)
    found = visitor.get("/api/v1/datasets/DP-PK-001/offer")
    assert (found.status_code, found.headers["content-type"]) == (200, "application/ld+json")
    assert found.json()["target"] == "urn:datagrant:dataset:DP-PK-001"
    closed = visitor.get("/api/v1/datasets/DP-PK-002/offer")
    assert closed.status_code == 409
    assert [reason["code"] for reason in closed.json()["reasons"]] == ["dataset-out-of-scope"]
    for name in ("DP-PK-003", "nothing"):
        assert visitor.get(f"/api/v1/datasets/{name}/offer").status_code == 404


def test_the_shapes_of_offers_are_there_for_everybody(sqlite_house: House) -> None:
    found = client_as(sqlite_house).get("/api/v1/odrl-shapes")
    assert found.status_code == 200
    assert found.headers["content-type"].startswith("text/turtle")
    assert found.text == odrl.shapes()
