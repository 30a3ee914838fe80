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
from quality.arguments import faults_of, format_faults, is_storable, key_faults
from quality.troubles import told
from quality.verdict import Severity
from quality.vocabulary import IGNORED_KEYS, KEY_COLUMNS, TYPES, TypeSpec, excluded, snake

BASIS: Final = "suite-format"
MAX_EXPECTATIONS: Final = 2_000
MAX_NAME: Final = 300
_SEVERITIES: Final = ("critical", "warning", "info")


class Expectation(BaseModel):
    model_config = ConfigDict(extra="forbid")

    type: str
    kwargs: dict[str, Any] = Field(default_factory=dict)
    severity: Severity = "critical"
    meta: dict[str, Any] = Field(default_factory=dict)

    @property
    def spec(self) -> TypeSpec:
        return TYPES[self.type]

    @property
    def key_columns(self) -> list[str]:
        """The columns by which this rule's failing rows are told, where it names its own."""
        return list(self.meta.get(KEY_COLUMNS, ()))


class Suite(BaseModel):
    name: str
    expectations: list[Expectation]

    def columns_used(self) -> list[str]:
        """Every column of the checked table that a rule names, in order of first use."""
        named = (name for each in self.expectations for name in TYPES[each.type].columns(each.kwargs))
        return list(dict.fromkeys(named))

    @classmethod
    def parse(cls, text: str | bytes) -> Suite:
        """A suite from JSON text; raises InputRefused with every fault found, each with its place."""
        try:
            document = json.loads(text.removeprefix("\ufeff") if isinstance(text, str) else text)
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
        name = str(document.get("name") or document.get("expectation_suite_name") or "suite")
        if len(name) > MAX_NAME or not is_storable(name):
            raise InputRefused(
                Text(
                    f"规则集的名称应为不超过 {MAX_NAME} 个字符的文本。请改短。",
                    f"The name of a suite is a text of at most {MAX_NAME} characters. Shorten it.",
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
        return cls(name=name, expectations=[each for each in read if each is not None])

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    def as_gx(self, gx_version: str, **meta: Any) -> dict[str, Any]:
        """The file that Great Expectations itself writes and reads. Types of ours need their classes there."""
        rules = [_as_gx(each) for each in self.expectations]
        return {
            "name": self.name,
            "expectations": rules,
            "meta": {"great_expectations_version": gx_version, **meta},
            "notes": None,
        }


def _as_gx(each: Expectation) -> dict[str, Any]:
    kwargs, meta = each.kwargs, each.meta
    if each.key_columns:
        kwargs = kwargs | {"result_format": {"result_format": "COMPLETE", KEY_COLUMNS: each.key_columns}}
        meta = {key: value for key, value in meta.items() if key != KEY_COLUMNS}
    return {"type": each.type, "kwargs": kwargs, "meta": meta, "severity": each.severity}


def _not_json(error: Exception) -> InputRefused:
    line, column = getattr(error, "lineno", None), getattr(error, "colno", None)
    where_zh = f"第 {line} 行第 {column} 列：" if line else ""
    where_en = f"line {line}, column {column}: " if line else ""
    message = getattr(error, "msg", str(error))
    return InputRefused(
        Text(
            f"规则集不是合法的 JSON（{where_zh}{told(message).zh}）。请改正后重新提交。",
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
    if not is_storable(kwargs) or not is_storable(meta):
        fault(
            "not-storable",
            "含有 NaN、无穷大、NUL 或残缺字符，JSON 无法保存",
            "holds NaN, an infinity, NUL or half a character, which JSON cannot keep",
        )
        return None
    asked = kwargs.get("result_format")
    if wrong := [*faults_of(TYPES[name], given), *format_faults(asked), *key_faults(meta.get(KEY_COLUMNS))]:
        for each in wrong:
            fault(*each)
        return None
    if isinstance(asked, dict) and asked.get(KEY_COLUMNS):
        meta = meta | {KEY_COLUMNS: asked[KEY_COLUMNS]}
    return Expectation(type=name, kwargs=given, severity=severity, meta=meta)


def _unknown_type(name: str, fault: Any) -> None:
    if not name:
        fault("no-type", "缺少规则类型 type", 'has no "type"')
    elif (shut := excluded(name)) is not None:
        fault(shut.code, f"规则类型 {name} {shut.why.zh}", f"type {name} {shut.why.en}")
    else:
        fault("unknown-type", f"规则类型 {name!r} 不存在", f"type {name!r} does not exist")
