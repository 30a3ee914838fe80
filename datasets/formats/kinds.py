"""The forms of a file as a table. Nothing here opens a file, so that a server may import it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from auth.policy.model import DeliveryForm
from core.text import Text

MOST_ROWS_OF_SHEET: Final = 1_048_575  # 1,048,576 lines, the first of which holds the names
MOST_COLUMNS_OF_SHEET: Final = 16_384
LONGEST_CELL: Final = 32_767


@dataclass(frozen=True, slots=True)
class Kind:
    """One form. `runs_formulas`: spreadsheets open it. `says`: what happens to values on the way, for the page."""

    media_type: str
    ending: str
    name: Text
    says: Text
    runs_formulas: bool = False
    encoding: str = "utf-8"


_DEFUSED: Final = Text(
    "以 = + - @、制表符或换行（含全角）开头的文本单元格与列名前加一个撇号，电子表格不会把它当公式执行；数字不变。",
    "Texts and column names that begin with = + - @, a tab or a line break (also full-width) get an apostrophe in front, so that no spreadsheet runs them; numbers stay as they are.",
)


def _with_defusing(zh: str, en: str) -> Text:
    return Text(f"{zh}{_DEFUSED.zh}", f"{en} {_DEFUSED.en}")


KINDS: Final[Mapping[DeliveryForm, Kind]] = {
    DeliveryForm.EXTRACT_PARQUET: Kind(
        "application/vnd.apache.parquet", "parquet", Text("Parquet（数值精确，推荐）", "Parquet (exact, recommended)"),
        Text(
            "数值与类型原样保留；有几何列时即为 GeoParquet 1.1。",
            "Values and types as they are; with a column of shapes it is GeoParquet 1.1.",
        ),
    ),
    DeliveryForm.EXTRACT_CSV: Kind(
        "text/csv; charset=utf-8", "csv", Text("CSV（UTF-8，带 BOM）", "CSV (UTF-8 with BOM)"),
        _with_defusing("没有类型；空值与空文本不分。", "No types; null and empty text look the same."),
        runs_formulas=True, encoding="utf-8-sig",
    ),
    DeliveryForm.EXTRACT_CSV_GB18030: Kind(
        "text/csv; charset=GB18030", "csv", Text("CSV（GB18030，供旧版软件）", "CSV (GB18030, for older programs)"),
        _with_defusing(
            "内容与 UTF-8 的 CSV 相同，只是编码不同；GB18030 能写下每一个字。",
            "The same as CSV in UTF-8 but for the encoding; GB18030 can write every character.",
        ),
        runs_formulas=True, encoding="gb18030",
    ),
    DeliveryForm.EXTRACT_XLSX: Kind(
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx",
        Text("XLSX（Excel、WPS 工作簿）", "XLSX (workbook for Excel and WPS)"),
        _with_defusing(
            "至多 1,048,575 行、16,384 列；超过 15 位有效数字的数、1900-03-01 之前的日期、不足整秒或带时区的时刻写为文本，不丢失精度。",
            "At most 1,048,575 rows and 16,384 columns; numbers of more than 15 digits, days before 1900-03-01, and instants with a zone or parts of seconds are written as text, so that nothing is lost.",
        ),
        runs_formulas=True,
    ),
    DeliveryForm.EXTRACT_JSONL: Kind(
        "application/x-ndjson", "jsonl", Text("JSON Lines（每行一条记录）", "JSON lines (a record a line)"),
        Text(
            "时间写为 ISO 8601；JSON 没有的数（NaN、无穷）写为 null。",
            "Times as ISO 8601; numbers that JSON does not have (NaN, infinities) become null.",
        ),
    ),
    DeliveryForm.EXTRACT_GEOJSON: Kind(
        "application/geo+json", "geojson", Text("GeoJSON（RFC 7946）", "GeoJSON (RFC 7946)"),
        Text(
            "须有可原样提供的几何列，坐标为 WGS 84 或 CGCS2000；GCJ-02、BD-09 等偏移坐标请选 Parquet，其中注明坐标系。",
            "Needs a column of shapes that leaves as it is, in WGS 84 or CGCS2000; take shifted positions (GCJ-02, BD-09) as Parquet, which names their system.",
        ),
    ),
    DeliveryForm.ENCLAVE: Kind(
        "application/vnd.apache.parquet", "parquet", Text("Parquet（域内计算结果）", "Parquet (result of the enclave)"),
        Text(
            "每组一行；分布、分位与最低最高组写为 JSON 文本。",
            "A row a group; histograms, quantiles and extremes are JSON text.",
        ),
    ),
}  # fmt: skip


def kind_of(form: str) -> Kind:
    """The form of a file by its code."""
    return KINDS[DeliveryForm(form)]
