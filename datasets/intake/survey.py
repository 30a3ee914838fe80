"""One look over the declared columns before they are typed: how each writes what one cell alone cannot tell.

The same scan counts the cells in forms that a person should know of: months that became days, times moved to UTC,
percentages made fractions, labels replaced by codes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import duckdb

from core.text import Text
from datasets.intake import codes, units
from datasets.intake.casts import (
    CANONICAL,
    CHINESE_DIGITS,
    EPOCHS,
    ZONE,
    Hints,
    bare,
    matches,
    plain,
    text_literal,
)
from datasets.intake.degrees import axis_of
from datasets.intake.dictionary import Column
from datasets.intake.facts import FindingLog
from datasets.intake.scan import Aggregate, aggregates

PERCENT_UNITS: Final = frozenset({"%", "％", "percent", "百分比", "pct"})
_RATIO_UNITS: Final = frozenset({"", "1", "比例", "比率", "小数", "ratio", "fraction"})
_MONTH: Final = (
    f"([0-9]{{4}}[-/.] ?[0-9]{{1,2}}|([0-9]{{4}}|[{CHINESE_DIGITS}]{{4}}|(中华民国|中華民國|民国|民國) ?[0-9]{{2,3}}) ?年 ?"
    f"([0-9]{{1,2}}|[{CHINESE_DIGITS}十]{{1,2}}) ?月份?)"
)
_OF_ALL: Final = frozenset({"point", "filled"})
_CLOCK: Final = ".*[0-9] ?[:时時点點] ?.*"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a column told: how to read it, and how many of its cells are in a form worth telling."""

    hints: Hints
    readings: Mapping[str, int]


def static_hints(column: Column) -> Hints:
    """What the dictionary alone says; the data may add to it."""
    unit, form = column.unit or "", column.format
    hints = Hints(form=form, roc=form == "roc", month=form == "month")
    if column.type in ("integer", "number"):
        kept = unit.strip().casefold() in PERCENT_UNITS
        axis = axis_of(unit, column.name, column.title_zh, column.title_en)
        hints = hints._replace(
            percent_kept=kept,
            percent_refused=not kept and unit.strip().casefold() not in _RATIO_UNITS,
            unit="" if kept else units.pattern(unit),
            axis="any" if axis is None and form == "degrees" else axis,
        )
    if form in ("day_first", "month_first"):
        hints = hints._replace(day_first=form == "day_first")
    return hints


def survey(
    db: duckdb.DuckDBPyConnection, table: str, asked: Mapping[str, tuple[str, Column]]
) -> dict[str, Seen]:
    """For each column (name → SQL of its text, its dictionary entry): hints and counts, all in one scan."""
    wanted: list[Aggregate] = []
    places: dict[str, tuple[list[str], int]] = {}
    for name, (text, column) in asked.items():
        questions = _questions(column)
        places[name] = (list(questions), len(wanted))
        odd = _odd(text, column)
        wanted += [
            (text if question in _OF_ALL else odd, _counter(condition))
            for question, condition in questions.items()
        ]
    found = aggregates(db, table, wanted) if wanted else []
    return {
        name: _seen(column, dict(zip(places[name][0], found[places[name][1] :], strict=False)))
        for name, (_, column) in asked.items()
    }


def _counter(condition: str) -> Callable[[str], str]:
    return lambda name: f"count(*) FILTER ({condition.replace('§', name)})"


def _odd(text: str, column: Column) -> str:
    """SQL of the text of cells that are not plain; most tables have few, so the questions cost little."""
    form = CANONICAL.get(column.type or "")
    if form is None or column.format in ("code", "label", *EPOCHS):
        return text
    return f"(CASE WHEN NOT {matches(text, form)} THEN {text} END)"


