"""检查 → 校核 → 更正 → 确认: failing rows go out as a workbook and come back corrected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from api.house import House
from core.errors import Conflict, InputRefused
from datasets.batches import detail
from datasets.batches.tables import BatchRow
from datasets.batches.workflow import BatchState
from tests.datasets.parking import CLEAN, FAILS, UNTYPED, a_parking_dataset, hand_in, the_batch
from tests.people import actor_of

pytestmark = pytest.mark.gx


@pytest.fixture
def stocked(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        a_parking_dataset(work)
    return sqlite_house


def sheet_of(house: House, batch: BatchRow, folder: Path) -> list[list[Any]]:
    """The first sheet of the workbook that a steward downloads."""
    with house.read() as work:
        steward = actor_of(work, "zhou")
    made = detail.correction_workbook(house.read, house.files, steward, batch.id)
    path = folder / made.filename
    path.write_bytes(made.data)
    return CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()


def edited(lines: list[list[Any]], folder: Path, cells: dict[tuple[int, str], Any]) -> bytes:
    """The workbook saved again with some cells changed; keyed by place among the rows and column name."""
    heads, target = lines[0], folder / "edited.xlsx"
    with xlsxwriter.Workbook(str(target)) as book:
        sheet = book.add_worksheet("数据 Data")
        for line, values in enumerate(lines):
            for column, value in enumerate(values):
                kept = cells.get((line - 2, str(heads[column])), value)
                sheet.write(line, column, kept)
    return target.read_bytes()


def test_corrected_rows_come_back_and_the_batch_passes(stocked: House, tmp_path: Path) -> None:
    failed = hand_in(stocked, "lin", FAILS)
    lines = sheet_of(stocked, failed, tmp_path)
    assert [line[0] for line in lines[2:]] == [1, 2, 3]
    data = edited(lines, tmp_path, {(1, "lot"): "P02", (2, "lot"): "P03"})
    mended = hand_in(stocked, "zhou", data, "更正.xlsx", corrects=failed.id, rows_only=True)
    assert (mended.state, mended.rows) == (BatchState.PASSED, 3)
    assert len(mended.preparers) == 2
    assert the_batch(stocked, failed.id).state == BatchState.SUPERSEDED


def test_a_cell_that_could_not_be_typed_is_on_the_sheet_and_can_be_mended(
    stocked: House, tmp_path: Path
) -> None:
    failed = hand_in(stocked, "lin", UNTYPED)
    lines = sheet_of(stocked, failed, tmp_path)
    assert "很多" in str(lines[2][1])
    still = hand_in(
        stocked, "lin", edited(lines, tmp_path, {}), "same.xlsx", corrects=failed.id, rows_only=True
    )
    assert (still.state, still.untyped_cells) == (BatchState.FAILED, 1)
    data = edited(lines, tmp_path, {(0, "total"): 150})
    mended = hand_in(stocked, "lin", data, "mended.xlsx", corrects=still.id, rows_only=True)
    assert (mended.state, mended.untyped_cells) == (BatchState.PASSED, 0)


def test_rows_that_the_table_does_not_have_are_refused_by_name(stocked: House, tmp_path: Path) -> None:
    failed = hand_in(stocked, "lin", FAILS)
    lines = sheet_of(stocked, failed, tmp_path)
    lines[2][0] = 99
    batch = hand_in(stocked, "lin", edited(lines, tmp_path, {}), "x.xlsx", corrects=failed.id, rows_only=True)
    assert batch.state == BatchState.REFUSED
    assert batch.problem is not None
    assert "99" in batch.problem["zh"]


def test_rows_alone_need_to_know_what_they_correct(stocked: House) -> None:
    with pytest.raises(InputRefused):
        hand_in(stocked, "lin", CLEAN, rows_only=True)


def test_there_is_no_sheet_before_a_verdict(stocked: House) -> None:
    batch = hand_in(stocked, "lin", CLEAN, check=False)
    with stocked.read() as work:
        steward = actor_of(work, "lin")
    with pytest.raises(Conflict):
        detail.correction_workbook(stocked.read, stocked.files, steward, batch.id)
