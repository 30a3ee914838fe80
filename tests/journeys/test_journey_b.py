"""Journey B over HTTP, from the search to the reminder: an insurer gets safety events that came by sharing, of level 3, in groups of ten.

Every step goes through a route, by whoever may take it; beside it only the worker works. What must not be done yet is tried first and refused:
to submit without the source's consent, to decide while a paper is owed, to sign other terms, to take the file before its review.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from api.client import Refused
from api.durable import drain, note_deadlines
from api.house import House
from api.sample import agreements, journeys
from api.sample.catalogue import dataset
from api.sample.journeys import JOURNEY_B, promise, supply
from api.sample.people import seed_people
from api.sample.stage import VISITOR, Stage, stage
from auth.policy.filters.rules import LOCAL
from core.text import Text
from datasets.extracts import signing
from tests.conftest import TestClock
from tests.journeys.application import Journey

pytestmark = pytest.mark.gx
ASKED = {
    "event_type": {"reason": "区分险种责任"},
    "grid_code": {"reason": "评估空间风险", "use": "pseudonymised"},
    "response_min": {"reason": "评估救援能力"},
}


@pytest.fixture
def scene(sqlite_house: House) -> Any:
    """The dataset came by sharing and is released; plan, agreement and the district's policy are in force."""
    seed_people(sqlite_house)
    item = dataset(JOURNEY_B)
    shared = {"origin": "shared", "shared_from": "市级应急指挥平台（示例）"}
    with stage(sqlite_house, _quiet) as scene:
        journeys.enter(scene, replace(item, record={**item.record, **shared}))
        path = scene.folder / item.clean.name
        path.write_bytes(item.clean.make())
        with scene.as_("emergency-prepare") as api:
            batch = api.upload("/batches", path, dataset_id=item.id)
        drain(sqlite_house)
        with scene.as_("emergency-publish") as api:
            api.step("/releases", {"batch_id": batch["id"]}, of=f"/batches/{batch['id']}")
        drain(sqlite_house)
        agreements.conclude(scene)
        yield scene


def _quiet(_who: Text, _what: Text) -> None:
    pass


def _today(scene: Stage) -> date:
    return scene.house.clock().astimezone(LOCAL).date()


def _applied_for(scene: Stage) -> Journey:
    """Found by searching, read in the catalogue, and written down."""
    with scene.as_(VISITOR) as api:
        found = {each["id"] for each in api.get("/datasets", q="旅游安全事件")["items"]}
        assert JOURNEY_B in found
        columns = api.get(f"/datasets/{JOURNEY_B}/dictionary")["columns"]
    known = {each["name"]: each["identifier_kind"] for each in columns}
    assert {name: known[name] for name in ASKED} == {
        "event_type": "QI",
        "grid_code": "QI",
        "response_min": "none",
    }
    today = _today(scene)
    body = {
        "lines": [{"dataset_id": JOURNEY_B, "columns": [{"name": name, **how} for name, how in ASKED.items()],
                   "delivery_forms": ["extract_parquet"], "quotas": {"extracts": 12}}],
        "scenario_id": "safety", "purposes": ["risk-pricing"], "retention_days": 365,
        "purpose_text": "为滨海旅游意外险评估分时段、分区域风险并据此定价，不识别任何个人。",
        "starts_on": today.isoformat(), "ends_on": (today + timedelta(days=364)).isoformat(),
    }  # fmt: skip
    with scene.as_("insurer-applicant") as api:
        return Journey(scene, api.post("/applications", body)["id"])


def _consented(scene: Stage) -> None:
    today = _today(scene)
    body = {
        "dataset_id": JOURNEY_B, "provider": "市级应急指挥平台（示例）", "signatory": "程示例", "consented_on": today.isoformat(),
        "starts_on": today.isoformat(), "ends_on": (today + timedelta(days=730)).isoformat(),
        "evidence_name": "同意函.pdf", "evidence_sha256": "c" * 64,
    }  # fmt: skip
    with scene.as_("emergency-prepare") as api:
        made = api.post("/consents", body)
    with scene.as_("emergency-review") as api:
        api.post(f"/consents/{made['id']}/confirm", {"version": made["version"]})


def _submitted(journey: Journey) -> None:
    """The pre-check names consent and papers; with them it goes in."""
    scene, who = journey.scene, "insurer-applicant"
    with scene.as_(who) as api:
        told = {each["code"] for each in api.get(f"/applications/{journey.id}/precheck")["blocking"]}
    assert {"source-consent-missing", "paper-missing"} <= told
    assert journey.refused(who, "submit") == told
    _consented(scene)
    with scene.as_(who) as api:
        supply(api, journey.id, "use-plan", "数据使用方案.pdf")
        supply(api, journey.id, "impact-assessment", "个人信息保护影响评估报告.pdf")
    promise(scene, journey.id, "no-breach-statement")
    assert journey.step(who, "submit")["state"] == "SUBMITTED"


