"""Scores by GB/T 36344 from a verdict: rule → sub-indicator mean → dimension mean → weighted total.

Weights, grades and the sub-indicator of a rule that names none (`meta.gbt36344`) are data. The standard fixes neither
weights nor grades; dimensions that no rule speaks for do not count, and their weight is shared among the others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
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
    """total and grade are None where a rule could not run: what is not known is not scored."""

    basis: str
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
    """The scoring scheme in force."""
    text = files("quality").joinpath("data/gbt36344.json").read_text(encoding="utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found


def score(verdict: Verdict) -> Scorecard:
    by_part: dict[str, list[float]] = {}
    for outcome in verdict.expectations:
        if (points := rule_score(outcome)) is not None:
            for part in parts_of(outcome):
                by_part.setdefault(part, []).append(points)
    dimensions = [
        found for each in scheme()["dimensions"] if (found := _dimension(each, by_part)) is not None
    ]
    total = _total(dimensions) if verdict.verdict != "error" else None
    grade = _grade(total) if total is not None else {}
    return Scorecard(
        basis=scheme()["basis"],
        total=total,
        grade=grade.get("code"),
        grade_zh=grade.get("zh"),
        grade_en=grade.get("en"),
        dimensions=dimensions,
    )


def rule_score(outcome: Outcome) -> float | None:
    """Share of good elements for row rules, all or nothing for the others; None where the rule could not run."""
    if outcome.outcome == "error":
        return None
    if TYPES[outcome.type].shape in ROW_SHAPES:
        return 100 - (outcome.unexpected_percent or 0.0)
    return 100.0 if outcome.outcome == "passed" else 0.0


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
    mean = round(fmean(part.score for part in parts), 2)
    return DimensionScore(
        code=each["code"], zh=each["zh"], en=each["en"], weight=each["weight"], score=mean, parts=parts
    )


def _total(dimensions: list[DimensionScore]) -> float | None:
    weight = sum(each.weight for each in dimensions)
    return round(sum(each.score * each.weight for each in dimensions) / weight, 2) if weight else None


def _grade(total: float) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(grade for grade in scheme()["grades"] if total >= grade["from"])
    return found
