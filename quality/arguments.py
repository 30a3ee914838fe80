"""Whether a rule's arguments are what its type takes. Pure; every fault at once, each as a sentence.

A wrong argument must be refused when the suite is written: later it would break a page, or switch a check off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from typing import Any, Final, NamedTuple

from quality import conditions
from quality.own.ages import is_age, is_duration, is_moment, read_duration
from quality.own.areas import is_area
from quality.own.datums import DATUMS
from quality.troubles import told
from quality.vocabulary import KEY_COLUMNS, Shape, TypeSpec

Given = Mapping[str, Any]


class Fault(NamedTuple):
    """`code` is stable; the sentences go behind the rule's place."""

    code: str
    zh: str
    en: str


class Form(NamedTuple):
    """What an argument must look like."""

    holds: Callable[[Any], bool]
    zh: str
    en: str


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_list_of(test: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and bool(value) and all(map(test, value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2


def _is_quantile_ranges(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    quantiles, ranges = value.get("quantiles"), value.get("value_ranges")
    return (
        isinstance(quantiles, list)
        and isinstance(ranges, list)
        and _is_list_of(lambda each: _is_number(each) and 0 <= each <= 1)(quantiles)
        and _is_list_of(lambda pair: _is_pair(pair) and all(end is None or _is_number(end) for end in pair))(
            ranges
        )
        and len(quantiles) == len(ranges)
    )


def _is_period(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"column", "period"}
        and _is_text(value["column"])
        and value["period"] in ("year", "month", "day")
    )


_TEXT: Final = Form(_is_text, "非空文本", "a text that is not empty")
_ANY_TEXT: Final = Form(lambda value: isinstance(value, str), "文本", "a text")
_NUMBER: Final = Form(_is_number, "数值", "a number")
_WHOLE: Final = Form(lambda value: _is_number(value) and value == int(value), "整数", "a whole number")
_SHARE: Final = Form(
    lambda value: _is_number(value) and 0 <= value <= 1, "0 到 1 之间的数", "a number in 0…1"
)
_YES_NO: Final = Form(lambda value: isinstance(value, bool), "true 或 false", "true or false")
_OBJECT: Final = Form(lambda value: isinstance(value, dict), "JSON 对象", "a JSON object")
_LIST: Final = Form(_is_list_of(lambda _: True), "非空列表", "a list that is not empty")
_TEXTS: Final = Form(_is_list_of(_is_text), "由文本组成的非空列表", "a list of texts that is not empty")

_NOT_NEGATIVE: Final = Form(
    lambda value: _is_number(value) and 0 <= value < float("inf"), "不小于 0 的数", "a number of 0 or more"
)
_FIXED_DURATION: Final = Form(
    lambda value: is_duration(value) and read_duration(value).months == 0,
    "以日、时、分、秒表示的 ISO 8601 时长，如 PT5M",
    "an ISO 8601 duration in days or shorter units, such as PT5M",
)
_GROUPS: Final = Form(
    _is_list_of(lambda each: _is_text(each) or _is_period(each)),
    '由列名或 {"column": …, "period": "year|month|day"} 组成的非空列表',
    'a list of column names or {"column": …, "period": "year|month|day"}',
)

_FORMS: Final[Mapping[str, Form]] = {
    **dict.fromkeys(
        (
            "column",
            "column_A",
            "column_B",
            "longitude",
            "latitude",
            "time_column",
            "type_",
            "strftime_format",
            "unexpected_rows_query",
            "dataset",
            "other_column",
            "code_list",
            "version",
            "since",
            "until",
        ),
        _TEXT,
    ),
    **dict.fromkeys(("like_pattern", "description", "condition_parser"), _ANY_TEXT),
    **dict.fromkeys(("threshold", "sum_total", "multiplier"), _NUMBER),
    **dict.fromkeys(
        (
            "strict_min",
            "strict_max",
            "strictly",
            "or_equal",
            "double_sided",
            "ties_okay",
            "exact_match",
            "bucketize_data",
            "daily",
            "also_missing",
        ),
        _YES_NO,
    ),
    **dict.fromkeys(("json_schema", "partition_object"), _OBJECT),
    **dict.fromkeys(
        (
            *("column_list", "column_set", "type_list", "like_pattern_list", "regex_list"),
            *("keys", "other_keys", "other_columns"),
        ),
        _TEXTS,
    ),
    **dict.fromkeys(("tolerance", "tolerance_share", "max_change", "max_removed"), _NOT_NEGATIVE),
    **dict.fromkeys(("min_delay", "max_delay", "per"), _FIXED_DURATION),
    **dict.fromkeys(("group_columns", "other_group_columns"), _GROUPS),
    "factor": _NUMBER,
    "regex": _ANY_TEXT,
    "mostly": _SHARE,
    "daily_share": _SHARE,
    "k": Form(
        lambda value: _WHOLE.holds(value) and value >= 1, "不小于 1 的整数", "a whole number of 1 or more"
    ),
    "area": Form(
        is_area,
        "[西, 南, 东, 北] 四个数，或 GeoJSON 的 Polygon、MultiPolygon",
        "[west, south, east, north], or a GeoJSON Polygon or MultiPolygon",
    ),
    "max_age": Form(
        is_age,
        "ISO 8601 时长（如 P1D、PT6H）或 by_frequency（按更新周期）",
        "an ISO 8601 duration such as P1D or PT6H, or by_frequency (as the update frequency allows)",
    ),
    "reference": Form(is_moment, "ISO 8601 时刻", "an ISO 8601 moment"),
    "value_set": _LIST,
    "column_index": _WHOLE,
    "escape": Form(
        lambda value: isinstance(value, str) and len(value) == 1, "单个字符", "a single character"
    ),
    "value_pairs_set": Form(_is_list_of(_is_pair), "由两项组成的列表的列表", "a list of pairs"),
    "quantile_ranges": Form(
        _is_quantile_ranges,
        '形如 {"quantiles": […], "value_ranges": [[低, 高], …]} 的对象',
        'an object such as {"quantiles": […], "value_ranges": [[low, high], …]}',
    ),
}
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "match_on": ("any", "all"),
    "method": ("iqr", "std"),
    "comparison": ("equal", "at_most", "at_least", "more_than"),
    "unmatched": ("fail", "ignore"),
    "direction": ("rising", "falling"),
    "crs": DATUMS,
}
_PAIR_IGNORE: Final = ("both_values_are_missing", "either_value_is_missing", "neither")
_RECORD_IGNORE: Final = ("all_values_are_missing", "any_value_is_missing", "never")


_RESULT_FORMATS: Final = ("BOOLEAN_ONLY", "BASIC", "SUMMARY", "COMPLETE")


_SHOWN: Final = frozenset(
    {"partial_unexpected_count", "include_unexpected_rows", "return_unexpected_index_query"}
)
"""Options that say how much of the failing rows a result shows; let go, since all of them can be had (docs/quality.md)."""


def format_faults(given: Any) -> Iterator[Fault]:
    """What a `result_format` asks for and the gate does not do. What says how much is shown is let go: a verdict is always whole."""
    asked = given if isinstance(given, dict) else {"result_format": given}
    word = asked.get("result_format")
    if word is not None and word not in _RESULT_FORMATS:
        allowed = ", ".join(_RESULT_FORMATS)
        yield Fault(
            "wrong-choice",
            f"result_format 只能取 {allowed}，实为 {word!r}",
            f"result_format must be one of {allowed}, not {word!r}",
        )
    yield from key_faults(asked.get(KEY_COLUMNS))
    wanted = (key for key, value in asked.items() if value not in (None, False, []))
    if keys := sorted(map(str, {*wanted} - {"result_format", KEY_COLUMNS, *_SHOWN})):
        yield Fault(
            "result-format-not-honoured",
            f"result_format 中的 {'、'.join(keys)} 不予支持：结论给出不符行的行号与主键，请删去",
            f"{', '.join(keys)} of result_format cannot be honoured: a verdict names failing rows by number and key; leave it out",
        )


def key_faults(given: Any) -> Iterator[Fault]:
    """Columns by which failing rows are told: a list of names, each once."""
    if given in (None, []):
        return
    names = given if isinstance(given, list) else []
    if not names or not all(isinstance(name, str) and name for name in names) or len({*names}) != len(names):
        yield Fault(
            "wrong-key-columns",
            f"{KEY_COLUMNS} 应为列名的列表，且不重复",
            f"{KEY_COLUMNS} must be a list of column names, each once",
        )


def form_of(argument: str) -> Form | None:
    """What an argument must look like, where that is one thing for all types."""
    return _FORMS.get(argument)


def choices_of(spec: TypeSpec, argument: str) -> tuple[str, ...]:
    """The words an argument may take; () where it is not a choice."""
    if argument == "ignore_row_if":
        return _PAIR_IGNORE if spec.shape is Shape.PAIR else _RECORD_IGNORE
    return _CHOICES.get(argument, ())


def faults_of(spec: TypeSpec, given: Given) -> Iterator[Fault]:
    """Everything wrong with the arguments of one rule."""
    yield from _presence(spec, given)
    yield from _forms(spec, given)
    yield from _contents(given)


def _presence(spec: TypeSpec, given: Given) -> Iterator[Fault]:
    if missing := [key for key in spec.all_required if key not in given]:
        yield Fault(
            "missing-argument",
            f"{spec.name} 缺少参数 {'、'.join(missing)}",
            f"{spec.name} lacks {', '.join(missing)}",
        )
    if spec.either and sum(key in given for key in spec.either) != 1:
        yield Fault(
            "missing-argument",
            f"{spec.name} 须给出 {'、'.join(spec.either)} 中的一个",
            f"{spec.name} takes exactly one of {', '.join(spec.either)}",
        )
    if spec.needs_one and not any(key in given for key in spec.needs_one):
        yield Fault(
            "missing-bound",
            f"{spec.name} 至少要给出 {'、'.join(spec.needs_one)} 之一，否则什么也没检查",
            f"{spec.name} needs {' or '.join(spec.needs_one)}; without a bound it checks nothing",
        )
    if unknown := sorted(set(given) - spec.allowed):
        taken = sorted(spec.allowed)
        yield Fault(
            "unknown-argument",
            f"{spec.name} 没有参数 {'、'.join(unknown)}（可用：{'、'.join(taken)}）",
            f"{spec.name} takes no {', '.join(unknown)} (it takes {', '.join(taken)})",
        )


def _forms(spec: TypeSpec, given: Given) -> Iterator[Fault]:
    forms = dict(_FORMS)
    if "length" in spec.name or "count_to" in spec.name:  # a fraction would be cut off in silence
        forms |= dict.fromkeys(("min_value", "max_value", "value"), _WHOLE)
    for key, form in forms.items():
        if key in given and not form.holds(given[key]):
            shown = repr(given[key])[:80]
            yield Fault(
                "wrong-form", f"{key} 应为{form.zh}，实为 {shown}", f"{key} must be {form.en}, not {shown}"
            )
    ignore = _PAIR_IGNORE if spec.shape is Shape.PAIR else _RECORD_IGNORE
    for key, allowed in {**_CHOICES, "ignore_row_if": ignore}.items():
        if key in given and given[key] not in allowed:
            yield Fault(
                "wrong-choice",
                f"{key} 只能取 {'、'.join(allowed)}，实为 {given[key]!r}",
                f"{key} must be one of {', '.join(allowed)}, not {given[key]!r}",
            )


def _contents(given: Given) -> Iterator[Fault]:
    several = given.get("regex_list")
    for pattern in [given.get("regex"), *(several if isinstance(several, list) else [])]:
        if isinstance(pattern, str) and (error := _regex_fault(pattern)):
            yield Fault(
                "wrong-regex",
                f"正则表达式 {pattern!r} 有误：{told(error).zh}",
                f"the regular expression {pattern!r} is wrong: {error}",
            )
    yield from _partners(given)
    if "{batch}" not in str(given.get("unexpected_rows_query", "{batch}")):
        yield Fault(
            "no-batch",
            "unexpected_rows_query 中须用 {batch} 指代被检查的表",
            "unexpected_rows_query must name the checked table as {batch}",
        )
    if "daily_share" in given and "time_column" not in given:
        yield Fault(
            "no-time-column",
            "daily_share 须与 time_column 一起给出，否则不知道按哪一列分日",
            "daily_share needs time_column, which says the day of a row",
        )
    if "row_condition" in given:
        try:
            conditions.read(given["row_condition"])
        except conditions.ConditionUnreadable as fault:
            yield Fault(
                "wrong-row-condition",
                f"行条件有误：{told(str(fault)).zh}",
                f"the row condition cannot be read: {fault}",
            )


_PARTNERS: Final = (
    ("column_list", "other_columns"),
    ("column", "other_columns"),
    ("keys", "other_keys"),
    ("group_columns", "other_group_columns"),
)


def _partners(given: Given) -> Iterator[Fault]:
    """Lists that are read in pairs are of one length; a change of keys is a change of something named."""
    for here, there in _PARTNERS:
        mine, theirs = given.get(here), given.get(there)
        size = len(mine) if isinstance(mine, list) else 1
        if mine is not None and isinstance(theirs, list) and len(theirs) != size:
            yield Fault(
                "uneven-lists",
                f"{here} 与 {there} 的列数须相同（{size} 与 {len(theirs)}）",
                f"{here} and {there} must name as many columns ({size} and {len(theirs)})",
            )
    if given.get("also_missing") and "row_condition" in given:
        yield Fault(
            "whole-table-only",
            "also_missing 看的是整张表，不能与 row_condition 一起给出；请分成两条规则",
            "also_missing looks at the whole table and takes no row_condition; write two rules",
        )
    if "max_removed" in given and "keys" not in given:
        yield Fault(
            "no-keys",
            "max_removed 须与 keys 一起给出，否则不知道按哪些列认行",
            "max_removed needs keys, which say what a row is known by",
        )


def _regex_fault(pattern: str) -> str | None:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return str(error)
    return None


def is_storable(value: Any) -> bool:
    """Whether JSON can carry the value: no NaN or infinity, no half of a surrogate pair, no NUL."""
    if isinstance(value, float):
        return isfinite(value)
    if isinstance(value, str):
        return not any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in value)
    if isinstance(value, dict):
        return all(is_storable(key) and is_storable(each) for key, each in value.items())
    return all(map(is_storable, value)) if isinstance(value, list) else True
