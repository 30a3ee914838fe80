"""Scores by GB/T 36344 from a verdict: rule → sub-indicator mean → dimension mean → weighted total.

Weights, grades and the sub-indicator of a rule that names none (`meta.gbt36344`) are data; an installation may set its own
weights and grades (`quality/schemes`), and a score cites which it was computed by. The standard fixes neither; dimensions that no rule speaks for do not count, and their weight is shared among the others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from statistics import fmean
from typing import Any, Protocol

from pydantic import BaseModel

from core.text import Text
from quality.verdict import Outcome, Verdict
from quality.vocabulary import ROW_SHAPES, TYPES


class PartScore(BaseModel):
    """A sub-indicator: its rules' mean, 0-100."""

    code: str
    zh: str
    en: str
    score: float
    rules: int


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
    """A failing rule, and what mending it would bring. place: the rule's number in its suite, from 1.

    gain: points by which the total would rise if this rule alone were fulfilled; failing_share: 0-1 of what it looked at.
    """

    place: int
    gain: float
    failing_share: float


def score(verdict: Verdict, by: Mapping[str, Any] | None = None) -> Scorecard:
    """by: the scheme; the shipped one unless given."""
    rules = by or scheme()
    dimensions = _dimensions([(each, rule_score(each)) for each in verdict.expectations], rules)
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


def mend_first(verdict: Verdict, by: Mapping[str, Any] | None = None) -> list[Mending]:
    """The failing rules, those first whose mending brings most: by gain × failing share, then by place.

    Rules that could not run are not counted, as in no score is.
    """
    points = [(each, rule_score(each)) for each in verdict.expectations]
    rules = by or scheme()
    now = _total(_dimensions(points, rules))
    found = []
    for place, (outcome, own) in enumerate(points):
        if now is None or own is None or outcome.outcome != "failed":
            continue
        mended = _total(_dimensions([*points[:place], (outcome, 100.0), *points[place + 1 :]], rules))
        share = (100 - own) / 100
        found.append(
            Mending(place=place + 1, gain=round((mended or now) - now, 2), failing_share=round(share, 6))
        )
    return sorted(found, key=lambda each: (-each.gain * each.failing_share, each.place))


def _dimensions(
    points: Sequence[tuple[Outcome, float | None]], rules: Mapping[str, Any]
) -> list[DimensionScore]:
    by_part: dict[str, list[float]] = {}
    for outcome, own in points:
        if own is not None:
            for part in parts_of(outcome):
                by_part.setdefault(part, []).append(own)
    return [found for each in rules["dimensions"] if (found := _dimension(each, by_part)) is not None]


def part_names() -> Mapping[str, Text]:
    """Names of the sub-indicators by code."""
    return {
        part["code"]: Text(part["zh"], part["en"])
        for each in scheme()["dimensions"]
        for part in each["parts"]
    }


def rule_score(outcome: Outcome) -> float | None:
    """Share of good elements for row rules, all or nothing for the others; None where the rule could not run."""
    if outcome.outcome == "error":
        return None
    if TYPES[outcome.type].shape in ROW_SHAPES:
        return (100 - (outcome.unexpected_percent or 0.0)) * _share_there(outcome)
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


def _dimension(each: Mapping[str, Any], by_part: Mapping[str, list[float]]) -> DimensionScore | None:
    parts = [
        PartScore(
            code=part["code"], zh=part["zh"], en=part["en"], rules=len(points), score=round(fmean(points), 2)
        )
        for part in each["parts"]
        if (points := by_part.get(part["code"]))
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
