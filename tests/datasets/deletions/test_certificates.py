"""At a grant's end: exactly the files that left, which of them are certified as deleted, which are missing; signed, and checked offline."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from api.cli import _assemble
from api.deletion_papers import pdf
from api.house import House
from auth.duties import service as duties
from auth.duties.service import Attachment, DutyAnswer, DutyRead
from auth.duties.workflow import Kind, State
from auth.grants import service as grants
from auth.grants.service import RevokeStep
from core.errors import InputRefused, NotFound
from core.ids import ExtractId
from datasets.deletions import service
from datasets.deletions.certificate import Delivery, document_of
from datasets.extracts import downloading
from datasets.extracts.signing import check, public_hex, signing_key
from datasets.sharing import service as sharing
from tests.auth.grants.test_lineage import amended
from tests.datasets.extracts.scene import Scene, a_scene
from tests.datasets.sharing.reading import makes, reader
from tests.examples import examples
from tests.people import browser_as, client_as

PAPER = Attachment(name="证明.pdf", sha256="a" * 64)


def _takes(scene: Scene, extract_id: str) -> str:
    with scene.desk.write("analyst") as (work, actor):
        downloading.note_download(work, actor, ExtractId(extract_id), "")
    return str(scene.extract(extract_id).sha256)


def _duty(scene: Scene, kind: Kind = Kind.DELETION_CERTIFICATE) -> DutyRead:
    with scene.desk.read("officer") as (work, actor):
        return next(each for each in duties.duties(work, actor)[0] if each.kind == kind)


def _certificate(scene: Scene, who: str = "officer") -> dict[str, Any]:
    with scene.desk.read(who) as (work, actor):
        return service.certificate(work, actor, _duty(scene).id, scene.house.settings.keys_dir)


@pytest.fixture
def ended(sqlite_house: House) -> tuple[Scene, str, str]:
    """A grant that was revoked after one extract was taken twice and one view was read; another extract was never taken."""
    scene = a_scene(sqlite_house, columns=["venue_id", "rooms", "district"])
    taken = scene.delivered(columns=["venue_id"])
    scene.delivered(columns=["rooms"])
    first, _ = _takes(scene, taken.id), _takes(scene, taken.id)
    view = makes(scene)
    with scene.house.write() as work:
        sharing.begin(work, reader(scene), sharing.row(work, view.id))
    scene.revokes()
    return scene, first, str(view.sha256)


def test_what_left_is_listed_and_what_is_not_named_is_missing(
    ended: tuple[Scene, str, str], tmp_path: Path
) -> None:
    scene, taken, view = ended
    before = _certificate(scene)
    assert [(each["form"], each["sha256"], each["deliveries"]) for each in before["files"]] == [
        ("extract", taken, 2),
        ("view", view, 1),
    ]
    assert before["missing"] == [taken, view]
    assert not before["complete"]

    answer = DutyAnswer(
        text="已全部删除并核对日志，无留存副本", attachments=(PAPER,), deleted=(taken, "f" * 64)
    )
    with scene.desk.write("officer") as (work, actor):
        duties.fulfil(work, actor, _duty(scene).id, answer)
    after = _certificate(scene)
    assert (after["missing"], after["unknown"], after["complete"]) == ([view], ["f" * 64], False)
    assert after["files"][0]["receipt_sha256"] == scene.extract(after["files"][0]["id"]).receipt_hash
    assert after == _certificate(scene), "the same bytes whenever it is asked for"

    kept = tmp_path / "certificate.json"
    kept.write_text(json.dumps(after))
    key = public_hex(signing_key(scene.house.settings.keys_dir))
    assert check(kept.read_bytes(), key=key).flaws == ()
    for lie in ({"missing": []}, {"document": "other"}, {"complete": True}, {"document": ["x"]}):
        assert check(json.dumps(after | lie).encode(), key=key).flaws
    receipt = {name: value for name, value in after.items() if name != "document"}
    assert check(json.dumps(receipt).encode(), key=key).flaws, "a certificate is no receipt"
    assert b"%PDF" in pdf(after)
    assert pdf(after) == pdf(after)
    said = CliRunner().invoke(
        _assemble(),
        ["receipt", "verify", str(kept), "--key", key, "--file", str(scene.house.files.path(taken))],
    )
    assert said.exit_code == 0, said.output


def test_page_route_and_paper_tell_the_same(ended: tuple[Scene, str, str]) -> None:
    scene, taken, view = ended
    duty = _duty(scene).id
    browser = browser_as(scene.house, "officer")
    page = browser.get(f"/duties/{duty}?lang=en").text
    assert taken in page
    assert "Missing" in page
    sent = browser.submit(
        f"/duties/{duty}/fulfil", version="1", text="已全部删除并核对日志，无留存副本", attachments=f"{'a' * 64}  proof.pdf",
        deleted=f"{taken}\n{view}  view.parquet",
    )  # fmt: skip
    assert sent.status_code in (200, 303), sent.text
    api = client_as(scene.house, "officer")
    assert api.get(f"/api/v1/duties/{duty}/certificate").json()["complete"]
    assert api.get(f"/api/v1/duties/{duty}/certificate.pdf").content.startswith(b"%PDF")
    assert browser.get(f"/duties/{duty}/certificate.json").json()["missing"] == []


def test_what_is_no_certificate_has_no_list_and_takes_none(ended: tuple[Scene, str, str]) -> None:
    scene, taken, _ = ended
    report = _duty(scene, Kind.USE_REPORT)
    with scene.desk.read("officer") as (work, actor), pytest.raises(NotFound):
        service.certificate(work, actor, report.id, scene.house.settings.keys_dir)
    answer = DutyAnswer(text="本期使用情况如下，未发生异常", deleted=(taken,))
    with scene.desk.write("officer") as (work, actor), pytest.raises(InputRefused):
        duties.fulfil(work, actor, report.id, answer)


def test_what_left_before_an_amendment_or_a_renewal_is_certified_at_the_end_of_the_line(house: House) -> None:
    scene = a_scene(house, columns=["venue_id", "rooms"])
    taken = _takes(scene, scene.delivered(columns=["venue_id"]).id)
    new = amended(scene.desk, scene.grant_id)
    with scene.desk.write("approver2") as (work, actor):
        grants.revoke(work, actor, new.id, RevokeStep(note="违反约定的用途使用数据", evidence="核查记录"))
    found = _certificate(scene)
    assert (found["grant"], [each["sha256"] for each in found["files"]], found["missing"]) == (
        new.id,
        [taken],
        [taken],
    )
    assert found["files"][0]["rows"] is not None
    duty = _duty(scene)
    answer = DutyAnswer(text="已全部删除并核对日志", attachments=(PAPER,), deleted=(taken,))
    with scene.desk.write("officer") as (work, actor):
        duties.fulfil(work, actor, duty.id, answer)
    assert (_certificate(scene)["complete"], _certificate(scene)["unknown"]) == (True, [])


digests = st.sampled_from([letter * 64 for letter in "abcd"])


@settings(
    max_examples=examples(40), suppress_health_check=[HealthCheck.too_slow]
)  # the first draw pays for imports
@given(
    left=st.lists(digests, max_size=6),
    named=st.sets(digests),
    is_in=st.booleans(),
)
def test_every_file_that_left_is_certified_or_missing_and_nothing_else_is_listed(
    left: list[str], named: set[str], is_in: bool
) -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    duty = DutyRead.model_construct(
        id="d", grant_id="g", org_id="o", dataset_id="x", state=State.OPEN, text="", attachments=[],
        deleted=sorted(named), fulfilled_at=at if is_in else None,
    )  # fmt: skip
    events = [Delivery(sha256, "view", "s", at, number) for number, sha256 in enumerate(left)]
    found = document_of(duty, reversed(events), {})
    files = set(left)
    assert {each["sha256"] for each in found["files"]} == files
    assert set(found["missing"]) == files - named
    assert set(found["unknown"]) == named - files
    assert sum(each["deliveries"] for each in found["files"]) == len(left)
    assert found["complete"] == (is_in and files <= named)
