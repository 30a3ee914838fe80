"""What the dictionary declares, and what the data alone says."""

# ruff: noqa: DTZ001 - tables hold times without a zone
from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputRefused
from datasets.intake.facts import shares
from tests.datasets.intake.conftest import Bench

READINGS = [
    ("integer", ["12", "+5", "08", "１２３", "1,234", "-7", " 8 ", "1.0"], [12, 5, 8, 123, 1234, -7, 8, 1]),
    ("number", ["1.5", "1,234.5", "61.5%", "６１", "1e3", "-.5"], [1.5, 1234.5, 0.615, 61.0, 1000.0, -0.5]),
    ("number", ["0,61", "81,204", "12"], [0.61, 81.204, 12.0]),
    ("boolean", ["是", "否", "TRUE", "0", "有", "無"], [True, False, True, False, True, False]),
    ("date", ["2024-03-05", "2024/3/5", "2024年3月5日", "20240305"], [date(2024, 3, 5)] * 4),
    (
        "date",
        ["101/02/13", "99/1/2", "民國99年1月2日"],
        [date(2012, 2, 13), date(2010, 1, 2), date(2010, 1, 2)],
    ),
    ("date", ["2022/9/1 0:00", "05.03.2024"], [date(2022, 9, 1), date(2024, 3, 5)]),
    ("date", ["13/03/2024", "05/03/2024"], [date(2024, 3, 13), date(2024, 3, 5)]),
    ("date", ["03/13/2024", "03/05/2024"], [date(2024, 3, 13), date(2024, 3, 5)]),
    (
        "datetime",
        [
            "2022/9/1 0:00",
            "2022年01月01日 00时",
            "19.06.2022 23:30",
            "20240305101112",
            "2020-01-01T15:00:00+03:00",
        ],
        [
            datetime(2022, 9, 1),
            datetime(2022, 1, 1),
            datetime(2022, 6, 19, 23, 30),
            datetime(2024, 3, 5, 10, 11, 12),
            datetime(2020, 1, 1, 12),
        ],
    ),
    ("time", ["8:30", "08:30:15", "8时30分"], [time(8, 30), time(8, 30, 15), time(8, 30)]),
    ("geometry", ["POINT (1 2)"], ["POINT (1 2)"]),
    ("string", ["007", " x "], ["007", " x "]),
]


def table(values: list[str]) -> str:
    return "n\tv\n" + "".join(f"r{i}\t{value}\n" for i, value in enumerate(values))


@pytest.mark.parametrize(("kind", "written", "meant"), READINGS)
def test_a_declared_type_reads_values_as_people_write_them(
    bench: Bench, kind: str, written: list[str], meant: list[Any]
) -> None:
    found = bench.reads(table(written), columns=[{"name": "v", "type": kind}], zone="written")
    assert [row[1] for row in bench.rows()] == meant
    assert found.untyped_cells == 0


WRONG = [
    ("integer", ["1.5", "1,23", "99999999999999999999", "1e3", "1_000", "x"]),
    ("number", ["nan", "inf", "1e400", "abc", "-"]),
    ("boolean", ["maybe", "2"]),
    ("date", ["1900-02-29", "2022/9/1 1:00", "05/03/2024", "99/1/2", "104.4"]),
    ("datetime", ["2020-01-01 25:00", "soon"]),
    ("time", ["24:00:00", "9"]),
    ("geometry", ["here"]),
]


@pytest.mark.parametrize(("kind", "written"), WRONG)
def test_a_cell_that_cannot_be_typed_is_null_and_named(bench: Bench, kind: str, written: list[str]) -> None:
    found = bench.reads(table(written), columns=[{"name": "v", "type": kind}])
    assert [row[1] for row in bench.rows()] == [None] * len(written)
    assert found.untyped_cells == len(written)
    assert [(f.row, f.line, f.column, f.value, f.wanted) for f in found.findings] == [
        (i, i + 1, "v", value, kind) for i, value in enumerate(written, 1)
    ]


def test_blank_cells_and_null_marks_are_empty_not_untypeable(bench: Bench) -> None:
    found = bench.reads(
        table(["1", "", "  ", "缺", "NA"]),
        null_values=["缺", "NA"],
        columns=[{"name": "v", "type": "integer"}],
    )
    assert (found.untyped_cells, found.columns[1].nulls) == (0, 4)


def test_findings_are_capped_but_counted(bench: Bench) -> None:
    found = bench.reads(table(["x"] * 1500), columns=[{"name": "v", "type": "integer"}])
    assert (len(found.findings), found.findings_total, found.untyped_cells) == (1000, 1500, 1500)


