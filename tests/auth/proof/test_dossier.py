"""The evidence of one grant or period: it holds without the service, and nothing in it can be changed unseen."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.audit import app as command
from api.house import House
from auth.proof.dossier_offline import verify_dossier
from tests.auth.proof.packs import sealed
from tests.datasets.extracts.scene import Scene, a_scene
from tests.people import browser_as, client_as


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    made = a_scene(sqlite_house)
    made.delivered(columns=["venue_id", "rooms"])
    made.revokes()
    sealed(sqlite_house)
    return made


def _unpacked(body: bytes, folder: Path) -> Path:
    folder.with_suffix(".zip").write_bytes(body)
    with zipfile.ZipFile(folder.with_suffix(".zip")) as source:
        source.extractall(folder)
    return folder


def _pack(scene: Scene, folder: Path) -> Path:
    answer = client_as(scene.house, "auditor").get(f"/api/v1/audit/evidence/grants/{scene.grant_id}")
    assert answer.status_code == 200, answer.text
    return _unpacked(answer.content, folder)


def _line(folder: Path, change: Callable[[list[bytes]], list[bytes]], name: str = "events.jsonl") -> None:
    path = folder / name
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


def _manifest(folder: Path) -> None:
    """What a forger would do: make the manifest fit again."""
    import hashlib

    held = json.loads((folder / "manifest.json").read_bytes())
    held["files"] = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json"
    }  # fmt: skip
    (folder / "manifest.json").write_bytes(json.dumps(held).encode())


def test_the_evidence_of_a_grant_holds_and_no_change_goes_unseen(scene: Scene, tmp_path: Path) -> None:
    whole = _pack(scene, tmp_path / "whole")
    found = verify_dossier(whole)
    assert found.flaws == []
    assert found.unproven == ["documents/ledger.csv"], "no event cites lines of the ledger, and that is told"
    kinds = [json.loads(line)["kind"] for line in (whole / "events.jsonl").read_bytes().splitlines()]
    assert kinds[0] == "application.created"
    assert {
        "application.reviewed",
        "grant.issued",
        "extract.delivered",
        "grant.revoked",
        "audit.pack_taken",
    } <= set(kinds)
    receipt = next((whole / "documents" / "receipts").glob("*")).name
    changes: dict[str, Callable[[Path], None]] = {
        "altered": lambda f: _line(f, lambda lines: [lines[0].replace(b"\"via\":", b"\"vib\":"), *lines[1:]]),
        "swapped": lambda f: _line(f, lambda lines: [lines[1], lines[0], *lines[2:]]),
        "proof": lambda f: _line(f, lambda lines: [lines[1], *lines[1:]], "proofs.jsonl"),
        "receipt": lambda f: (f / "documents" / "receipts" / receipt).write_bytes(b"{}") and None,
        "policy": lambda f: next((f / "documents" / "policies").glob("*")).write_bytes(b"{}") and None,
        "terms": lambda f: next((f / "documents").glob("terms*")).write_bytes(b"{}") and None,
        "slipped in": lambda f: (f / "documents" / "minutes.pdf").write_bytes(b"x") and None,
        "checkpoint": lambda f: _line(f, lambda lines: [b"other\n", *lines[1:]], "checkpoint.txt"),
    }  # fmt: skip
    for name, change in changes.items():
        forged = _pack_copy(whole, tmp_path / name)
        change(forged)
        _manifest(forged)
        assert verify_dossier(forged).flaws, name
    added = _pack_copy(whole, tmp_path / "added")
    (added / "documents" / "more.txt").write_text("x")
    assert verify_dossier(added).flaws[0].where == "documents/more.txt"
    assert verify_dossier(whole, "another+00000000+AAAA").flaws


def _pack_copy(folder: Path, to: Path) -> Path:
    import shutil

    return Path(shutil.copytree(folder, to))


def test_a_period_comes_as_evidence_too_and_both_by_command(scene: Scene, tmp_path: Path) -> None:
    auditor = client_as(scene.house, "auditor")
    span = {"since": "2026-03-01T00:00:00+08:00", "until": "2026-03-04T00:00:00+08:00"}
    answer = auditor.get("/api/v1/audit/evidence/period", params=span)
    folder = _unpacked(answer.content, tmp_path / "period")
    told = CliRunner().invoke(command, ["verify", str(folder), "--json"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["sound"]
    forged = _pack_copy(folder, tmp_path / "forged")
    _line(forged, lambda lines: lines[1:])
    assert CliRunner().invoke(command, ["verify", str(forged)]).exit_code == 1
    assert (
        auditor.get("/api/v1/audit/evidence/period", params=span | {"until": span["since"]}).status_code
        == 200
    )
    assert (
        client_as(scene.house, "officer").get("/api/v1/audit/evidence/period", params=span).status_code == 403
    )


def test_one_page_tells_a_grant_from_application_to_end_with_proofs(scene: Scene) -> None:
    for who, lang, word in (("auditor", "zh", "已证明"), ("officer", "en", "proved")):
        page = browser_as(scene.house, who, lang).get(f"/grants/{scene.grant_id}/record")
        assert page.status_code == 200
        for kind in (
            "application.created",
            "application.agreed",
            "grant.issued",
            "grant.activated",
            "extract.delivered",
            "grant.revoked",
        ):
            assert kind in page.text, (who, kind)
        assert word in page.text
        if who == "auditor":
            assert {"ε", "用时（毫秒）"} <= set(re.findall(r"<th[^>]*>\s*([^<]+?)\s*<", page.text))
        assert ("application.reviewed" in page.text) == (who == "auditor"), "votes are the bureau's own"
    assert browser_as(scene.house, "officer2").get(f"/grants/{scene.grant_id}/record").status_code == 404
