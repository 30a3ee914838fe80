"""Cells as people write them, read as the type that the dictionary declares. SQL for DuckDB.

Each function takes the SQL of a text value and returns the SQL of the typed one, NULL where the text is
not of that type. Ambiguous ways of writing (1,5 · 02/03/2024 · 99/1/2) are settled by the whole column
(`survey`) or by the dictionary's `format`. docs/intake.md lists every form that is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from core.text import Text
from datasets.intake import dayparts
from datasets.intake.degrees import Axis, angle
from datasets.intake.dictionary import CellFormat, ColumnType
from datasets.intake.numerals import written_out
from datasets.intake.shapes import shape

SQL_TYPE: Final[dict[str, str]] = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "datetime": "TIMESTAMP",
    "time": "TIME",
    "geometry": "VARCHAR",
}
TYPE_NAMES: Final[dict[str, Text]] = {
    "string": Text("文本", "text"),
    "integer": Text("整数", "an integer"),
    "number": Text("数值", "a number"),
    "boolean": Text("是否值", "a yes/no value"),
    "date": Text("日期", "a date"),
    "datetime": Text("日期时间", "a date and time"),
    "time": Text("时间", "a time of day"),
    "geometry": Text("几何（WKT 或 GeoJSON）", "a geometry (WKT or GeoJSON)"),
}
WIDE: Final = "０１２３４５６７８９．，－−–＋％：／　\u00a0"
NARROW: Final = "0123456789.,---+%:/  "
CHINESE_DIGITS: Final = "〇○零一二三四五六七八九"
YES: Final = ("true", "t", "yes", "y", "1", "是", "有", "真", "对", "√")
NO: Final = ("false", "f", "no", "n", "0", "否", "无", "無", "假", "错", "×")
THOUSANDS: Final = "[-+]?[0-9]{1,3}(,[0-9]{3})+"
ISO_TIME: Final = "([01]?[0-9]|2[0-3]):[0-5]?[0-9](:[0-5]?[0-9]([.][0-9]{1,6})?)?"
ZONE: Final = "(Z|z|[-+](0[0-9]|1[0-4])(:?[0-5][0-9])?)$"
STAMP: Final = "-?[0-9]{1,17}([.][0-9]{1,9})?"
# Cells of declared columns written like this mean the same whatever else the column holds.
CANONICAL: Final = {
    "integer": "-?[0-9]{1,18}",
    "number": "-?[0-9]{1,15}([.][0-9]{1,15})?",
    "date": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "datetime": "[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?)?",
    "time": "[0-9]{2}:[0-9]{2}(:[0-9]{2})?",
}
EPOCHS: Final[dict[str, int]] = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}
EARLIEST_US: Final = -2_208_988_800_000_000  # 1900-01-01
LATEST_US: Final = 7_258_118_400_000_000  # 2200-01-01


class Hints(NamedTuple):
    """How a column writes what one cell alone cannot tell.

    decimal_comma: 0,61 is a fraction. percent_kept: the unit is %, so 61% is 61. roc: two-digit years
    count from 1911. day_first: None when the column does not tell. percent_refused: the unit is another one.
    unit: regular expression of the spellings that a cell may carry. axis: the column holds angles.
    month: 2024年3月 stands for its first day. form: the dictionary's `format`. mark: regular expression of the currency signs
    that may stand before a number. numerals: 万, 亿 … that may stand behind it. zone: minutes east of UTC of times without an offset.
    """

    decimal_comma: bool = False
    percent_kept: bool = False
    roc: bool = False
    day_first: bool | None = None
    percent_refused: bool = False
    unit: str = ""
    axis: Axis | None = None
    month: bool = False
    form: CellFormat | None = None
    mark: str = ""
    numerals: tuple[str, ...] = ()
    zone: int | None = None


def text_literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def one_of(value: str, words: Sequence[str]) -> str:
    """SQL of "is one of the words"; written as IN, a long list becomes a join for every column."""
    return f"list_contains([{', '.join(map(text_literal, words))}], {value})"


def matches(value: str, pattern: str) -> str:
    return f"regexp_full_match({value}, {text_literal(pattern)})"


def plain(value: str) -> str:
    """Full-width digits and signs made narrow, outer blanks cut."""
    return f"trim(translate({value}, {text_literal(WIDE)}, {text_literal(NARROW)}), ' ' || chr(9) || chr(10) || chr(13))"


def typed(value: str, kind: ColumnType, hints: Hints) -> str:
    """SQL of `value` (text, NULL where empty) as `kind`; NULL where it cannot be that."""
    match kind:
        case "string":
            return value
        case "integer":
            return _integer(value, hints)
        case "number":
            return _number(value, hints)
        case "boolean":
            return (
                f"CASE WHEN {one_of(f'lower({plain(value)})', YES)} THEN true "
                f"WHEN {one_of(f'lower({plain(value)})', NO)} THEN false END"
            )
        case "date":
            plain_day = f"WHEN {matches(value, '[0-9]{4}-[0-9]{2}-[0-9]{2}')} THEN try_cast({value} AS DATE)"
            return f"CASE {plain_day} ELSE {_date(_without_midnight(plain(value)), hints)} END"
        case "datetime":
            return _datetime(value, hints)
        case "time":
            return _time(plain(value))
        case "geometry":
            return shape(value)


def bare(value: str, hints: Hints) -> str:
    """The plain text without the column's own unit and sign of currency."""
    text = plain(value)
    if hints.mark:
        text = (
            f"regexp_replace({text}, {text_literal(f'^([-+]?) ?(?:{hints.mark}) ?([-+]?[0-9.])')}, '\\1\\2')"
        )
    units = "|".join(each for each in ("%" if hints.percent_kept else "", hints.unit) if each)
    return f"regexp_replace({text}, {text_literal(f' ?({units})$')}, '')" if units else text


