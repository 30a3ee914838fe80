"""A version of the scoring scheme as a value: the weights and grades that it sets over the shipped sub-indicators."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from math import isclose
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from auth.policy.model import Prose
from quality.scores import scheme

SHIPPED: Final = 0
"""Number of the scheme that comes with the program."""
Weight = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class Grade(BaseModel):
    """A grade and the total from which it is given."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    code: str = Field(pattern="^[A-Z][A-Z0-9+-]{0,3}$")
    zh: Prose = Field(min_length=1, max_length=20)
    en: Prose = Field(min_length=1, max_length=40)
    at_least: float = Field(ge=0, le=100, allow_inf_nan=False)


class Scheme(BaseModel):
    """dimensions: weight of each of the six, together 1; parts: weights of sub-indicators within their dimension, where they
    do not all count alike; grades: best first, the last from 0."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    effective_from: date
    source: Prose = Field(min_length=4, max_length=500)
    dimensions: dict[str, Weight]
    parts: dict[str, Weight] = {}
    grades: Annotated[tuple[Grade, ...], Field(min_length=1, max_length=10)]

    @model_validator(mode="after")
    def _holds(self) -> Scheme:
        known = {each["code"]: [part["code"] for part in each["parts"]] for each in scheme()["dimensions"]}
        if set(self.dimensions) != set(known):
            raise ValueError(f"dimensions must be exactly {', '.join(sorted(known))}")
        if not isclose(sum(self.dimensions.values()), 1, abs_tol=1e-6):
            raise ValueError("各维度权重之和须为 1 / the weights of the dimensions must make 1 together")
        unknown = sorted(set(self.parts) - {part for parts in known.values() for part in parts})
        if unknown:
            raise ValueError(f"unknown sub-indicators: {', '.join(unknown)}")
        if any(self.parts.get(part) == 0 for part in self.parts):
            raise ValueError(
                "子指标的权重不得为零；维度可以 / a sub-indicator cannot weigh nothing; a dimension can"
            )
        bounds = [grade.at_least for grade in self.grades]
        if bounds != sorted(set(bounds), reverse=True) or bounds[-1] != 0:
            raise ValueError(
                "等级须依次降低，每级起点低于前一级，最后一级自 0 起 / grades must go down, each from less than the one before, the last from 0"
            )
        if len({grade.code for grade in self.grades}) != len(self.grades):
            raise ValueError("同一等级列出了两次 / a grade is named twice")
        return self

    def as_rules(self, number: int) -> Mapping[str, Any]:
        """The whole scheme as scores are computed by it: the shipped one with these weights and grades."""
        base = scheme()
        dimensions = [
            each | {
                "weight": self.dimensions[each["code"]],
                "parts": [part | {"weight": self.parts.get(part["code"], 1.0)} for part in each["parts"]],
            }
            for each in base["dimensions"]
        ]  # fmt: skip
        grades = [{"code": g.code, "zh": g.zh, "en": g.en, "from": g.at_least} for g in self.grades]
        return {**base, "number": number, "dimensions": dimensions, "grades": grades}


def shipped() -> Scheme:
    """The scheme that comes with the program, as a version would write it."""
    base = scheme()
    return Scheme(
        effective_from=date(2026, 1, 1),
        source="本地规定；GB/T 36344-2018 未规定权重与等级 · local policy; GB/T 36344-2018 fixes neither weights nor grades",
        dimensions={each["code"]: each["weight"] for each in base["dimensions"]},
        grades=tuple(
            Grade(code=g["code"], zh=g["zh"], en=g["en"], at_least=g["from"]) for g in base["grades"]
        ),
    )


def flat(found: Scheme) -> dict[str, str]:
    """Every value by its name, for comparing versions."""
    said = {f"dimensions.{code}": f"{weight:g}" for code, weight in sorted(found.dimensions.items())}
    said |= {f"parts.{code}": f"{weight:g}" for code, weight in sorted(found.parts.items())}
    said |= {f"grades.{grade.code}": f"{grade.at_least:g} {grade.zh} {grade.en}" for grade in found.grades}
    return said | {"effective_from": found.effective_from.isoformat(), "source": found.source}


def differences(old: Scheme, new: Scheme) -> list[tuple[str, str, str]]:
    """(what, before, after) of everything that changes, in a fixed order."""
    before, after = flat(old), flat(new)
    names = list(dict.fromkeys([*before, *after]))
    return [(n, before.get(n, "—"), after.get(n, "—")) for n in names if before.get(n) != after.get(n)]
