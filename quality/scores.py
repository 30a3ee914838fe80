"""Scores by GB/T 36344 from a verdict: rule or own check → sub-indicator mean → dimension mean → weighted total.

Weights, grades and the sub-indicator of a rule that names none (`meta.gbt36344`) are data; an installation may set its own
weights and grades (`quality/schemes`), and a score cites which it was computed by. The standard fixes neither; dimensions that no rule speaks for do not count, and their weight is shared among the others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from statistics import fmean
from typing import Any, NamedTuple, Protocol

from pydantic import BaseModel

from core.text import Text
from quality.checks import Checked
from quality.verdict import Outcome, Verdict
from quality.vocabulary import ROW_SHAPES, TYPES, Shape


class PartScore(BaseModel):
    """A sub-indicator: the mean of its rules and own checks, 0-100."""

    code: str
    zh: str
    en: str
    score: float
    rules: int
    checks: int = 0


class DimensionScore(BaseModel):
    code: str
    zh: str
    en: str
    weight: float
    score: float
    parts: list[PartScore]


class Scorecard(BaseModel):
    """scheme: number of the version of weights and grades that it was computed by (0: the shipped one). total and grade are None where a rule could not run: what is not known is not scored."""

    basis: str
    scheme: int = 0
    total: float | None
    grade: str | None
    grade_zh: str | None
    grade_en: str | None
    dimensions: list[DimensionScore]

    @property
    def grade_text(self) -> Text | None:
        return Text(self.grade_zh, self.grade_en) if self.grade_zh and self.grade_en else None


@cache
def scheme() -> Mapping[str, Any]:
    """The scoring scheme that comes with the program."""
    text = files("quality").joinpath("data/gbt36344.json").read_text(encoding="utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found


class Mending(BaseModel):
    """A failing rule or own check, and what mending it would bring. place: the rule's number in its suite, from 1; check: the check's key.

    gain: points by which the total would rise if this rule alone were fulfilled; failing_share: 0-1 of what it looked at.
    """

    place: int | None = None
    check: str | None = None
    gain: float
    failing_share: float


class _Mark(NamedTuple):
    """What one rule or own check gives to its sub-indicators; no score: it says nothing."""

    parts: Sequence[str]
    score: float | None
    is_check: bool


def score(verdict: Verdict, by: Mapping[str, Any] | None = None, checks: Sequence[Checked] = ()) -> Scorecard:
    """by: the scheme; the shipped one unless given. checks: of what the verdict speaks of; they do not count in verdicts from before them."""
    rules = by or scheme()
    dimensions = _dimensions(_marks(verdict, checks), rules)
    total = _total(dimensions) if verdict.verdict != "error" else None
    grade = _grade(total, rules) if total is not None else {}
    return Scorecard(
        basis=rules["basis"],
        scheme=rules.get("number", 0),
        total=total,
        grade=grade.get("code"),
        grade_zh=grade.get("zh"),
        grade_en=grade.get("en"),
        dimensions=dimensions,
    )


def mend_first(
    verdict: Verdict, by: Mapping[str, Any] | None = None, checks: Sequence[Checked] = ()
) -> list[Mending]:
    """The failing rules and checks, those first whose mending brings most: by gain × failing share, then in order, checks last.

    Rules that could not run are not counted, as in no score is.
    """
    marks, rules = _marks(verdict, checks), by or scheme()
    now = _total(_dimensions(marks, rules))
    found = []
    for index, mark in enumerate(marks):
        if now is None or mark.score is None or not _fails(verdict, index, mark):
            continue
        mended = _total(_dimensions([*marks[:index], mark._replace(score=100.0), *marks[index + 1 :]], rules))
        which: dict[str, Any] = (
            {"check": checks[index - len(verdict.expectations)].key}
            if mark.is_check
            else {"place": index + 1}
        )
        share = round((100 - mark.score) / 100, 6)
        found.append(Mending(**which, gain=round((mended or now) - now, 2), failing_share=share))
    return sorted(found, key=lambda each: -each.gain * each.failing_share)  # stable: in order where alike


def _fails(verdict: Verdict, index: int, mark: _Mark) -> bool:
    return (mark.score or 0) < 100 if mark.is_check else verdict.expectations[index].outcome == "failed"


def _marks(verdict: Verdict, checks: Sequence[Checked]) -> list[_Mark]:
    rows = query_rows(verdict)
    marks = [_Mark(parts_of(each), rule_score(each, rows), False) for each in verdict.expectations]
    if verdict.formula > 1:
        marks += [_Mark([each.indicator], each.score, True) for each in checks]
    return marks


def _dimensions(marks: Sequence[_Mark], rules: Mapping[str, Any]) -> list[DimensionScore]:
    by_part: dict[str, list[_Mark]] = {}
    for mark in marks:
        if mark.score is not None:
            for part in mark.parts:
                by_part.setdefault(part, []).append(mark)
    return [found for each in rules["dimensions"] if (found := _dimension(each, by_part)) is not None]


def part_names() -> Mapping[str, Text]:
    """Names of the sub-indicators by code."""
    return {
        part["code"]: Text(part["zh"], part["en"])
        for each in scheme()["dimensions"]
        for part in each["parts"]
    }


def query_rows(verdict: Verdict) -> int | None:
    """The rows that a query looked at: the table's; None in verdicts from before queries were scored by share."""
    return verdict.rows if verdict.formula > 1 else None


