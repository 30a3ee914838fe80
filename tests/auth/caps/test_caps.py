"""A cap is proposed by one person and put in force by another, who is told what is over it; until then the earlier caps count."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from typer.testing import CliRunner

from api import cli
from api.house import House
from auth.products.rules import CHECKS
from tests.caps import REVENUE, a_fee_cap, a_revenue_cap, confirmed, in_force_since, proposed
from tests.conftest import TestClock
from tests.datasets.extracts.scene import Scene, a_scene
from tests.people import a_person, actor_of, browser_as, client_as


@pytest.fixture
def scene(house: House) -> Scene:
    return a_scene(house)


@pytest.fixture
def lite(sqlite_house: House) -> Scene:
    return a_scene(sqlite_house)


def a_product(scene: Scene, price: int = 4000, **changes: Any) -> str:
    in_force_since(scene.house, scene.grant_id, datetime(2026, 2, 1, tzinfo=UTC))
    body = {
        "name_zh": "风险指数", "name_en": "Risk index", "kind": "indicator", "summary": "按区域汇总的风险指数", "scenario_id": "safety",
        "purpose": "risk-pricing", "unit": "times", "price_fen": price, "sources": [{"grant_id": scene.grant_id}], "affirmed": list(CHECKS), "level": 2,
    }  # fmt: skip
    made = client_as(scene.house, "officer").post("/api/v1/products", json=body | changes)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def charged(
    scene: Scene, product: str, day: str, quantity: int = 3, price: int = 4000, note: str = ""
) -> Any:
    body = {"charged_on": day, "quantity": quantity, "price_fen": price, "note": note}
    return client_as(scene.house, "officer").post(f"/api/v1/products/{product}/fees", json=body)


def dry_run(scene: Scene, made: dict[str, Any]) -> Any:
    return client_as(scene.house, "auditor").get(f"/api/v1/caps/{made['id']}/dry-run").json()


def public(scene: Scene) -> list[int]:
    return [each["cap_fen"] for each in client_as(scene.house).get("/api/v1/fee-caps").json()["items"]]


def kinds(scene: Scene, subject: str) -> list[str]:
    answer = (
        client_as(scene.house, "auditor")
        .get("/api/v1/audit", params={"subject": subject, "limit": 50})
        .json()
    )
    return sorted(each["kind"] for each in answer["items"])


def test_the_old_cap_counts_until_another_person_has_confirmed_the_new(scene: Scene) -> None:
    first = a_fee_cap(scene.house)
    product = a_product(scene)
    new = proposed(scene.house, cap_fen=3000, effective_from="2026-03-01")
    assert (new["state"], public(scene)) == ("PROPOSED", [5000])
    assert charged(scene, product, "2026-03-01").status_code == 201
    own = client_as(scene.house, "approver").post(f"/api/v1/caps/{new['id']}/confirm", json={"version": 1})
    assert own.status_code == 403
    assert [each["code"] for each in own.json()["reasons"]] == ["proposer-does-not-confirm"]
    assert confirmed(scene.house, new, "approver2")["state"] == "CONFIRMED"
    assert public(scene) == [3000, 5000], "the earlier one stays on record"
    refused = charged(scene, product, "2026-03-02")
    assert [each["code"] for each in refused.json()["reasons"]] == ["price-above-cap"]
    assert kinds(scene, new["id"]) == ["cap.confirmed", "cap.proposed", "fee_cap.set"]
    assert first["id"] in [
        each["id"] for each in client_as(scene.house).get("/api/v1/fee-caps").json()["items"]
    ]
    again = client_as(scene.house, "watch").post(f"/api/v1/caps/{new['id']}/confirm", json={})
    assert again.status_code == 409


def test_a_second_account_of_the_proposer_is_no_second_person(lite: Scene) -> None:
    new = proposed(lite.house)
    with lite.house.write() as work:
        a_person(work, "twin", "bureau", ["security_officer"], person_id=actor_of(work, "approver").person_id)
    answer = client_as(lite.house, "twin").post(f"/api/v1/caps/{new['id']}/confirm", json={"version": 1})
    assert [each["code"] for each in answer.json()["reasons"]] == ["proposer-does-not-confirm"]
    assert public(lite) == []


@pytest.mark.parametrize(
    ("who", "proposes", "confirms"),
    [
        ("approver", 201, 403), ("approver2", 201, 200), ("watch", 403, 200), ("parks_approver", 403, 404), ("auditor", 403, 403),
        ("officer", 403, 403), ("steward_a", 403, 403), ("screener", 403, 403),
    ],
)  # fmt: skip
def test_who_proposes_and_who_confirms(lite: Scene, who: str, proposes: int, confirms: int) -> None:
    new = proposed(lite.house)
    client = client_as(lite.house, who)
    assert client.post("/api/v1/revenue/caps", json=REVENUE).status_code == proposes
    assert client.post(f"/api/v1/caps/{new['id']}/confirm", json={"version": 1}).status_code == confirms
    assert public(lite) == ([5000] if confirms == 200 else [])


def test_a_rejected_cap_says_why_and_never_counts(scene: Scene) -> None:
    new = proposed(scene.house)
    watch = client_as(scene.house, "watch")
    assert watch.post(f"/api/v1/caps/{new['id']}/reject", json={"version": 1}).status_code == 422
    assert (
        watch.post(
            f"/api/v1/caps/{new['id']}/reject", json={"version": 7, "note": "依据有误，请核对"}
        ).status_code
        == 412
    )
    done = watch.post(
        f"/api/v1/caps/{new['id']}/reject", json={"version": 1, "note": "依据有误，请核对"}
    ).json()
    assert (done["state"], done["note"], public(scene)) == ("REJECTED", "依据有误，请核对", [])
    assert kinds(scene, new["id"]) == ["cap.proposed", "cap.rejected"]
    assert dry_run(scene, new) == {"prices": [], "charges": [], "years": []}
    listed = watch.get("/api/v1/caps", params={"state": "PROPOSED"}).json()
    assert (listed["total"], watch.get("/api/v1/caps").json()["total"]) == (0, 1)


@pytest.mark.parametrize("body", [{"scenario_id": "no-such"}, {"cap_fen": -1}, {"unit": "piece"}, {"effective_from": "soon"}, {"source": ""}])  # fmt: skip
def test_what_is_no_cap_is_refused_when_it_is_proposed(lite: Scene, body: dict[str, Any]) -> None:
    answer = client_as(lite.house, "approver").post(
        "/api/v1/fee-caps", json={"scenario_id": "safety", "unit": "times", "cap_fen": 1, "source": "价格通知", "effective_from": "2026-01-01"} | body
    )  # fmt: skip
    assert answer.status_code == 422
    assert client_as(lite.house, "watch").get("/api/v1/caps").json()["total"] == 0


def test_the_dry_run_names_prices_and_charges_over_the_cap(scene: Scene) -> None:
    a_fee_cap(scene.house)
    dear, cheap = a_product(scene), a_product(scene, price=2000)
    over = a_product(scene, name_zh="已下架", price=4500)
    for day in ("2026-02-20", "2026-03-01", "2026-03-02"):
        assert charged(scene, dear, day).status_code == 201
    assert charged(scene, over, "2026-03-01", price=4500).status_code == 201
    assert (
        charged(scene, over, "2026-03-01", quantity=-3, price=4500, note="误登记，全部冲正").status_code
        == 201
    )
    assert charged(scene, cheap, "2026-03-01", price=2000).status_code == 201
    client_as(scene.house, "officer").post(f"/api/v1/products/{over}/end")
    new = proposed(scene.house, cap_fen=3000, effective_from="2026-03-01")
    found = dry_run(scene, new)
    assert [(each["product_id"], each["price_fen"], each["cap_fen"]) for each in found["prices"]] == [
        (dear, 4000, 5000)
    ]
    (line,) = found["charges"]
    assert (line["product_id"], line["quantity"], line["amount_fen"]) == (dear, 6, 24_000)
    assert (line["first_on"], line["last_on"]) == ("2026-03-01", "2026-03-02")
    assert found["years"] == []
    for harmless in (
        proposed(scene.house, cap_fen=4000, effective_from="2026-03-01"),  # just at the cap
        proposed(scene.house, cap_fen=3000, unit="product"),  # another unit
        proposed(scene.house, cap_fen=3000, scenario_id="parking"),  # another scenario
        proposed(scene.house, cap_fen=3000, scenario_id="*"),  # the scenario's own counts before one for all
        proposed(scene.house, cap_fen=3000, effective_from="2025-12-31"),  # a later one counts
    ):
        assert dry_run(scene, harmless) == {"prices": [], "charges": [], "years": []}, harmless
    later = dry_run(scene, proposed(scene.house, cap_fen=3000, effective_from="2026-05-01"))
    assert ([each["product_id"] for each in later["prices"]], later["charges"]) == ([dear], [])
    same_day = dry_run(scene, proposed(scene.house, cap_fen=3000))
    assert sum(each["quantity"] for each in same_day["charges"]) == 9, "of two for one day the later counts"


def test_of_two_caps_for_one_day_the_one_confirmed_later_counts(scene: Scene, clock: TestClock) -> None:
    a_fee_cap(scene.house)
    product = a_product(scene)
    first, second = (proposed(scene.house, cap_fen=fen) for fen in (3000, 6000))
    confirmed(scene.house, second)
    clock.forward(minutes=1)
    assert [each["product_id"] for each in dry_run(scene, first)["prices"]] == [product]
    confirmed(scene.house, first)
    assert public(scene)[0] == 3000
    assert charged(scene, product, "2026-03-01").status_code == 403


def test_the_dry_run_of_a_revenue_cap_tells_every_year_it_changes(scene: Scene) -> None:
    a_fee_cap(scene.house)
    product = a_product(scene)
    assert charged(scene, product, "2026-03-01").status_code == 201  # 12,000 fen
    new = proposed(scene.house, "/api/v1/revenue/caps", cap_fen=10_000)
    assert dry_run(scene, new)["years"] == [
        {"org_id": "insurer", "year": 2026, "taken_fen": 12_000, "cap_before_fen": None, "cap_fen": 10_000, "excess_before_fen": 0, "excess_fen": 2_000},
    ]  # fmt: skip
    watch = client_as(scene.house, "watch")
    assert watch.get("/api/v1/revenue").json()["items"][0]["cap_fen"] is None, "nothing is changed"
    confirmed(scene.house, new)
    a_revenue_cap(scene.house, cap_fen=1_000, year=2027)
    lower = dry_run(scene, proposed(scene.house, "/api/v1/revenue/caps", cap_fen=9_000))["years"]
    assert [(each["year"], each["excess_before_fen"], each["excess_fen"]) for each in lower] == [(2027, 1_000, 2_000), (2026, 2_000, 3_000)]  # fmt: skip
    assert kinds(scene, new["id"]) == ["cap.confirmed", "cap.proposed", "revenue_cap.set"]


@pytest.mark.slow
def test_the_commands_do_the_same(lite: Scene) -> None:
    a_fee_cap(lite.house)
    a_product(lite)
    runner, program = CliRunner(), cli._assemble()

    def run(who: str, *words: str, code: int = 0, as_json: bool = True) -> Any:
        where = ["--data-dir", str(lite.house.settings.data_dir), "--as", who]
        done = runner.invoke(program, [*words, *where, *(["--json"] if as_json else [])])
        assert done.exit_code == code, done.output
        return json.loads(done.stdout) if as_json and not code else done.output

    new = ("product", "set-cap", "--scenario", "safety", "--unit", "times", "--cap-fen", "3000", "--source", "价格通知", "--from", "2026-03-01")  # fmt: skip
    made = run("approver", *new)["id"]
    year = ("supervision", "revenue-cap", "insurer", "--year", "2026", "--fen", "900", "--source", "核定通知")
    income = run("approver", *year)["id"]
    assert [each["id"] for each in run("watch", "cap", "list", "--state", "PROPOSED")["items"]] == [
        income,
        made,
    ]
    assert run("watch", "cap", "show", made)["cap_fen"] == 3000
    assert [each["price_fen"] for each in run("auditor", "cap", "dry-run", made)["prices"]] == [4000]
    told = run("auditor", "cap", "dry-run", made, as_json=False)
    assert "单价将高于上限的在供产品: 1" in told
    assert "自生效之日起已登记、单价高于上限的收费: 0" in told
    assert "须由另一人确认" in run("approver", "cap", "confirm", made, code=1, as_json=False)
    assert run("watch", "cap", "confirm", made)["state"] == "CONFIRMED"
    assert run("watch", "cap", "reject", income, "--reason", "依据有误，请核对")["state"] == "REJECTED"
    assert public(lite) == [3000, 5000]


def test_whoever_may_second_it_is_told_and_sees_it_in_the_browser(lite: Scene) -> None:
    a_fee_cap(lite.house)
    a_product(lite)
    approver = browser_as(lite.house, "approver")
    typed = {
        "scenario_id": "safety",
        "unit": "times",
        "cap": "30",
        "source": "价格通知二号",
        "effective_from": "2026-03-01",
    }
    wrong = approver.submit("/fee-caps", **typed | {"cap": "三十"})
    assert (wrong.status_code, 'value="三十"' in wrong.text, "价格通知二号" in wrong.text) == (
        422,
        True,
        True,
    )
    at = approver.submit("/fee-caps", **typed).headers["location"]
    shown = approver.get(at).text
    for words in ("待第二人确认", "收费上限：30.00 元", "风险指数", "50.00", "须由另一人确认"):
        assert words in shown, words
    assert "上限待确认" in browser_as(lite.house, "watch").get("/me/messages").text
    second = browser_as(lite.house, "watch", lang="en")
    assert "waiting for a second person: 1" in second.get("/fee-caps").text
    assert "30.00" not in client_as(lite.house).get("/fee-caps", headers={"accept": "text/html"}).text
    assert "Fee cap" in second.get("/caps?state=PROPOSED&kind=fee").text
    assert second.submit(f"{at}/reject", version="1", note="").status_code == 422
    assert second.submit(f"{at}/confirm", version="1").status_code == 303
    assert "30.00" in client_as(lite.house).get("/fee-caps", headers={"accept": "text/html"}).text
    revenue = approver.submit(
        "/revenue", org_id="insurer", year="2026", cap="100", source="核定通知"
    ).headers["location"]
    assert "结果将改变的年度" in approver.get(revenue).text
