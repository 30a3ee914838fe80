"""The page that shows every component in every state, so that pages stay alike. Its sample values are illustrations."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse

from api.access import PUBLIC, access
from api.late import APIRouter
from api.web import page
from core import bases
from core.errors import Reason
from core.jobs import JobRead, JobState
from core.text import Lang, Text

router = APIRouter(include_in_schema=True, tags=["pages"])

STATES: Final[tuple[tuple[str, Text], ...]] = (
    ("draft", Text("草稿", "Draft")),
    ("submitted", Text("已提交", "Submitted")),
    ("in_review", Text("审核中", "In review")),
    ("returned", Text("退回补正", "Returned")),
    ("active", Text("生效", "Active")),
    ("suspended", Text("暂停", "Suspended")),
    ("revoked", Text("撤销", "Revoked")),
    ("expired", Text("到期", "Expired")),
    ("passed", Text("通过", "Passed")),
    ("failed", Text("未通过", "Failed")),
)
DATASETS: Final[tuple[tuple[str, Text, Text, int, str, Text], ...]] = (
    ("DP-PK-003", Text("停车场泊位实时余量", "Parking bays free, by the minute"), Text("交通运输局", "Transport bureau"), 1_284_310, "active", Text("生效", "Active")),
    ("DP-TR-001", Text("A级旅游景区名录", "Register of rated scenic areas"), Text("文化和旅游局", "Culture and tourism bureau"), 642, "passed", Text("通过", "Passed")),
    ("DP-WX-002", Text("景区小时级气象观测", "Hourly weather at scenic areas"), Text("气象局", "Meteorological bureau"), 87_600, "warning", Text("待确认", "To be confirmed")),
    ("DP-SF-004", Text("客流高峰预警记录", "Crowd warnings on peak days"), Text("公安局", "Public security bureau"), 3_118, "failed", Text("未通过", "Failed")),
    ("DP-RL-005", Text("不可移动文物保护单位", "Protected monuments"), Text("文物局", "Heritage bureau"), 214, "draft", Text("草稿", "Draft")),
)  # fmt: skip
REASONS: Final = (
    Reason(
        "column-not-granted",
        Text("列 plate_hash 不在授权范围内。", "Column plate_hash is not covered by the grant."),
        "授权书第 3 条 / grant §3",
    ),
    Reason(
        "outside-period",
        Text(
            "授权自 2026-12-01 起生效，今日尚不可用。",
            "The grant starts on 2026-12-01; it cannot be used today.",
        ),
        "life of a grant (docs/workflow.md)",
    ),
    Reason(
        "quota-exceeded",
        Text(
            "本月行数额度 2,000,000 已用 1,998,400。",
            "1,998,400 of this month's 2,000,000 rows are used.",
        ),
        bases.TERMS,
    ),
)
DETAIL: Final = Text(
    "第 3 张工作表第 118 行“经度”列的值 12O.35 不是数字；请更正后重新提交。",
    "Sheet 3, line 118: the value 12O.35 in column longitude is not a number; correct it and submit again.",
)


def _job(now: datetime, job_id: str, state: JobState, progress: float, message: Text) -> JobRead:
    return JobRead.model_validate(
        {
            "id": job_id, "kind": "validate", "subject": "batch/0193", "state": state, "progress": progress,
            "message_zh": message.zh, "message_en": message.en, "result": None, "error": None,
            "created_at": now, "started_at": now, "ended_at": None,
        }
    )  # fmt: skip


def _jobs(now: datetime) -> list[JobRead]:
    return [
        _job(now, "a", JobState.QUEUED, 0.0, Text("前面还有 1 项任务", "One job is ahead")),
        _job(now, "d", JobState.RUNNING, 0.62, Text("已校验 796,272 行", "796,272 rows checked")),
        _job(
            now, "b", JobState.DONE, 1.0, Text("1,284,310 行，20 条规则", "1,284,310 rows, 20 expectations")
        ),
        _job(now, "c", JobState.FAILED, 0.43, Text("2 条关键规则未通过", "Two critical expectations failed")),
    ]


def _events(now: datetime) -> list[dict[str, Any]]:
    approver, officer = Text("周敏", "Zhou Min"), Text("韩立", "Han Li")
    bureau = Text("市大数据局", "Municipal data bureau")
    return [
        {"at": now, "who": approver, "org": bureau, "what": Text("批准（收窄列）", "Approved, with fewer columns"),
         "note": Text("车牌散列不予提供，其余五列同意。", "The plate hash is withheld; the other five columns are granted."), "tone": "good"},
        {"at": now - timedelta(days=1, hours=3), "who": Text("陈岩", "Chen Yan"), "org": bureau,
         "what": Text("退回补正", "Returned for supplement"), "note": Text("缺少安全承诺书。", "The security undertaking is missing."), "tone": "warn"},
        {"at": now - timedelta(days=3), "who": officer, "org": Text("安行保险", "Anxing Insurance"), "what": Text("提交申请", "Application submitted")},
    ]  # fmt: skip


def _charts(lang: Lang) -> dict[str, dict[str, Any]]:
    months = [f"2026-{month:02d}" for month in range(1, 10)]
    said = {
        key: text.in_(lang)
        for key, text in {
            "calls": Text("提取次数", "Extracts"), "refused": Text("拒绝次数", "Refusals"), "rows": Text("行", "rows"),
            "limit": Text("上限 20", "upper bound 20"), "right": Text("符合", "allowed"), "wrong": Text("不符合", "not allowed"),
            "traffic": Text("旅游交通", "Travel"), "weather": Text("气象服务", "Weather"), "safety": Text("安全监管", "Safety"),
            "service": Text("惠民便民", "Services"), "relics": Text("文物保护", "Heritage"),
        }.items()
    }  # fmt: skip
    scenarios = [said[key] for key in ("traffic", "weather", "safety", "service", "relics")]
    calls = [42, 51, 48, 77, 120, 96, 131, 158, 149]
    refused = [3, 2, 5, 4, 9, 6, 4, 7, 3]
    rows = [1_284_310, 87_600, 3_118, 45_020, 214]
    return {
        "line": {"kind": "line", "labels": months, "unit": None, "series": [{"name": said["calls"], "values": calls}, {"name": said["refused"], "values": refused}]},
        "stack": {"kind": "stack", "labels": months, "unit": None, "series": [{"name": said["calls"], "values": calls}, {"name": said["refused"], "values": refused}]},
        "bars": {"kind": "bars", "labels": scenarios, "unit": said["rows"], "series": [{"name": said["rows"], "values": rows}]},
        "hist": {
            "kind": "hist", "labels": ["0 – 5", "5 – 10", "10 – 15", "15 – 20", "20 – 30"], "unit": said["rows"],
            "edges": [0, 5, 10, 15, 20, 30], "marks": [{"name": said["limit"], "at": 20}],
            "series": [{"name": said["right"], "values": [12, 30, 22, 9, 0]}, {"name": said["wrong"], "values": [0, 0, 0, 0, 4]}],
        },
        "pie": {"kind": "pie", "labels": scenarios, "unit": None, "series": [{"name": said["calls"], "values": [38, 22, 14, 17, 9]}]},
    }  # fmt: skip


def components_context(lang: Lang, now: datetime) -> dict[str, Any]:
    """What the component page shows: sample states, rows, events, jobs, reasons, charts."""
    return {
        "states": STATES,
        "datasets": DATASETS,
        "sample_reasons": REASONS,
        "sample_error": DETAIL,
        "jobs": _jobs(now),
        "events": _events(now),
        "charts": _charts(lang),
        "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    }


@router.get("/components", response_class=HTMLResponse, **access(PUBLIC))
def components(request: Request) -> HTMLResponse:
    """Every component of the pages, in every state."""
    from api.deps import language

    now = request.app.state.house.clock()
    return page(request, "components/index.html", **components_context(language(request), now))
