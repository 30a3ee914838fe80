"""The pages' navigation as a table: groups of pages, each with the permission that its route declares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from auth.actor import Actor
from core.text import Text

SIGNED_IN: Final = "signed-in"


@dataclass(frozen=True, slots=True)
class Place:
    """One page of the navigation. `need`: the permission of its route; none: everybody."""

    href: str
    label: Text
    need: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    label: Text
    places: tuple[Place, ...]


def _place(href: str, zh: str, en: str, need: str | None = None) -> Place:
    return Place(href, Text(zh, en), need)


NAV: Final[tuple[Group, ...]] = (
    Group(Text("目录", "Catalogue"), (
        _place("/datasets", "数据集", "Datasets"),
        _place("/themes", "主题", "Themes"),
        _place("/publishers", "部门", "Publishers"),
        _place("/regions", "行政区划", "Divisions"),
        _place("/releases", "发布", "Releases"),
        _place("/open-plan", "开放计划", "Open plan"),
        _place("/reuses", "再利用", "Reuses"),
        _place("/quality-trend", "质量走势", "Course of quality"),
        _place("/use-numbers", "使用次数", "Numbers of use"),
        _place("/discussions", "讨论", "Discussions"),
        _place("/demands", "需求", "Demands"),
        _place("/me/searches", "我的检索", "My searches", SIGNED_IN),
    )),
    Group(Text("编目", "Records"), (
        _place("/record-proposals", "记录审核", "Proposals", "catalog:dataset:read-drafts"),
        _place("/record-changes", "批量修改", "Bulk edit", "catalog:dataset:write"),
        _place("/record-scores", "元数据评分", "Scores", "catalog:dataset:read-drafts"),
        _place("/links", "链接", "Links", "catalog:dataset:read-drafts"),
        _place("/imports", "导入", "Imports", "catalog:import:read"),
        _place("/harvests", "采集", "Harvests", "catalog:harvest:read"),
        _place("/pushes", "推送", "Pushes", "catalog:push:read"),
        _place("/synonyms", "同义词", "Synonyms", "catalog:synonym:write"),
    )),
    Group(Text("质量", "Quality"), (
        _place("/batches", "批次", "Batches", "datasets:batch:read"),
        _place("/tickets", "工单", "Tickets", "datasets:ticket:read"),
        _place("/waivers", "豁免", "Waivers", "datasets:waiver:read"),
        _place("/sources", "来源", "Sources", "datasets:source:read"),
        _place("/scoring", "评分方案", "Scoring", "quality:scheme:read"),
        _place("/retention", "留存", "Retention", "datasets:release:retire"),
    )),
    Group(Text("授权", "Grants"), (
        _place("/matrix", "矩阵", "Matrix"),
        _place("/applications", "申请", "Applications", "auth:application:read"),
        _place("/clocks", "时限", "Clocks", "auth:clock:read"),
        _place("/grants", "授权", "Grants", "auth:grant:read"),
        _place("/agreements", "协议", "Agreements", "auth:agreement:read"),
        _place("/plans", "方案", "Plans", "auth:agreement:draft"),
        _place("/commitments", "承诺", "Commitments", "auth:application:read"),
        _place("/consents", "同意", "Consents", "auth:consent:read"),
        _place("/vouches", "人员担保", "Members", "auth:vouch:read"),
        _place("/duties", "义务", "Duties", "auth:duty:read"),
        _place("/self-checks", "自查", "Self-check", "auth:selfcheck:read"),
        _place("/revocations", "撤销确认", "Revocations", "auth:revocation:read"),
        _place("/suspensions", "暂停建议", "Suspensions", "auth:suspension:read"),
        _place("/incidents", "应急", "Incidents", "auth:incident:read"),
        _place("/delegations", "委托", "Delegations", "auth:delegation:read"),
        _place("/profile", "政策", "Policy", "auth:profile:read"),
        _place("/registers", "登记", "Registers"),
    )),
    Group(Text("使用", "Use"), (
        _place("/extracts", "提取", "Extracts", "datasets:extract:read"),
        _place("/queries", "查询", "Queries", "datasets:query:read"),
        _place("/verifications", "核验", "Verifications", "datasets:query:read"),
        _place("/enclave", "域内计算", "Enclave", "datasets:enclave:read"),
        _place("/outputs", "出域", "Outputs", "datasets:output:read"),
        _place("/products", "产品", "Products", "auth:product:read"),
    )),
    Group(Text("监管", "Supervision"), (
        _place("/supervision", "总览", "Overview", "auth:usage:read"),
        _place("/usage", "台账", "Ledger", "auth:usage:read"),
        _place("/anomalies", "异常", "Anomalies", "auth:anomaly:read"),
        _place("/campaigns", "授权复核", "Certification", "auth:review:read"),
        _place("/reviews", "评估", "Evaluation", "auth:review:read"),
        _place("/disclosure", "年度披露", "Disclosure", "auth:disclosure:read"),
        _place("/revenue", "收入", "Revenue", "auth:usage:read"),
        _place("/register", "授权公示", "Register"),
        _place("/register/agreements", "协议公示", "Public agreements"),
        _place("/transparency", "办理情况", "Handling"),
        _place("/fee-caps", "收费上限", "Fee caps"),
        _place("/caps", "上限审定", "Proposed caps", "auth:fee-cap:read"),
        _place("/traces", "溯源", "Traces", "datasets:leak:trace"),
        _place("/audit", "审计", "Audit", "auth:audit:read"),
    )),
    Group(Text("系统", "System"), (
        _place("/jobs", "任务", "Jobs", SIGNED_IN),
        _place("/store", "文件库", "Files", "datasets:store:read"),
        _place("/calendar", "工作日历", "Calendar", SIGNED_IN),
        _place("/erasures", "删除请求", "Erasures", SIGNED_IN),
        _place("/webhooks", "事件推送", "Webhooks", "auth:webhook:manage"),
        _place("/admin/organisations", "机构", "Organisations", "auth:org:read"),
        _place("/admin/users", "人员", "People", "auth:user:read"),
        _place("/admin/api-keys", "接口密钥", "API keys", "auth:key:read"),
        _place("/admin", "管理", "Admin", "auth:user:read"),
    )),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """A link of the navigation; `current`: the page is there or below it."""

    href: str
    label: Text
    current: bool
    places: tuple[Shown, ...] = ()


def nav_for(actor: Actor, path: str) -> list[Shown]:
    """The groups that this actor may enter, each leading to its first open page, with the pages of each."""
    path = next((place for under, place in UNDER.items() if _holds(under, path)), path)
    here = max(
        (place.href for group in NAV for place in group.places if _holds(place.href, path)),
        key=len,
        default="",
    )
    shown = []
    for group in NAV:
        places = tuple(
            Shown(place.href, place.label, place.href == here)
            for place in group.places
            if _open(actor, place.need)
        )
        if places:
            current = any(place.href == here for place in group.places)
            shown.append(Shown(places[0].href, group.label, current, places))
    return shown


# Pages of a list that have an address of their own: they stand under the list.
UNDER: Final = {
    "/screenings": "/applications",
    "/registrations": "/registers",
    "/anomaly-rules": "/anomalies",
}


def _holds(href: str, path: str) -> bool:
    return path == href or path.startswith(f"{href}/")


def _open(actor: Actor, need: str | None) -> bool:
    return need is None or (actor.is_signed_in if need == SIGNED_IN else actor.may(need))
