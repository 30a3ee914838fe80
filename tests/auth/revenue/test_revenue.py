"""What operators take is summed to the fen; the excess over a cap is deducted in the next year."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.house import House
from auth.revenue import rules
from tests.caps import a_fee_cap, a_revenue_cap, confirmed
from tests.datasets.extracts.scene import Scene, a_scene
from tests.people import browser_as, client_as

money = st.integers(0, 1000)


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    return a_scene(sqlite_house)


@given(
    st.dictionaries(st.integers(2024, 2030), money, max_size=4),
    st.dictionaries(st.integers(2024, 2030), money, max_size=4),
)
def test_no_fen_of_excess_is_lost(taken: dict[int, int], caps: dict[int, int]) -> None:
    found = rules.years(taken, caps)
    assert sum(each.taken_fen for each in found) == sum(taken.values())
    carried = 0
    for each in found:
        assert each.deducted_fen == carried
        if each.cap_fen is None:
            assert (each.allowed_fen, each.excess_fen) == (None, carried)
        else:
            assert each.allowed_fen == max(0, each.cap_fen - carried)
            assert each.excess_fen == max(0, each.taken_fen + carried - each.cap_fen)
        carried = each.excess_fen


def _cap(scene: Scene, fen: int, who: str = "approver", **more: Any) -> Any:
    body = {"org_id": "insurer", "year": 2026, "cap_fen": fen, "source": "核定最高准许收入的通知"} | more
    return client_as(scene.house, who).post("/api/v1/revenue/caps", json=body)


def _charged(scene: Scene) -> None:
    from auth.products.rules import CHECKS

    a_fee_cap(scene.house)
    product = {
        "name_zh": "风险指数", "name_en": "Risk index", "kind": "indicator", "summary": "按区域汇总的风险指数", "scenario_id": "safety",
        "purpose": "risk-pricing", "unit": "times", "price_fen": 4000, "sources": [{"grant_id": scene.grant_id}], "affirmed": list(CHECKS), "level": 2,
    }  # fmt: skip
    officer = client_as(scene.house, "officer")
    made = officer.post("/api/v1/products", json=product).json()
    charge = {"charged_on": "2026-03-02", "quantity": 3, "price_fen": 4000}
    assert officer.post(f"/api/v1/products/{made['id']}/fees", json=charge).status_code == 201


def test_revenue_stands_against_its_cap_and_in_the_disclosure(scene: Scene) -> None:
    _charged(scene)
    watch = client_as(scene.house, "watch")
    found = watch.get("/api/v1/disclosure/2026").json()
    assert ("revenue", "cap_fen") in [(each["section"], each["field"]) for each in found["missing"]]
    assert _cap(scene, 10_000, "watch").status_code == 403
    assert _cap(scene, 10_000, org_id="parks").status_code == 422
    assert _cap(scene, 10_000, org_id="nobody").status_code == 404
    a_revenue_cap(scene.house, cap_fen=99_000)
    a_revenue_cap(scene.house)
    a_revenue_cap(scene.house, cap_fen=5_000, year=2027)
    next_year, told = watch.get("/api/v1/revenue").json()["items"]
    assert (told["taken_fen"], told["allowed_fen"], told["excess_fen"]) == (12_000, 10_000, 2_000)
    assert next_year["deducted_fen"] == 2_000
    found = watch.get("/api/v1/disclosure/2026").json()
    assert [row["taken_fen"] for row in found["revenue"]] == [found["figures"]["revenue_fen"]]
    shown = browser_as(scene.house, "watch").get("/revenue").text
    assert ("超出 20.00" in shown, "金额单位为元" in shown) == (True, True), "in yuan"
    typed = {"org_id": "insurer", "year": "2028", "source": "核定最高准许收入的通知"}
    refused = browser_as(scene.house, "approver").submit("/revenue", cap="12.345", **typed)
    assert (refused.status_code, 'value="12.345"' in refused.text) == (422, True)
    made = browser_as(scene.house, "approver").submit("/revenue", cap="1,234.5", **typed)
    assert made.status_code == 303
    confirmed(scene.house, {"id": made.headers["location"].removeprefix("/caps/"), "version": 1})
    listed = client_as(scene.house, "watch").get("/api/v1/revenue", params={"year": 2028}).json()["items"]
    assert [row["cap_fen"] for row in listed] == [123_450]
    assert client_as(scene.house, "officer").get("/api/v1/revenue").status_code == 403


def test_the_disclosure_names_agreements_and_incidents_and_what_they_lack(scene: Scene) -> None:
    from tests.auth.agreements.scene import an_agreement, in_force, with_planner

    house, desk = scene.house, with_planner(scene.desk)
    watch = client_as(house, "watch")
    in_force(desk)
    before = watch.get("/api/v1/disclosure/2026").json()
    assert ("agreements", "insurer") in [(each["section"], each["subject"]) for each in before["missing"]]
    agreement = an_agreement(desk)
    frozen = {"target_kind": "organisation", "target_id": "mapper", "reason": "疑似超范围使用"}
    incident = watch.post("/api/v1/incidents", json=frozen).json()["id"]
    found = watch.get("/api/v1/disclosure/2026").json()
    assert [row["agreement_id"] for row in found["agreements"]] == [agreement.id]
    assert [row["incident_id"] for row in found["incidents"]] == [incident]
    assert (found["figures"]["agreements"], found["figures"]["incidents"]) == (1, 1)
    assert "agreements" not in {each["section"] for each in found["missing"]}
    assert "旅游安全授权运营协议" in browser_as(house, "watch").get("/disclosure/2026").text
    assert watch.post("/api/v1/disclosure/2026/pack").status_code == 200


def test_the_dashboard_shows_the_three_rates(scene: Scene) -> None:
    shown = browser_as(scene.house, "watch").get("/supervision").text
    for name in ("按时签收率", "受理告知及时率", "按时办结率"):
        assert name in shown
