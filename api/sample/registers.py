"""The registers of the demo: demands, consents, registrations, the open plan, looks at grants, a product, a draft by a clerk.

Everything is entered by the people of the sample over the real routes, as it would be in a year's work.
"""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from typing import Any

from api.client import Api
from api.sample.journeys import supply
from api.sample.stage import Stage
from auth.policy.filters.rules import LOCAL
from auth.products.rules import CHECKS
from auth.registrations.rules import NEEDED, PAPER_NAMES, PAPERS, PARTS
from auth.registrations.workflow import Act
from core.text import Text

REGISTERED = (("DP-SF-002", "emergency"), ("DP-SF-001", "tourism"), ("DP-PK-003", "parking"))
SHARED = "DP-BC-002"
OPENED = "DP-PK-002"
SAFEGUARDS = {
    "checkers": 2, "min_group": 20, "epsilon_micro": 3_000_000, "epsilon_each_micro": 500_000, "watermark": True,
}  # fmt: skip


def _digest(of: str) -> str:
    return hashlib.sha256(of.encode()).hexdigest()


def fill(stage: Stage) -> None:
    """An entry in every register that would be empty after the journeys."""
    _demands(stage)
    _consent(stage)
    _registrations(stage)
    _plan_of_the_year(stage)
    grant = _grant(stage)
    _looks(stage, grant)
    _product(stage, grant)
    _assisted(stage)
    _self_checks(stage)


def _step(api: Api, path: str, step: str, **body: Any) -> Any:  # noqa: ANN401 - JSON
    return api.step(f"{path}/{step}", body)


def _demands(stage: Stage) -> None:
    wanted = (
        ("map-applicant", "充电桩分布与实时状态", "全区公共充电桩的位置、功率和空闲情况，用于出行规划。"),
        ("insurer-applicant", "停车场余位的历史数据", "各停车场近一年的逐小时余位，用于评估节假日拥堵风险。"),
        ("insurer-analyst", "海滨浴场的救生员排班", "各浴场每日在岗救生员数量，用于安全评估。"),
    )
    paths = []
    for who, title, need in wanted:
        with stage.as_(who) as api:
            made = api.post("/demands", {"title": title, "need": need, "purpose": "面向游客的服务"})
            paths.append(f"/demands/{made['id']}")
        stage.says(who, f"提出数据需求“{title}”", f"states a need for data: {title}")
    with stage.as_("catalog") as api:
        for path in paths[:2]:
            _step(api, path, "accept")
    with stage.as_("map-applicant") as api:
        api.put(f"{paths[1]}/vote", {})
    with stage.as_("catalog") as api:
        _step(api, paths[0], "assign", department_id="org-transport")
        _step(
            api, paths[1], "answer", outcome="available", answer="停车场实时余位已开放，逐版保留历史，可免费下载。", dataset_ids=[OPENED]
        )  # fmt: skip
    stage.says(
        "catalog",
        "受理两件需求：一件分拨给交通部门，一件答复",
        "accepts two: one goes to a department, one is answered",
    )


def _consent(stage: Stage) -> None:
    today = stage.house.clock().astimezone(LOCAL).date()
    body = {
        "dataset_id": SHARED, "provider": "市文化广电旅游部门（示例）", "signatory": "程示例", "consented_on": today.isoformat(),
        "starts_on": today.isoformat(), "ends_on": (today + timedelta(days=730)).isoformat(),
        "scope": "场所名称、类别与区位，用于滨海旅游场景", "evidence_name": "同意函（示例）.pdf", "evidence_sha256": _digest("同意函（示例）"),
    }  # fmt: skip
    with stage.as_("tourism-prepare") as api:
        made = api.post("/consents", body)
    with stage.as_("tourism-review") as api:
        _step(api, f"/consents/{made['id']}", "confirm")
    stage.says(
        "tourism-review", f"核对 {SHARED} 的共享提供单位同意", f"confirms the source consent for {SHARED}"
    )


def _registrations(stage: Stage) -> None:
    texts = {name: f"{PARTS[name].zh}：详见登记材料（示例）" for name in NEEDED[Act.FIRST]}
    papers = [
        {"paper": each.value, "name": f"{PAPER_NAMES[each].zh}（示例）.pdf", "sha256": _digest(each.value)}
        for each in PAPERS[Act.FIRST]
    ]
    made = []
    for dataset_id, stem in REGISTERED:
        with stage.as_(f"{stem}-prepare") as api:
            drafted = api.post(
                "/registrations", {"dataset_id": dataset_id, "body": {**texts, "attachments": papers}}
            )
            made.append(f"/registrations/{drafted['id']}")
            if dataset_id != REGISTERED[-1][0]:
                _step(api, made[-1], "submit")
    with stage.as_("catalog") as api:
        _step(api, made[0], "pass")
    stage.says(
        "catalog", "登记：一件形式审核通过并公示，一件待审核，一件起草中", "registration: one on public notice, one under review, one a draft"
    )  # fmt: skip