def _questions(column: Column) -> dict[str, str]:
    """What to count in a column, as SQL over its text `§`."""
    hints, text = static_hints(column), plain("§")
    asked: dict[str, str] = {}
    if column.type == "number":
        stripped = bare("§", hints)
        asked["comma"] = (
            f"contains(translate(§, '，', ','), ',') AND ({matches(stripped, '[-+]?[0-9]+,([0-9]{1,2}|[0-9]{4,}) ?%?')} "
            f"OR {matches(stripped, '[-+]?0[0-9]*,[0-9]+ ?%?')})"
        )
        asked["point"] = "contains(§, '.') OR contains(§, '．')"
        asked["commas"] = matches(text, ".*,.*,.*")
    if column.type in ("integer", "number"):
        asked["percent"] = f"suffix({text}, '%') OR suffix({text}, '‰')"
        if hints.axis:
            asked["degrees"] = "regexp_matches(§, '[0-9] ?[°º˚度]')"
        if hints.unit:
            asked["unit"] = f"regexp_matches({text}, {text_literal(f'[0-9.] ?({hints.unit})$')})"
    if column.type in ("date", "datetime"):
        day_month = "([0-9]{1,2})[-/]([0-9]{1,2})[-/][0-9]{4}.*"
        for i, name in ((1, "day"), (2, "month")):
            asked[name] = f"try_cast(regexp_extract({text}, '^{day_month}', {i}) AS INTEGER) > 12"
        asked["roc"] = (
            f"{matches(text, '((中华民国|中華民國|民国|民國) ?[0-9]{2,3}|1[0-9]{2})[-/.年] ?[0-9]{1,2}[-/.月] ?[0-9].*')}"
        )
        asked["months"], asked["filled"] = matches(text, _MONTH), "trim(§) <> ''"
    if column.type == "datetime":
        asked["offset"] = f"{matches('§', _CLOCK)} AND regexp_matches({text}, '[0-9] ?{ZONE}')"
        if column.format in EPOCHS:
            asked["epoch"] = matches(text, "-?[0-9]{1,17}([.][0-9]{1,9})?")
    if column.format in ("code", "label"):
        asked["mapped"] = codes.is_other_side("§", column)
    return asked


def _seen(column: Column, counts: Mapping[str, int]) -> Seen:
    hints = static_hints(column)
    if column.type == "number":
        hints = hints._replace(
            decimal_comma=bool(counts["comma"] and not counts["point"] and not counts["commas"])
        )
    if column.type in ("date", "datetime"):
        day, month = bool(counts["day"]), bool(counts["month"])
        only_months = 0 < counts["months"] == counts["filled"]
        hints = hints._replace(
            roc=hints.roc or bool(counts["roc"]),
            day_first=hints.day_first if hints.day_first is not None else None if day == month else day,
            month=hints.month or only_months,
        )
        if not hints.month:
            counts = {**counts, "months": 0}
    if hints.percent_kept or hints.percent_refused or column.type == "integer":
        counts = {**counts, "percent": 0}
    told = ("percent", "degrees", "unit", "roc", "months", "offset", "epoch", "mapped")
    return Seen(hints, {name: counts[name] for name in told if counts.get(name)})


def report(name: str, column: Column, readings: Mapping[str, int], log: FindingLog) -> None:
    """Findings for forms whose reading changed what a cell says."""
    for form, number in readings.items():
        if said := _said(name, column, form, number):
            log.add(f"read-{form}", said, column=name, wanted=column.type)


def _said(name: str, column: Column, form: str, number: int) -> Text | None:
    match form:
        case "offset":
            return Text(
                f"“{name}”列有 {number} 格带时区偏移，已换算为 UTC；不带偏移的值按原样读取。如需统一，请让来源单位写成同一时区。",
                f"{number} cells in “{name}” carry an offset and were converted to UTC; values without one are read as "
                "written. Ask the source to write one time zone throughout.",
            )
        case "epoch":
            return Text(
                f"“{name}”列有 {number} 格是时间戳（{column.format}），已读作 UTC 时间。",
                f"{number} cells in “{name}” are epoch stamps ({column.format}), read as UTC.",
            )
        case "months":
            return Text(
                f"“{name}”列有 {number} 格只写到月，记为该月 1 日。",
                f"{number} cells in “{name}” name a month only; its first day stands for it.",
            )
        case "percent":
            return Text(
                f"“{name}”列有 {number} 格是百分数，已化为小数（12.5% 记作 0.125）；如要保留 12.5，请在数据字典中把单位写作 %。",
                f"{number} cells in “{name}” are percentages, read as fractions (12.5% is 0.125); to keep 12.5, "
                "give the column the unit % in the dictionary.",
            )
        case "mapped":
            to = Text("代码", "codes") if column.format == "code" else Text("名称", "labels")
            return Text(
                f"“{name}”列有 {number} 格已按代码表换成{to.zh}。",
                f"{number} cells in “{name}” were replaced by {to.en} of the code list.",
            )
    return None
