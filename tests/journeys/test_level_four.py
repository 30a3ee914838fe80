"""Data of level 4 over HTTP, by the people of the demo, to the file of cells: the enclave is the one way out, and every step has its people.

Every step goes through a route, by whoever may take it; beside it only the worker works. What must not be is tried first and refused: rows of
level 4, a decision before the fourth vote, a statistical answer, a result that one checker alone has seen.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pytest

from api.client import Refused
from api.durable import drain
from api.house import House
from api.sample import agreements, journeys
from api.sample.catalogue import dataset
from api.sample.journeys import JOURNEY_B, promise, supply
from api.sample.people import seed_people
from api.sample.stage import Stage, stage
from auth.policy.filters.rules import LOCAL
from datasets.extracts import signing
from tests.journeys.application import Journey

pytestmark = pytest.mark.gx
ASKED: Final = {"event_type": "区分险种责任", "response_min": "评估救援能力"}


@pytest.fixture
def scene(sqlite_house: House) -> Any:
    """The events are of level 4 and released; plan, agreement and the district's policy are in force."""
    seed_people(sqlite_house)
    item = dataset(JOURNEY_B)
    with stage(sqlite_house, lambda _who, _what: None) as scene:
        journeys.enter(scene, replace(item, record={**item.record, "data_level": 4}))
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


def _asked(scene: Stage, **line: Any) -> dict[str, Any]:
    today = scene.house.clock().astimezone(LOCAL).date()
    columns = [{"name": name, "reason": reason, "use": "aggregate_only"} for name, reason in ASKED.items()]
    asked = {
        "dataset_id": JOURNEY_B,
        "columns": columns,
        "delivery_forms": ["enclave"],
        "quotas": {"extracts": 6},
    }
    return {
        "lines": [asked | line], "scenario_id": "safety", "purposes": ["risk-pricing"], "retention_days": 365,
        "purpose_text": "为滨海旅游意外险评估各类事件的救援能力并据此定价，不识别任何个人。",
        "starts_on": today.isoformat(), "ends_on": (today + timedelta(days=364)).isoformat(),
    }  # fmt: skip


def _submitted(scene: Stage) -> Journey:
    """Rows are refused by the pre-check; the enclave goes in with its papers."""
    who = "insurer-applicant"
    with scene.as_(who) as api:
        rows = [{"name": name, "reason": reason, "use": "plain"} for name, reason in ASKED.items()]
        body = _asked(scene, columns=rows, delivery_forms=["extract_parquet"])
        other = api.post("/applications", body)
        told = {each["code"] for each in api.get(f"/applications/{other['id']}/precheck")["blocking"]}
        assert "level-forbids-form" in told
        api.post(f"/applications/{other['id']}/withdraw", {"version": other["version"]})
        journey = Journey(scene, api.post("/applications", _asked(scene))["id"])
        for key in ("use-plan", "security-plan", "impact-assessment"):
            supply(api, journey.id, key, f"{key}.pdf")
    promise(scene, journey.id, "no-breach-statement")
    promise(scene, journey.id, "protection-assessment")
    with scene.as_(who) as api:
        told = api.get(f"/applications/{journey.id}/precheck")
        assert "query-terms-missing" in {each["code"] for each in told["advice"]}
    assert journey.step(who, "submit")["state"] == "SUBMITTED"
    return journey


def _decided(journey: Journey) -> None:
    """Two votes of the department and two of security, then two approvers of two departments."""
    journey.step("emergency-review", "screen", outcome="ok", has_no_conflict=True, note="材料齐全")
    line = journey.seen("approver")["lines"][0]["id"]
    decision = {
        "lines": [{"line_id": line, "outcome": "approve"}], "has_no_conflict": True,
        "public_interest": "有助于游客得到保障", "fairness": "同类保险机构按同样条件均可申请",
    }  # fmt: skip
    for who in ("emergency-review", "emergency-second", "security", "security-second"):
        with pytest.raises(Refused):
            journey.step("approver", "decide", **decision)
        assert journey.seen("approver")["state"] == "IN_REVIEW"
        journey.votes(who)
    assert journey.seen("approver")["state"] == "DECIDING"
    with pytest.raises(Refused) as unserved:
        journey.step("approver", "decide", **decision)
    assert _said(unserved.value) == {"query-terms-missing"}
    decision["lines"] = [{"line_id": line, "outcome": "approve", "awaits": ["enclave"]}]
    assert journey.step("approver", "decide", **decision)["state"] == "DECIDING"
    with pytest.raises(Refused):
        journey.step("approver", "concur", has_no_conflict=True)
    assert journey.step("emergency-approve", "concur", has_no_conflict=True)["state"] == "OFFERED"


