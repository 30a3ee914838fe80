"""检查 → 校核 → 更正 → 确认 with real files: the gate opens tickets, the workbook goes out and comes back, data leave under waivers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api.durable import drain
from api.house import House
from core.errors import Conflict
from core.files import StoredFile
from datasets.batches import detail
from datasets.batches.tables import BatchRow
from datasets.tickets import returned, service
from datasets.tickets.models import TicketNote
from datasets.waivers import service as waivers
from datasets.waivers.models import WaiverNote
from quality.marks import is_correction_sheet, made_of
from tests.datasets.batches.test_correction import edited, sheet_of
from tests.datasets.parking import CLEAN, FAILS, UNTYPED, hand_in, publish, the_batch, the_release
from tests.datasets.tickets.stories import a_stage, a_waiver, the_ticket
from tests.people import actor_of, client_as

pytestmark = pytest.mark.gx


@pytest.fixture
def stage(sqlite_house: House) -> House:
    a_stage(sqlite_house)
    return sqlite_house


def _return(house: House, who: str, stored: StoredFile, rule: str = "K2") -> BatchRow:
    with house.write() as work:
        taken = returned.take(
            work, actor_of(work, who), house.files, the_ticket(house, rule).id, "更正.xlsx", stored
        )
    drain(house)
    return the_batch(house, taken.id)


def test_the_returned_workbook_is_recognised_merged_and_answers_every_ticket_it_mends(
    stage: House, tmp_path: Path
) -> None:
    failed = hand_in(stage, "lin", FAILS)
    assert {the_ticket(stage, key).state for key in ("K1", "K2")} == {"open"}
    lines = sheet_of(stage, failed, tmp_path)
    data = edited(lines, tmp_path, {(1, "lot"): "P02", (2, "lot"): "P03"})
    mended = _return(stage, "lin", stage.files.put([data]))
    assert (mended.is_row_correction, mended.corrects, mended.state) == (True, failed.id, "passed")
    for key in ("K1", "K2"):
        assert (the_ticket(stage, key).state, the_ticket(stage, key).mended_by) == ("answered", mended.id)
    with stage.write() as work:
        done = service.confirm(work, actor_of(work, "zhou"), the_ticket(stage).id, TicketNote())
    assert done.state == "closed"


def test_our_workbook_says_which_batch_it_was_made_of(stage: House) -> None:
    failed = hand_in(stage, "lin", FAILS)
    with stage.read() as work:
        steward = actor_of(work, "zhou")
    made = detail.correction_workbook(stage.read, stage.files, steward, failed.id)
    path = stage.files.path(stage.files.put([made.data]).sha256)
    assert (is_correction_sheet(path), made_of(path)) == (True, failed.id)
    plain = stage.files.path(failed.sha256)
    assert (is_correction_sheet(plain), made_of(plain)) == (False, None)
    again = hand_in(stage, "lin", FAILS + b"P09,,1,1,2026-03-01\n")
    assert the_ticket(stage).batch_id == again.id
    with pytest.raises(Conflict) as refused:
        _return(stage, "lin", stage.files.put([made.data]))
    assert refused.value.facts["batch_id"] == again.id


def test_a_whole_file_handed_in_at_the_ticket_corrects_its_batch(stage: House) -> None:
    failed = hand_in(stage, "lin", FAILS)
    mended = _return(stage, "zhou", stage.files.put([CLEAN]))
    assert (mended.is_row_correction, mended.corrects, mended.state) == (False, failed.id, "passed")
    assert the_batch(stage, failed.id).state == "superseded"


def test_cells_that_cannot_be_typed_have_a_ticket_that_nobody_can_waive(stage: House) -> None:
    hand_in(stage, "lin", UNTYPED)
    ticket = the_ticket(stage, "untyped:total")
    with stage.read() as work:
        seen = service.detail(work, actor_of(work, "zhou"), ticket.id)
    assert (ticket.failing_rows, ticket.severity, seen.is_waivable) == (1, "critical", False)
    _return(stage, "lin", stage.files.put([CLEAN]), "untyped:total")
    assert the_ticket(stage, "untyped:total").answer == "corrected"


def test_cells_beyond_those_that_are_listed_keep_their_ticket_open(
    stage: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two columns of unreadable cells only some are listed; mending those answers neither ticket."""
    monkeypatch.setattr("datasets.intake.table.FINDINGS_KEPT", 4)
    rows = "".join(f"P{n:02},东门,很多,{'?' if n < 3 else 1},2026-03-01\n" for n in range(1, 10))
    failed = hand_in(stage, "lin", f"lot,name,total,free,day\n{rows}".encode())
    counts = {key: the_ticket(stage, key).failing_rows for key in ("untyped:total", "untyped:free")}
    assert counts == {"untyped:total": 9, "untyped:free": 2}
    lines = sheet_of(stage, failed, tmp_path)
    mends = {(row, column): 5 for row in range(2) for column in ("total", "free")}
    merged = _return(stage, "lin", stage.files.put([edited(lines, tmp_path, mends)]), "untyped:total")
    assert (merged.state, merged.untyped_cells) == ("failed", 7)
    assert (the_ticket(stage, "untyped:free").answer, the_ticket(stage, "untyped:free").state) == (
        "corrected",
        "answered",
    )
    still = the_ticket(stage, "untyped:total")
    assert (still.answer, still.failing_rows, still.batch_id) == (None, 7, merged.id)


def test_a_release_names_its_waivers_for_ever(stage: House) -> None:
    failed = hand_in(stage, "lin", FAILS)
    kept = {a_waiver(stage, key, signer="third").id for key in ("K1", "K2")}
    release = publish(stage, "zhou", failed.id)
    assert (release.state, release.verdict, {each["waiver_id"] for each in release.waivers}) == (
        "published", "failed", kept,
    )  # fmt: skip
    manifest = json.loads(stage.files.path(str(release.manifest_sha256)).read_bytes())
    said = manifest["gate"] if "gate" in manifest else manifest["body"]["gate"]
    assert ({each["waiver_id"] for each in said["waivers"]}, said["verdict"]) == (kept, "failed")
    for waiver_id in kept:
        with stage.write() as work:
            waivers.revoke(work, actor_of(work, "guard"), waiver_id, WaiverNote(note="已发布，今后不再豁免"))
    shown = client_as(stage, "zhou").get(f"/releases/{release.id}", headers={"accept": "text/html"})
    assert "历史数据，源系统年底前改造" in shown.text
    assert len(client_as(stage).get(f"/api/v1/releases/{release.id}").json()["waivers"]) == 2


def test_a_waiver_that_ends_while_the_files_are_made_stops_the_release(stage: House) -> None:
    from datasets.releases import service as releases
    from datasets.releases.models import ReleaseCreate

    failed = hand_in(stage, "lin", FAILS)
    a_waiver(stage, "K1", signer="third")
    second = a_waiver(stage, "K2", signer="third")
    with stage.write() as work:
        body = ReleaseCreate.model_validate({"batch_id": failed.id})
        asked = releases.request(work, actor_of(work, "zhou"), body)
        waivers.revoke(work, actor_of(work, "guard"), second.id, WaiverNote(note="发现更多错误，停止豁免"))
    drain(stage)
    release = the_release(stage, asked.id)
    assert (release.state, the_batch(stage, failed.id).state) == ("failed", "passed_with_waivers")
    assert release.problem is not None
    assert "豁免" in release.problem["zh"]