def _integer(value: str, hints: Hints) -> str:
    text = written_out(bare(value, hints), hints.numerals)
    return (
        f"CASE WHEN {matches(value, '-?[0-9]{1,18}')} THEN try_cast({value} AS BIGINT) "
        f"WHEN {matches(text, '[-+]?[0-9]{1,19}([.]0*)?')} "
        f"THEN try_cast(regexp_replace(ltrim({text}, '+'), '[.]0*$', '') AS BIGINT) "
        f"WHEN {matches(text, THOUSANDS + '([.]0*)?')} "
        f"THEN try_cast(regexp_replace(replace(ltrim({text}, '+'), ',', ''), '[.]0*$', '') AS BIGINT) END"
    )


def _number(value: str, hints: Hints) -> str:
    text = written_out(bare(value, hints), () if hints.decimal_comma else hints.numerals)
    digits = "[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]{1,3})?"
    ratio = "" if hints.percent_kept or hints.percent_refused else "( ?[%‰])?"
    naked = f"ltrim(rtrim({text}, '%‰ '), '+')" if ratio else f"ltrim({text}, '+')"
    if hints.decimal_comma:
        shape, number = f"[-+]?[0-9]+(,[0-9]+)?{ratio}", f"replace({naked}, ',', '.')"
    else:
        shape, number = f"({digits}|{THOUSANDS}([.][0-9]+)?){ratio}", f"replace({naked}, ',', '')"
    scale = f"(CASE WHEN suffix({text}, '%') THEN 100 WHEN suffix({text}, '‰') THEN 1000 ELSE 1 END)"
    lenient = (
        f"CASE WHEN {matches(text, shape)} THEN try_cast({number} AS DOUBLE){f' / {scale}' if ratio else ''}"
        f"{f' ELSE {angle(plain(value), hints.axis)}' if hints.axis else ''} END"
    )
    read = (
        f"CASE WHEN {matches(value, digits)} THEN try_cast(ltrim({value}, '+') AS DOUBLE) ELSE {lenient} END"
    )
    return (
        f"CASE WHEN {matches(value, '-?[0-9]{1,15}([.][0-9]{1,15})?')} THEN try_cast({value} AS DOUBLE) "
        f"ELSE list_filter([{read}], lambda x: isfinite(x))[1] END"
    )


def _without_midnight(text: str) -> str:
    return f"regexp_replace({text}, '[T ]+(0?0:00(:00([.]0+)?)?|12:00(:00)? ?[aA]([mM]|[.][mM][.]))$', '')"


def _parsed(text: str, form: str) -> str:
    return f"try_cast(try_strptime({text}, '{form}') AS DATE)"


