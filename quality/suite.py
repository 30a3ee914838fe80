"""Suites as data: Great Expectations' own JSON form, read strictly.

Why strictly: a misspelt argument would otherwise switch a check off in silence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from core.errors import InputRefused, Reason
from core.text import Text
from quality import conditions
from quality.verdict import Severity
from quality.vocabulary import IGNORED_KEYS, NEED_SECOND_TABLE, TYPES, TypeSpec, snake

BASIS: Final = "suite-format"
MAX_EXPECTATIONS: Final = 2_000
_SEVERITIES: Final = ("critical", "warning", "info")
_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "match_on": ("any", "all"),
    "method": ("iqr", "std"),
}
_PAIR_IGNORE: Final = ("both_values_are_missing", "either_value_is_missing", "neither")
_RECORD_IGNORE: Final = ("all_values_are_missing", "any_value_is_missing", "never")
_LISTS: Final = (
    "value_set",
    "regex_list",
    "like_pattern_list",
    "type_list",
    "column_list",
    "value_pairs_set",
    "column_set",
)


class Expectation(BaseModel):
    model_config = ConfigDict(extra="forbid")

    type: str
    kwargs: dict[str, Any] = Field(default_factory=dict)
    severity: Severity = "critical"
    meta: dict[str, Any] = Field(default_factory=dict)

    @property
    def spec(self) -> TypeSpec:
        return TYPES[self.type]


class Suite(BaseModel):
    name: str
    expectations: list[Expectation]

    @classmethod
    def parse(cls, text: str | bytes) -> Suite:
        """A suite from JSON text; raises InputRefused with every fault found, each with its place."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _not_json(error) from None
        return cls.from_data(document, lines=expectation_lines(text))

    @classmethod
    def from_data(cls, document: Any, *, lines: Sequence[int] = ()) -> Suite:
        """A suite from parsed JSON. lines: where each expectation begins in the text, for naming faults."""
        if not isinstance(document, dict) or not isinstance(document.get("expectations"), list):
            raise InputRefused(
                Text(
                    '规则集应为 JSON 对象，形如 {"name": …, "expectations": […]}。请检查后重新提交。',
                    'A suite is a JSON object such as {"name": …, "expectations": […]}. Check it and hand it in again.',
                )
            )
        entries: list[Any] = document["expectations"]
        if not entries:
            raise InputRefused(
                Text(
                    "规则集中没有任何规则：没有检查的关口不是关口。请至少写一条规则。",
                    "The suite holds no expectation: a gate without a check is no gate. Write at least one.",
                )
            )
        if len(entries) > MAX_EXPECTATIONS:
            raise InputRefused(
                Text(
                    f"规则集有 {len(entries)} 条规则，超过上限 {MAX_EXPECTATIONS} 条。请拆分。",
                    f"The suite holds {len(entries)} expectations, more than {MAX_EXPECTATIONS}. Split it.",
                )
            )
        faults: list[Reason] = []
        where = [*lines, *[None] * (len(entries) - len(lines))]
        read = [
            _entry(place, line, entry, faults)
            for place, (line, entry) in enumerate(zip(where, entries, strict=False), start=1)
        ]
        if faults:
            raise _refused(faults)
        name = document.get("name") or document.get("expectation_suite_name") or "suite"
        return cls(name=str(name), expectations=[each for each in read if each is not None])

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


def _not_json(error: Exception) -> InputRefused:
    line, column = getattr(error, "lineno", None), getattr(error, "colno", None)
    where_zh = f"第 {line} 行第 {column} 列：" if line else ""
    where_en = f"line {line}, column {column}: " if line else ""
    message = getattr(error, "msg", str(error))
    return InputRefused(
        Text(
            f"规则集不是合法的 JSON（{where_zh}{message}）。请改正后重新提交。",
            f"The suite is not valid JSON ({where_en}{message}). Mend it and hand it in again.",
        ),
        line=line,
        column=column,
    )


def _refused(faults: list[Reason]) -> InputRefused:
    return InputRefused(
        Text(
            f"规则集有 {len(faults)} 处错误："
            + "；".join(fault.text.zh for fault in faults)
            + "。请逐条改正。",
            f"The suite has {len(faults)} fault(s): "
            + "; ".join(fault.text.en for fault in faults)
            + ". Mend each.",
        ),
        reasons=faults,
    )


def expectation_lines(text: str | bytes) -> list[int]:
    """The line on which each expectation begins; empty where that cannot be told."""
    written = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    begin = re.search(r'"expectations"\s*:\s*\[', written)
    decoder, lines, place = json.JSONDecoder(), [], begin.end() if begin else len(written)
    try:
        while written[place := _past_blank(written, place)] != "]":
            lines.append(written.count("\n", 0, place) + 1)
            _, place = decoder.raw_decode(written, place)
    except (ValueError, IndexError):
        return []
    return lines


def _past_blank(text: str, place: int) -> int:
    while text[place] in " \t\r\n,":
        place += 1
    return place


