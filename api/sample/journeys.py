"""The journeys of the demo, played over the real routes by the people of the sample."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from api.cli.paper import seen
from api.client import Api
from api.sample.catalogue import compared_with, dataset, masters_first
from api.sample.model import SampleDataset
from api.sample.papers import blank_pdf
from api.sample.stage import VISITOR, Stage, done
from auth.policy.filters.rules import LOCAL

DEPARTMENT = {
    "org-transport": "transport",
    "org-parking": "parking",
    "org-tourism": "tourism",
    "org-weather": "weather",
    "org-emergency": "emergency",
}
JOURNEY_A = "DP-PK-002"
JOURNEY_B = "DP-SF-002"


def enter_records(stage: Stage) -> None:
    """Each department's first steward enters the records with dictionary and suite, the other publishes them; masters first."""
    for item in masters_first():
        enter(stage, item)


def enter(stage: Stage, item: SampleDataset) -> None:
    """One record with dictionary and suite, published in the catalogue."""
    steward = f"{DEPARTMENT[item.record['publisher']]}-prepare"
    with stage.as_(steward) as api:
        api.post("/datasets", {**item.record, "columns": item.columns, "layout": item.layout})
        api.put(f"/datasets/{item.id}/suite", {"suite": item.suite, "note": "初始规则集 / first suite"})
        if item.export:
            api.put(
                f"/datasets/{item.id}/export-suite",
                {"suite": item.export, "note": "初始出域规则 / first export suite"},
            )
        asked = api.step(f"/datasets/{item.id}/publish")
    stem = DEPARTMENT[item.record["publisher"]]
    with stage.as_(f"{stem}-publish") as api:
        api.post(f"/record-proposals/{asked['id']}/accept", {"version": asked["version"]})
    stage.says(
        steward,
        f"登记目录 {item.id} {item.record['title_zh']}，规则 {len(item.suite['expectations'])} 条；另一人复核后公开",
        f"enters {item.id} {item.record['title_en']} with {len(item.suite['expectations'])} rules; a second steward publishes it",
    )


def first_releases(stage: Stage) -> None:
    """Every dataset but that of journey A, and what waits for it, gets its first release: one steward hands in, the other publishes."""
    for item in masters_first():
        if item.id != JOURNEY_A and JOURNEY_A not in compared_with(item):
            release(stage, item)


def later_releases(stage: Stage) -> None:
    """The datasets whose rules compare with that of journey A, once it has a release."""
    for item in masters_first():
        if JOURNEY_A in compared_with(item):
            release(stage, item)


def release(stage: Stage, item: SampleDataset) -> None:
    """The first release: one steward hands the clean batch in, the other publishes it."""
    stem = DEPARTMENT[item.record["publisher"]]
    with stage.as_(f"{stem}-prepare") as api:
        batch = stage.hand_in(api, item.id, item.clean)
    with stage.as_(f"{stem}-publish") as api:
        made = stage.publish(api, batch["id"])
    stage.says(
        f"{stem}-publish",
        f"复核并发布 {item.id} 第 {made['number']} 版，{made['rows']} 行",
        f"publishes release {made['number']} of {item.id}, {made['rows']} rows",
    )


def journey_a(stage: Stage) -> Path:
    """Parking vacancy: bad batch → blocked → returned → corrected → released → anonymous download. Gives the downloaded file."""
    item = dataset(JOURNEY_A)
    with stage.as_("parking-prepare") as api:
        bad = stage.hand_in(api, item.id, item.defective)
        stage.says("parking-prepare", f"提交批次 {item.defective.name}", f"hands in {item.defective.name}")
        _tell_verdict(stage, bad)
        rows = api.download(f"/batches/{bad['id']}/rows", stage.folder / "failing.xlsx")
        stage.says(
            "parking-prepare",
            f"下载不合格行工作簿（{rows.stat().st_size} 字节），核对后更正",
            f"downloads the workbook of failing rows ({rows.stat().st_size} bytes) and mends them",
        )
        good = stage.hand_in(api, item.id, item.clean, corrects=bad["id"])
        stage.says("parking-prepare", "提交更正批次，校验通过", "hands in the corrected batch; it passes")
    with stage.as_("parking-publish") as api:
        release = stage.publish(api, good["id"])
    stage.says(
        "parking-publish",
        f"另一人复核并发布第 {release['number']} 版，{release['rows']} 行",
        f"as a second person publishes release {release['number']}, {release['rows']} rows",
    )
    _close_tickets(stage, item.id)
    with stage.as_(VISITOR) as api:
        found = api.get("/datasets", q="停车 余位")
        out = stage.house.settings.data_dir / f"{item.id}.parquet"
        api.download(f"/releases/{release['id']}/file", out)
    stage.says(
        VISITOR,
        f"搜索“停车 余位”（{found['total']} 条），匿名下载 {out.name}",
        f"searches for 停车 余位 ({found['total']} found) and downloads {out.name} without signing in",
    )
    return out