def _in_force(journey: Journey) -> str:
    with journey.scene.as_("insurer-officer") as api:
        offer = api.get(f"/applications/{journey.id}/terms")
    grant: str = journey.step("insurer-officer", "accept", hash=offer["hash"])["grants"][0]
    with journey.scene.as_("emergency-publish") as api:
        version = api.get(f"/grants/{grant}")["version"]
        assert _refusals(api, f"/grants/{grant}/activate", {"version": version}) == {"query-terms-missing"}
    with journey.scene.as_("emergency-prepare") as api:
        terms = {"contributor": "event_id", "lists": {}, "bounds": {}, "reason": "每起事件为一个贡献者"}
        api.put(f"/queries/terms/{JOURNEY_B}", terms)
    with journey.scene.as_("emergency-publish") as api:
        assert api.post(f"/grants/{grant}/activate", {"version": version})["is_effective"] is True
    return grant


def _refusals(api: Any, path: str, body: dict[str, Any]) -> set[str]:
    with pytest.raises(Refused) as refusal:
        api.post(path, body)
    return _said(refusal.value)


def _said(refusal: Refused) -> set[str]:
    return {reason["code"] for reason in refusal.problem.get("reasons", [])}


def _computed(scene: Stage, grant: str) -> dict[str, Any]:
    """Other ways are shut; the specification is read and approved by a steward, and runs."""
    use = {"grant_id": grant, "purpose": "risk-pricing", "scenario_id": "safety"}
    spec = {
        **use, "dataset_id": JOURNEY_B, "group_by": [{"column": "event_type"}],
        "select": [{"kind": "count"}, {"kind": "mean", "column": "response_min"}],
    }  # fmt: skip
    body = {"spec": spec, "because": "按事件类型评估救援时效"}
    with scene.as_("insurer-analyst") as api:
        assert _refusals(api, "/extracts", {**use, "form": "extract_parquet"}) >= {"level-forbids-form"}
        assert _refusals(api, "/queries", spec) >= {"level-forbids-form"}
        filtered = {**spec, "where": {"op": "gt", "column": "response_min", "value": 10}}
        assert "filter-column-denied" in _refusals(api, "/enclave", {**body, "spec": filtered})
        assert api.post("/enclave/plan", spec)["checkers"] == 2
        made: dict[str, Any] = api.post("/enclave", body)
    with scene.as_("emergency-prepare") as api:
        answer = {"decision": "approve", "spec_hash": made["spec_hash"], "note": "只有计数与均值，按类型分组"}
        api.step(f"/enclave/{made['id']}/decision", answer)
    drain(scene.house)
    with scene.as_("insurer-analyst") as api:
        waits: dict[str, Any] = api.get(f"/enclave/{made['id']}")
    assert (waits["state"], waits["extract_id"]) == ("in_review", None), waits
    return waits


def _released(scene: Stage, waits: dict[str, Any]) -> dict[str, Any]:
    """Automatic checks passed; one checker alone releases nothing, and neither sees the other's vote."""
    for checker, other in (("checker", "checker2"), ("checker2", "checker")):
        with scene.as_("insurer-analyst") as api:
            assert api.get(f"/enclave/{waits['id']}")["extract_id"] is None
        with scene.as_(checker) as api:
            (review,) = api.get("/outputs", state="in_review")["items"]
            shown = api.get(f"/outputs/{review['id']}")
            assert not [each for each in shown["findings"] if each["weight"] == "stops"]
            assert other not in str(shown["votes"]), "blinded"
            note = {"note": "逐格核对：各格均满十起，与用途相符"}
            with pytest.raises(Refused) as unseen:
                api.step(f"/outputs/{review['id']}/release", note)
            assert "output-not-looked-at" in str(unseen.value.problem)
            api.post(f"/outputs/{review['id']}/sample", {})
            api.step(f"/outputs/{review['id']}/release", note)
    with scene.as_("insurer-analyst") as api:
        done: dict[str, Any] = api.get(f"/enclave/{waits['id']}")
    return done


def test_a_result_of_level_four_leaves_the_enclave_after_all_its_people_have_spoken(
    scene: Stage, tmp_path: Path
) -> None:
    journey = _submitted(scene)
    _decided(journey)
    grant = _in_force(journey)
    done = _released(scene, _computed(scene, grant))
    assert done["state"] == "released"
    file = tmp_path / "cells.parquet"
    with scene.as_("insurer-analyst") as api:
        api.download(f"/extracts/{done['extract_id']}/file", file)
        receipt = api.http.get(f"/api/v1/extracts/{done['extract_id']}/receipt").content
        key = api.get("/extracts/receipt-key")["public_key"]
    assert signing.check(receipt, key=key, file=file).flaws == ()
    frame = pd.read_parquet(file)
    assert list(frame.columns) == ["event_type", "count", "mean(response_min)"]
    told = frame["count"].dropna()
    assert len(told) >= 2
    assert told.min() >= 10
    assert (told % 5 == 0).all()
