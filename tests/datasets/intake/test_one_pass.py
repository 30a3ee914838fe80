"""Regular text in one pass, or carefully in several: the same table, facts and findings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from datasets.intake import one_pass
from datasets.intake.dictionary import Dictionary
from datasets.intake.facts import Intake
from datasets.intake.reader import read_table

ROWS = 400
Line = Callable[[int], str]


def table(header: str, line: Line, rows: int = ROWS, newline: str = "\n") -> str:
    return newline.join([header, *(line(i) for i in range(rows))]) + newline


def but(at: int, other: str, line: Line) -> Line:
    """The lines with one of them replaced."""
    return lambda i: other if i == at else line(i)


def plain(i: int) -> str:
    return f"{i},2026-01-{i % 28 + 1:02},区{i % 7},{i / 8},{'' if i % 3 else 'x'},0{i},"


HEADER = "id,day,place,size,remark,code,nothing"
FAR = ROWS - 60  # past what the first sample sees in these tests
NAMED = {"columns": [{"name": "id", "type": "integer"}, {"name": "day", "type": "date"}]}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": (table(HEADER, plain), {}),
    "carriage returns": (table(HEADER, plain, newline="\r\n"), {}),
    "no last newline": (table(HEADER, plain).rstrip("\n"), {}),
    "byte order mark": ("\ufeff" + table(HEADER, plain), {}),
    "titles above": ("某区设施台账\n" + table(HEADER, plain), {}),
    "no header": (table(plain(ROWS), plain), {"header_line": 0}),
    "tabs": (table(HEADER.replace(",", "\t"), lambda i: plain(i).replace(",", "\t")), {}),
    "late numeral": (table(HEADER, but(FAR, "3万,2026-01-01,a,1,,1,", plain)), NAMED),
    "late part of the day": (table(HEADER, but(FAR, "1,2026-01-01 12:00 AM,a,1,,1,", plain)), NAMED),
    "late offset": (
        table(HEADER, but(FAR, "1,2026-01-01T08:00+08:00,a,1,,1,", plain)), {"columns": [{"name": "day", "type": "datetime"}]},
    ),
    "late currency": (table(HEADER, but(FAR, "1,2026-01-01,a,￥1,,1,", plain)), {"columns": [{"name": "size", "type": "number"}]}),
    "late fraction": (table(HEADER, but(FAR, "1.5,2026-01-01,a,1,,1,", plain)), {}),
    "late word": (table(HEADER, but(FAR, "x,2026-01-01,a,1,,1,", plain)), {}),
    "late leading zero": (table(HEADER, but(FAR, "007,2026-01-01,a,1,,1,", plain)), {}),
    "late slashed date": (table(HEADER, but(FAR, "1,2026/1/1,a,1,,1,", plain)), {}),
    "late value in an empty column": (table(HEADER, but(FAR, "1,2026-01-01,a,1,,1,x", plain)), {}),
    "late null mark": (table(HEADER, but(FAR, "NA,2026-01-01,a,1,,1,", plain)), {}),
    "null marks": (table(HEADER, lambda i: plain(i) if i % 5 else f"NA,2026-01-01,a,-,,{i},"), {}),
    "only marks": (table(HEADER, lambda i: plain(i) + "-"), {}),
    "marks, numbers late": (table(HEADER, lambda i: plain(i) + ("-" if i < FAR else "3")), {}),
    "late ragged": (table(HEADER, but(FAR, "1,2026-01-01", plain)), {}),
    "late surplus": (table(HEADER, but(FAR, "1,2026-01-01,a,1,,1,,,7", plain)), {}),
    "late blank line": (table(HEADER, but(FAR, "", plain)), {}),
    "late line break in quotes": (table(HEADER, but(FAR, '1,2026-01-01,"a\nb",1,,1,', plain)), {}),
    "quotes": (table(HEADER, lambda i: f'{i},2026-01-01,"a,""b""",1,"",1,'), {}),
    "late stray quote": (table(HEADER, but(FAR, '1,2026-01-01,a"b,1,,1,', plain)), {}),
    "notes below": (table(HEADER, plain) + "注：数据为初步统计,,,,,,\n", {}),
    "total below": (table(HEADER, plain) + "合计,,,,,,\n", {}),
    "repeated and empty names": (table("a,A,,d,e,f,g", plain), {}),
    "blanks": (table(HEADER, lambda i: f" {i} ,2026-01-01 ,a,1,,1,"), {}),
    "declared": (table(HEADER, plain), NAMED),
    "declared, all kinds": (
        table("a,b,c,d,e,f", lambda i: f"{i},{i}.5,是,2026-01-02,2026-01-02 03:04:05,07:0{i % 10}"),
        {"columns": [{"name": n, "type": t} for n, t in zip("abcdef", ("integer", "number", "boolean", "date", "datetime", "time"), strict=True)]},
    ),
    "declared, late fault": (table(HEADER, but(FAR, "x,2026-02-31,a,1,,1,", plain)), NAMED),
    "declared, late Chinese date": (table(HEADER, but(FAR, "1,2026年3月5日,a,1,,1,", plain)), NAMED),
    "declared, day first seen late": (
        table("id,day", lambda i: f"{i},{'31' if i == FAR else '03'}/02/2024" if i % 2 else f"{i},2024-02-03"),
        NAMED,
    ),
    "declared, decimal comma late": (
        table("id;v", but(FAR, "1;0,5", lambda i: f"{i};{i}")),
        {"columns": [{"name": "v", "type": "number"}]},
    ),
    "declared, unit and percent": (
        table("id,v,w", lambda i: f"{i},{i},{i}{'%' if i == FAR else ''}"),
        {"columns": [{"name": "v", "type": "number", "unit": "km"}, {"name": "w", "type": "number", "unit": "%"}]},
    ),
    "declared null values": (
        table("id,v", lambda i: f"{i},{'-' if i % 2 else i}"),
        {"null_values": ["-"], "columns": [{"name": "id", "type": "integer", "title_zh": "编号"}]},
    ),
    "column missing": (table(HEADER, plain), {"columns": [{"name": "other"}]}),
    "required column missing": (table(HEADER, plain), {"columns": [{"name": "other", "required": True}]}),
}  # fmt: skip


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files count as long ones, and the sample sees only a part of them."""
    monkeypatch.setattr(one_pass, "SAMPLE_ROWS", 100)
    monkeypatch.setattr(one_pass, "SAMPLED_PLACES", 2)
    monkeypatch.setattr(one_pass, "SAMPLED_BYTES", 1200)


def outcome(
    folder: Path, content: bytes, known: dict[str, Any], monkeypatch: pytest.MonkeyPatch, lines: int
) -> tuple[Any, list[tuple[Any, ...]], bool]:
    """What reading says, what the table holds, and whether one pass did it."""
    ways: list[object] = []
    real = one_pass.read

    def seen(*args: Any, **more: Any) -> one_pass.Typed | None:
        ways.append(real(*args, **more))
        return ways[-1]  # type: ignore[return-value]

    source, out = folder / "input.csv", folder / f"{lines}.parquet"
    source.write_bytes(content)
    with monkeypatch.context() as patch:
        patch.setattr(one_pass, "MANY_LINES", lines)
        patch.setattr(one_pass, "read", seen)
        try:
            found: Intake | str = read_table(
                source, out, dictionary=Dictionary.model_validate(known), look=True
            )
        except Exception as error:
            return repr(error), [], False
    described = duckdb.sql(f"DESCRIBE FROM '{out}'").fetchall()
    return found, described + duckdb.sql(f"FROM '{out}' ORDER BY __row__").fetchall(), ways[-1:] != [None]


ONCE = {
    *(
        "plain",
        "carriage returns",
        "no last newline",
        "byte order mark",
        "titles above",
        "no header",
        "tabs",
        "quotes",
    ),
    *("repeated and empty names", "declared", "declared, all kinds", "declared null values"),
}


@pytest.mark.parametrize("case", CASES)
def test_one_pass_tells_what_the_careful_path_tells(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: None
) -> None:
    text, known = CASES[case]
    fast, rows, once = outcome(tmp_path, text.encode(), known, monkeypatch, 0)
    careful, careful_rows, _ = outcome(tmp_path, text.encode(), known, monkeypatch, 10**9)
    assert (fast, rows) == (careful, careful_rows)
    assert once or case not in ONCE


def test_gb18030_goes_in_one_pass_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: None) -> None:
    content = table(HEADER, plain).encode("gb18030")
    fast, rows, once = outcome(tmp_path, content, {}, monkeypatch, 0)
    careful, careful_rows, _ = outcome(tmp_path, content, {}, monkeypatch, 10**9)
    assert once
    assert (fast, rows) == (careful, careful_rows)
