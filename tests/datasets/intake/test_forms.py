"""Every form of docs/intake.md: what a declared column makes of cells as people write them."""

# ruff: noqa: DTZ001 - tables hold times without a zone, and people write full-width signs
from __future__ import annotations

import csv
import io
from datetime import date, datetime, time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InputRefused
from datasets.intake.dictionary import Dictionary
from datasets.intake.facts import Intake
from tests.datasets.intake.conftest import Bench
from tests.datasets.intake.test_any_bytes import read
from tests.examples import examples


def table(values: list[str], name: str = "v") -> str:
    return f"n\t{name}\n" + "".join(f"r{i}\t{value}\n" for i, value in enumerate(values))


Case = tuple[dict[str, Any], list[str], list[Any]]

READ: dict[str, Case] = {
    "Chinese dates": (
        {"type": "date"},
        ["2024年3月5日", "2024年03月05号", "2024 年 3 月 5 日", "２０２４年３月５日", "二〇二四年三月五日", "二零二四年十二月三十一日", "二〇二四年二月廿九日"],
        [*[date(2024, 3, 5)] * 5, date(2024, 12, 31), date(2024, 2, 29)],
    ),
    "months alone": (
        {"type": "date"},
        ["2024年3月", "2024年12月份", "二〇二四年十月", "2024-01"],
        [date(2024, 3, 1), date(2024, 12, 1), date(2024, 10, 1), date(2024, 1, 1)],
    ),
    "months by the dictionary": (
        {"type": "date", "format": "month"},
        ["202403", "2024/3", "民國113年3月", "2024-03-05"],
        [*[date(2024, 3, 1)] * 3, date(2024, 3, 5)],
    ),
    "ROC dates": (
        {"type": "date"},
        ["113/03/05", "民國113年3月5日", "113年3月5日", "113.3.5", "99/1/2"],
        [*[date(2024, 3, 5)] * 4, date(2010, 1, 2)],
    ),
    "ROC dates by the dictionary": (
        {"type": "date", "format": "roc"},
        ["1130305", "990102", "0990102", "20240305", "99.1.2"],
        [date(2024, 3, 5), date(2010, 1, 2), date(2010, 1, 2), date(2024, 3, 5), date(2010, 1, 2)],
    ),
    "days and months by the dictionary": (
        {"type": "date", "format": "month_first"}, ["03/05/2024", "3-5-2024"], [date(2024, 3, 5)] * 2,
    ),
    "thousands and full-width digits": (
        {"type": "number"}, ["1,234", "1，234", "１，２３４．５", "-1,234,567.25", "+7"], [1234, 1234, 1234.5, -1234567.25, 7],
    ),
    "whole numbers": ({"type": "integer"}, ["1,234", "1，234", "１２", "5.0"], [1234, 1234, 12, 5]),
    "percentages as fractions": ({"type": "number"}, ["12.5%", "１２．５％", "5 ‰", "0.2"], [0.125, 0.125, 0.005, 0.2]),
    "percentages kept": ({"type": "number", "unit": "%"}, ["12.5%", "12.5 ％", "7"], [12.5, 12.5, 7]),
    "whole percentages": ({"type": "integer", "unit": "%"}, ["12%", "7"], [12, 7]),
    "speed": ({"type": "number", "unit": "km/h"}, ["35km/h", "35 公里/小时", "35", "３５ｋ".replace("ｋ", "km/h"), "1,035KM/H"], [35, 35, 35, 35, 1035]),
    "temperature": ({"type": "number", "unit": "℃"}, ["12 ℃", "-3°C", "12.5摄氏度"], [12, -3, 12.5]),
    "length": ({"type": "number", "unit": "km"}, ["3.5公里", "3.5 km", "3.5千米"], [3.5] * 3),
    "a unit of its own": ({"type": "integer", "unit": "辆"}, ["35辆", "1,200 辆", "7"], [35, 1200, 7]),
    "yes and no": (
        {"type": "boolean"},
        ["是", "否", "有", "无", "Y", "N", "1", "0", "true", "False", "１"],
        [True, False] * 5 + [True],
    ),
    "longitude": (
        {"type": "number", "title_zh": "经度"},
        ["114°30′12″E", "114度30分12秒", "东经114°30'12\"", "W 73°30'", "114.5", "114.5°", "E114°30′", "-73°30'"],
        [114 + 30 / 60 + 12 / 3600] * 3 + [-73.5, 114.5, 114.5, 114.5, -73.5],
    ),
    "latitude": (
        {"type": "number", "title_zh": "纬度"}, ["22°30.5'N", "北纬22°30′30″", "22°30'S", "22.5 N"], [22 + 30.5 / 60, 22 + 30.5 / 60, -22.5, 22.5],
    ),
    "any angle": ({"type": "number", "unit": "度"}, ["359°59′", "45度", "0.5"], [359 + 59 / 60, 45, 0.5]),
    "seconds since 1970": (
        {"type": "datetime", "format": "epoch_s"},
        ["1709608272", "1709608272.5", "2024-03-05 03:11:12"],
        [datetime(2024, 3, 5, 3, 11, 12), datetime(2024, 3, 5, 3, 11, 12, 500000), datetime(2024, 3, 5, 3, 11, 12)],
    ),
    "milliseconds since 1970": (
        {"type": "datetime", "format": "epoch_ms"}, ["1709608272125", "-1"], [datetime(2024, 3, 5, 3, 11, 12, 125000), datetime(1969, 12, 31, 23, 59, 59, 999000)],
    ),
    "offsets": (
        {"type": "datetime"},
        ["2024-03-05T11:11:12+08:00", "2024-03-05 11:11:12+0800", "2024-03-05 03:11:12Z", "2024-03-05 11:11:12+08", "2024-03-04T23:11:12-04:00"],
        [datetime(2024, 3, 5, 3, 11, 12)] * 5,
    ),
    "Chinese times": ({"type": "datetime"}, ["2024年3月5日 8时30分", "二〇二四年三月五日 8:30"], [datetime(2024, 3, 5, 8, 30)] * 2),
    "dates and parts of the day": (
        {"type": "datetime"},
        ["2024年3月5日 下午3:30", "2024/3/5 下午 03:30:00", "2024-03-05T15:30 PM", "2024年3月5日下午3点半", "2024-03-05 3:30 p.m.", "2024-03-05 11:30 PM +08:00"],
        [datetime(2024, 3, 5, 15, 30)] * 5 + [datetime(2024, 3, 5, 15, 30)],
    ),
    "American times": (
        {"type": "datetime", "format": "month_first"}, ["03/05/2024 12:00:00 AM", "3/5/2024 12:15:30 PM", "3/5/2024 8 AM"],
        [datetime(2024, 3, 5), datetime(2024, 3, 5, 12, 15, 30), datetime(2024, 3, 5, 8)],
    ),
    "midnight behind a date": ({"type": "date", "format": "month_first"}, ["03/05/2024 12:00:00 AM", "3/5/2024 12:00 a.m."], [date(2024, 3, 5)] * 2),
    "parts of the day": (
        {"type": "time"},
        ["上午8:30", "8:30 am", "AM 8:30", "早上 8时30分", "8点半", "8:30:00 A.M.", "中午12:00", "下午 12:30", "12:30 PM", "12:30 AM", "凌晨12:30", "晚上8点", "晚上20:00", "下午3点整", "上午０８：３０"],
        [*[time(8, 30)] * 6, time(12), time(12, 30), time(12, 30), time(0, 30), time(0, 30), time(20), time(20), time(15), time(8, 30)],
    ),
    "numerals": ({"type": "number"}, ["3.5万", "1,200千", "2.345亿", "-1.23456789万", "5 百", "1.5百万", "７", "0.1萬"], [35000, 1200000, 234500000, -12345.6789, 500, 1500000, 7, 1000]),
    "whole numerals": ({"type": "integer", "unit": "人"}, ["3.5万人", "3万", "922亿", "7人"], [35000, 30000, 92200000000, 7]),
    "amounts": (
        {"type": "number", "unit": "元"}, ["￥1,234.50", "¥3.5万", "3.5万元", "CNY 12", "-￥5", "￥-5", "2千元", "8 元", "0.1"], [1234.5, 35000, 35000, 12, -5, -5, 2000, 8, 0.1],
    ),
    "dollars": ({"type": "number", "unit": "USD"}, ["$1,234.50", "US$ 3", "3美元", "4"], [1234.5, 3, 3, 4]),
    "one currency all along": ({"type": "number"}, ["€1.50", "€ 2", "3 EUR"], [1.5, 2, 3]),
    "ten thousands by the dictionary": ({"type": "number", "unit": "万元"}, ["3.5万元", "3.5"], [3.5, 3.5]),
    "labels to codes": (
        {"type": "integer", "format": "code", "codes": {"0": "畅通", "1": ["缓行", "Slow"], "2": "拥堵"}}, ["0", "畅通", "Slow", " 拥堵 "], [0, 0, 1, 2],
    ),
    "codes to labels": (
        {"type": "string", "format": "label", "codes": {"0": "畅通", "1": ["缓行", "Slow"]}}, ["0", "畅通", "1"], ["畅通", "畅通", "缓行"],
    ),
    "GeoJSON in cells": (
        {"type": "geometry"},
        [
            '{"type": "Point", "coordinates": [114.5, 22.5]}', '{"type":"Polygon","coordinates":[[[0,0],[1,0],[1, 1.5],[0,0]]]}',
            '{"type":"Feature","properties":{"n":7},"geometry":{"type":"Point","coordinates":[1e-7,2,3]}}',
            '{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,2]},{"type":"LineString","coordinates":[[0,0],[1,1]]}]}',
            '{"type":"MultiPoint","coordinates":[[1,2],[3,4]]}',
        ],
        [
            "POINT (114.5 22.5)", "POLYGON ((0 0, 1 0, 1 1.5, 0 0))", "POINT Z (1e-07 2 3)",
            "GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (0 0, 1 1))", "MULTIPOINT (1 2, 3 4)",
        ],
    ),
    "well-known text": (
        {"type": "geometry"},
        ["POINT(114.5 22.5)", "point z (1 2 3)", "SRID=4490;POINT (1 2)", "POLYGON ((0 0, 1 0, 1 1, 0 0))", "POINT (114.12345678901234 22.1)"],
        ["POINT (114.5 22.5)", "POINT Z (1 2 3)", "POINT (1 2)", "POLYGON ((0 0, 1 0, 1 1, 0 0))", "POINT (114.12345678901234 22.1)"],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def side_by_side() -> tuple[Intake, dict[str, list[Any]]]:
    """Every form as a column of one file: what was read, and each column's values."""
    names = {form: column.get("title_zh", f"c{i}") for i, (form, (column, _, _)) in enumerate(READ.items())}
    depth = max(len(written) for _, written, _ in READ.values())
    lines = [["n", *names.values()]]
    lines += [
        [f"r{at}", *(written[at] if at < len(written) else "" for _, written, _ in READ.values())]
        for at in range(depth)
    ]
    columns = [{"name": f"v{i}", "title_zh": names[form], **READ[form][0]} for i, form in enumerate(READ)]
    known = {"header_line": 1, "delimiter": "\t", "columns": columns}
    found, rows = read(
        "\n".join("\t".join(line) for line in lines).encode(), Dictionary.model_validate(known)
    )
    return found, {form: [row[i + 1] for row in rows] for i, form in enumerate(READ)}


@pytest.mark.parametrize("form", READ)
def test_a_form_is_read_as_it_is_meant(side_by_side: tuple[Intake, dict[str, list[Any]]], form: str) -> None:
    found, got = side_by_side
    column, written, meant = READ[form]
    values = got[form][: len(written)]
    assert values == (pytest.approx(meant, abs=1e-12) if column["type"] == "number" else meant)
    assert not [f.value for f in found.findings if f.code == "untyped-cell"]


REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no such day": ({"type": "date"}, ["2023年2月29日", "二〇二四年十三月一日", "2024年3月32日"]),
    "a month among days": ({"type": "date"}, ["2024年3月"]),
    "a compact ROC date that nobody announced": ({"type": "date"}, ["1130305"]),
    "another unit": ({"type": "number", "unit": "km/h"}, ["35m/s", "35 ℃", "35%"]),
    "a unit that nobody announced": ({"type": "number"}, ["35km/h"]),
    "thousands in the wrong place": ({"type": "number"}, ["1,23,4", "12,34,567"]),
    "the wrong axis": ({"type": "number", "title_zh": "经度"}, ["22°30'N", "114°60'E", "114°30.5'12\"", "-114°30'E", "181°E"]),
    "an angle in a column of something else": ({"type": "number"}, ["114°30'"]),
    "a count of the wrong scale": ({"type": "datetime", "format": "epoch_s"}, ["1709608272125", "soon"]),
    "a stamp that nobody announced": ({"type": "datetime"}, ["1709608272"]),
    "an offset that no place has": ({"type": "datetime"}, ["2024-03-05 11:11+25:00", "2024-03-05 11:11+08:75"]),
    "an hour that does not go with its word": (
        {"type": "time"}, ["上午12:30", "下午0:30", "晚上12:00", "13:30 AM", "下午25:00", "上午下午3:00", "3:30 PM 上午", "0:30 PM", "上午", "08:30+08:00"],
    ),
    "two currencies": ({"type": "number"}, ["￥3", "$4"]),
    "a currency among plain numbers": ({"type": "number"}, ["￥3"]),
    "another currency": ({"type": "number", "unit": "元"}, ["$3", "3欧元"]),
    "ten thousand of ten thousands": ({"type": "number", "unit": "万元"}, ["3万", "￥3", "3元", "3亿元"]),
    "a unit that looks like a numeral": ({"type": "number", "unit": "克"}, ["3千克", "3千"]),
    "numerals in a row": ({"type": "number"}, ["1亿2000万", "3万5", "1,2万", "约3万", "3万多", "万", "三万"]),
    "half a geometry": ({"type": "geometry"}, ["POINT (1 2) hospital", "POINT (1)", "POINT (1 2 3)", "POINT (1 2) (3 4)", "POINT (1e999 2)", "POLYGON", '{"type":"Point","coordinates":[1]}', '{"a":{"coordinates":[1,2]}}', '{"type":"Point","coordinates":[1,2,3,4]}', '{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1]},{"type":"Point","coordinates":[1,2]}]}']),
}  # fmt: skip


@pytest.mark.parametrize("form", REFUSED)
def test_what_cannot_be_meant_is_a_finding_with_its_place(bench: Bench, form: str) -> None:
    column, written = REFUSED[form]
    plain = {"date": ["2024-03-05"], "number": ["1.5"], "time": [], "datetime": [], "geometry": []}[
        column["type"]
    ]
    found = bench.reads(table([*written, *plain]), columns=[{"name": "v", **column}])
    named = [(f.row, f.line, f.column, f.value) for f in found.findings if f.code == "untyped-cell"]
    assert named == [(i, i + 1, "v", value) for i, value in enumerate(written, 1)]
    assert found.untyped_cells == len(written)


def test_a_foreign_unit_is_named_together_with_the_one_wanted(bench: Bench) -> None:
    found = bench.reads(table(["35m/s"]), columns=[{"name": "v", "type": "number", "unit": "公里/小时"}])
    assert "its unit is m/s, the dictionary's is 公里/小时; nothing is converted" in found.findings[0].text.en


TOLD: dict[str, tuple[dict[str, Any], list[str], dict[str, int], list[str]]] = {
    "offsets": ({"type": "datetime"}, ["2024-03-05T11:11:12+08:00"], {"offset": 1}, ["read-offset"]),
    "two clocks": (
        {"type": "datetime"}, ["2024-03-05T11:11:12+08:00", "2024-03-05 11:11:12", "2024-03-05"], {"offset": 1, "zone": 2}, ["read-offset", "read-zone"],
    ),
    "parts of the day": ({"type": "time"}, ["下午3:30", "8:00"], {"daypart": 1}, ["read-daypart"]),
    "numerals": ({"type": "integer", "unit": "人"}, ["3万人", "3万", "3"], {"unit": 1, "numeral": 2}, ["read-numeral"]),
    "amounts": ({"type": "number", "unit": "元"}, ["￥3", "3元", "3"], {"unit": 2}, []),
    "a currency that nobody announced": ({"type": "number"}, ["￥3", "3.5万元"], {"numeral": 1, "currency": 2}, ["read-numeral", "read-currency"]),
    "months": ({"type": "date"}, ["2024年3月", "2024年4月"], {"months": 2}, ["read-months"]),
    "percentages": ({"type": "number"}, ["12.5%", "0.1"], {"percent": 1}, ["read-percent"]),
    "kept percentages": ({"type": "number", "unit": "%"}, ["12.5%"], {}, []),
    "units": ({"type": "number", "unit": "km"}, ["3km", "3"], {"unit": 1}, []),
    "degrees": ({"type": "number", "unit": "°"}, ["114°30'", "114.5"], {"degrees": 1}, []),
    "stamps": ({"type": "datetime", "format": "epoch_s"}, ["1709608272"], {"epoch": 1}, ["read-epoch"]),
    "codes": ({"type": "string", "format": "code", "codes": {"0": "畅通"}}, ["畅通", "0"], {"mapped": 1}, ["read-mapped"]),
}  # fmt: skip


@pytest.mark.parametrize("form", TOLD)
def test_the_typing_report_counts_cells_that_were_not_plain(bench: Bench, form: str) -> None:
    column, written, counted, codes = TOLD[form]
    found = bench.reads(table(written), columns=[{"name": "v", **column}])
    assert dict(found.columns[1].readings) == counted
    assert [finding.code for finding in found.findings] == codes


def test_an_unknown_code_is_kept_and_named_with_its_count(bench: Bench) -> None:
    column = {"name": "v", "type": "string", "format": "code", "codes": {"0": "畅通", "1": "缓行"}}
    found = bench.reads(table(["畅通", "堵死", "1", "堵死"]), columns=[column])
    assert [row[1] for row in bench.rows()] == ["0", "堵死", "1", "堵死"]
    unknown = [(f.code, f.row, f.line, f.value) for f in found.findings if f.code == "unknown-code"]
    assert unknown == [("unknown-code", 2, 3, "堵死")]
    assert found.untyped_cells == 0


def test_a_label_of_two_codes_is_not_guessed(bench: Bench) -> None:
    column = {
        "name": "v",
        "type": "string",
        "format": "code",
        "codes": {"0": "关闭", "1": "关闭", "2": "开放"},
    }
    bench.reads(table(["关闭", "开放"]), columns=[column])
    assert [row[1] for row in bench.rows()] == ["关闭", "2"]


FEW = settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FEW
@given(
    st.lists(
        st.tuples(st.dates(date(1912, 1, 1), date(2199, 12, 31)), st.integers(0, 4)), min_size=1, max_size=20
    )
)
def test_every_date_comes_back_from_every_way_of_writing_it(days: list[tuple[date, int]]) -> None:
    written = [_ways(day)[way] for day, way in days]
    known = Dictionary.model_validate(
        {"header_line": 1, "columns": [{"name": "n"}, {"name": "v", "type": "date"}]}
    )
    found, rows = read(table(written).encode(), known)
    assert [row[1] for row in rows] == [day for day, _ in days]
    assert found.untyped_cells == 0


def _ways(day: date) -> tuple[str, ...]:
    numerals = "〇一二三四五六七八九"

    def small(number: int) -> str:
        tens, ones = divmod(number, 10)
        return ("" if tens == 0 else "十" if tens == 1 else numerals[tens] + "十") + (
            numerals[ones] if ones else ""
        )

    year = "".join(numerals[int(digit)] for digit in f"{day.year}")
    return (
        f"{day.year}年{day.month}月{day.day}日",
        f"民國{day.year - 1911:02d}年{day.month}月{day.day}日",
        f"{year}年{small(day.month)}月{small(day.day)}日",
        f"{day:%Y%m%d}",
        f"{day.year}/{day.month:02d}/{day.day}".translate(
            str.maketrans("0123456789/", "０１２３４５６７８９／")
        ),
    )


@FEW
@given(
    st.lists(
        st.tuples(st.integers(0, 179), st.integers(0, 59), st.integers(0, 5999), st.sampled_from("EW")),
        min_size=1,
        max_size=20,
    )
)
def test_degrees_minutes_and_seconds_come_back_exactly(angles: list[tuple[int, int, int, str]]) -> None:
    written = [f"{d}°{m:02d}′{s // 100:02d}.{s % 100:02d}″{side}" for d, m, s, side in angles]
    known = Dictionary.model_validate(
        {"header_line": 1, "columns": [{"name": "n"}, {"name": "lng", "type": "number"}]}
    )
    _, rows = read(table(written, "lng").encode(), known)
    meant = [(d + m / 60 + s / 360_000) * (1 if side == "E" else -1) for d, m, s, side in angles]
    assert [row[1] for row in rows] == pytest.approx(meant, abs=1e-12)


ANY_COLUMN: list[dict[str, Any]] = [
    {"type": "integer", "unit": "辆"}, {"type": "integer", "unit": "%"}, {"type": "number"}, {"type": "number", "unit": "km/h"},
    {"type": "number", "format": "degrees"}, {"type": "boolean"}, {"type": "date"}, {"type": "date", "format": "roc"},
    {"type": "date", "format": "month"}, {"type": "datetime"}, {"type": "datetime", "format": "epoch_s"},
    {"type": "datetime", "format": "epoch_us"}, {"type": "time"}, {"type": "geometry"},
    {"type": "string", "format": "code", "codes": {"0": "是", "1": ["否", "12"]}},
]  # fmt: skip
ANY_CELL = st.text(
    st.sampled_from("0123456789０９.,，-+/:% °′″'年月日時点民國十〇二三EWNST ZeE(){}[]\"辆km是否POINT;=上下午晚pmAM万亿千￥$元半") | st.characters(exclude_categories=["Cs", "Cc"]),
    max_size=14,
) | st.sampled_from(["POINT (1 2)", '{"type":"Point","coordinates":[1,2]}', '{"type":1}', '{"coordinates":[]}', "9" * 17, "9999-12-31T23:59:59-14:00", "9999-12-31 下午11:59:59-14:00", "9" * 30 + "万亿"])  # fmt: skip


@settings(max_examples=examples(3), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(ANY_CELL, min_size=1, max_size=12))
def test_whatever_a_cell_holds_it_is_read_or_named_and_no_record_is_lost(cells: list[str]) -> None:
    columns = [{"name": f"c{i}", **column} for i, column in enumerate(ANY_COLUMN)]
    known = Dictionary.model_validate(
        {"header_line": 1, "delimiter": "\t", "encoding": "utf-8", "columns": columns}
    )
    file = io.StringIO()
    writer = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow([column["name"] for column in columns])
    writer.writerows([[cell] * len(columns) for cell in cells])
    writer.writerow(["1"] * len(columns))
    found, rows = read(file.getvalue().encode(), known)
    assert found.rows == len(rows) == len(cells) + 1
    for facts in found.columns:
        assert facts.nulls - facts.untyped <= sum(not cell.strip() for cell in cells)


@pytest.mark.parametrize(
    "content",
    [
        '[{"a": 1, "a": 2}, {"a": 3}]',
        '{"a": 1, "a": 2}\n{"a": 3}\n',
        '[{"a": {"b": 1, "b": 1}}, {"a": 3}]',
        '{"rows": [{"a": 1}, {"a": 2, "x": 0, "a": 3}]}',
    ],
)
def test_a_key_that_stands_twice_in_a_json_object_is_refused_as_one_value_would_be_lost(
    bench: Bench, content: str
) -> None:
    with pytest.raises(InputRefused) as refused:
        bench.reads(content)
    assert "twice in one object" in refused.value.detail.en
    assert "出现两次" in refused.value.detail.zh


def test_reasons_of_malformed_json_are_told_in_both_languages(bench: Bench) -> None:
    for content, zh in (("[" * 5000, "嵌套过深"), ('[{"a": 1} {"a": 2}]', "此处应为")):
        with pytest.raises(InputRefused) as refused:
            bench.reads(content)
        assert zh in refused.value.detail.zh