def _date(text: str, hints: Hints) -> str:
    """A date in digits, or in Chinese numerals (二〇二四年三月十五日)."""
    numerals = f"list_transform([{_arabic(text)}], lambda t: {_date_in_digits('t', hints)})[1]"
    return (
        f"CASE WHEN regexp_matches({text}, '[{CHINESE_DIGITS}十廿卅][年月日号號]') THEN {numerals} "
        f"ELSE {_date_in_digits(text, hints)} END"
    )


def _arabic(text: str) -> str:
    """Chinese numerals of a date as digits: 二〇二四 becomes 2024, 二十一 becomes 21."""
    digits = f"replace(replace({text}, '廿', '二十'), '卅', '三十')"
    digits = f"translate({digits}, '{CHINESE_DIGITS}', '000123456789')"
    for pattern, digit in (
        ("([0-9])十([0-9])", "\\1\\2"),
        ("([0-9])十", "\\10"),
        ("十([0-9])", "1\\1"),
        ("十", "10"),
    ):
        digits = f"regexp_replace({digits}, '{pattern}', '{digit}', 'g')"
    return digits


def _date_in_digits(text: str, hints: Hints) -> str:
    parts = "([0-9]{2,3})[-/.年] ?([0-9]{1,2})[-/.月] ?([0-9]{1,2})[日号號]?"
    named = f"(中华民国|中華民國|民国|民國) ?{parts}"
    roc = "[0-9]{2,3}" if hints.roc else "[0-9]{3}"
    year_first = f"regexp_replace({text}, '^([0-9]{{4}}) ?[-/.年] ?([0-9]{{1,2}}) ?[-/.月] ?([0-9]{{1,2}}) ?[日号號]?$', '\\1-\\2-\\3')"
    cases = [
        (matches(year_first, "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"), _parsed(year_first, "%Y-%m-%d")),
        (matches(text, "[0-9]{8}"), _parsed(text, "%Y%m%d")),
        (matches(text, f"{roc}[-/.年] ?[0-9]{{1,2}}[-/.月] ?[0-9]{{1,2}}[日号號]?"), _roc(text, parts, 1)),
        (matches(text, named), _roc(text, named, 2)),
        (matches(text, "[0-9]{1,2}[.][0-9]{1,2}[.][0-9]{4}"), _parsed(text, "%d.%m.%Y")),
    ]
    if hints.form == "roc":
        compact = "0?([0-9]{2,3})([0-9]{2})([0-9]{2})"
        cases.insert(0, (matches(text, "[0-9]{6,7}"), _roc(text, f"^{compact}$", 1)))
    if hints.month:
        cases += _months(text, hints)
    if hints.day_first is not None:
        form = "%d-%m-%Y" if hints.day_first else "%m-%d-%Y"
        cases.append(
            (
                matches(text, "[0-9]{1,2}[-/][0-9]{1,2}[-/][0-9]{4}"),
                _parsed(f"replace({text}, '/', '-')", form),
            )
        )
    return "CASE " + " ".join(f"WHEN {when} THEN {then}" for when, then in cases) + " END"


def _months(text: str, hints: Hints) -> list[tuple[str, str]]:
    """A month alone, which stands for its first day."""
    month = "([0-9]{4}) ?[-/.年] ?([0-9]{1,2}) ?(月份?)?"
    named = "(中华民国|中華民國|民国|民國) ?([0-9]{2,3}) ?年 ?([0-9]{1,2}) ?月份?"
    first = f"regexp_replace({text}, '^{month}$', '\\1-\\2-1')"
    cases = [
        (matches(text, month), _parsed(first, "%Y-%m-%d")),
        (matches(text, named), _roc(f"({text} || '1')", f"{named}(1)", 2)),
    ]
    if hints.form == "month":
        cases.append((matches(text, "[0-9]{6}"), _parsed(f"({text} || '01')", "%Y%m%d")))
    return cases


def _roc(text: str, pattern: str, first: int) -> str:
    """A date of the ROC calendar, whose year 1 is 1912."""
    year, month, day = (f"regexp_extract({text}, {text_literal(pattern)}, {first + i})" for i in range(3))
    return _parsed(f"(try_cast({year} AS INTEGER) + 1911) || '-' || {month} || '-' || {day}", "%Y-%m-%d")