def rule_score(outcome: Outcome, rows: int | None = None) -> float | None:
    """Share of good elements for rules about rows, all or nothing for the others; None where the rule could not run.

    rows: of the table; of them a query's failing rows are taken, where they are known as rows of the table.
    """
    if outcome.outcome == "error":
        return None
    shape = TYPES[outcome.type].shape
    if shape in ROW_SHAPES:
        return (100 - (outcome.unexpected_percent or 0.0)) * _share_there(outcome)
    if shape is Shape.QUERY and rows and outcome.failing_rows and outcome.unexpected_count is not None:
        return 100 * max(0.0, 1 - outcome.unexpected_count / rows)
    return 100.0 if outcome.outcome == "passed" else 0.0


def _share_there(outcome: Outcome) -> float:
    """Of the keys that the other side has, the share that the table has; 1 where the rule does not look for them."""
    seen = outcome.observed_value if isinstance(outcome.observed_value, dict) else {}
    return 1 - seen["keys_missing"] / seen["keys_there"] if seen.get("keys_missing") else 1.0


class Marked(Protocol):
    """An expectation or its outcome."""

    type: str
    meta: dict[str, Any]


def parts_of(outcome: Marked) -> list[str]:
    """Codes of the sub-indicators that a rule speaks for; unknown codes fall back to the type's own."""
    named = outcome.meta.get("gbt36344")
    known = {part["code"] for each in scheme()["dimensions"] for part in each["parts"]}
    given = [str(code) for code in (named if isinstance(named, list) else [named]) if str(code) in known]
    return given or [scheme()["default_part_by_type"].get(outcome.type, scheme()["default_part"])]


def _dimension(each: Mapping[str, Any], by_part: Mapping[str, list[_Mark]]) -> DimensionScore | None:
    parts = [
        PartScore(
            code=part["code"],
            zh=part["zh"],
            en=part["en"],
            rules=len(marks) - checks,
            checks=checks,
            score=round(fmean(mark.score or 0.0 for mark in marks), 2),
        )
        for part in each["parts"]
        if (marks := by_part.get(part["code"]))
        for checks in [sum(mark.is_check for mark in marks)]
    ]
    if not parts:
        return None
    weights = {part["code"]: part.get("weight", 1.0) for part in each["parts"]}
    mean = round(fmean([part.score for part in parts], [weights[part.code] for part in parts]), 2)
    return DimensionScore(
        code=each["code"], zh=each["zh"], en=each["en"], weight=each["weight"], score=mean, parts=parts
    )


def _total(dimensions: list[DimensionScore]) -> float | None:
    weight = sum(each.weight for each in dimensions)
    return round(sum(each.score * each.weight for each in dimensions) / weight, 2) if weight else None


def _grade(total: float, rules: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(grade for grade in rules["grades"] if total >= grade["from"])
    return found
