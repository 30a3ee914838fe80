"""Proofs over HTTP, on pages and by command: who may see them, and that they hold without the service."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli.audit import app as command
from api.house import House
from auth import audit
from auth.proof import merkle
from auth.proof.note import Verifier
from auth.proof.offline import verify_pack, verify_proof
from datasets.extracts.models import ExtractRead
from tests.auth.proof.packs import a_record, grow, sealed
from tests.datasets.extracts.scene import Scene, a_scene
from tests.people import a_person, an_org, browser_as, client_as


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    made = a_scene(sqlite_house)
    with sqlite_house.write() as work:
        a_person(work, "watcher", roles=["auditor"])
        an_org(work, "rival")
        a_person(work, "rival-analyst", "rival", ["analyst", "applicant"])
    return made


def delivered(scene: Scene) -> ExtractRead:
    made = scene.delivered(columns=["venue_id"])
    sealed(scene.house)
    return made


def event_id(house: House, kind: str) -> str:
    found = client_as(house, "watcher").get("/api/v1/audit", params={"kind": kind, "limit": 1}).json()
    return str(found["items"][0]["id"])


def test_anybody_may_witness_the_log(sqlite_house: House) -> None:
    visitor = client_as(sqlite_house)
    assert visitor.get("/api/v1/audit/checkpoint").status_code == 404
    first, second = a_record(sqlite_house, 3, 4)
    verifier = Verifier.parse(visitor.get("/api/v1/audit/key").text)
    answer = visitor.get("/api/v1/audit/checkpoint")
    assert answer.headers["content-type"].startswith("text/plain")
    assert verifier.opens(answer.text) == second
    proof = visitor.get("/api/v1/audit/consistency", params={"from": 3, "to": 7}).json()
    path = [base64.b64decode(each) for each in proof["hashes"]]
    assert base64.b64decode(proof["old_root"]) == first.root
    assert merkle.extends(3, 7, first.root, second.root, path)
    assert visitor.get("/api/v1/audit/consistency", params={"from": 8}).status_code == 422
    assert visitor.get("/api/v1/audit/evidence").status_code == 401


def test_the_analyst_proves_his_own_delivery_and_a_stranger_sees_nothing(
    scene: Scene, tmp_path: Path
) -> None:
    house, made = scene.house, delivered(scene)
    event = event_id(house, "extract.delivered")
    mine = client_as(house, "analyst").get(f"/api/v1/audit/proof/{event}")
    assert mine.status_code == 200
    assert mine.json() == client_as(house, "analyst").get(f"/api/v1/extracts/{made.id}/proof").json()
    entry = json.loads(mine.json()["entry"])
    assert (entry["kind"], entry["subject"]) == ("extract.delivered", made.id)
    assert json.loads(entry["payload"])["receipt_hash"] == made.receipt_hash
    kept = tmp_path / "proof.json"
    kept.write_bytes(mine.content)
    key = client_as(house).get("/api/v1/audit/key").text
    assert verify_proof(kept, key).flaws == []
    for member, value in (("index", 0), ("size", 1), ("entry", "{}"), ("hashes", []), ("checkpoint", "x")):
        kept.write_text(json.dumps(mine.json() | {member: value}))
        assert verify_proof(kept, key).flaws, member

    assert client_as(house, "watcher").get(f"/api/v1/audit/proof/{event}").status_code == 200
    assert client_as(house, "rival-analyst").get(f"/api/v1/audit/proof/{event}").status_code == 404
    assert client_as(house, "rival-analyst").get(f"/api/v1/extracts/{made.id}/proof").status_code == 404
    assert client_as(house).get(f"/api/v1/audit/proof/{event}").status_code == 401
    about_people = event_id(house, "account.created")
    assert client_as(house, "analyst").get(f"/api/v1/audit/proof/{about_people}").status_code == 404
    votes = event_id(house, "application.reviewed")
    assert client_as(house, "analyst").get(f"/api/v1/audit/proof/{votes}").status_code == 404


def test_the_receipt_page_offers_the_proof_once_a_checkpoint_covers_it(scene: Scene) -> None:
    made = scene.delivered(columns=["venue_id"])
    browser = browser_as(scene.house, "analyst", "en")
    assert "No checkpoint covers this delivery yet" in browser.get(f"/extracts/{made.id}").text
    early = client_as(scene.house, "analyst").get(f"/api/v1/extracts/{made.id}/proof")
    assert early.status_code == 409
    sealed(scene.house)
    assert f"/extracts/{made.id}/proof.json" in browser.get(f"/extracts/{made.id}").text
    answer = browser.get(f"/extracts/{made.id}/proof.json")
    assert "attachment" in answer.headers["content-disposition"]
    assert json.loads(answer.json()["entry"])["subject"] == made.id


def test_the_audit_page_shows_the_checkpoint_and_hands_out_the_evidence(
    sqlite_house: House, tmp_path: Path
) -> None:
    with sqlite_house.write() as work:
        a_person(work, "watcher", roles=["auditor"])
    browser = browser_as(sqlite_house, "watcher", "en")
    assert "There is no checkpoint yet" in browser.get("/audit").text
    packed = tmp_path / "evidence.zip"
    packed.write_bytes(browser.get("/audit/evidence.zip").content)
    from auth.proof.export import unpack

    unpack(packed, tmp_path / "pack")
    found = verify_pack(tmp_path / "pack")
    assert found.flaws == []
    assert found.newest is not None
    text = browser.get("/audit").text
    assert found.newest.note.split("\n")[2] in text
    assert found.key.replace("+", "&#43;") in text or found.key in text
    assert "audit.exported" in (tmp_path / "pack" / "events.jsonl").read_text()
    assert list(sqlite_house.settings.scratch_dir.iterdir()) == []
    assert "The chain holds" in browser.get("/audit?verify=yes").text


def test_events_after_the_last_checkpoint_wait_for_the_next(sqlite_house: House) -> None:
    with sqlite_house.write() as work:
        a_person(work, "watcher", roles=["auditor"])
    a_record(sqlite_house, 2)
    grow(sqlite_house, 1)
    with sqlite_house.read() as work:
        newest = work.db.get(audit.AuditEventRow, audit.verify(work)[0])
        assert newest is not None
    auditor = client_as(sqlite_house, "watcher")
    assert auditor.get(f"/api/v1/audit/proof/{newest.id}").status_code == 409
    sealed(sqlite_house)
    assert auditor.get(f"/api/v1/audit/proof/{newest.id}").status_code == 200


def run(*words: object) -> Any:
    return CliRunner().invoke(command, [str(word) for word in words])


def test_the_commands_take_the_evidence_out_and_check_it(sqlite_house: House, tmp_path: Path) -> None:
    with sqlite_house.write() as work:
        a_person(work, "watcher", roles=["auditor"])
    where = ("--data-dir", sqlite_house.settings.data_dir, "--as", "watcher")
    out = tmp_path / "evidence"
    assert run("export", "--out", out, *where).exit_code == 0
    assert run("export", "--out", out, *where).exit_code == 2
    key = run("key", *where).stdout.strip()
    note = tmp_path / "kept.txt"
    note.write_text(run("checkpoint", *where).stdout)
    sound = run("verify", out, "--key", key, "--checkpoint", note, "--json")
    assert sound.exit_code == 0, sound.output
    assert json.loads(sound.stdout)["sound"] is True

    events = out / "events.jsonl"
    events.write_bytes(events.read_bytes().replace(b'"via":', b'"viA":', 1))
    bad = run("verify", out)
    assert bad.exit_code == 1
    assert "was altered" in bad.stderr
    assert run("verify", tmp_path / "nowhere").exit_code == 2
    assert run("verify", *where).exit_code == 0


def test_the_offline_check_needs_no_database() -> None:
    import subprocess

    script = (
        "import sys, auth.proof.offline; "
        "print([name for name in ('sqlmodel', 'sqlalchemy', 'fastapi', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
