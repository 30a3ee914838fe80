"""Archives of several members: listed, read as one table, refused in words, and never a row lost on the way."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InputRefused
from datasets.intake import archive
from datasets.intake.check_members import check_members, member_names
from datasets.intake.dictionary import Dictionary
from datasets.intake.listing import list_members
from datasets.intake.preview import preview_file
from datasets.intake.reader import read_table
from quality.suite import Suite
from tests.datasets.intake.conftest import Bench
from tests.examples import examples

CHEAP = settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.too_slow])
MARCH = "lot,day,free\nP01,2026-03-01,3\nP02,2026-03-02,4\n"
APRIL = "day,free,lot\n2026-04-01,x,P01\n2026-04-02,6,P02\n"
KNOWN = {"columns": [{"name": "lot"}, {"name": "day", "type": "date"}, {"name": "free", "type": "integer"}]}


def packed(members: dict[str, bytes | str], *extra: tuple[zipfile.ZipInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
        for info, content in extra:
            made.writestr(info, content)
    return out.getvalue()


def parquet(**columns: list[Any]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def refusal(bench: Bench, content: bytes, **how: Any) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        bench.reads(content, **how)
    return caught.value


def test_members_become_one_table_by_the_names_of_their_columns(bench: Bench) -> None:
    found = bench.reads(packed({"b/4月.csv": APRIL, "a.csv": MARCH, ".DS_Store": b"\0", "__MACOSX/a.csv": b"x"}), member="*", **KNOWN)  # fmt: skip
    assert [(each.name, each.rows, each.first_row) for each in found.input.members] == [("a.csv", 2, 1), ("b/4月.csv", 2, 3)]  # fmt: skip
    assert [row[0] for row in bench.rows()] == ["P01", "P02", "P01", "P02"]
    assert [row[2] for row in bench.rows()] == [3, 4, None, 6]
    (bad,) = (each for each in found.findings if each.code == "untyped-cell")
    assert (bad.member, bad.line, bad.row, bad.column, bad.value) == ("b/4月.csv", 2, 3, "free", "x")
    assert bad.text.en.startswith("b/4月.csv: ")
    assert (found.input.format, found.input.container, found.input.member) == ("csv", "zip", "*")


def test_a_pattern_chooses_and_an_exact_name_goes_before_it(bench: Bench) -> None:
    content = packed({"2026/a.csv": MARCH, "b.txt": "x\n1\n", "*.csv": "y,z\n1,2\n"})
    assert bench.reads(content, member="2026*").rows == 2
    assert [column.name for column in bench.reads(content, member="*.csv").columns] == ["y", "z"]
    assert "x" in refusal(bench, content, member="?.md").detail.en
    with pytest.raises(InputRefused, match="fits"):
        bench.reads(content, member="*.parquet")


def test_other_columns_are_refused_by_member_and_column_or_filled_when_asked(bench: Bench) -> None:
    content = packed({"a.csv": MARCH, "b.csv": "lot,day,note\nP03,2026-05-01,爆满\n"})
    said = refusal(bench, content, member="*")
    assert "b.csv" in said.detail.zh
    assert "“free”" in said.detail.en
    assert (said.facts["missing"], said.facts["surplus"]) == (["free"], ["note"])
    found = bench.reads(content, member="*", fill_missing=True)
    assert [column.name for column in found.columns] == ["lot", "day", "free", "note"]
    assert [row[2:] for row in bench.rows()] == [(3, None), (4, None), (None, "爆满")]


def test_titles_of_the_dictionary_stand_for_its_names(bench: Bench) -> None:
    known = {"columns": [{"name": "lot", "title_zh": "车场"}, {"name": "free", "type": "integer", "title_zh": "空位"}]}  # fmt: skip
    found = bench.reads(
        packed({"a.csv": "lot,free\nP1,1\n", "b.csv": "空位,车场\n2,P2\n"}), member="*", **known
    )
    assert [column.name for column in found.columns] == ["lot", "free"]
    assert bench.rows() == [("P1", 1), ("P2", 2)]


def test_what_is_wrong_with_one_member_is_said_with_its_name(bench: Bench) -> None:
    said = refusal(bench, packed({"a.csv": MARCH, "b.csv": ""}), member="*")
    assert said.detail.en.startswith("Member b.csv: ")
    said = refusal(bench, packed({"a.csv": MARCH, "b.pdf": b"%PDF-1.7"}), member="*")
    assert "b.pdf" in said.detail.zh


def test_members_of_several_formats_and_encodings_are_one_table(bench: Bench) -> None:
    rows = [{"lot": "P3", "day": "2026-05-01", "free": 5}]
    content = packed(
        {
            "a.csv": MARCH.replace("P01", "东门").encode("gb18030"), "b.json": json.dumps(rows), "c.csv.gz": gzip.compress(MARCH.encode()),
            "d.parquet": parquet(free=[9], lot=["P4"], day=["2026-06-01"]),
        }
    )  # fmt: skip
    found = bench.reads(content, member="*")
    assert (found.rows, found.input.format) == (6, "mixed")
    assert [row[0] for row in bench.rows()] == ["东门", "P02", "P3", "P01", "P02", "P4"]
    encoding = next(each for each in found.input.detection if each.aspect == "encoding")
    assert encoding.value is None
    assert "gb" in encoding.why.en


def test_parquet_members_keep_their_types(bench: Bench) -> None:
    first, second = parquet(k=["007"], n=[1.5]), parquet(n=[2.5], k=["008"])
    found = bench.reads(packed({"a.parquet": first, "b.parquet": second}), member="*")
    assert [(column.name, column.type) for column in found.columns] == [("k", "string"), ("n", "number")]
    assert bench.rows() == [("007", 1.5), ("008", 2.5)]
    mixed = bench.reads(packed({"a.parquet": first, "b.parquet": parquet(k=["9"], n=["x"])}), member="*")
    assert mixed.columns[1].type == "string"


def test_totals_below_each_member_are_named(bench: Bench) -> None:
    totals = "lot,free\nP1,3\nP2,4\n合计,7\n"
    found = bench.reads(packed({"a.csv": totals, "b.csv": totals}), member="*")
    assert [(each.member, each.line) for each in found.findings if each.code == "totals-row"] == [("b.csv", 4), ("a.csv", 4)]  # fmt: skip


def test_without_headers_the_dictionary_stands_for_the_columns_in_order(bench: Bench) -> None:
    known = {"columns": [{"name": "day", "type": "date"}, {"name": "n", "type": "integer"}], "header_line": 0}
    found = bench.reads(packed({"a.csv": "2026-01-01,1\n", "b.csv": "2026-01-02,2\n"}), member="*", **known)
    assert [column.name for column in found.columns] == ["day", "n"]
    assert found.rows == 2


def test_a_preview_says_which_member_a_row_came_from(bench: Bench) -> None:
    path = bench.file("a.zip", packed({"a.csv": MARCH, "b.csv": APRIL}))
    seen = preview_file(path, Dictionary.model_validate(KNOWN | {"member": "*"}), 10)
    assert [row.member for row in seen.first] == ["a.csv", "a.csv", "b.csv", "b.csv"]
    assert [each.member for each in seen.suspicious] == ["b.csv"]


def a_locked(name: str) -> tuple[zipfile.ZipInfo, bytes]:
    return zipfile.ZipInfo(name), b"secret\n1\n"


def test_the_listing_says_what_each_member_is_or_why_not(bench: Bench) -> None:
    content = packed({"a.csv": MARCH, "b.pdf": b"%PDF-1.7", "c.parquet": parquet(k=["1"]), "d.zip": packed({"x": "a,b\n1,2\n", "y": "1"}), "__MACOSX/._a.csv": "x"})  # fmt: skip
    found = list_members(bench.file("a.zip", content))
    assert [(each.name, each.format, each.columns) for each in found.members] == [
        ("a.csv", "csv", ["lot", "day", "free"]), ("b.pdf", None, None), ("c.parquet", "parquet", ["k"]), ("d.zip", None, None),
    ]  # fmt: skip
    said = [each.refused.en if each.refused else "" for each in found.members]
    assert "a PDF document" in said[1]
    assert "holds 2 files" in said[3]
    assert list_members(bench.file("b.csv", MARCH)).total == 0


def test_a_long_member_is_listed_by_its_head(bench: Bench) -> None:
    content = packed({"a.csv": "名称,n\n" + "甲,1\n" * 200_000})
    (only,) = list_members(bench.file("a.zip", content)).members
    assert (only.columns, only.bytes) == (["名称", "n"], 9 + 6 * 200_000)


def test_gbk_names_without_the_flag_are_read(bench: Bench) -> None:
    name = "三月份.csv".encode("gb18030")
    content = packed({"x.csv": MARCH, "a" * len(name): MARCH}).replace(b"a" * len(name), name)
    assert member_names(bench.file("a.zip", content)) == ["x.csv", "三月份.csv"]
    assert bench.reads(content, member="三月份.csv").rows == 2


def test_two_members_of_one_name_are_refused_not_mixed_up(bench: Bench) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        content = packed({"a.csv": MARCH}, (zipfile.ZipInfo("a.csv"), APRIL.encode()))
    assert "2 files named a.csv" in refusal(bench, content, member="a.csv").detail.en
    assert "2 files named a.csv" in refusal(bench, content, member="*").detail.en
    (only,) = list_members(bench.file("a.zip", content)).members
    assert only.refused is not None


def test_a_locked_member_is_named(bench: Bench) -> None:
    content = bytearray(packed({"a.csv": MARCH, "b.csv": MARCH}))
    for sign, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.rfind(sign) + at] |= 1
    assert refusal(bench, bytes(content), member="*").detail.en.startswith("Member b.csv: ")
    first, second = list_members(bench.file("a.zip", bytes(content))).members
    assert first.refused is None
    assert second.refused is not None
    assert "password" in second.refused.en


def test_all_members_together_stay_under_one_limit(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.intake.packed.FREE_RATIO_BYTES", 1 << 20)
    content = packed({f"{i}.csv": b"a,b\n" + b"1,2\n" * 100_000 for i in range(10)})
    assert "out of proportion" in refusal(bench, content, member="*").detail.en
    assert [path.name for path in bench.folder.iterdir()] == ["input"]


def test_too_many_members_are_refused_before_they_are_counted_one_by_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = packed({f"{i}.csv": MARCH for i in range(20)})
    monkeypatch.setattr(archive, "MOST_UNITED", 19)
    assert "at the most" in refusal(bench, content, member="*").detail.en
    monkeypatch.setattr(archive, "MOST_MEMBERS", 19)
    assert "more than 19 files" in refusal(bench, content, member="*").detail.en


def test_each_member_is_judged_by_itself(bench: Bench) -> None:
    path = bench.file("a.zip", packed({"a.csv": MARCH, "b.csv": "lot,free\nP1,x\n", "c.pdf": b"%PDF"}))
    rule = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "lot"}}
    suite = Suite.parse(json.dumps({"name": "s", "expectations": [rule]}))
    two = Suite.parse(json.dumps({"name": "t", "expectations": [{"type": "expect_table_row_count_to_equal", "kwargs": {"value": 5}}]}))  # fmt: skip
    out = bench.folder / "out"
    out.mkdir()
    found = list(check_members(path, suite, member_names(path), suites={"b.csv": two}, dictionary=Dictionary(), out=out))  # fmt: skip
    assert [(each.member, each.outcome) for each in found] == [("a.csv", "passed"), ("b.csv", "failed"), ("c.pdf", "refused")]  # fmt: skip
    assert [each.name for each in out.iterdir()] == ["a.csv.parquet"]
    with pytest.raises(InputRefused, match="no suite"):
        list(check_members(path, None, ["a.csv"], suites={}, dictionary=Dictionary()))
    with pytest.raises(InputRefused, match="no archive"):
        member_names(bench.file("x.csv", MARCH))


CELLS = st.text(st.sampled_from("ab01 中,\"'\n-./"), max_size=6)


@st.composite
def archives(draw: st.DrawFn) -> list[tuple[str, list[str], list[list[str]]]]:
    """Members with the same columns in any order."""
    names = ["k", "v", "w"][: draw(st.integers(2, 3))]
    found = []
    for at in range(draw(st.integers(1, 4))):
        order = draw(st.permutations(names))
        rows = draw(
            st.lists(st.lists(CELLS, min_size=len(names), max_size=len(names)), min_size=1, max_size=5)
        )
        found.append((f"{draw(st.sampled_from('abc'))}{at}.json", order, rows))
    return found


@CHEAP
@given(archives())
def test_every_cell_of_every_member_arrives_in_order(
    made: list[tuple[str, list[str], list[list[str]]]],
) -> None:
    content = packed({name: json.dumps([dict(zip(order, row, strict=True)) for row in rows]) for name, order, rows in made})  # fmt: skip
    known = {"member": "*", "columns": [{"name": name, "type": "string"} for name in made[0][1]]}
    with TemporaryDirectory() as folder:
        source, out = Path(folder) / "in", Path(folder) / "t.parquet"
        source.write_bytes(content)
        found = read_table(source, out, dictionary=Dictionary.model_validate(known))
        names = [column.name for column in found.columns]
        listed = ", ".join(f'"{name}"' for name in (*names, "__row__"))
        rows = duckdb.sql(f"SELECT {listed} FROM '{out}' ORDER BY __row__").fetchall()
    wanted = [dict(zip(order, row, strict=True)) for _, order, lines in sorted(made) for row in lines]
    assert [row[:-1] for row in rows] == [tuple(each[name] for name in names) for each in wanted]
    assert [row[-1] for row in rows] == list(range(1, len(wanted) + 1))
    for number, member in enumerate([name for name, _, lines in sorted(made) for _ in lines], 1):
        assert found.input.member_of(number) == member