def _close_tickets(stage: Stage, dataset_id: str) -> None:
    """The gate opened a ticket per failing rule; the passing correction answered them; a second person confirms."""
    with stage.as_("parking-publish") as api:
        answered = api.get("/tickets", dataset_id=dataset_id, state="answered")["items"]
        for ticket in answered:
            api.step(f"/tickets/{ticket['id']}/confirm", {"note": "更正批次已通过该规则"})
    stage.says(
        "parking-publish",
        f"确认办结 {len(answered)} 张质量工单：更正批次已通过",
        f"confirms {len(answered)} tickets that the corrected batch has settled",
    )


def _tell_verdict(stage: Stage, batch: dict[str, Any]) -> None:
    failed = [each for each in batch["outcomes"] if each["outcome"] == "failed"]
    count = sum(each["unexpected_count"] or 0 for each in failed)
    stage.says(
        "parking-prepare",
        f"质量放行拦下：{len(failed)} 条规则未通过，{count} 处不符",
        f"is stopped at the gate: {len(failed)} rules failed, {count} places",
    )


def journey_b(stage: Stage) -> Path:
    """The insurer applies for safety events: two reviews, narrowed columns, signature, extract. Gives the extract."""
    item = dataset(JOURNEY_B)
    application = _apply(stage, item)
    _review(stage, application)
    hashed = _decide(stage, application)
    with stage.as_("insurer-officer") as api:
        agreed = _step(api, application["id"], "accept", {"hash": hashed})
    stage.says(
        "insurer-officer",
        f"核对条款摘要 {hashed[:12]}… 后签署",
        f"signs the terms whose digest is {hashed[:12]}…",
    )
    grant_id = agreed["grants"][0]
    with stage.as_("emergency-publish") as api:
        seen = api.get(f"/grants/{grant_id}")["version"]
        api.post(f"/grants/{grant_id}/activate", {"note": "发布版本已通过质量放行", "version": seen})
    stage.says(
        "emergency-publish", "核对发布版本后使授权生效", "checks the release and puts the grant into force"
    )
    return _take_out(stage, grant_id)


def _apply(stage: Stage, item: SampleDataset) -> dict[str, Any]:
    today = stage.house.clock().astimezone(LOCAL).date()
    wanted = {
        "event_id": "识别同一事件，避免重复计数",
        "event_time": "分析时段风险",
        "event_type": "区分险种责任",
        "grid_code": "评估空间风险",
        "subdistrict": "按街道汇总",
        "injured": "估计赔付规模",
        "response_min": "评估救援能力",
    }
    body = {
        "lines": [
            {
                "dataset_id": item.id,
                "columns": [_column_ask(name, reason) for name, reason in wanted.items()],
                "delivery_forms": ["extract_parquet"],
                "quotas": {"extracts": 50},
                "members": ["insurer-analyst"],
            }
        ],
        "scenario_id": "safety",
        "purposes": ["risk-pricing"],
        "purpose_text": "为滨海旅游意外险评估分时段、分区域风险并据此定价，不识别任何个人。",
        "starts_on": today.isoformat(),
        "ends_on": (today + timedelta(days=364)).isoformat(),
        "retention_days": 365,
    }
    with stage.as_("insurer-applicant") as api:
        made: dict[str, Any] = api.post("/applications", body)
        supply(api, made["id"], "use-plan", "数据使用方案（示例）.pdf")
        supply(api, made["id"], "impact-assessment", "个人信息保护影响评估报告（示例）.pdf")
    promise(stage, made["id"], "no-breach-statement")
    with stage.as_("insurer-applicant") as api:
        sent = _step(api, made["id"], "submit", {})
    stage.says(
        "insurer-applicant",
        f"申请 {item.id} 的 {len(wanted)} 列，逐列说明理由，交数据使用方案，预检通过后提交",
        f"applies for {len(wanted)} columns of {item.id}, each with a reason, hands in the plan of use, and submits after the pre-check",
    )
    return sent