def _decided(journey: Journey) -> None:
    """Accepted with papers to follow, reviewed by two, decided by two of different departments."""
    with journey.scene.as_("emergency-review") as api:
        papers = api.get(f"/applications/{journey.id}/papers")["items"]
    owed = [
        {"paper": paper["key"], "working_days": paper["later_working_days"]}
        for paper in papers
        if paper["state"] == "MISSING"
    ]
    assert {each["paper"] for each in owed} == {"security-plan", "protection-assessment"}
    journey.step(
        "emergency-review", "screen", outcome="ok", has_no_conflict=True, note="容缺受理", missing=owed
    )
    journey.votes("emergency-review")
    journey.votes("security")
    line = journey.seen("approver")["lines"][0]["id"]
    decision = {
        "lines": [{"line_id": line, "outcome": "approve"}], "has_no_conflict": True,
        "public_interest": "有助于游客得到保障", "fairness": "同类保险机构按同样条件均可申请",
    }  # fmt: skip
    assert journey.refused("approver", "decide", **decision) == {"paper-owed"}
    with journey.scene.as_("insurer-applicant") as api:
        supply(api, journey.id, "security-plan", "数据安全保护方案.pdf")
    promise(journey.scene, journey.id, "protection-assessment")
    assert journey.step("approver", "decide", **decision)["state"] != "OFFERED"
    assert journey.step("emergency-approve", "concur", has_no_conflict=True)["state"] == "OFFERED"


def _in_force(journey: Journey) -> str:
    """Signed by the enterprise's officer, by the digest of the very terms; then put into force by the department. Gives the grant."""
    with journey.scene.as_("insurer-officer") as api:
        hashed = api.get(f"/applications/{journey.id}/terms")["hash"]
    with pytest.raises(Refused):
        journey.step("insurer-officer", "accept", hash="0" * 64)
    grant: str = journey.step("insurer-officer", "accept", hash=hashed)["grants"][0]
    ask = {"grant_id": grant, "purpose": "risk-pricing", "scenario_id": "safety", "form": "extract_parquet"}
    with journey.scene.as_("insurer-analyst") as api, pytest.raises(Refused) as early:
        api.post("/extracts", ask)
    assert "grant-not-active" in {reason["code"] for reason in early.value.problem["reasons"]}
    with journey.scene.as_("emergency-publish") as api:
        seen = api.get(f"/grants/{grant}")["version"]
        made = api.post(f"/grants/{grant}/activate", {"version": seen})
    assert made["is_effective"] is True
    return grant


def _taken(scene: Stage, grant: str) -> tuple[dict[str, Any], Path, Path]:
    """Made by the worker, held until two people released it, then taken with its receipt."""
    ask = {"grant_id": grant, "purpose": "risk-pricing", "scenario_id": "safety", "form": "extract_parquet"}
    with scene.as_("insurer-analyst") as api:
        made = api.post("/extracts", ask)
    drain(scene.house)
    out, receipt = scene.folder / "extract.parquet", scene.folder / "receipt.json"
    for checker in ("checker", "checker2"):
        with scene.as_("insurer-analyst") as api, pytest.raises(Refused):
            api.download(f"/extracts/{made['id']}/file", out)
        with scene.as_(checker) as api:
            (review,) = api.get("/outputs", state="in_review")["items"]
            note = "逐列核对：无直接标识，分组均满十行，与用途相符"
            api.step(f"/outputs/{review['id']}/release", {"note": note})
    with scene.as_("insurer-analyst") as api:
        api.download(f"/extracts/{made['id']}/file", out)
        receipt.write_bytes(api.http.get(f"/api/v1/extracts/{made['id']}/receipt").content)
        told: dict[str, Any] = api.get(f"/extracts/{made['id']}")
    return told, out, receipt


def test_an_insurer_gets_aggregates_of_shared_events(scene: Stage, clock: TestClock, tmp_path: Path) -> None:
    journey = _applied_for(scene)
    _submitted(journey)
    _decided(journey)
    grant = _in_force(journey)
    told, file, receipt = _taken(scene, grant)

    frame = pd.read_parquet(file)
    assert list(frame.columns) == list(ASKED)
    assert frame.groupby(["event_type", "grid_code"]).size().min() >= 10
    assert 0 < len(frame) == told["rows"] < 1_920
    assert not frame["grid_code"].str.match(r"E\d{5}N\d{4}").any(), "cells leave as pseudonyms"

    with scene.as_(VISITOR) as api:
        key = api.get("/extracts/receipt-key")["public_key"]
    signed = receipt.read_bytes()
    assert signing.check(signed, key=key, file=file).flaws == ()
    other = tmp_path / "other.parquet"
    other.write_bytes(file.read_bytes()[:-1] + b"x")
    assert len(signing.check(signed, key=key, file=other).flaws) == 1
    forged = json.loads(signed) | {"rows": told["rows"] + 1}
    assert signing.check(json.dumps(forged).encode(), key=key, file=file).flaws

    clock.forward(days=310)
    assert note_deadlines(scene.house) > 0
    with scene.as_("insurer-officer") as api:
        said = [each["name_zh"] for each in api.get("/me/messages")["items"]]
    assert any("授权即将到期" in each for each in said), said
