"""Scores of a record, as a table: each indicator with its points and what to do where it fails. Pure.

Weights and dimensions follow the metadata quality assessment of data.europa.eu (405 points); what it learns by visiting an
address is known here from the release itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from catalog import codes, rules
from catalog.fields import FIELDS
from core.text import Text

Record = Mapping[str, Any]
Columns = Sequence[Mapping[str, Any]]
Test = Callable[[Record, Columns], bool]
DIMENSIONS: Final[Mapping[str, Text]] = {
    "findability": Text("可发现", "Findability"),
    "accessibility": Text("可获取", "Accessibility"),
    "interoperability": Text("可互操作", "Interoperability"),
    "reusability": Text("可重用", "Reusability"),
    "contextuality": Text("背景信息", "Contextuality"),
}
GRADES: Final[tuple[tuple[int, str, Text], ...]] = (
    (351, "excellent", Text("优秀", "Excellent")),
    (221, "good", Text("良好", "Good")),
    (121, "sufficient", Text("合格", "Sufficient")),
    (0, "bad", Text("不足", "Poor")),
)


@dataclass(frozen=True, slots=True)
class Indicator:
    """`field`: where on the record's form it is mended; empty where a release, not the record, mends it."""

    key: str
    dimension: str
    label: Text
    points: int
    field: str
    test: Test
    advice: Text


def _has(*names: str) -> Test:
    return lambda record, _columns: all(record.get(name) not in (None, "", []) for name in names)


def _formats(fact: str) -> Test:
    return lambda record, _columns: any(
        codes.load("file_format").fact(each, fact) for each in record.get("formats") or []
    )


def _is_obtainable(record: Record, _columns: Columns) -> bool:
    """A release that is open, or one that can be applied for; without one, links that were found good. No link may be broken."""
    closed = record.get("open_type") == "N" and record.get("auth_op_scope") == "no"
    has_it = not closed if record.get("release_no") else bool(record.get("links_good"))
    return has_it and not record.get("links_broken")


def _is_downloadable(record: Record, _columns: Columns) -> bool:
    if record.get("release_no"):
        return record.get("open_type") == "U"
    return bool(record.get("links_good")) and not record.get("links_broken")


def _is_fresh(record: Record, _columns: Columns) -> bool:
    return bool(record.get("release_no")) and record.get("staleness") != "stale"


def _is_described(_record: Record, columns: Columns) -> bool:
    return bool(columns) and all(
        column.get("definition_zh") or column.get("definition_en") for column in columns
    )


def _is_whole(record: Record, columns: Columns) -> bool:
    return not rules.objections(record, columns)


_I = Indicator
_PUBLISH: Final = Text("发布一个通过校验的版本。", "Publish a release that passed its checks.")
INDICATORS: Final[tuple[Indicator, ...]] = (
    _I("keywords", "findability", Text("关键词", "Keywords"), 30, "keywords", _has("keywords"),
       Text("填写关键词，读者据此检索。", "Give keywords; readers search by them.")),
    _I("theme", "findability", Text("主题", "Theme"), 30, "domain_code", _has("domain_code"),
       Text("选择主题领域。", "Choose a theme.")),
    _I("spatial", "findability", Text("空间范围", "Area covered"), 20, "spatial",
       lambda record, _c: bool(record.get("spatial") or record.get("spatial_codes")),
       Text("写明数据覆盖的区域。", "Say which area the data cover.")),
    _I("temporal", "findability", Text("时间范围", "Period covered"), 20, "temporal_start", _has("temporal_start", "temporal_end"),
       Text("写明数据的起止日期。", "Say from when until when the data run.")),
    _I("obtainable", "accessibility", Text("可获取", "Can be obtained"), 50, "", _is_obtainable,
       Text("发布一个通过校验的版本；有失效链接的，改正或删去。", "Publish a release that passed its checks; mend or remove links that are broken.")),
    _I("fresh", "accessibility", Text("按期更新", "Up to date"), 30, "", _is_fresh,
       Text("按更新周期提交新批次。", "Hand in a new batch as often as the record promises.")),
    _I("downloadable", "accessibility", Text("可直接下载", "Direct download"), 20, "open_type", _is_downloadable,
       Text("评估能否无条件开放；不能时此项不得分，属正常。", "Consider opening without conditions; where that cannot be, these points stay out, rightly.")),
    _I("whole", "interoperability", Text("符合发布要求", "Meets every requirement"), 30, "title_zh", _is_whole,
       Text("按记录页列出的原因逐项补正。", "Put right what the record's page lists.")),
    _I("format", "interoperability", Text("格式", "Format"), 20, "formats", _has("formats"),
       Text("选择数据格式。", "Choose the formats.")),
    _I("media_type", "interoperability", Text("媒体类型", "Media type"), 10, "formats", _formats("media_type"),
       Text("选择有媒体类型的格式，如 CSV。", "Choose a format with a media type, such as CSV.")),
    _I("machine_readable", "interoperability", Text("机器可读", "Machine-readable"), 20, "formats", _formats("machine_readable"),
       Text("提供 CSV、JSON 或 Parquet。", "Offer CSV, JSON or Parquet.")),
    _I("non_proprietary", "interoperability", Text("非专有格式", "Non-proprietary format"), 20, "formats", _formats("open"),
       Text("在 Excel 之外提供 CSV 或 Parquet。", "Offer CSV or Parquet beside Excel.")),
    _I("dictionary", "interoperability", Text("数据项有定义", "Columns are defined"), 10, "columns", _is_described,
       Text("在数据字典中为每一列写明定义。", "Define every column in the dictionary.")),
    _I("licence", "reusability", Text("使用许可", "Licence"), 20, "license_id", _has("license_id"),
       Text("选择使用许可。", "Choose a licence.")),
    _I("known_licence", "reusability", Text("许可在代码表中", "A known licence"), 10, "license_id",
       lambda record, _c: record.get("license_id") not in (None, "", "other"),
       Text("改用代码表中的许可。", "Use a licence of the list.")),
    _I("access_rights", "reusability", Text("开放类型", "Access rights"), 15, "open_type", _has("open_type"),
       Text("选择开放类型。", "Choose the open type.")),
    _I("contact", "reusability", Text("联系方式", "Contact"), 20, "contact", _has("contact"),
       Text("填写部门公开的电话或邮箱。", "Give a public telephone or mail address.")),
    _I("publisher", "reusability", Text("提供方", "Publisher"), 10, "publisher", _has("publisher"),
       Text("登记提供方。", "Name the publisher.")),
    _I("rights", "contextuality", Text("开放或共享条件", "Conditions of use"), 5, "open_condition",
       lambda record, _c: record.get("open_type") == "U" or bool(record.get("open_condition")),
       Text("写明开放条件。", "State the conditions.")),
    _I("size", "contextuality", Text("文件大小", "File size"), 5, "", _has("size_bytes"), _PUBLISH),
    _I("issued", "contextuality", Text("发布日期", "Issued"), 5, "", _has("issued"),
       Text("提请发布记录。", "Ask for the record's publication.")),
    _I("modified", "contextuality", Text("更新日期", "Modified"), 5, "", _has("modified"), Text("保存记录。", "Save the record.")),
)  # fmt: skip
MAXIMUM: Final = sum(each.points for each in INDICATORS)