def supply(api: Api, application_id: str, key: str, name: str) -> None:
    """Hand a paper in, as this person."""
    content = base64.b64encode(blank_pdf(name)).decode()
    body = {"name": name, "content_base64": content, "version": seen(api, application_id, key)}
    api.post(f"/applications/{application_id}/papers/{key}/supply", body)


def promise(stage: Stage, application_id: str, key: str) -> None:
    """The insurer's officer signs a commitment instead of a paper."""
    with stage.as_("insurer-officer") as api:
        said = api.get(f"/applications/{application_id}/papers/{key}/commitment")
        api.post(f"/applications/{application_id}/papers/{key}/promise", {"hash": said["hash"]})
    paper = said["document"]["paper"]
    stage.says(
        "insurer-officer",
        f"以告知承诺代替“{paper['zh']}”，文本摘要 {said['hash'][:12]}…",
        f"commits instead of handing in “{paper['en']}”; digest of the text {said['hash'][:12]}…",
    )


def _step(api: Api, application_id: str, step: str, body: dict[str, Any]) -> dict[str, Any]:
    """Take one step on the version that is seen now."""
    seen = api.get(f"/applications/{application_id}")["version"]
    moved: dict[str, Any] = api.post(f"/applications/{application_id}/{step}", {**body, "version": seen})
    return moved


MASKS: Final[dict[str, dict[str, Any]]] = {
    "event_time": {"use": "masked", "mask": {"kind": "truncate", "unit": "month"}},
    "injured": {"use": "masked", "mask": {"kind": "round", "step": 5}},
    "grid_code": {"use": "pseudonymised"},
}


def _column_ask(name: str, reason: str) -> dict[str, Any]:
    return {"name": name, "reason": reason, **MASKS.get(name, {})}


def _review(stage: Stage, application: dict[str, Any]) -> None:
    line = application["lines"][0]["id"]
    votes = [{"line_id": line, "vote": "approve"}]
    with stage.as_("emergency-review") as api:
        lacking = [
            {"paper": paper["key"], "working_days": paper["later_working_days"]}
            for paper in api.get(f"/applications/{application['id']}/papers")["items"]
            if paper["state"] == "MISSING"
        ]
        _step(
            api,
            application["id"],
            "screen",
            {"has_no_conflict": True, "outcome": "ok", "note": "容缺受理", "missing": lacking},
        )
        _step(
            api, application["id"], "review", {"has_no_conflict": True, "lines": votes, "note": "与场景相符"}
        )
    stage.says(
        "emergency-review",
        f"容缺受理（{len(lacking)} 份材料限期补交），并完成数源单位业务审核",
        f"accepts it with {len(lacking)} papers to follow, and gives the department's review",
    )
    with stage.as_("insurer-applicant") as api:
        supply(api, application["id"], "security-plan", "数据安全保护方案（示例）.pdf")
    promise(stage, application["id"], "protection-assessment")
    stage.says("insurer-applicant", "补交数据安全保护方案", "hands in the security plan")
    with stage.as_("security") as api:
        _step(
            api,
            application["id"],
            "review",
            {"has_no_conflict": True, "lines": votes, "note": "三级列脱敏后可交付"},
        )
    stage.says("security", "完成安全审核", "gives the security review")


