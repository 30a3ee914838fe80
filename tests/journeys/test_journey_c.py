"""Journey C over HTTP: an operator breaches its purpose; use stops in one step, what it took is listed, copies are certified destroyed, and the
year's disclosure says so."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from api.house import House
from auth.proof.dossier_offline import verify_dossier
from tests.conftest import TestClock
from tests.datasets.extracts.scene import Scene, a_scene
from tests.people import client_as


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    return a_scene(sqlite_house)


def test_an_operator_breaches_its_purpose(scene: Scene, clock: TestClock, tmp_path: Path) -> None:
    analyst, watch = client_as(scene.house, "analyst"), client_as(scene.house, "watch")
    made = scene.delivered(columns=["venue_id", "rooms"])
    assert analyst.get(f"/api/v1/extracts/{made.id}/file").status_code == 200

    wrong = {
        "grant_id": scene.grant_id,
        "purpose": "research",
        "scenario_id": "safety",
        "columns": ["venue_id"],
    }
    assert analyst.post("/api/v1/extracts", json=wrong).status_code == 403
    refused = watch.get("/api/v1/usage", params={"kind": "refused", "grant_id": scene.grant_id}).json()
    assert "purpose-mismatch" in refused["items"][0]["reasons"]

    frozen = watch.post(
        "/api/v1/incidents",
        json={"target_kind": "grant", "target_id": scene.grant_id, "reason": "疑似超出授权用途使用"},
    )
    assert frozen.status_code == 201, frozen.text
    assert analyst.get(f"/api/v1/extracts/{made.id}/file").status_code == 403
    right = wrong | {"purpose": "risk-pricing"}
    assert analyst.post("/api/v1/extracts", json=right).status_code == 403

    taken = watch.get("/api/v1/usage", params={"grant_id": scene.grant_id, "kind": "download"}).json()
    assert [(line["account"], line["sent_bytes"]) for line in taken["items"]] == [
        ("analyst", made.size_bytes)
    ]

    revoked = watch.post(f"/api/v1/grants/{scene.grant_id}/revoke", json={"note": "超出授权用途，予以撤销"})
    assert revoked.status_code == 200, revoked.text
    clock.forward(days=1)
    officer = client_as(scene.house, "officer")
    duties = officer.get("/api/v1/duties", params={"grant_id": scene.grant_id}).json()["items"]
    certificate = next(each for each in duties if each["kind"] == "deletion_certificate")
    body = {
        "text": "全部副本已销毁，附销毁记录",
        "attachments": [{"name": "销毁证明.pdf", "sha256": "c" * 64}],
    }
    assert officer.post(f"/api/v1/duties/{certificate['id']}/fulfil", json=body).status_code == 200

    auditor = client_as(scene.house, "auditor")
    told = auditor.get("/api/v1/disclosure/2026").json()["authorisations"]
    assert [(row["grant_id"], row["state"]) for row in told] == [(scene.grant_id, "REVOKED")]
    answer = auditor.get(f"/api/v1/audit/evidence/grants/{scene.grant_id}")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as pack:
        pack.extractall(tmp_path / "evidence")
    assert verify_dossier(tmp_path / "evidence").flaws == []
    kinds = [
        json.loads(line)["kind"]
        for line in (tmp_path / "evidence" / "events.jsonl").read_bytes().splitlines()
    ]
    wanted = ["application.created", "grant.activated", "extract.delivered", "extract.downloaded", "extract.refused",
              "incident.frozen", "extract.download_refused", "extract.refused", "grant.revoked", "duty.fulfilled"]  # fmt: skip
    assert [kind for kind in kinds if kind in set(wanted)] == wanted