def _plan_of_the_year(stage: Stage) -> None:
    today = stage.house.clock().astimezone(LOCAL).date()
    tasks = (
        ("开放停车场实时余位", "org-parking", OPENED),
        ("开放海滨浴场水质", "org-weather", ""),
        ("开放旅游公交到站预测", "org-transport", ""),
    )
    with stage.as_("catalog") as api:
        for n, (title, department, dataset_id) in enumerate(tasks):
            due = min(today + timedelta(days=30 * (n + 1)), date(today.year, 12, 31)).isoformat()
            body = {
                "year": today.year,
                "title": title,
                "department_id": department,
                "dataset_id": dataset_id,
                "due_on": due,
            }
            made = api.post("/open-plan", body)
            _step(api, f"/open-plan/{made['id']}", "publish")
            if dataset_id:
                _step(api, f"/open-plan/{made['id']}", "finish", note="已发布并可下载")
    stage.says(
        "catalog",
        f"公布年度开放计划 {len(tasks)} 项，完成 1 项",
        f"publishes {len(tasks)} tasks of the open plan; one is done",
    )


def _grant(stage: Stage) -> dict[str, Any]:
    with stage.as_("insurer-officer") as api:
        found: dict[str, Any] = api.get("/grants")["items"][0]
    return found


def _looks(stage: Stage, grant: dict[str, Any]) -> None:
    with stage.as_("approver") as api:
        api.post(f"/pilots/{grant['id']}", {"reason": "首个安全场景试点，续期前须评估"})
    with stage.as_("officer") as api:
        api.post("/campaigns", {})
        looked = api.post(f"/evaluations/{grant['id']}", {})
    answer = {
        "outcome": "keep", "note": "按约使用，价值明显", "value": "分区风险评估已用于意外险定价",
        "complaints": "未收到投诉", "quality": "版本均通过质量放行",
    }  # fmt: skip
    with stage.as_("emergency-prepare") as api:
        _step(api, f"/reviews/{looked['id']}", "answer", **answer)
    stage.says("emergency-prepare", "试点授权评估：建议保留", "evaluates the pilot grant: keep")


def _product(stage: Stage, grant: dict[str, Any]) -> None:
    body = {
        "name_zh": "滨海旅游意外险分区风险指数（示例）", "name_en": "Seaside travel risk index (sample)", "kind": "indicator",
        "summary": "按街道与月份给出旅游安全风险指数，不含原始行。", "scenario_id": "safety", "purpose": "risk-pricing", "unit": "times",
        "price_fen": 0, "sources": [{"grant_id": grant["id"]}], "affirmed": list(CHECKS), "level": 3, "surveying": "示范审核 2026-01",
    }  # fmt: skip
    with stage.as_("insurer-officer") as api:
        api.post("/products", body)
    stage.says(
        "insurer-officer",
        "登记数据产品“滨海旅游意外险分区风险指数”",
        "enters the data product built on the grant",
    )


def _assisted(stage: Stage) -> None:
    today = stage.house.clock().astimezone(LOCAL).date()
    columns = [
        {"name": name, "reason": reason, "use": "plain"}
        for name, reason in (("venue_id", "关联地图兴趣点"), ("venue_name", "展示名称"))
    ]
    body = {
        "org_id": "org-map", "assisted_for": "地图公司曹女士", "lines": [
            {"dataset_id": SHARED, "columns": columns, "delivery_forms": ["extract_parquet", "query_dp"], "quotas": {"extracts": 12}, "safeguards": SAFEGUARDS}
        ],
        "scenario_id": "parking", "purposes": ["service-operation"], "purpose_text": "在地图上展示旅游场所，方便游客停车后步行到达。",
        "starts_on": today.isoformat(), "ends_on": (today + timedelta(days=364)).isoformat(), "retention_days": 180,
    }  # fmt: skip
    with stage.as_("clerk") as api:
        made = api.post("/applications/assisted", body)
        supply(api, made["id"], "use-plan", "数据使用方案（示例）.pdf")
    stage.says(
        "clerk",
        f"帮代办：为地图公司起草 {SHARED} 的申请，待其申请人确认",
        "drafts an application for the map company, which is to confirm it",
    )


def _self_checks(stage: Stage) -> None:
    """The enterprise's and the platform's, as they stand: points that fail stay so, as on a real day."""
    for who, whose in (
        ("insurer-officer", Text("保险公司", "the insurer's")),
        ("officer", Text("平台", "the platform's")),
    ):
        with stage.as_(who) as api:
            kept = api.post("/self-checks/now", {})
        count = f"{kept['passed']} / {kept['failed']} / {kept['not_applicable']}"
        stage.says(
            who, f"提交{whose.zh}自查（符合／不符合／不适用：{count}）", f"hands {whose.en} self-check in (pass / fail / not applicable: {count})"
        )  # fmt: skip
