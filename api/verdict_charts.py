"""Charts of a verdict and of scores, as specs for `ui.chart`; every number in them comes from the read models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, Final

from core.text import Lang, Text
from datasets.verdicts import Point, RuleVerdict
from quality.scores import Scorecard
from quality.spread import Spread

Spec = dict[str, Any]
_RULES: Final = 15
_LABEL: Final = 26


def by_rule(rules: Sequence[RuleVerdict], lang: Lang) -> Spec | None:
    """Pass rates of the rules, the worst first; rules that could not run have none."""
    known = sorted(
        (each for each in rules if each.pass_rate is not None), key=lambda each: (each.pass_rate, each.place)
    )
    if not known:
        return None
    shown = known[:_RULES]
    labels = [_short(f"{each.place}. {each.rule_zh if lang == 'zh' else each.rule_en}") for each in shown]
    return _percents("bars", labels, Text("通过率", "Pass rate"), [each.pass_rate for each in shown], lang)


def by_column(rules: Sequence[RuleVerdict], lang: Lang) -> Spec | None:
    """Mean pass rate of the rules about each column, the worst first."""
    rates: dict[str, list[float]] = {}
    for each in rules:
        if each.pass_rate is not None:
            for name in each.columns:
                rates.setdefault(name, []).append(each.pass_rate)
    if not rates:
        return None
    means = sorted(((round(fmean(found), 2), name) for name, found in rates.items()))[:_RULES]
    labels, values = [_short(name) for _, name in means], [mean for mean, _ in means]
    return _percents("bars", labels, Text("平均通过率", "Mean pass rate"), values, lang)


def over_time(points: Sequence[Point], lang: Lang, *, of_batches: bool) -> Spec | None:
    """Share of rules fulfilled, and score, from one verdict to the next."""
    if len(points) < 2:
        return None
    return {
        "kind": "line",
        "max": 100,
        "labels": [_numbered(each.number, lang, of_batches=of_batches) for each in points],
        "unit": None,
        "series": [
            {"name": Text("规则通过率（%）", "Rules fulfilled (%)").in_(lang), "values": [each.success_percent for each in points]},
            {"name": Text("质量得分", "Score").in_(lang), "values": [each.score for each in points]},
        ],
    }  # fmt: skip


def trend(points: Sequence[Point], scheme: Mapping[str, Any], lang: Lang) -> Spec | None:
    """Total and dimensions, release by release."""
    if len(points) < 2:
        return None
    series = [{"name": Text("总分", "Total").in_(lang), "values": [each.score for each in points]}]
    for dimension in scheme["dimensions"]:
        values = [each.dimensions.get(dimension["code"]) for each in points]
        if any(value is not None for value in values):
            series.append({"name": dimension[lang], "values": values})
    labels = [_numbered(each.number, lang, of_batches=False) for each in points]
    return {"kind": "line", "max": 100, "labels": labels, "unit": None, "series": series}


def dimensions(card: Scorecard, lang: Lang) -> Spec | None:
    if not card.dimensions:
        return None
    labels = [each.zh if lang == "zh" else each.en for each in card.dimensions]
    return _percents(
        "bars", labels, Text("得分", "Score"), [each.score for each in card.dimensions], lang, ""
    )


def of_spread(found: Spread, lang: Lang) -> Spec:
    """The failing column: what the rule allows and what it does not, with the bounds."""
    inside, outside = Text("符合", "allowed").in_(lang), Text("不符合", "not allowed").in_(lang)
    spec: Spec = {
        "kind": "hist" if found.form == "bins" else "stack",
        "labels": [bar.label for bar in found.bars],
        "unit": Text("行", "rows").in_(lang),
        "series": [
            {"name": inside, "values": [0 if bar.is_outside else bar.count for bar in found.bars]},
            {"name": outside, "values": [bar.count if bar.is_outside else 0 for bar in found.bars]},
        ],
    }
    if found.form == "bins":
        names = {"min": Text("下限", "lower bound"), "max": Text("上限", "upper bound")}
        spec["edges"] = [*(bar.low for bar in found.bars), found.bars[-1].high]
        spec["moments"] = found.is_moment
        spec["marks"] = [
            {"name": f"{names[side].in_(lang)} {said}", "at": at} for side, at, said in found.bounds
        ]
    return spec


def _percents(
    kind: str, labels: list[str], name: Text, values: Sequence[float | None], lang: Lang, unit: str = "%"
) -> Spec:
    return {
        "kind": kind,
        "max": 100,
        "labels": labels,
        "unit": unit or None,
        "series": [{"name": name.in_(lang), "values": list(values)}],
    }


def _numbered(number: int, lang: Lang, *, of_batches: bool) -> str:
    batch, release = Text(f"第 {number} 批", f"Batch {number}"), Text(f"第 {number} 版", f"Release {number}")
    return (batch if of_batches else release).in_(lang)


def _short(text: str) -> str:
    return text if len(text) <= _LABEL else text[: _LABEL - 1] + "…"