def _decide(stage: Stage, application: dict[str, Any]) -> str:
    line = application["lines"][0]
    kept = [
        {"name": column["name"], "use": column["use"], "mask": column["mask"]}
        for column in line["columns"]
        if column["name"] != "grid_code"
    ]
    decision = {
        "line_id": line["id"],
        "outcome": "narrow",
        "narrowing": {"columns": kept},
        "note": "网格编码超出最小够用范围，按街道已可满足",
    }
    with stage.as_("approver") as api:
        _step(
            api,
            application["id"],
            "decide",
            {
                "lines": [decision],
                "note": "收窄后准予",
                "has_no_conflict": True,
                "public_interest": "旅游意外险按时段和区域定价，有助于游客得到保障",
                "fairness": "同类保险机构按同样的列和条件均可申请",
            },
        )
    stage.says(
        "approver",
        f"准予但收窄：{len(kept)} 列，去掉 grid_code；三级数据须另一部门再签",
        f"permits less than was asked: {len(kept)} columns, without grid_code; level 3 needs another department",
    )
    with stage.as_("emergency-approve") as api:
        _step(api, application["id"], "concur", {"has_no_conflict": True, "note": "同意"})
        hashed: str = api.get(f"/applications/{application['id']}/terms")["hash"]
    stage.says("emergency-approve", "第二审批人签字，决定生效", "signs as the second approver; it counts")
    return hashed


def _take_out(stage: Stage, grant_id: str) -> Path:
    ask = {
        "grant_id": grant_id,
        "purpose": "risk-pricing",
        "scenario_id": "safety",
        "filter": {"op": "in", "column": "event_type", "values": ["溺水", "跌落", "迷路"]},
        "form": "extract_parquet",
    }
    with stage.as_("insurer-analyst") as api:
        refused = api.http.post("/api/v1/extracts", json={**ask, "columns": ["event_id", "grid_code"]}).json()
        codes = ", ".join(reason["code"] for reason in refused["reasons"])
        stage.says(
            "insurer-analyst",
            f"试取未授权的列，被拒：{codes}",
            f"asks for a column that was not granted; refused: {codes}",
        )
        made = api.post("/extracts", ask)
        done(api, made["job_id"])
    let_out(stage, made["id"])
    with stage.as_("insurer-analyst") as api:
        made = api.get(f"/extracts/{made['id']}")
        out = stage.house.settings.data_dir / f"extract-{made['dataset_id']}.parquet"
        api.download(f"/extracts/{made['id']}/file", out)
        receipt = api.get(f"/extracts/{made['id']}/receipt")
    digest = hashlib.sha256(out.read_bytes()).hexdigest()
    if digest != receipt["sha256"]:
        raise RuntimeError(
            f"the downloaded extract {digest} is not the one of the receipt {receipt['sha256']}"
        )
    out.with_suffix(".receipt.json").write_text(
        json.dumps(receipt, ensure_ascii=False, indent=2), encoding="utf-8"
    )
    rules = receipt["export_check"]["rules"]
    stage.says(
        "insurer-analyst",
        f"提取 {made['rows']} 行 {len(made['columns'])} 列，通过 {rules} 条出域规则，文件与回执摘要一致：{digest[:12]}…",
        f"takes out {made['rows']} rows, {len(made['columns'])} columns; {rules} export rule(s) hold; file and receipt agree: {digest[:12]}…",
    )
    return out


def let_out(stage: Stage, extract_id: str) -> None:
    """Output review: as many checkers as the profile asks for look at the file, each without the other's verdict."""
    for checker in ("checker", "checker2"):
        with stage.as_(checker) as api:
            waiting = api.get("/outputs", state="in_review")["items"]
            review = next((each for each in waiting if each["subject_id"] == extract_id), None)
            if review is None:
                return
            api.post(f"/outputs/{review['id']}/sample", {})
            note = "逐列核对：无直接标识，分组均满十行，与用途相符"
            seen = api.step(f"/outputs/{review['id']}/release", {"note": note})
        found = len(seen["findings"])
        stage.says(
            checker,
            f"出域审核：自动检查提示 {found} 项，抽看前 50 行后同意放行（{seen['voted']}/{seen['needed']}）",
            f"output review: the checks found {found} thing(s); looks at the first 50 rows and votes for release ({seen['voted']} of {seen['needed']})",
        )


def check_record(stage: Stage) -> int:
    """The auditor verifies the whole chain; gives the number of events."""
    with stage.as_("auditor") as api:
        found = api.get("/audit/verify")
    if not found["holds"]:
        raise RuntimeError(f"the audit chain does not hold: {found}")
    stage.says(
        "auditor",
        f"核验审计链：{found['events']} 条，完整无改动",
        f"verifies the audit chain: {found['events']} events, sound",
    )
    count: int = found["events"]
    return count
