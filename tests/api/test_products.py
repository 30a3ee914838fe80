"""Products over HTTP: graded anew, checked for places, registered where that is compelled, shown with four ticks and four dimensions."""

from __future__ import annotations

from typing import Any

import pytest

from api.house import House
from auth.grants import service as grants
from auth.grants.steps import GrantStep
from auth.products.rules import CHECKS, TICKS
from auth.profile.model import shipped
from tests.auth.agreements.scene import in_force
from tests.conftest import TestClock
from tests.datasets.extracts.scene import a_scene
from tests.people import a_person, browser_as, client_as

GENERIC = shipped()["generic-open-data"]


def a_body(grant_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "name_zh": "区域风险指数", "name_en": "Risk index by area", "kind": "indicator", "summary": "按街道汇总", "scenario_id": "safety",
        "purpose": "risk-pricing", "unit": "times", "price_fen": 0, "sources": [{"grant_id": grant_id}], "affirmed": list(CHECKS), "level": 2,
    } | changes  # fmt: skip


def test_an_unregistered_product_is_not_charged_for_where_registration_is_compelled(
    sqlite_house: House,
) -> None:
    scene = a_scene(sqlite_house)
    in_force(scene.desk, GENERIC.model_copy(update={"product_registration": "required"}))
    maker = client_as(sqlite_house, "applicant")
    for changes, code in (({"level": None}, "product-not-graded"), ({"level": 1}, "grade-below-source")):
        found = maker.post("/api/v1/products/check", json=a_body(scene.grant_id, **changes)).json()
        assert [each["code"] for each in found["reasons"]] == [code]
    made = maker.post("/api/v1/products", json=a_body(scene.grant_id))
    assert made.status_code == 201, made.text
    at, fee = (
        f"/api/v1/products/{made.json()['id']}",
        {"charged_on": "2026-03-02", "quantity": 1, "price_fen": 0},
    )
    refused = maker.post(f"{at}/fees", json=fee)
    assert refused.status_code == 403
    assert "product-not-registered" in refused.text
    page = browser_as(sqlite_house, "applicant", "en")
    shown = page.get(at.removeprefix("/api/v1")).text
    assert "nothing may be charged before it is registered" in shown
    assert page.submit(f"{at.removeprefix('/api/v1')}/registration", code="x").status_code == 422
    assert page.submit(f"{at.removeprefix('/api/v1')}/registration", code="SZ-2026-0001").status_code == 303
    assert maker.post(f"{at}/registration", json={"code": "SZ-2026-0002"}).status_code == 409, "once"
    assert (
        client_as(sqlite_house, "applicant2")
        .post(f"{at}/registration", json={"code": "SZ-2026-0002"})
        .status_code
        == 404
    )
    assert maker.post(f"{at}/fees", json=fee).status_code == 201


def test_a_product_shows_its_ticks_and_its_pack_the_four_dimensions(sqlite_house: House) -> None:
    scene = a_scene(sqlite_house)
    maker = client_as(sqlite_house, "applicant")
    made = maker.post("/api/v1/products", json=a_body(scene.grant_id)).json()
    pack = maker.get(f"/api/v1/products/{made['id']}/listing").json()
    assert {each["key"]: each["is_met"] for each in pack["ticks"]} == {
        "source": True,
        "scope": True,
        "process": False,
        "risk": True,
    }
    assert list(pack["dimensions"]) == ["subject", "source", "content", "circulation"]
    assert pack["dimensions"]["subject"]["licence"] == "QUALIFIED"
    assert pack["dimensions"]["content"]["level"] == 2
    shown = browser_as(sqlite_house, "applicant").get(f"/products/{made['id']}").text
    assert all(each.zh in shown for each in TICKS.values())
    assert "0/1 个来源可追到已签收的文件" in shown


def cells(pack: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {(each["stage"], each["dimension"]): each["standing"] for each in pack["assessment"]["cells"]}


def test_the_pack_judges_three_stages_by_four_dimensions(sqlite_house: House) -> None:
    scene = a_scene(sqlite_house)
    maker = client_as(sqlite_house, "applicant")
    made = maker.post("/api/v1/products", json=a_body(scene.grant_id)).json()
    at = f"/api/v1/products/{made['id']}"
    pack = maker.get(f"{at}/listing").json()
    assert pack["listing_type"] == {"code": "index", "name": "指数"}
    found = cells(pack)
    assert len(found) == 12
    assert {key for key, standing in found.items() if standing == "open"} == {("during", "source")}, (
        "no file is named"
    )
    assert {key for key, standing in found.items() if standing == "not_yet"} == {
        ("during", "circulation"), ("after", "source"), ("after", "content"), ("after", "circulation"),
    }  # fmt: skip
    assert maker.get(f"{at}/listing", params={"listing_type": "api"}).json()["listing_type"]["code"] == "api"
    refused = maker.get(f"{at}/listing", params={"listing_type": "gold"})
    assert refused.status_code == 422
    assert "visualisation" in refused.text
    assert (
        maker.post(f"{at}/fees", json={"charged_on": "2026-03-02", "quantity": 1, "price_fen": 0}).status_code
        == 201
    )
    shown = browser_as(sqlite_house, "applicant", "en").get(f"/products/{made['id']}").text
    assert "fee lines within the cap of their day: 1" in shown
    assert "sources that lead to a delivered file: 0 of 1" in shown


@pytest.mark.parametrize("how", ["product", "grant"])
def test_nothing_is_charged_for_days_after_the_product_or_its_grant_ended(
    sqlite_house: House, clock: TestClock, how: str
) -> None:
    scene = a_scene(sqlite_house)
    maker = client_as(sqlite_house, "applicant")
    made = maker.post("/api/v1/products", json=a_body(scene.grant_id)).json()
    at = f"/api/v1/products/{made['id']}"
    if how == "product":
        assert maker.post(f"{at}/end").status_code == 200
    else:
        with scene.desk.write("officer") as (work, actor):
            grants.relinquish(work, actor, scene.grant_id, GrantStep(note="不再使用"))
    clock.forward(days=2)
    maker = client_as(sqlite_house, "applicant")
    late = {"charged_on": "2026-03-04", "quantity": 1, "price_fen": 0}
    refused = maker.post(f"{at}/fees", json=late)
    assert (refused.status_code, "product-not-sold-then" in refused.text) == (403, True), refused.text
    assert maker.post(f"{at}/fees", json=late | {"charged_on": "2026-03-02"}).status_code == 201, (
        "entered late"
    )


def test_a_freeze_shows_in_the_cells(sqlite_house: House) -> None:
    scene = a_scene(sqlite_house)
    maker = client_as(sqlite_house, "applicant")
    made = maker.post("/api/v1/products", json=a_body(scene.grant_id)).json()
    at = f"/api/v1/products/{made['id']}/listing"
    with sqlite_house.write() as work:
        a_person(work, "guard", "bureau", ["security_officer"])
    officer = client_as(sqlite_house, "guard")
    frozen = officer.post("/api/v1/incidents", json={"target_kind": "organisation", "target_id": made["org_id"], "reason": "用途违规，先行冻结核查"})  # fmt: skip
    assert frozen.status_code == 201, frozen.text
    found = cells(maker.get(at).json())
    assert found["during", "subject"] == "open"
    assert found["before", "source"] == "open", "a frozen grant does not count now"
