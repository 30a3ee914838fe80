"""A file and its manifest prove each other offline, or say what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from typer.testing import CliRunner

from api.cli.release import app
from core.settings import Settings
from datasets.releases.hashes import digests_of, sm3
from datasets.releases.offline import verify
from datasets.releases.signing import signed, signer

ABC = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
ABCD16 = "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def a_file(folder: Path) -> Path:
    path = folder / "lots.parquet"
    path.write_bytes(b"PAR1 some bytes PAR1")
    return path


def a_manifest(folder: Path, file: Path, settings: Settings | None, **changes: Any) -> Path:
    body = {
        "manifest_version": 2, "release": {"id": "r", "dataset_id": "DP-1", "number": 1},
        "files": {"parquet": digests_of(file).as_json()},
    } | changes  # fmt: skip
    path = folder / "manifest.json"
    path.write_bytes(signed(body, signer(settings)) if settings else rfc8785.dumps(body))
    return path


def test_sm3_gives_the_published_digests() -> None:
    """The two examples of GB/T 32905-2016, annex A."""
    assert sm3(b"abc") == ABC
    assert sm3(b"abcd" * 16) == ABCD16


def test_both_hashes_of_a_file_in_one_reading(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    found = digests_of(path)
    assert (found.sm3, found.size_bytes) == (ABC, 3)
    assert found.sha256.startswith("ba7816bf")


def test_a_file_and_its_signed_manifest_hold(tmp_path: Path, settings: Settings) -> None:
    file = a_file(tmp_path)
    manifest = a_manifest(tmp_path, file, settings)
    found = verify(file, manifest, signer(settings).verifier.text())
    assert (found.flaws, found.matched, found.is_signed) == ([], "parquet", True)
    assert manifest.read_bytes() == a_manifest(tmp_path, file, settings).read_bytes()


def test_whatever_is_altered_is_found(tmp_path: Path, settings: Settings) -> None:
    file = a_file(tmp_path)
    manifest = a_manifest(tmp_path, file, settings)
    whole = json.loads(manifest.read_bytes())
    other = tmp_path / "other"
    other.write_bytes(file.read_bytes() + b"x")
    assert "none of the release's files" in verify(other, manifest).flaws[0].en
    for change in (
        {"release": whole["release"] | {"number": 2}},
        {"files": {"parquet": digests_of(other).as_json()}},
        {"signature": whole["signature"] | {"value": "AAAA"}},
        {"signature": whole["signature"] | {"algorithm": "none"}},
        {"signature": "yes"},
    ):
        manifest.write_text(json.dumps(whole | change))
        flaws = [flaw.en for flaw in verify(file, manifest, allow_unsigned=True).flaws]
        assert any("signature does not hold" in flaw for flaw in flaws), change


def test_another_key_and_no_key_are_not_the_same(tmp_path: Path, settings: Settings) -> None:
    file = a_file(tmp_path)
    manifest = a_manifest(tmp_path, file, settings)
    stranger = signer(Settings(data_dir=tmp_path / "elsewhere")).verifier.text()
    assert "another key" in verify(file, manifest, stranger).flaws[0].en
    assert "cannot be read" in verify(file, manifest, "no key at all").flaws[0].en


def test_manifests_from_before_signatures_stay_readable_and_say_so(tmp_path: Path) -> None:
    file = a_file(tmp_path)
    manifest = a_manifest(tmp_path, file, None, manifest_version=1)
    assert "not signed" in verify(file, manifest).flaws[0].en
    held = verify(file, manifest, allow_unsigned=True)
    assert (held.flaws, held.matched, held.is_signed) == ([], "parquet", False)
    stripped = a_manifest(tmp_path, file, None)
    assert verify(file, stripped, allow_unsigned=True).flaws, (
        "a signature that was cut off is no old manifest"
    )


def test_the_command_ends_with_0_or_1(tmp_path: Path, settings: Settings) -> None:
    file = a_file(tmp_path)
    manifest = a_manifest(tmp_path, file, settings)
    key = tmp_path / "key.txt"
    key.write_text(signer(settings).verifier.text() + "\n")
    run = CliRunner().invoke
    good = run(app, ["verify", str(file), "--manifest", str(manifest), "--key", str(key)])
    assert (good.exit_code, good.stdout.startswith("sound: parquet of DP-1")) == (0, True), good.output
    file.write_bytes(b"other")
    bad = run(app, ["verify", str(file), "--manifest", str(manifest), "--json"])
    assert (bad.exit_code, json.loads(bad.stdout)["sound"]) == (1, False)
    assert run(app, ["verify", str(file), "--manifest", str(tmp_path / "none")]).exit_code == 1


def test_the_verdict_is_held_against_its_digest(tmp_path: Path, settings: Settings) -> None:
    file, verdict = a_file(tmp_path), tmp_path / "verdict.json"
    verdict.write_bytes(b'{"verdict":"passed"}')
    named = {"documents": {"counts": digests_of(verdict).as_json()}}
    manifest = a_manifest(tmp_path, file, settings, manifest_version=3, gate=named)
    found = verify(file, manifest, verdict=verdict)
    assert (found.flaws, found.notes) == ([], [])
    assert verify(verdict, manifest).matched == "counts"
    other = tmp_path / "other.json"
    other.write_bytes(b'{"verdict": "passed"}')
    assert "not the verdict by which" in verify(file, manifest, verdict=other).flaws[0].en
    assert "cannot be read" in verify(file, manifest, verdict=tmp_path / "none").flaws[0].en
    wrong = {"documents": {"verdict": digests_of(verdict).as_json() | {"sm3": "0" * 64}}}
    manifest = a_manifest(tmp_path, file, settings, manifest_version=3, gate=wrong)
    assert "sm3 differs" in verify(file, manifest, verdict=verdict).flaws[0].en


@pytest.mark.parametrize("gate", [None, "x", {}, {"documents": []}])
def test_a_manifest_without_digests_of_the_verdict_stays_valid_and_says_so(
    tmp_path: Path, settings: Settings, gate: Any
) -> None:
    file = a_file(tmp_path)
    manifest = a_manifest(tmp_path, file, settings, gate=gate)
    found = verify(file, manifest)
    assert (found.flaws, [note.en[:12] for note in found.notes]) == ([], ["The manifest"])
    assert "not the verdict" in verify(file, manifest, verdict=file).flaws[0].en
    told = CliRunner().invoke(app, ["verify", str(file), "--manifest", str(manifest)])
    assert (told.exit_code, "proves the files, not the verdict" in told.stdout) == (0, True)
