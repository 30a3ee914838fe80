"""The first tier of the demo: a plan, the insurer's agreement, and the policy that asks for it, over the real routes."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from typing import Any

from api.sample.stage import Stage
from auth.agreements.model import PLAN_SECTIONS
from auth.policy.filters.rules import LOCAL
from auth.profile.model import shipped

PROFILE = "district-authorised-operation"


def _digest(of: str) -> str:
    return hashlib.sha256(of.encode()).hexdigest()


def conclude(stage: Stage) -> None:
    """Plan and agreement, drafted and approved by two people; then the policy, by two others."""
    today = stage.house.clock().astimezone(LOCAL).date()
    meeting = {
        "name": "局长办公会（示例）",
        "held_on": today.isoformat(),
        "minutes_sha256": _digest("会议纪要（示例）"),
    }
    plan_id = _plan(stage, meeting)
    body = {
        "title": "滨海旅游数据授权运营协议（示例）", "plan_id": plan_id, "operator_id": "org-insurer", "mode": "by_scenario",
        "scenarios": ["safety", "parking"], "purposes": ["risk-pricing", "product-development"],
        "starts_on": today.isoformat(), "ends_on": (today + timedelta(days=3 * 365)).isoformat(),
        "parties": [
            {"role": "implementing_body", "org_id": "org-bureau"}, {"role": "operator", "org_id": "org-insurer"},
            {"role": "source_department", "org_id": "org-emergency"},
        ],
        "clauses": {clause.key: f"{clause.zh}：按协议附件执行（示例）" for clause in shipped()[PROFILE].clauses},
        "products": "旅游意外险分区风险评估", "selection": "open_tender", "selection_sha256": _digest("中标通知书（示例）"),
        "meeting": meeting, "price_cap_fen": 20_000_000, "price_fen": 12_000_000,
    }  # fmt: skip
    with stage.as_("planner") as api:
        made = api.post("/agreements", body)
        api.step(f"/agreements/{made['id']}/submit", {})
    with stage.as_("approver") as api:
        api.step(f"/agreements/{made['id']}/activate", {})
    stage.says(
        "approver",
        f"批准“{body['title']}”生效，至 {body['ends_on']}",
        f"puts the insurer's agreement in force, to {body['ends_on']}",
    )
    _vouched(stage, today + timedelta(days=365))
    _policy(stage)


def _vouched(stage: Stage, until: date) -> None:
    """Each enterprise that uses grants stands behind its analyst before the policy asks for that."""
    for stem in ("insurer", "map"):
        with stage.as_(f"{stem}-officer") as api:
            api.post("/vouches", {"username": f"{stem}-analyst", "until": until.isoformat()})
        stage.says(
            f"{stem}-officer",
            f"为本机构分析员 {stem}-analyst 担保，至 {until}",
            f"vouches for the analyst {stem}-analyst until {until}",
        )


def _plan(stage: Stage, meeting: dict[str, str]) -> str:
    sections = {key: f"{name.zh}：详见方案正文（示例）" for key, name in PLAN_SECTIONS.items()}
    with stage.as_("planner") as api:
        plan: dict[str, Any] = api.post(
            "/plans", {"title": "旅游数据授权运营实施方案（示例）", "sections": sections, "meeting": meeting}
        )
        api.step(f"/plans/{plan['id']}/submit", {})
    stage.says("planner", "草拟实施方案并提交审批", "drafts the implementation plan and submits it")
    with stage.as_("approver") as api:
        api.step(f"/plans/{plan['id']}/approve", {})
    stage.says("approver", "批准实施方案", "approves the plan")
    return str(plan["id"])


def _policy(stage: Stage) -> None:
    whole = shipped()[PROFILE].model_dump(mode="json")
    with stage.as_("officer") as api:
        broken = api.post("/profile/dry-run", whole)["total"]
        version = api.post("/profile/versions", {"profile": whole, "reason": "开展授权运营（示例）"})
    stage.says(
        "officer",
        f"提出区级授权运营政策；试运行：{broken} 项现有授权将不符合",
        f"proposes the district's policy; dry run: it would break {broken} live grants",
    )
    with stage.as_("approver") as api:
        api.step(f"/profile/versions/{version['id']}/confirm", {})
    stage.says(
        "approver",
        "确认政策生效：此后每项授权须在协议之内",
        "puts it in force: from now on every grant lies within an agreement",
    )
