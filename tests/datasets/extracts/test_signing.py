"""A receipt proves what left, offline; whatever is altered is noticed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli.receipt import app
from api.house import House
from core.ids import ExtractId
from datasets.extracts import service
from datasets.extracts.signing import check, public_hex, signed, signing_key
from tests.datasets.extracts.scene import a_scene
from tests.people import client_as


@pytest.fixture
def receipt(sqlite_house: House) -> tuple[bytes, Path, str]:
    """A receipt, its file, and the published key."""
    scene = a_scene(sqlite_house)
    made = scene.delivered()
    with scene.desk.read("analyst") as (work, actor):
        text = service.receipt(work, actor, ExtractId(made.id))
    published = client_as(sqlite_house).get("/api/v1/extracts/receipt-key").json()
    return text.encode(), scene.file(made.id), published["public_key"]


def test_a_receipt_and_its_file_are_proven_with_the_published_key(
    receipt: tuple[bytes, Path, str], tmp_path: Path
) -> None:
    text, file, key = receipt
    assert check(text, key=key, file=file).flaws == ()
    kept = tmp_path / "receipt.json"
    kept.write_text(
        json.dumps(json.loads(text), indent=2, ensure_ascii=True)
    )  # how it is written does not matter
    said = CliRunner().invoke(app, ["verify", str(kept), "--file", str(file), "--key", key, "--json"])
    assert (said.exit_code, json.loads(said.stdout)["holds"]) == (0, True)
    other = tmp_path / "other.parquet"
    other.write_bytes(file.read_bytes() + b" ")
    refused = CliRunner().invoke(app, ["verify", str(kept), "--file", str(other)])
    assert (refused.exit_code, "not the one of the receipt" in refused.stderr) == (1, True)
    assert CliRunner().invoke(app, ["verify", str(tmp_path / "none.json")]).exit_code == 2


def test_every_member_that_is_altered_added_or_taken_away_is_noticed(
    receipt: tuple[bytes, Path, str],
) -> None:
    text, _, key = receipt
    whole: dict[str, Any] = json.loads(text)
    for name, value in whole.items():
        altered = 7 if not isinstance(value, int) else value + 1
        for changed in (whole | {name: altered}, {k: v for k, v in whole.items() if k != name}):
            assert check(json.dumps(changed).encode(), key=key).flaws, name
    assert check(json.dumps(whole | {"rows_too": 1}).encode(), key=key).flaws


def test_another_key_signs_nothing_in_our_name(receipt: tuple[bytes, Path, str], tmp_path: Path) -> None:
    text, _, key = receipt
    forger = signing_key(tmp_path)
    body = {k: v for k, v in json.loads(text).items() if k not in ("signature", "signed_with")}
    forged = json.dumps(signed(body, forger)).encode()
    assert (
        check(forged).flaws == ()
    )  # without a key from elsewhere a receipt proves only that it hangs together
    assert not check(forged).is_pinned
    assert check(forged, key=key).flaws
    assert check(text, key=public_hex(forger)).flaws


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"{}", b"nonsense", b"\xff", b"[" * 100_000, b'{"signature": 5}', b'{"signed_with": 1}', b'{"a": 1, "a": 1}',
     b'{"signature": "00", "signed_with": {"public_key": "zz"}}', b'{"rows": 1e999, "signed_with": {}}'],
)  # fmt: skip
def test_what_is_no_receipt_is_said_to_be_none(text: bytes) -> None:
    assert check(text).flaws
    assert check(text, key="00" * 32).flaws
