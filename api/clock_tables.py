"""Lists about time as rows, for pages, CSV and charts alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fastapi import Response

from auth.applications.workflow import STATE_NAMES, State
from auth.clocks.kpi import MEASURES, Rate
from auth.clocks.models import WaitingCase
from auth.clocks.rules import STAGE_NAMES
from core.sheets import Sheet, csv_of
from core.text import Lang, Text


def csv_answer(name: str, content: bytes) -> Response:
    """A table to keep."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


def waiting_csv(found: Sequence[WaitingCase], orgs: Mapping[str, Text], lang: Lang) -> bytes:
    heads = {
        "zh": ("申请", "机构", "数源部门", "数据集", "环节", "状态", "提交时间", "期限", "剩余工作日", "已上报级别", "下一步"),
        "en": ("Application", "Organisation", "Departments", "Datasets", "Stage", "State", "Submitted", "Due", "Working days left", "Escalated to level", "Next"),
    }  # fmt: skip
    rows = [_waiting_row(each, orgs, lang) for each in found]
    return b"".join(csv_of(Sheet("clocks", heads[lang], rows)))


def _waiting_row(each: WaitingCase, orgs: Mapping[str, Text], lang: Lang) -> list[object]:
    def name(org: str) -> str:
        return orgs[org].in_(lang) if org in orgs else org

    return [
        each.application_id, name(each.org_id), "、".join(map(name, each.departments)), "、".join(each.datasets),
        STAGE_NAMES[each.stage].in_(lang), STATE_NAMES[State(each.state)].in_(lang),
        each.submitted_at.isoformat() if each.submitted_at else "", each.due_on.isoformat(),
        each.left_working_days, each.level or "", each.next_zh if lang == "zh" else each.next_en,
    ]  # fmt: skip


def rates_csv(found: Sequence[Rate], orgs: Mapping[str, Text], lang: Lang) -> bytes:
    """Every rate with its numerator and denominator, and what they mean."""
    heads = {
        "zh": ("指标", "部门", "期间", "分子", "分母", "比率", "分子定义", "分母定义"),
        "en": ("Rate", "Department", "Period", "Numerator", "Denominator", "Share", "Numerator means", "Denominator means"),
    }  # fmt: skip
    by_key = {measure.key: measure for measure in MEASURES}
    whole = Text("全局", "whole bureau")
    rows = [
        [
            by_key[rate.measure].name.in_(lang), orgs.get(rate.department_id, Text(rate.department_id, rate.department_id)).in_(lang) if rate.department_id else whole.in_(lang),
            rate.period or Text("合计", "in all").in_(lang), rate.kept, rate.counted,
            "" if rate.share is None else f"{rate.share:.4f}",
            by_key[rate.measure].numerator.in_(lang), by_key[rate.measure].denominator.in_(lang),
        ]
        for rate in found
    ]  # fmt: skip
    return b"".join(csv_of(Sheet("kpi", heads[lang], rows)))


def rates_json(found: Sequence[Rate]) -> dict[str, Any]:
    definitions = [
        {"key": each.key, "name_zh": each.name.zh, "name_en": each.name.en, "stage": each.stage,
         "numerator_zh": each.numerator.zh, "numerator_en": each.numerator.en,
         "denominator_zh": each.denominator.zh, "denominator_en": each.denominator.en}
        for each in MEASURES
    ]  # fmt: skip
    items = [asdict(rate) | {"share": rate.share} for rate in found]
    return {"items": items, "total": len(items), "next": None, "definitions": definitions}


def rates_chart(found: Sequence[Rate], department: str | None, lang: Lang) -> dict[str, Any] | None:
    """The rates month by month in percent, for `ui.chart`; None without a month."""
    own = [rate for rate in found if rate.department_id == department and rate.period]
    months = sorted({rate.period for rate in own})
    if not months:
        return None
    by = {(rate.measure, rate.period): rate.share for rate in own}
    series = [
        {
            "name": measure.name.in_(lang),
            "values": [_percent(by.get((measure.key, month))) for month in months],
        }
        for measure in MEASURES
    ]
    return {
        "kind": "bars" if len(months) < 3 else "line",
        "labels": months,
        "series": series,
        "unit": "%",
        "max": 100,
    }


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 1)