@dataclass(frozen=True, slots=True)
class Card:
    """A record's score: points, grade, points of each dimension with its maximum, what fails (weightiest first),
    and the share of filled fields (0–1) among those that may be filled."""

    points: int
    grade: str
    dimensions: Mapping[str, tuple[int, int]]
    failing: tuple[Indicator, ...]
    filled: float


def card(record: Record, columns: Columns) -> Card:
    """Judge a record by every indicator."""
    met = {each.key: each.test(record, columns) for each in INDICATORS}
    asked = [spec.name for spec in FIELDS if spec.need != "conditional" or record.get(spec.name)]
    return _made(met, [each for each in INDICATORS if not met[each.key]], record, asked)


def _made(
    met: Mapping[str, bool], failing: Sequence[Indicator], record: Record, asked: Sequence[str]
) -> Card:
    sums = {
        name: (
            sum(each.points for each in INDICATORS if each.dimension == name and met[each.key]),
            sum(each.points for each in INDICATORS if each.dimension == name),
        )
        for name in DIMENSIONS
    }
    points = sum(got for got, _ in sums.values())
    filled = sum(record.get(name) not in (None, "", []) for name in asked) / len(asked)
    return Card(points, grade(points), sums, tuple(sorted(failing, key=lambda each: -each.points)), filled)


OF_DATA: Final = frozenset(
    {
        "obtainable", "fresh", "downloadable", "format", "media_type", "machine_readable", "non_proprietary", "dictionary", "licence",
        "known_licence", "access_rights", "rights", "size",
    }
)  # fmt: skip
"""What only data have: a series has it when all of its members do."""
_MEMBERS: Final = Text("由系列成员的记录补正。", "Mend it in the records of the members.")


def series_card(record: Record, members: Sequence[tuple[Record, Columns]]) -> Card:
    """Judge a series: by its own record, and in what only data have by every one of its members; one without members has none of it."""
    cards = [card(*each) for each in members]
    failed = {each.key for one in cards for each in one.failing}
    met = {
        each.key: (bool(members) and each.key not in failed) if each.key in OF_DATA else each.test(record, ())
        for each in INDICATORS
    }
    failing = [
        replace(each, field="", advice=_MEMBERS) if each.key in OF_DATA else each
        for each in INDICATORS
        if not met[each.key]
    ]
    asked = [spec.name for spec in FIELDS if rules.is_mandatory(spec, rules.SERIES) or record.get(spec.name)]
    return _made(met, failing, record, asked)


def grade(points: int) -> str:
    """The grade of a sum of points."""
    return next(name for least, name, _ in GRADES if points >= least)


def grade_name(name: str) -> Text:
    return next(text for _, known, text in GRADES if known == name)