def _entry(place: int, line: int | None, entry: Any, faults: list[Reason]) -> Expectation | None:
    """One expectation; its faults are added to `faults` with their place."""
    at_zh, at_en = (f"（第 {line} 行）", f" (line {line})") if line else ("", "")
    facts: dict[str, object] = {"place": place, **({"line": line} if line else {})}

    def fault(code: str, zh: str, en: str) -> None:
        faults.append(
            Reason(
                code, Text(f"第 {place} 条{at_zh}：{zh}", f"expectation {place}{at_en}: {en}"), BASIS, facts
            )
        )

    if not isinstance(entry, dict):
        fault("not-an-object", "不是 JSON 对象", "is not a JSON object")
        return None
    name = snake(str(entry.get("type") or entry.get("expectation_type") or ""))
    kwargs, meta = entry.get("kwargs") or {}, entry.get("meta") or {}
    if not isinstance(kwargs, dict) or not isinstance(meta, dict):
        fault("not-an-object", "kwargs 与 meta 应为 JSON 对象", "kwargs and meta must be JSON objects")
        return None
    severity = entry.get("severity") or "critical"
    if severity not in _SEVERITIES:
        fault(
            "unknown-severity",
            f"严重程度 {severity!r} 不存在（可用 critical、warning、info）",
            f"severity {severity!r} does not exist (use critical, warning or info)",
        )
        severity = "critical"
    if name not in TYPES:
        _unknown_type(name, fault)
        return None
    given = {key: value for key, value in kwargs.items() if key not in IGNORED_KEYS and value is not None}
    before = len(faults)
    _check_arguments(TYPES[name], given, fault)
    if len(faults) > before:
        return None
    return Expectation(type=name, kwargs=given, severity=severity, meta=meta)


def _unknown_type(name: str, fault: Any) -> None:
    if not name:
        fault("no-type", "缺少规则类型 type", 'has no "type"')
    elif name in NEED_SECOND_TABLE:
        fault(
            "needs-second-table",
            f"规则类型 {name} 需要第二张表，单表关口无法运行",
            f"type {name} compares with a second table, which a gate over one table cannot run",
        )
    else:
        fault("unknown-type", f"规则类型 {name!r} 不存在", f"type {name!r} does not exist")


def _check_arguments(spec: TypeSpec, given: dict[str, Any], fault: Any) -> None:
    missing = [key for key in spec.all_required if key not in given]
    if missing:
        names = "、".join(missing), ", ".join(missing)
        fault("missing-argument", f"{spec.name} 缺少参数 {names[0]}", f"{spec.name} lacks {names[1]}")
    if spec.needs_one and not any(key in given for key in spec.needs_one):
        names = "、".join(spec.needs_one), " or ".join(spec.needs_one)
        fault(
            "missing-bound",
            f"{spec.name} 至少要给出 {names[0]} 之一，否则什么也没检查",
            f"{spec.name} needs {names[1]}; without a bound it checks nothing",
        )
    unknown = sorted(set(given) - spec.allowed)
    if unknown:
        names = "、".join(unknown), ", ".join(unknown)
        fault(
            "unknown-argument",
            f"{spec.name} 没有参数 {names[0]}（可用：{'、'.join(sorted(spec.allowed))}）",
            f"{spec.name} takes no {names[1]} (it takes {', '.join(sorted(spec.allowed))})",
        )
    _check_values(spec, given, fault)


def _check_values(spec: TypeSpec, given: dict[str, Any], fault: Any) -> None:
    mostly = given.get("mostly", 1)
    if isinstance(mostly, bool) or not isinstance(mostly, int | float) or not 0 <= mostly <= 1:
        fault(
            "bad-mostly",
            f"mostly 应为 0 到 1 之间的数，实为 {mostly!r}",
            f"mostly must lie in 0…1, not {mostly!r}",
        )
    if "length" in spec.name or "count_to" in spec.name:
        _check_whole(given, fault)
    for key in _LISTS:
        if key in given and (not isinstance(given[key], list) or not given[key]):
            fault("not-a-list", f"{key} 应为非空列表", f"{key} must be a list that is not empty")
    choices = dict(_CHOICES)
    choices["ignore_row_if"] = _PAIR_IGNORE if "column_A" in spec.domain else _RECORD_IGNORE
    for key, allowed in choices.items():
        if key in given and given[key] not in allowed:
            fault(
                "bad-choice",
                f"{key} 只能取 {'、'.join(allowed)}，实为 {given[key]!r}",
                f"{key} must be one of {', '.join(allowed)}, not {given[key]!r}",
            )
    patterns = given.get("regex_list") if isinstance(given.get("regex_list"), list) else []
    for pattern in [*([given["regex"]] if "regex" in given else []), *(patterns or [])]:
        _check_regex(pattern, fault)
    if "{batch}" not in str(given.get("unexpected_rows_query", "{batch}")):
        fault(
            "no-batch",
            "unexpected_rows_query 中须用 {batch} 指代被检查的表",
            "unexpected_rows_query must name the checked table as {batch}",
        )
    if "row_condition" in given:
        try:
            conditions.read(given["row_condition"])
        except conditions.ConditionUnreadable as error:
            fault("bad-row-condition", f"看不懂行条件 {error}", f"the row condition cannot be read: {error}")


def _check_whole(given: dict[str, Any], fault: Any) -> None:
    """Counts and lengths are whole numbers; a fraction would be cut off in silence."""
    for key in ("min_value", "max_value", "value"):
        value = given.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
            fault(
                "not-whole", f"{key} 应为整数，实为 {value!r}", f"{key} must be a whole number, not {value!r}"
            )


def _check_regex(pattern: Any, fault: Any) -> None:
    try:
        re.compile(pattern)
    except (re.error, TypeError) as error:
        fault(
            "bad-regex",
            f"正则表达式 {pattern!r} 有误：{error}",
            f"the regular expression {pattern!r} is wrong: {error}",
        )
