"""One look over the declared columns before they are typed: how each writes what one cell alone cannot tell.

The same scan counts the cells in forms that a person should know of: months that became days, times moved to UTC,
percentages made fractions, labels replaced by codes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import duckdb

from core.text import Text, number_of, verb_of
from datasets.intake import codes, dayparts, numerals, units
from datasets.intake.casts import (
    CANONICAL,
    CHINESE_DIGITS,
    EPOCHS,
    STAMP,
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
_MONEY: Final = "[￥¥$＄€£￡元圆圓镑鎊]|CNY|RMB|USD|EUR|HKD|JPY|GBP|人民币|美金|港币|港幣"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a column told: how to read it, and how many of its cells are in a form worth telling.

    currency: the one that every cell carries, where the dictionary names no unit.
    """

    hints: Hints
    readings: Mapping[str, int]
    currency: str = ""


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
            mark="" if kept else units.mark(unit),
            numerals=() if kept or axis else numerals.allowed(unit),
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
    counted = {name: dict(zip(places[name][0], found[places[name][1] :], strict=False)) for name in asked}
    seen = {name: _seen(column, counted[name]) for name, (_, column) in asked.items()}
    for name, (text, _) in asked.items():
        if counted[name].get("money"):
            seen[name] = _with_currency(db, table, text, seen[name])
    return seen


def _with_currency(db: duckdb.DuckDBPyConnection, table: str, text: str, seen: Seen) -> Seen:
    """A column whose dictionary names no unit is read as amounts where every cell carries the same currency."""
    counts = [f"count(*) FILTER ({matches(plain('v'), units.amount(each))})" for each in units.CURRENCIES]
    filled, *found = db.execute(
        f"SELECT count(nullif(trim(v), '')), {', '.join(counts)} FROM (SELECT {text} AS v FROM {table})"  # noqa: S608
    ).fetchall()[0]
    for currency, number in zip(units.CURRENCIES, found, strict=True):
        if number == filled:
            hints = seen.hints._replace(
                unit=units.pattern(currency), mark=units.mark(currency), numerals=numerals.allowed(currency)
            )
            bare_text = bare("v", hints)
            (spelt,) = db.execute(
                f"SELECT count(*) FILTER (regexp_matches({bare_text}, {text_literal(numerals.shape(hints.numerals))})) "  # noqa: S608
                f"FROM (SELECT {text} AS v FROM {table})"
            ).fetchall()[0]
            more = {"numeral": spelt} if spelt else {}
            return Seen(hints, {**seen.readings, **more, "currency": number}, currency)
    return seen


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
            before = f"|^[-+]? ?({hints.mark}) ?[-+]?[0-9.]" if hints.mark else ""
            behind = f"[0-9.{numerals.LETTERS}] ?({hints.unit})$"
            asked["unit"] = f"regexp_matches({text}, {text_literal(behind + before)})"
        elif not hints.percent_kept and not hints.axis:
            asked["money"] = f"regexp_matches(§, '{_MONEY}')"
        if hints.numerals:
            asked["numeral"] = (
                f"regexp_matches({bare('§', hints)}, {text_literal(numerals.shape(hints.numerals))})"
            )
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
            asked["epoch"] = matches(text, STAMP)
    if column.type in ("datetime", "time"):
        asked["daypart"] = f"regexp_matches({text}, '{dayparts.HOLDS}')"
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
    told = ("percent", "degrees", "unit", "numeral", "roc", "months", "daypart", "offset", "epoch", "mapped")
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
                f"“{name}”列有 {number} 格带时区偏移，已换算为 UTC。",
                f"{number_of(number, 'cells')} in “{name}” {verb_of(number, 'carry')} an offset and {verb_of(number, 'were')} converted to UTC.",
            )
        case "epoch":
            return Text(
                f"“{name}”列有 {number} 格是时间戳（{column.format}），已读作 UTC 时间。",
                f"{number_of(number, 'cells')} in “{name}” {verb_of(number, 'are')} epoch stamps ({column.format}), read as UTC.",
            )
        case "months":
            return Text(
                f"“{name}”列有 {number} 格只写到月，记为该月 1 日。",
                f"{number_of(number, 'cells')} in “{name}” {verb_of(number, 'name')} a month only; its first day stands for it.",
            )
        case "percent":
            return Text(
                f"“{name}”列有 {number} 格是百分数，已化为小数（12.5% 记作 0.125）；如要保留 12.5，请在数据字典中把单位写作 %。",
                f"{number_of(number, 'cells')} in “{name}” {verb_of(number, 'are')} percentages, read as fractions (12.5% is 0.125); to keep 12.5, "
                "give the column the unit % in the dictionary.",
            )
        case "numeral":
            return Text(
                f"“{name}”列有 {number} 格带“万”“亿”等数词，已按位写全（3.5万 记作 35000），没有舍入。",
                f"{number} cells in “{name}” {verb_of(number, 'carry')} 万, 亿 or another numeral and were written out (3.5万 is 35000); nothing was rounded.",
            )
        case "currency":
            return Text(
                f"“{name}”列的 {number} 格都带同一种货币符号，已去掉符号；请在数据字典中写明单位。",
                f"All {number_of(number, 'cells')} in “{name}” {verb_of(number, 'carry')} one currency; its sign was taken off. Name the unit in the dictionary.",
            )
        case "daypart":
            return Text(
                f"“{name}”列有 {number} 格写作“下午3:30”或“3:30 PM”，已读作 24 小时制。",
                f"{number} cells in “{name}” {verb_of(number, 'are')} written like 下午3:30 or 3:30 PM and were read on a clock of 24 hours.",
            )
        case "zone":
            return Text(
                f"“{name}”列有 {number} 格不带时区，而其他格带；这些格按所定的时区换算为 UTC。",
                f"{number_of(number, 'cells')} in “{name}” {verb_of(number, 'carry')} no offset while others do; they were moved to UTC by the zone that was settled.",
            )
        case "written":
            return Text(
                f"“{name}”列有 {number} 格不带时区，而其他格已换算为 UTC；按指定保留原文，该列含两种时钟。",
                f"{number_of(number, 'cells')} in “{name}” {verb_of(number, 'carry')} no offset and were left as written, as told, while the others are UTC: the column has two clocks.",
            )
        case "mapped":
            to = Text("代码", "codes") if column.format == "code" else Text("名称", "labels")
            return Text(
                f"“{name}”列有 {number} 格已按代码表换成{to.zh}。",
                f"{number_of(number, 'cells')} in “{name}” {verb_of(number, 'were')} replaced by {to.en} of the code list.",
            )
    return None
