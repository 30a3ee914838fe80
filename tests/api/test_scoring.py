"""Weights and grades as versions: refused, tried dry, confirmed by a second person; scores that are there never change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlmodel import select
from typer.testing import CliRunner

from api.cli.scoring import app as command
from api.house import House
from auth.audit import AuditEventRow
from datasets import gate
from datasets.scheme_trial import dry_run
from quality import service as suites
from quality.schemes.model import Scheme, shipped
from quality.schemes.now import in_force, rules_of
from quality.scores import score
from quality.tables import VerdictRow
from quality.verdict import Outcome, Verdict
from tests.datasets.extracts.scene import Scene, a_scene
from tests.people import a_person, browser_as, client_as

BASE = "/api/v1/scoring"
SHIPPED = shipped().model_dump(mode="json")


def _grades(*bounds: float) -> list[dict[str, Any]]:
    names = ["A", "B", "C", "D"]
    return [{"code": n, "zh": n, "en": n, "at_least": b} for n, b in zip(names, bounds, strict=False)]


@pytest.mark.parametrize(
    "change",
    [
        {"dimensions": {"01": 1.0}},
        {"dimensions": {**SHIPPED["dimensions"], "01": 0.9}},
        {"dimensions": {**SHIPPED["dimensions"], "01": -0.2}},
        {"parts": {"9999": 1}},
        {"parts": {"0201": 0}},
        {"parts": {"0201": float("nan")}},
        {"grades": _grades(90, 95, 60, 0)},
        {"grades": _grades(90, 80, 60)},
        {"grades": []},
        {"grades": [*_grades(90, 80), {"code": "A", "zh": "丁", "en": "d", "at_least": 0}]},
        {"source": ""},
        {"more": 1},
    ],
)
def test_a_scheme_that_does_not_hold_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Scheme.model_validate(SHIPPED | change)


def _verdict() -> Verdict:
    """Everything there, a row too few."""
    rules = [
        ("expect_column_values_to_not_be_null", "passed"),
        ("expect_table_row_count_to_equal", "failed"),
        ("expect_column_values_to_be_unique", "passed"),
    ]
    outcomes = [
        Outcome.model_validate({"type": name, "kwargs": {}, "outcome": outcome, "unexpected_percent": 0.0})
        for name, outcome in rules
    ]
    return Verdict(
        verdict="failed", engine="duckdb", gx_version="1", rows=1, expectations=outcomes, statistics={}
    )


def test_the_shipped_scheme_written_as_a_version_scores_the_same() -> None:
    plain, written = score(_verdict()), score(_verdict(), shipped().as_rules(3))
    assert (plain.scheme, written.scheme) == (0, 3)
    assert plain.model_copy(update={"scheme": 3}) == written


def test_weights_of_dimensions_and_indicators_count() -> None:
    heavy = dict.fromkeys(SHIPPED["dimensions"], 0.0) | {"02": 1.0}
    asked = Scheme.model_validate(SHIPPED | {"dimensions": heavy, "parts": {"0201": 3}})
    card = score(_verdict(), asked.as_rules(1))
    assert card.total == pytest.approx(75.0)  # three parts whole, one part nothing
    assert card.grade == "C"


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    found = a_scene(sqlite_house)
    with found.house.write() as work:
        for name, roles in (
            ("keeper", ["catalog_admin"]),
            ("judge", ["approver"]),
            ("guard2", ["security_officer"]),
        ):
            a_person(work, name, "bureau", roles)
    return found


def _a_verdict(house: House) -> str:
    with house.write() as work:
        version = work.db.exec(select(VerdictRow.suite_version_id)).first() or _a_suite(work)
        return suites.store_verdict(
            work, subject="a" * 64, batch_id="b", suite_version_id=version, verdict=_verdict()
        ).id


def _a_suite(work: Any) -> str:
    from quality.tables import SuiteVersionRow

    row = SuiteVersionRow(
        id=work.new_id(), dataset_id="DP-BC-002", number=99, name="x", suite={}, sha256="0" * 64, created_by="x",
        created_name="x", created_at=work.now,
    )  # fmt: skip
    work.db.add(row)
    work.db.flush()
    return row.id


def test_a_second_person_puts_a_version_in_force_and_old_scores_stay(scene: Scene) -> None:
    old = _a_verdict(scene.house)
    asked = SHIPPED | {"grades": _grades(99, 98, 97, 0), "effective_from": "2026-01-01"}
    keeper, judge = client_as(scene.house, "keeper"), client_as(scene.house, "judge")
    assert keeper.get(BASE).json()["number"] == 0
    made = keeper.post(f"{BASE}/versions", json={"scheme": asked, "reason": "按区里要求从严"}).json()
    assert (made["number"], made["state"]) == (1, "PROPOSED")
    assert keeper.get(BASE).json()["number"] == 0
    assert keeper.post(f"{BASE}/versions/{made['id']}/confirm", json={}).status_code == 403
    assert judge.post(f"{BASE}/versions/{made['id']}/confirm", json={}).json()["state"] == "ACTIVE"
    assert keeper.get(BASE).json() == {
        "number": 1,
        "scheme": Scheme.model_validate(asked).model_dump(mode="json"),
    }
    new = _a_verdict(scene.house)
    with scene.house.read() as work:
        before, after = gate.quality_of(work, old), gate.quality_of(work, new)
        assert before[0] == after[0]
        assert (before[1], after[1]) == ("C", "D")
        assert [work.db.get_one(VerdictRow, each).scheme_number for each in (old, new)] == [0, 1]
        assert rules_of(work, 0)["grades"][0]["from"] == 95
        kinds = work.db.exec(select(AuditEventRow.kind).where(AuditEventRow.subject == made["id"])).all()
        assert kinds == ["scheme.proposed", "scheme.activated"]
    own = judge.post(f"{BASE}/versions", json={"scheme": SHIPPED, "reason": "恢复随附方案"}).json()
    refused = judge.post(f"{BASE}/versions/{own['id']}/confirm", json={})
    assert (refused.status_code, "proposer-does-not-confirm" in refused.text) == (403, True)
    guard = client_as(scene.house, "guard2")
    assert guard.post(f"{BASE}/versions/{own['id']}/confirm", json={}).status_code == 200
    assert [each["state"] for each in keeper.get(f"{BASE}/versions").json()["items"]] == [
        "ACTIVE",
        "SUPERSEDED",
    ]
    with scene.house.read() as work:
        assert gate.quality_of(work, new)[1] == "D", "what was given keeps its version"


def test_a_version_waits_for_its_day(scene: Scene, clock: Any) -> None:
    day = (clock.now.date().replace(year=clock.now.year + 1)).isoformat()
    body = {"scheme": SHIPPED | {"effective_from": day}, "reason": "明年起执行"}
    made = client_as(scene.house, "keeper").post(f"{BASE}/versions", json=body).json()
    client_as(scene.house, "judge").post(f"{BASE}/versions/{made['id']}/confirm", json={})
    with scene.house.read() as work:
        assert in_force(work)[0] == 0
    clock.forward(days=370)
    with scene.house.read() as work:
        assert in_force(work)[0] == 1


def test_a_dry_run_names_the_releases_that_would_be_graded_otherwise(scene: Scene) -> None:
    from datasets.releases.tables import ReleaseRow

    verdict = _a_verdict(scene.house)
    with scene.house.write() as work:
        row = work.db.get_one(ReleaseRow, scene.release_id)
        row.verdict_id = verdict
        work.db.add(row)
    strict = SHIPPED | {"grades": _grades(99, 98, 97, 0)}
    found = client_as(scene.house, "keeper").post(f"{BASE}/dry-run", json=strict).json()["items"]
    assert [(each["release_id"], each["grade"], each["grade_then"]) for each in found] == [(scene.release_id, "C", "D")]  # fmt: skip
    with scene.house.read() as work:
        assert dry_run(work, shipped()) == []
    assert client_as(scene.house, "analyst").post(f"{BASE}/dry-run", json=strict).status_code == 403
    browser = browser_as(scene.house, "keeper")
    made = browser.submit("/scoring", scheme=json.dumps(strict), reason="按区里要求从严")
    shown = browser.get(made.headers["location"]).text
    assert all(word in shown for word in ("评分方案第 1 版", "grades.A", "99 A A", "DP-BC-002"))
    broken = browser.submit("/scoring", scheme=json.dumps(strict | {"grades": []}), reason="按区里要求从严")
    assert (broken.status_code, "方案不成立" in broken.text, "按区里要求从严" in broken.text) == (
        422,
        True,
        True,
    )
    assert all(word in browser.get("/scoring").text for word in ("随附方案", "待第二人确认"))


def test_the_command_proposes_what_show_wrote(scene: Scene, tmp_path: Path) -> None:
    by = ["--data-dir", str(scene.house.settings.data_dir), "--as", "keeper", "--json"]
    shown = CliRunner().invoke(command, ["show", *by])
    (tmp_path / "s.json").write_text(shown.output, encoding="utf-8")
    tried = CliRunner().invoke(command, ["dry-run", str(tmp_path / "s.json"), *by])
    assert (tried.exit_code, json.loads(tried.output)["total"]) == (0, 0), tried.output
    made = CliRunner().invoke(
        command, ["propose", str(tmp_path / "s.json"), "--reason", "按原样重新确认", *by]
    )
    assert (made.exit_code, json.loads(made.output)["number"]) == (0, 1), made.output


def test_a_version_confirmed_for_a_later_day_outlives_a_change_of_today(scene: Scene, clock: Any) -> None:
    """It stays, whichever was proposed first, and is told apart from the one in force."""
    keeper, judge = client_as(scene.house, "keeper"), client_as(scene.house, "judge")

    def proposed(day: str) -> dict[str, Any]:
        body = {"scheme": SHIPPED | {"effective_from": day}, "reason": "自该日起执行"}
        made: dict[str, Any] = keeper.post(f"{BASE}/versions", json=body).json()
        return made

    def confirmed(made: dict[str, Any]) -> str:
        answer = judge.post(f"{BASE}/versions/{made['id']}/confirm", json={"version": made["version"]})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["standing"])

    def standings() -> dict[int, str]:
        found = client_as(scene.house, "keeper").get(f"{BASE}/versions").json()["items"]
        return {each["number"]: each["standing"] for each in found}

    early, late, today = proposed("2026-05-01"), proposed("2026-06-01"), proposed("2026-03-01")
    assert (confirmed(late), confirmed(today), confirmed(early)) == ("COMING", "IN_FORCE", "COMING")
    assert "已确认，自 2026-06-01 起" in browser_as(scene.house, "keeper").get("/scoring").text
    keeper_page = browser_as(scene.house, "keeper", "en")
    for made, after in ((today, early), (early, late), (late, None)):
        told = keeper.get(f"{BASE}/versions/{made['id']}").json()["followed_by"]
        assert (told and told["number"]) == (after and after["number"])
        shown = keeper_page.get(f"/scoring/{made['id']}").text
        assert ("follows and will replace this one" in shown) is (after is not None)
        assert after is None or f'href="/scoring/{after["id"]}"' in shown
    for days, expected in ((0, today), (70, early), (30, late)):
        clock.forward(days=days)
        with scene.house.read() as work:
            assert in_force(work)[0] == expected["number"]
    assert standings() == {1: "SUPERSEDED", 2: "IN_FORCE", 3: "SUPERSEDED"}