_CLOCK: Final = (
    f"[T ]*(?:{dayparts.BEFORE}?[0-9]{{1,2}} ?[:时時点點].*|{dayparts.HOUR_ALONE})$"  # what follows the day
)


def _after_the_day(text: str) -> str:
    """SQL of the clock and offset behind the day, '' where there is none."""
    return f"regexp_extract({text}, '{_CLOCK}')"


def zone_of(value: str, hints: Hints) -> str:
    """SQL of a time's offset as `+08:00`, '' where it carries none; NULL for stamps since 1970."""
    text = plain(value)
    zone = f"regexp_extract({_after_the_day(text)}, '{ZONE}')"
    plain_zone = f"rpad(replace({zone}, ':', ''), 5, '0')"
    epoch = f"WHEN {matches(text, STAMP)} THEN NULL " if hints.form in EPOCHS else ""
    return (
        f"CASE {epoch}WHEN {zone} = '' THEN '' WHEN lower({zone}) = 'z' THEN '+00:00' "
        f"ELSE left({plain_zone}, 3) || ':' || right({plain_zone}, 2) END"
    )


def _datetime(value: str, hints: Hints) -> str:
    text = plain(value)
    day = _date(f"trim(regexp_replace({text}, '{_CLOCK}', ''))", hints)
    tail = _after_the_day(text)
    zone = f"regexp_extract({tail}, '{ZONE}')"
    hour = f"trim(regexp_replace({tail}, '{ZONE}', ''), 'T ')"
    away = f" - to_minutes({hints.zone})" if hints.zone else ""
    own = f"WHEN {zone} = '' THEN to_minutes({hints.zone}) " if hints.zone else ""
    offset = (
        f"CASE {own}WHEN length({zone}) > 1 THEN to_minutes((CASE WHEN {zone}[1] = '-' THEN -1 ELSE 1 END) * "
        f"(try_cast({zone}[2:3] AS INTEGER) * 60 + coalesce(try_cast(ltrim({zone}[4:], ':') AS INTEGER), 0))) "
        "ELSE INTERVAL 0 MINUTE END"
    )
    simple = "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?"
    epoch = f"WHEN {matches(text, STAMP)} THEN {_epoch(text, hints.form)} " if hints.form in EPOCHS else ""
    return (
        f"CASE WHEN {matches(value, simple)} THEN try_cast({value} AS TIMESTAMP){away} "
        f"{epoch}"
        f"WHEN {matches(text, '[0-9]{14}')} THEN try_strptime({text}, '%Y%m%d%H%M%S'){away} "
        f"WHEN {tail} = '' THEN try_cast({day} AS TIMESTAMP){away} "
        f"ELSE ({day} + {_time(hour)}) - ({offset}) END"
    )


def _epoch(text: str, form: str | None) -> str:
    """The UTC time of a count of seconds (or finer) since 1970; NULL outside 1900-2200, where the scale must be wrong."""
    micros = f"CAST(round(try_cast({text} AS DECIMAL(38, 9)) * {EPOCHS[form or 'epoch_s']}) AS HUGEINT)"
    return f"CASE WHEN {micros} BETWEEN {EARLIEST_US} AND {LATEST_US} THEN make_timestamp(CAST({micros} AS BIGINT)) END"


def _time(text: str) -> str:
    """A time of day; with 上午, 下午, PM … at either end what the two together say."""
    with_word = dayparts.moved("t", dayparts.word_of(text))
    hours = _clock(f"regexp_replace({dayparts.without_word(text)}, '^([0-9]{{1,2}})$', '\\1:00')")
    return (
        f"CASE WHEN regexp_matches({text}, '{dayparts.HOLDS}') "
        f"THEN list_transform([{hours}], lambda t: {with_word})[1] ELSE {_clock(text)} END"
    )


def _clock(text: str) -> str:
    colons = (
        f"regexp_replace(regexp_replace(regexp_replace({text}, '^([0-9]{{1,2}}) ?[时時点點]([半整]?)$', '\\1:00\\2'), "
        f"' ?[时時点點分] ?', ':', 'g'), '(:|秒|整)$', '')"
    )
    halves = f"regexp_replace({colons}, ':00半$', ':30')"
    return f"CASE WHEN {matches(halves, ISO_TIME)} THEN try_cast({halves} AS TIME) END"