def test_no_column_loses_its_findings_to_another(bench: Bench) -> None:
    """Each untyped cell has to be mended, so columns share the places, and ragged rows take none of them."""
    rows = "".join(f"x{n},{'y' if n % 6 == 0 else 1}\n" for n in range(3000))
    short = "9\n" * 1500
    columns = [{"name": name, "type": "integer"} for name in ("a", "b")]
    found = bench.reads(f"a,b\n{rows}{short}", columns=columns)
    told = Counter((each.code, each.column) for each in found.findings)
    assert (told["untyped-cell", "a"], told["untyped-cell", "b"]) == (500, 500)
    assert [column.untyped for column in found.columns[:2]] == [3000, 500]
    assert (found.untyped_cells, len(found.findings)) == (3500, 2000)


@given(st.lists(st.integers(0, 50), max_size=8), st.integers(0, 120))
def test_places_are_shared_evenly_and_none_is_wasted(counts: list[int], room: int) -> None:
    found = shares(counts, room)
    assert all(0 <= each <= count for each, count in zip(found, counts, strict=True))
    assert sum(found) == min(room, sum(counts))
    cut = [each for each, count in zip(found, counts, strict=True) if each < count]
    assert not cut or max(found) - min(cut) <= 1


GUESSES = [
    (["1", "-2", "0"], "integer"),
    (["1", "2.5"], "number"),
    (["08", "12"], "string"),
    (["440300199901011234", "440300199901011235"], "string"),
    (["1_000", "2"], "string"),
    (["1,000", "2"], "string"),
    ([" 1", "2"], "string"),
    (["true", "FALSE"], "boolean"),
    (["0", "1"], "integer"),
    (["是", "否"], "string"),
    (["2024-03-05", "2024-02-29"], "date"),
    (["2024-03-05", "2023-02-29"], "string"),
    (["2011/1/1", "2011/12/31"], "date"),
    (["2022/9/1 0:00", "2022/9/1 13:00"], "datetime"),
    (["2024-03-05 00:00:00", "2024-03-05"], "datetime"),
    (["2020-01-01T15:00:00Z", "2020-01-01T16:00:00Z"], "string"),
    (["2024-03", "2024-04"], "string"),
    (["08:30", "23:59"], "time"),
    (["24:00:00", "08:00:00"], "string"),
    (["", ""], "string"),
]


@pytest.mark.parametrize(("written", "kind"), GUESSES)
def test_an_undeclared_column_gets_a_type_only_when_nothing_is_lost(
    bench: Bench, written: list[str], kind: str
) -> None:
    found = bench.reads(table(written))
    assert found.columns[1].type == kind
    if kind == "string":
        assert [row[1] for row in bench.rows()] == [value or None for value in written]


def test_one_odd_value_far_down_keeps_the_column_text(bench: Bench) -> None:
    found = bench.reads(table([*map(str, range(9000)), "0012"]))
    assert found.columns[1].type == "string"
    assert bench.rows()[-1][1] == "0012"


def test_na_counts_as_empty_only_where_a_column_proves_it(bench: Bench) -> None:
    found = bench.reads("n,word,country\n1,NA,NA\nNA,tail,CN\n3,wing,US\n")
    assert bench.rows() == [(1, None, "NA"), (None, "tail", "CN"), (3, "wing", "US")]
    assert [(f.code, f.column) for f in found.findings] == [("null-mark", "n"), ("null-mark", "word")]
    bench.reads("word,country\nNA,NA\ntail,CN\n")
    assert bench.rows() == [("NA", "NA"), ("tail", "CN")]


def test_a_percent_unit_keeps_the_figure(bench: Bench) -> None:
    bench.reads(table(["61.5%", "7"]), columns=[{"name": "v", "type": "number", "unit": "%"}])
    assert [row[1] for row in bench.rows()] == [61.5, 7.0]


def test_required_columns_are_all_named_when_missing(bench: Bench) -> None:
    columns = [{"name": "a", "required": True}, {"name": "b", "required": True}, {"name": "v"}]
    with pytest.raises(InputRefused, match="a, b") as refused:
        bench.reads(table(["1"]), columns=columns)
    assert refused.value.facts["missing"] == ["a", "b"]


def test_an_optional_column_that_is_missing_is_a_finding(bench: Bench) -> None:
    found = bench.reads(table(["1"]), columns=[{"name": "gone"}])
    assert [(f.code, f.column) for f in found.findings] == [("column-missing", "gone")]


def test_a_header_in_chinese_is_known_by_the_dictionary_title(bench: Bench) -> None:
    found = bench.reads("编号,空位\nA,3\n", columns=[{"name": "free", "title_zh": "空位", "type": "integer"}])
    assert [(c.name, c.header, c.declared) for c in found.columns] == [
        ("编号", "编号", False),
        ("free", "空位", True),
    ]


def test_names_are_unique_even_for_engines_that_ignore_case(bench: Bench) -> None:
    found = bench.reads("id,ID,,__row__,id\n1,2,3,4,5\n")
    assert [c.name for c in found.columns] == ["id", "ID_2", "column_3", "__row___2", "id_3"]
    assert [f.code for f in found.findings] == ["column-renamed"] * 4
    assert bench.rows() == [(1, 2, 3, 4, 5)]
