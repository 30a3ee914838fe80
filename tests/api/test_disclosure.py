"""Products, caps and fees over HTTP, and the yearly disclosure that is made of them and of the ledger."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from typing import Any

import pytest
from sqlmodel import select

from api.disclosing import FIGURES
from api.house import House
from auth.grants.tables import GrantRow
from auth.products.rules import CHECKS
from core.text import Lang
from tests.caps import a_fee_cap
from tests.conftest import TestClock
from tests.datasets.extracts.scene import VENUES, Scene, a_scene
from tests.desk import a_grant
from tests.people import browser_as, client_as


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    return a_scene(sqlite_house)


def _product(scene: Scene, **changes: Any) -> dict[str, Any]:
    return {
        "name_zh": "=风险指数", "name_en": "Risk index", "kind": "indicator", "summary": "按区域汇总的风险指数",
        "scenario_id": "safety", "purpose": "risk-pricing", "unit": "times", "price_fen": 4000,
        "sources": [{"grant_id": scene.grant_id}], "affirmed": list(CHECKS), "level": 2,
    } | changes  # fmt: skip


def _cap(scene: Scene, fen: int = 5000) -> None:
    a_fee_cap(scene.house, cap_fen=fen)


def test_a_product_is_traceable_to_the_file_it_was_built_on(scene: Scene) -> None:
    made = scene.delivered(columns=["venue_id", "rooms"])
    officer = client_as(scene.house, "officer")
    sources = [{"grant_id": scene.grant_id, "sha256": made.sha256}]
    asked = _product(scene, sources=sources)
    refused = officer.post("/api/v1/products", json=asked)
    assert [r["code"] for r in refused.json()["reasons"]] == ["no-fee-cap"]
    _cap(scene)
    assert officer.post("/api/v1/products/check", json=asked).json()["permitted"]
    entered = officer.post("/api/v1/products", json=asked).json()
    (source,) = entered["sources"]
    assert source["extracts"][0] | {"receipt_hash": ""} == {
        "extract_id": made.id, "release_id": made.release_id, "release_number": 1, "receipt_hash": "",
    }  # fmt: skip
    strange = _product(scene, sources=[{"grant_id": scene.grant_id, "sha256": "0" * 64}])
    assert "file-not-delivered" in officer.post("/api/v1/products", json=strange).text
    fees = f"/api/v1/products/{entered['id']}/fees"
    charge = {"charged_on": "2026-03-02", "quantity": 3, "price_fen": 4000}
    assert officer.post(fees, json=charge).status_code == 201
    assert "price-above-cap" in officer.post(fees, json=charge | {"price_fen": 5001}).text
    assert officer.post(fees, json=charge | {"quantity": -1}).status_code == 422
    assert officer.post(fees, json=charge | {"quantity": -1, "note": "退款一次"}).status_code == 201
    back = {"quantity": -(10**6), "note": "退款一次"}
    for wrong in (
        back,
        back | {"quantity": -1, "price_fen": 1},
        back | {"quantity": -1, "charged_on": "2026-01-05"},
    ):
        assert officer.post(fees, json=charge | wrong).status_code == 422, (
            "no more than was entered of that day and price"
        )
    listing = officer.get(f"/api/v1/products/{entered['id']}/listing").json()
    assert listing["product"]["revenue_fen"] == 8000
    assert client_as(scene.house, "officer2").get(f"/api/v1/products/{entered['id']}").status_code == 404
    assert client_as(scene.house, "officer2").post(fees, json=charge).status_code == 404


def test_public_purposes_are_free(scene: Scene) -> None:
    _cap(scene)
    officer = client_as(scene.house, "officer")
    answer = officer.post("/api/v1/products", json=_product(scene, purpose="research")).json()
    assert [r["code"] for r in answer["reasons"]] == ["outside-the-scenario", "public-is-free"]


def test_the_disclosure_reconciles_with_the_ledger_to_the_byte(scene: Scene) -> None:
    _cap(scene)
    client_as(scene.house, "officer").post("/api/v1/products", json=_product(scene))
    for columns in (["venue_id"], ["venue_id", "rooms"]):
        made = scene.delivered(columns=columns)
        client_as(scene.house, "analyst").get(f"/api/v1/extracts/{made.id}/file")
    auditor = client_as(scene.house, "auditor")
    found = auditor.get("/api/v1/disclosure/2026").json()
    span = {"since": "2026-01-01T00:00:00+08:00", "until": "2027-01-01T00:00:00+08:00"}
    sums = auditor.get("/api/v1/usage", params=span).json()["sums"]
    units = ("extracts", "rows", "bytes", "sent_bytes")
    assert {unit: found["figures"][unit] for unit in units} == {unit: sums[unit] for unit in units}
    assert {unit: sum(row[unit] for row in found["resources"]) for unit in units} == {
        unit: sums[unit] for unit in units
    }
    table = auditor.get("/api/v1/usage/file", params=span | {"form": "csv"}).content.decode("utf-8-sig")
    assert sum(int(row["bytes"]) for row in csv.DictReader(io.StringIO(table))) == found["figures"]["bytes"]
    with scene.house.read() as work:
        grant = work.db.exec(select(GrantRow)).one()
        assert (grant.used_bytes, grant.used_rows) == (found["figures"]["bytes"], found["figures"]["rows"])
    assert [row["grant_id"] for row in found["authorisations"]] == [scene.grant_id]
    assert [row["name_en"] for row in found["products"]] == ["Risk index"]
    assert {(m["section"], m["field"]) for m in found["missing"]} == {
        ("bodies", "credit_code"), ("operators", "credit_code"), ("fees", "amount_fen"),
    }  # fmt: skip


def test_a_grant_counts_in_the_years_in_which_it_was_in_force(scene: Scene, clock: TestClock) -> None:
    auditor = client_as(scene.house, "auditor")
    scene.revokes()

    def years() -> list[int]:
        return [
            year for year in (2025, 2026, 2027, 2028)
            if auditor.get(f"/api/v1/disclosure/{year}").json()["authorisations"]
        ]  # fmt: skip

    assert years() == [2026]


def test_the_pack_is_the_same_bytes_and_runs_nothing(scene: Scene) -> None:
    _cap(scene)
    client_as(scene.house, "officer").post("/api/v1/products", json=_product(scene))
    scene.delivered(columns=["venue_id"])
    auditor = client_as(scene.house, "auditor")
    first, second = (auditor.post("/api/v1/disclosure/2026/pack").content for _ in range(2))
    assert first == second, "equal records give equal bytes"
    with zipfile.ZipFile(io.BytesIO(first)) as pack:
        parts = {name: pack.read(name) for name in pack.namelist()}
    for line in parts["SHA256SUMS"].decode().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256(parts[name]).hexdigest() == digest
    assert json.loads(parts["disclosure.json"])["products"][0]["name_zh"] == "=风险指数"
    with zipfile.ZipFile(io.BytesIO(parts["disclosure.xlsx"])) as book:
        assert not [n for n in book.namelist() if "sheet" in n and b"<f" in book.read(n)]
        assert b"'=\xe9\xa3\x8e" in book.read("xl/sharedStrings.xml")
    assert "年度披露" in parts["disclosure.zh.html"].decode()
    for lang, word in (("zh", "交付字节"), ("en", "Bytes delivered")):
        assert f"<td>{word}</td>" in parts[f"disclosure.{lang}.html"].decode()
    figures = json.loads(parts["disclosure.json"])["figures"]
    assert set(figures) == set(FIGURES), "each figure has its name"
    assert auditor.get("/api/v1/audit", params={"kind": "disclosure.taken"}).json()["total"] == 2


def test_pages_of_products_caps_and_disclosure(scene: Scene) -> None:
    officer = browser_as(scene.house, "officer")
    form = {
        "name_zh": "指数", "name_en": "Index", "kind": "indicator", "summary": "按区域汇总", "scenario_id": "safety",
        "purpose": "risk-pricing", "unit": "times", "price": "40.00", "sources": scene.grant_id, "affirmed": list(CHECKS), "level": 2,
    }  # fmt: skip
    refused = officer.submit("/products", **form)
    assert refused.status_code == 403
    assert "尚无上限价格" in refused.text
    assert 'value="40.00"' in refused.text, "what was typed is kept"
    assert officer.submit("/products", **form | {"price": "abc"}).status_code == 422
    approver = browser_as(scene.house, "approver")
    cap = {
        "scenario_id": "*",
        "unit": "times",
        "cap": "50",
        "source": "价格通知",
        "effective_from": "2026-01-01",
    }
    made = approver.submit("/fee-caps", **cap)
    assert made.status_code == 303
    waiting = made.headers["location"]
    assert officer.submit("/products", **form).status_code == 403, "it counts once it is confirmed"
    second = browser_as(scene.house, "approver2")
    assert second.submit(f"{waiting}/confirm", version="1").status_code == 303
    done = officer.submit("/products", **form)
    assert done.status_code == 303
    shown = done.headers["location"]
    fee = {"charged_on": "2026-03-02", "quantity": "2", "price": "40", "note": ""}
    assert officer.submit(f"{shown}/fees", **fee).status_code == 303
    assert "80.00" in officer.get(shown).text
    assert officer.submit(f"{shown}/end").status_code == 303
    assert "指数" in officer.get("/products").text
    assert "50.00" in client_as(scene.house).get("/fee-caps", headers={"accept": "text/html"}).text
    auditor = browser_as(scene.house, "auditor", "en")
    page = auditor.get("/disclosure?year=2026")
    assert "Disclosure for 2026" in page.text
    assert "The credit code is missing" in page.text
    assert auditor.submit("/disclosure/2026/pack").headers["content-type"] == "application/zip"


def test_the_price_rule_agreed_in_a_grant_binds_products_built_on_it(scene: Scene) -> None:
    officer = client_as(scene.house, "officer")
    cap = {"scenario_id": "parking", "unit": "times", "source": "价格通知", "effective_from": "2026-01-01"}
    agreed = a_fee_cap(scene.house, **cap, cap_fen=4500)["id"]
    grant = a_grant(scene.desk, asset=scene.desk.known[VENUES], columns=["venue_id"], scenario_id="parking", fee_reference=agreed)  # fmt: skip
    a_fee_cap(scene.house, **cap, cap_fen=9000)
    asked = _product(scene, scenario_id="parking", sources=[{"grant_id": grant.id}])
    refused = officer.post("/api/v1/products", json=asked | {"price_fen": 4600})
    assert [r["code"] for r in refused.json()["reasons"]] == ["price-above-agreed"]
    entered = officer.post("/api/v1/products", json=asked | {"price_fen": 4500})
    assert entered.status_code == 201, entered.text
    fee = {"charged_on": "2026-03-02", "quantity": 1, "price_fen": 4501}
    charged = officer.post(f"/api/v1/products/{entered.json()['id']}/fees", json=fee)
    assert [r["code"] for r in charged.json()["reasons"]] == ["price-above-agreed"]


@pytest.mark.parametrize(("lang", "said"), [("zh", "实施机构"), ("en", "Implementing body")])
def test_codes_and_times_are_said_in_words_and_stay_in_the_json(scene: Scene, lang: Lang, said: str) -> None:
    auditor = client_as(scene.house, "auditor")
    found = auditor.get("/api/v1/disclosure/2026").json()
    (granted,) = found["authorisations"]
    assert granted["delivery_forms"] == "extract_parquet, extract_csv"
    shown = browser_as(scene.house, "auditor", lang).get("/disclosure/2026").text
    assert said in shown
    for code in (
        "implementing_body",
        granted["purposes"],
        "extract_parquet",
        granted["starts_at"],
        ">ACTIVE<",
    ):
        assert code not in shown, code
