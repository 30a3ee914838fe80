"""What the machine sees in a file before any person does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from auth.policy.model import ColumnTerm, DeliveryForm
from datasets.outputs.checks import Expected, check, sample

PARQUET, CSV = DeliveryForm.EXTRACT_PARQUET, DeliveryForm.EXTRACT_CSV
RIGHT = "11010519491231002X"  # the specimen of GB 11643
WRONG = "110105194912310021"


def _codes(
    tmp_path: Path, columns: dict[str, list[Any]], *, form: DeliveryForm = PARQUET, rows: int | None = None,
    terms: list[ColumnTerm] | None = None, groups: tuple[str, ...] = (),
) -> list[tuple[str, str, int]]:  # fmt: skip
    path = tmp_path / "f"
    if form is CSV:
        lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
        path.write_text("\ufeff" + "\n".join(lines) + "\n", encoding="utf-8")
    else:
        pq.write_table(pa.table(columns), path)
    terms = terms or [ColumnTerm(name=name, use="plain") for name in columns]
    count = len(next(iter(columns.values()))) if rows is None else rows
    found = check(path, form, Expected(terms, count, groups, 3), memory_limit_mb=200, scratch=tmp_path)
    return [(each.code, each.column, each.rows) for each in found]


@pytest.mark.parametrize("form", [PARQUET, CSV])
def test_a_clean_file_has_no_findings(tmp_path: Path, form: DeliveryForm) -> None:
    columns = {"id": ["V1", "V2"], "n": [12, -5], "phone": ["0755-28330000", "12345678901"]}
    assert _codes(tmp_path, columns, form=form) == []


@pytest.mark.parametrize("form", [PARQUET, CSV])
def test_numbers_of_people_are_seen_in_text_and_in_whole_numbers(tmp_path: Path, form: DeliveryForm) -> None:
    columns = {
        "note": ["电话13800000001，勿扰", "no", "x213800000001"], "tel": [13900000002, 1, 2],
        "card": [f"证{RIGHT}。", "n", "n"], "code": [WRONG, WRONG, WRONG],
    }  # fmt: skip
    assert _codes(tmp_path, columns, form=form) == [
        ("identity-number", "card", 1), ("mobile-number", "note", 1), ("mobile-number", "tel", 1),
    ]  # fmt: skip


def test_a_key_that_is_built_like_an_identity_number_is_none(tmp_path: Path) -> None:
    """Region, day and a running number: one in eleven has the right last digit by chance."""
    keys = [f"44030720260101{n:04d}" for n in range(200)]
    assert _codes(tmp_path, {"event": keys}) == []


def test_formulas_stop_a_csv_and_are_noted_in_parquet(tmp_path: Path) -> None:
    columns = {"t": ["=1+1", "-5", "+86 755", "＝x", "a=b"]}
    assert _codes(tmp_path, columns, form=CSV) == [("formula-cell", "t", 3)]
    assert _codes(tmp_path, columns) == [("formula-text", "t", 3)]


def test_columns_and_rows_beyond_the_plan_stop_it(tmp_path: Path) -> None:
    asked = [ColumnTerm(name="a", use="plain")]
    assert _codes(tmp_path, {"a": [1], "secret": [2]}, terms=asked) == [("columns-beyond-grant", "secret", 0)]
    assert _codes(tmp_path, {"a": [1, 2]}, rows=1) == [("rows-differ-from-plan", "", 2)]


def test_pseudonyms_are_pseudonyms_and_are_searched_for_nothing_else(tmp_path: Path) -> None:
    hashed = [ColumnTerm(name="who", use="pseudonymised")]
    assert _codes(tmp_path, {"who": ["13800000001aaaaaaaaa", None]}, terms=hashed) == []
    assert _codes(tmp_path, {"who": ["13800000001", "0" * 20]}, terms=hashed) == [
        ("pseudonym-broken", "who", 1), ("mobile-number", "who", 1),
    ]  # fmt: skip


def test_small_groups_are_counted(tmp_path: Path) -> None:
    columns = {"area": ["n"] * 3 + ["s"] * 2 + [None], "age": [1, 1, 1, 2, 2, 3]}
    assert _codes(tmp_path, columns, groups=("area", "age")) == [("small-cells", "area, age", 3)]


def test_what_cannot_be_read_back_stops(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"PAR1 no")
    expected = Expected([], 0, (), 0)
    found = check(tmp_path / "f", PARQUET, expected, memory_limit_mb=200, scratch=tmp_path)
    assert [each.code for each in found] == ["not-readable"]


def test_a_sample_is_the_beginning_of_the_file(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": list(range(200)), "b": [b"\0" * 3] * 200}), tmp_path / "f")
    names, items = sample(tmp_path / "f", PARQUET, 50)
    assert (names, len(items), items[49]) == (["n", "b"], 50, ["49", "3 bytes"])
