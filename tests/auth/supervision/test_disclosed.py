"""A disclosed year never changes: what is entered of it later is told in the next disclosure, and every fen is told once. On both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlmodel import func, select

from api.house import House
from auth.products.rules import CHECKS
from auth.products.tables import FeeRow
from auth.supervision.disclosed import canonical, told
from core.text import Lang
from tests.auth.agreements.scene import an_agreement, with_planner
from tests.caps import a_fee_cap, in_force_since
from tests.conftest import TestClock
from tests.datasets.extracts.scene import Scene, a_scene
from tests.desk import a_desk
from tests.people import a_person, browser_as, client_as

YEARS = (2026, 2027, 2028)


@pytest.fixture
def scene(house: House) -> Scene:
    return a_scene(house, ends_on="2028-12-31")


def a_product(scene: Scene) -> str:
    in_force_since(scene.house, scene.grant_id, datetime(2026, 2, 1, tzinfo=UTC))
    cap = {
        "scenario_id": "*",
        "unit": "times",
        "cap_fen": 5000,
        "source": "价格通知",
        "effective_from": "2026-01-01",
    }
    a_fee_cap(scene.house, **cap)
    body = {
        "name_zh": "风险指数", "name_en": "Risk index", "kind": "indicator", "summary": "按区域汇总", "scenario_id": "safety",
        "purpose": "risk-pricing", "unit": "times", "price_fen": 100, "sources": [{"grant_id": scene.grant_id}], "affirmed": list(CHECKS),
        "level": 2,
    }  # fmt: skip
    made = client_as(scene.house, "officer").post("/api/v1/products", json=body)
    assert made.status_code == 201, made.text
    return f"/api/v1/products/{made.json()['id']}/fees"


def charged(scene: Scene, at: str, day: str, quantity: int, note: str = "") -> Any:
    body = {"charged_on": day, "quantity": quantity, "price_fen": 100, "note": note}
    return client_as(scene.house, "officer").post(at, json=body)


def shown(scene: Scene, year: int) -> dict[str, Any]:
    found: dict[str, Any] = client_as(scene.house, "auditor").get(f"/api/v1/disclosure/{year}").json()
    return found


def published(scene: Scene, year: int) -> Any:
    digest = client_as(scene.house, "auditor").get(f"/api/v1/disclosure/{year}").headers["X-Digest-SHA256"]
    return client_as(scene.house, "approver").post(
        f"/api/v1/disclosure/{year}/publication", json={"sha256": digest}
    )


def all_of_it(house: House) -> int:
    with house.read() as work:
        return int(work.db.exec(select(func.coalesce(func.sum(FeeRow.amount_fen), 0))).one())


def test_a_later_correction_changes_no_disclosed_figure_and_stands_in_the_next(
    scene: Scene, clock: TestClock
) -> None:
    at = a_product(scene)
    assert charged(scene, at, "2026-03-01", 10).status_code == 201
    assert published(scene, 2026).status_code == 409, "the year is not over"
    clock.now = datetime(2027, 2, 1, tzinfo=UTC)
    assert charged(scene, at, "2026-04-01", 5).status_code == 201, "not disclosed yet: its own year"
    before = shown(scene, 2026)
    assert before["figures"]["revenue_fen"] == 1500
    done = published(scene, 2026)
    assert done.status_code == 201, done.text
    assert published(scene, 2026).status_code == 409, "once"
    silent = charged(scene, at, "2026-03-01", -4)
    assert silent.status_code == 422
    refused = charged(scene, at, "2026-05-01", 2)
    assert (refused.status_code, "2027" in refused.text) == (422, True), (
        "of a disclosed year nothing is entered without a reason"
    )
    assert charged(scene, at, "2026-03-01", -4, "客户退款，经核实").status_code == 201
    assert charged(scene, at, "2027-01-15", 7).status_code == 201
    assert shown(scene, 2026) == before
    (line,) = shown(scene, 2027)["corrections"]
    assert {key: line[key] for key in ("year", "told_quantity", "quantity", "told_fen", "amount_fen", "change_fen")} == {
        "year": 2026, "told_quantity": 15, "quantity": 11, "told_fen": 1500, "amount_fen": 1100, "change_fen": -400,
    }  # fmt: skip
    figures = shown(scene, 2027)["figures"]
    assert (figures["revenue_fen"], figures["corrections_fen"]) == (700, -400)
    assert all_of_it(scene.house) == 1500 + 700 - 400


def test_every_fen_is_told_once_however_late(scene: Scene, clock: TestClock) -> None:
    at = a_product(scene)
    for month, (day, quantity, year) in enumerate(
        [("2026-03-01", 9, 0), ("2026-03-02", 4, 2026), ("2026-03-01", -2, 0), ("2027-05-01", 8, 0), ("2026-03-02", -1, 2027),
         ("2026-03-01", -3, 0), ("2027-05-01", -5, 0), ("2028-01-01", 6, 2028), ("2026-03-02", -3, 0), ("2027-05-01", -3, 0)]
    ):  # fmt: skip
        clock.now = datetime(2029, 1, 1 + month, tzinfo=UTC)
        assert charged(scene, at, day, quantity, "更正：按合同核对后的数量").status_code == 201
        if year:
            assert published(scene, year).status_code == 201
    figures = {year: shown(scene, year)["figures"] for year in (*YEARS, 2029)}
    assert sum(each["revenue_fen"] + each["corrections_fen"] for each in figures.values()) == all_of_it(
        scene.house
    )
    rows = [row for year in (*YEARS, 2029) for row in shown(scene, year)["corrections"]]
    last = {row["year"]: row["amount_fen"] for row in rows}
    with scene.house.read() as work:
        for year in YEARS:
            held = select(func.sum(FeeRow.amount_fen)).where(
                FeeRow.charged_on >= date(year, 1, 1), FeeRow.charged_on <= date(year, 12, 31)
            )
            assert last.get(year, figures[year]["revenue_fen"]) == int(work.db.exec(held).one()), (
                "the newest figure is the ledger's"
            )


def test_who_discloses_has_seen_what_he_discloses(scene: Scene, clock: TestClock) -> None:
    at = a_product(scene)
    clock.now = datetime(2027, 2, 1, tzinfo=UTC)
    seen = client_as(scene.house, "auditor").get("/api/v1/disclosure/2026").headers["X-Digest-SHA256"]
    assert charged(scene, at, "2026-03-01", 1).status_code == 201
    approver = client_as(scene.house, "approver")
    stale = approver.post("/api/v1/disclosure/2026/publication", json={"sha256": seen})
    assert stale.status_code == 412
    assert stale.json()["sha256"] != seen
    assert (
        client_as(scene.house, "auditor")
        .post("/api/v1/disclosure/2026/publication", json={"sha256": seen})
        .status_code
        == 403
    )
    assert approver.get("/api/v1/disclosure/2026/publication").status_code in (403, 404)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_discloses_and_keeps_what_was_told(scene: Scene, clock: TestClock, lang: Lang) -> None:
    a_product(scene)
    clock.now = datetime(2027, 2, 1, tzinfo=UTC)
    page = browser_as(scene.house, "approver", lang)
    found = client_as(scene.house, "auditor").get("/api/v1/disclosure/2026")
    assert found.headers["X-Digest-SHA256"] in page.get("/disclosure/2026").text
    assert page.submit("/disclosure/2026/publication", sha256="0" * 64).status_code == 412
    assert (
        page.submit("/disclosure/2026/publication", sha256=found.headers["X-Digest-SHA256"]).status_code
        == 303
    )
    assert {"zh": "已于", "en": "Disclosed on"}[lang] in page.get("/disclosure/2026").text
    with scene.house.read() as work:
        assert canonical(told(work, 2026)).decode().strip().startswith("{")
    assert (
        client_as(scene.house, "auditor").get("/api/v1/disclosure/2026/publication").json()["sha256"]
        == found.headers["X-Digest-SHA256"]
    )


def test_when_a_year_was_disclosed_is_told_to_who_supervises_and_to_nobody_else(
    scene: Scene, clock: TestClock
) -> None:
    a_product(scene)
    clock.now = datetime(2027, 2, 1, tzinfo=UTC)
    at = "/api/v1/disclosure/2026/publication"
    assert client_as(scene.house, "auditor").get(at).status_code == 404, "not disclosed yet"
    assert published(scene, 2026).status_code == 201
    with scene.house.write() as work:
        a_person(work, "unplaced", "bureau")
    for who in ("approver", "auditor", "watch"):
        assert client_as(scene.house, who).get(at).json()["year"] == 2026, who
    strangers = ("officer", "officer2", "analyst", "steward_a", "roads_screener", "clerk", "unplaced", None)
    assert [client_as(scene.house, who).get(at).status_code for who in strangers] == [403] * 7 + [401]


def test_money_of_before_the_first_grant_is_refused(scene: Scene) -> None:
    at = a_product(scene)
    refused = charged(scene, at, "2026-01-31", 1)
    assert (refused.status_code, "product-not-sold-then" in refused.text) == (403, True)
    assert charged(scene, at, "2026-02-01", 1).status_code == 201


def test_whoever_has_an_agreement_or_a_product_is_an_operator(house: House) -> None:
    desk = with_planner(a_desk(house))
    an_agreement(desk)
    told = client_as(house, "auditor").get("/api/v1/disclosure/2026").json()
    assert [each["id"] for each in told["operators"]] == ["insurer"]
    assert told["authorisations"] == []
    assert ("operators", "insurer", "credit_code") in {
        (each["section"], each["subject"], each["field"]) for each in told["missing"]
    }
