"""The complete list of cells that their declared types cannot hold: with the typed table it holds every cell of the source."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.house import House
from datasets.batches.tables import BatchRow
from datasets.batches.workflow import BatchState
from datasets.intake import untyped
from datasets.intake.dictionary import Dictionary
from datasets.intake.facts import FINDINGS_KEPT, UNTYPED
from datasets.intake.reader import read_table
from datasets.store import citations
from tests.datasets.batches.test_correction import edited, sheet_of
from tests.datasets.parking import UNTYPED as BATCH
from tests.datasets.parking import a_parking_dataset, hand_in, recheck
from tests.examples import examples
from tests.people import browser_as, client_as

TYPES = ("integer", "number", "date", "boolean", "time", "datetime", "string")
CELLS = st.sampled_from(
    ["", " ", "1", "-7", "1,234", "3.5", "12％", "约3", "2024-03-05", "2024年3月5日", "是", "否", "08:30", "很多", "x,y", 'a"b', "两\n行", "NA", "１２", "2024-03-05 08:30"]
)  # fmt: skip


def listed(path: Path) -> list[dict[str, Any]]:
    return pq.read_table(path).to_pylist() if path.exists() else []


@pytest.mark.slow
@given(rows=st.lists(st.tuples(*[CELLS] * len(TYPES)), min_size=1, max_size=12))
@settings(max_examples=examples(25), deadline=None)
def test_the_table_and_the_list_hold_every_cell_together(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]]
) -> None:
    folder = tmp_path_factory.mktemp("u")
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["n", *TYPES])
    writer.writerows([number, *row] for number, row in enumerate(rows, 1))
    source, out, lost = folder / "s.csv", folder / "t.parquet", folder / "l.parquet"
    source.write_text(text.getvalue(), encoding="utf-8")
    columns = [{"name": kind, "type": kind} for kind in TYPES]
    words = Dictionary.model_validate({"columns": columns, "header_line": 1, "delimiter": ",", "encoding": "utf-8"})  # fmt: skip
    found = read_table(source, out, dictionary=words, untyped=lost)
    table = {each["n"]: each for each in pq.read_table(out).to_pylist()}
    assert len(table) == len(rows)
    wanted = {
        (number, kind): (cell, kind)
        for number, row in enumerate(rows, 1)
        for kind, cell in zip(TYPES, row, strict=True)
        if kind != "string" and cell.strip() and table[number][kind] is None
    }
    told = listed(lost)
    assert {(each["row"], each["column"]): (each["value"], each["wanted"]) for each in told} == wanted
    assert len(told) == len(wanted) == found.untyped_cells
    assert [each["row"] for each in told] == sorted(each["row"] for each in told)


def test_more_than_the_findings_keep_are_listed_with_line_and_whole_value(tmp_path: Path) -> None:
    long = "约" * 300
    rows = 3 * FINDINGS_KEPT
    source, lost = tmp_path / "s.csv", tmp_path / "l.parquet"
    source.write_text(
        "题名\nid,n,m\n" + "".join(f"{i},{long if i % 2 else i},x{i}\n" for i in range(1, rows + 1))
    )
    columns = [
        {"name": "id", "type": "integer"},
        {"name": "n", "type": "integer"},
        {"name": "m", "type": "number"},
    ]
    words = Dictionary.model_validate({"columns": columns, "header_line": 2})
    found = read_table(source, tmp_path / "t.parquet", dictionary=words, untyped=lost)
    told = listed(lost)
    assert len(told) == found.untyped_cells == rows // 2 + rows
    assert sum(each.code == UNTYPED for each in found.findings) == FINDINGS_KEPT
    assert told[0] == {"row": 1, "line": 3, "member": None, "column": "n", "value": long, "wanted": "integer"}
    assert told[-1] == {"row": rows, "line": rows + 2, "member": None, "column": "m", "value": f"x{rows}", "wanted": "number"}  # fmt: skip


def test_many_columns_and_members_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(untyped, "_AT_ONCE", 2)
    names = [f"c{i}" for i in range(5)]
    source, lost = tmp_path / "s.zip", tmp_path / "l.parquet"
    with zipfile.ZipFile(source, "w") as archive:
        for month in ("a.csv", "b.csv"):
            archive.writestr(
                month, ",".join(names) + "\n" + ",".join(["1"] * 5) + "\n" + ",".join(["坏"] * 5) + "\n"
            )
    words = Dictionary.model_validate(
        {"columns": [{"name": n, "type": "integer"} for n in names], "member": "*"}
    )
    found = read_table(source, tmp_path / "t.parquet", dictionary=words, untyped=lost)
    told = listed(lost)
    assert found.untyped_cells == len(told) == 10
    assert {(each["member"], each["row"], each["line"]) for each in told} == {
        ("a.csv", 2, 3),
        ("b.csv", 4, 3),
    }
    assert {each["column"] for each in told} == set(names)


def test_nothing_is_written_where_every_cell_fits(tmp_path: Path) -> None:
    source, lost = tmp_path / "s.csv", tmp_path / "l.parquet"
    source.write_text("id\n1\n2\n")
    read_table(source, tmp_path / "t.parquet", untyped=lost)
    assert not lost.exists()


@pytest.mark.gx
def test_a_batch_keeps_its_list_until_the_cells_are_mended(sqlite_house: House, tmp_path: Path) -> None:
    house = sqlite_house
    with house.write() as work:
        a_parking_dataset(work)
    batch = hand_in(house, "lin", BATCH)
    at = f"/api/v1/batches/{batch.id}/untyped"
    assert f'href="{at}?form=csv"' in browser_as(house, "lin").get(f"/batches/{batch.id}").text
    taken = client_as(house, "lin").get(at)
    (cell,) = pq.read_table(io.BytesIO(taken.content)).to_pylist()
    assert (cell["row"], cell["column"], cell["value"], cell["wanted"]) == (1, "total", "很多", "integer")
    assert "很多" in client_as(house, "lin").get(f"{at}?form=csv").content.decode("utf-8-sig")
    assert client_as(house, "other").get(at).status_code == 404
    assert client_as(house, "eye").get(at).status_code in (403, 404)
    with house.read() as work:
        row = work.db.get_one(BatchRow, batch.id)
        assert {row.untyped_sha256, row.untyped_csv_sha256} <= citations.cited(work)

    lines = sheet_of(house, batch, tmp_path)
    still = hand_in(house, "lin", edited(lines, tmp_path, {}), "same.xlsx", corrects=batch.id, rows_only=True)
    assert (still.state, still.untyped_cells, still.untyped_sha256 is not None) == (
        BatchState.FAILED,
        1,
        True,
    )
    data = edited(lines, tmp_path, {(0, "total"): 150})
    mended = hand_in(house, "lin", data, "mended.xlsx", corrects=still.id, rows_only=True)
    assert (mended.state, mended.untyped_cells, mended.untyped_sha256) == (BatchState.PASSED, 0, None)
    none = client_as(house, "lin").get(f"/api/v1/batches/{mended.id}/untyped")
    assert none.status_code == 404
    recheck(house, "lin", mended.id)
