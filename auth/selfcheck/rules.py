"""What a self-check says of each point: passed, failed, or not applicable, from facts on record. Pure; no article is quoted as law.

Two lists: the platform's own (R31, after what GB/T 22239 asks of a system of level 3) and that of an enterprise which uses grants.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from auth.policy.limits import Limits
from core.text import Text, number_of

PLATFORM_BASIS: Final = "R31 等级保护三级要求自查（参照 GB/T 22239）· self-check after GB/T 22239"
GRANTS_BASIS: Final = "R22、R38、R39 授权使用合规自查 · self-check of the use of grants"


class Outcome(StrEnum):
    PASS = "pass"  # noqa: S105 - a verdict, no word of entry
    FAIL = "fail"
    NOT_APPLICABLE = "not-applicable"


OUTCOME_NAMES: Final = {
    Outcome.PASS: Text("符合", "Pass"),
    Outcome.FAIL: Text("不符合", "Fail"),
    Outcome.NOT_APPLICABLE: Text("不适用", "Not applicable"),
}


@dataclass(frozen=True, slots=True)
class Point:
    """One point. `found`: what the record says; `cure`: what to do next, where it failed. `href`: where it is done."""

    key: str
    name: Text
    outcome: Outcome
    found: Text
    cure: Text
    href: str


@dataclass(frozen=True, slots=True)
class PlatformFacts:
    """The platform as it stands. `look_holds`: None where the record was never looked through. `admins_missing`, `admins_merged`: of the
    three administrators. `factor_due`, `factor_missing`: accounts whose roles must have a second factor, and those without."""

    look_holds: bool | None
    look_days: int
    guarded: bool
    checkpoints: int
    events: int
    admins_missing: int
    admins_merged: int
    deciders: int
    deciding_admins: int
    factor_due: int
    factor_missing: int
    tries: int
    locked_minutes: int
    idle_minutes: int
    unused_accounts: int
    unused_days: int
    certificates_overdue: int
    secure_line: bool
    scanner: bool
    demo: bool


@dataclass(frozen=True, slots=True)
class OrganisationFacts:
    """How an enterprise stands. `agreement`: None where the profile asks for none; likewise `unvouched`. Counts of refusals are of the last `days`."""

    grants: int
    licence_holds: bool
    agreement: bool | None
    reports_overdue: int
    certificates_overdue: int
    unvouched: int | None
    deliveries: int
    purpose_refusals: int
    quota_refusals: int
    unread_columns: int
    commitments_broken: int
    papers_overdue: int
    anomalies_open: int
    frozen: bool
    untraced: int
    days: int


def _point(key: str, name: Text, found: Text, cure: Text, href: str, *, holds: bool | None) -> Point:
    outcome = Outcome.NOT_APPLICABLE if holds is None else Outcome.PASS if holds else Outcome.FAIL
    return Point(key, name, outcome, found, cure if outcome is Outcome.FAIL else Text("", ""), href)


def _count(zh: str, en: str, count: int) -> Text:
    return Text(f"{count} {zh}", number_of(count, en))


def of_platform(facts: PlatformFacts, limits: Limits) -> tuple[Point, ...]:
    """Every point of the platform, in the order of the list, as far as the policy profile wants it."""
    return tuple(_platform(facts, limits))


def _platform(facts: PlatformFacts, limits: Limits) -> Iterator[Point]:
    looked = facts.look_holds is not None and facts.look_days <= limits["self_check_look_days"]
    tries, minutes = limits["self_check_failures"], limits["self_check_idle_minutes"]
    yield _point(
        "audit-sound",
        Text("安全审计记录完整（谁、何时、做了什么、结果）", "The audit record is whole: who, when, what, with which result"),
        Text("尚未自动核对", "never looked through")
        if facts.look_holds is None
        else Text(f"{facts.look_days} 天前核对，{'一致' if facts.look_holds else '不一致'}", f"looked through {number_of(facts.look_days, 'days')} ago: {'as signed' if facts.look_holds else 'at odds'}"),
        Text("请运行 datagrant doctor，并核查“审计记录”页所列不符之处。", "Run datagrant doctor, and look into what the page “Audit record” names."),
        "/audit",
        holds=bool(facts.look_holds) and looked,
    )  # fmt: skip
    yield _point(
        "audit-protected",
        Text("审计记录不可修改、删除或覆盖", "The audit record cannot be changed, deleted or overwritten"),
        Text(f"数据库防护{'齐备' if facts.guarded else '不全'}，检查点 {facts.checkpoints} 个", f"guards in the database {'in place' if facts.guarded else 'missing'}, {number_of(facts.checkpoints, 'checkpoints')}"),
        Text("启动服务，工作进程随即签署检查点。", "Start the service; its worker signs the first checkpoint within seconds.")
        if facts.guarded
        else Text("重新启动服务以恢复触发器；PostgreSQL 请另设角色（datagrant database roles）。", "Start the service anew, which puts the triggers back; on PostgreSQL set a role apart (datagrant database roles)."),
        "/store",
        holds=facts.guarded and facts.checkpoints > 0,
    )  # fmt: skip
    yield _point(
        "administrators-apart",
        Text("系统、安全、审计管理员齐备且互不兼任", "System, security and audit administrators are there and are different people"),
        Text(f"缺 {facts.admins_missing} 类，兼任 {facts.admins_merged} 人", f"{facts.admins_missing} of three missing, {number_of(facts.admins_merged, 'persons')} in two"),
        Text("在“管理”页指派缺少的管理员，解除兼任。", "Appoint who is missing, and end what is held twice, on the page of administration."),
        "/admin",
        holds=not facts.admins_missing and not facts.admins_merged,
    )  # fmt: skip
    yield _point(
        "least-privilege",
        Text("最小权限：系统管理员不持有审批权", "Least privilege: no system administrator decides"),
        _count("名系统管理员同时持有决定类角色", "administrators who decide", facts.deciding_admins),
        Text("结束其中一个角色。", "End one of the roles."),
        "/admin",
        holds=facts.deciding_admins == 0,
    )
    yield _point(
        "second-factor",
        Text("双因素鉴别：应使用的账号均已启用", "Two factors: every account that must have a second one has it"),
        Text(f"应启用 {facts.factor_due} 个，未启用 {facts.factor_missing} 个", f"{facts.factor_due} must have one, {facts.factor_missing} do not"),
        Text("请这些人员在“我的”页绑定验证器。", "Let these people enrol an authenticator on their own page."),
        "/admin",
        holds=None if facts.factor_due == 0 else facts.factor_missing == 0,
    )  # fmt: skip
    yield _point(
        "lock-out",
        Text(f"登录失败处理：至多 {tries} 次即锁定", f"Lock-out: after {number_of(tries, 'wrong passwords')} at most"),
        Text(f"{facts.tries} 次后锁定 {facts.locked_minutes} 分钟", f"locked for {number_of(facts.locked_minutes, 'minutes')} after {facts.tries}"),
        Text("调低 DATAGRANT_LOCKOUT_FAILURES。", "Set DATAGRANT_LOCKOUT_FAILURES lower."),
        "",
        holds=facts.tries <= tries,
    )  # fmt: skip
    yield _point(
        "session-timeout",
        Text(f"会话超时：闲置至多 {minutes} 分钟", f"Time-out: idle sessions end after {number_of(minutes, 'minutes')} at most"),
        Text(f"{facts.idle_minutes} 分钟", number_of(facts.idle_minutes, "minutes")),
        Text("调低 DATAGRANT_SESSION_IDLE_MINUTES。", "Set DATAGRANT_SESSION_IDLE_MINUTES lower."),
        "",
        holds=facts.idle_minutes <= minutes,
    )  # fmt: skip
    yield _point(
        "unused-accounts",
        Text("及时停用多余、过期的账号", "Accounts that nobody uses are disabled"),
        Text(f"{facts.unused_accounts} 个启用账号超过 {facts.unused_days} 天未登录", f"{number_of(facts.unused_accounts, 'accounts')} unused for more than {facts.unused_days} days"),
        Text("停用不再需要的账号。", "Disable those that are needed no more."),
        "/admin",
        holds=facts.unused_accounts == 0,
    )  # fmt: skip
    yield _point(
        "residual-data",
        Text(
            "剩余信息清除：退出的授权按期销毁", "Residual data: what ended grants left is destroyed in time"
        ),
        _count("份销毁证明逾期", "deletion certificates overdue", facts.certificates_overdue),
        Text("催交“义务”页所列的销毁证明。", "Press for the certificates that the page of duties lists."),
        "/duties",
        holds=facts.certificates_overdue == 0,
    )
    yield _point(
        "secure-line",
        Text("通信保密：对外地址使用 HTTPS", "Confidential lines: the public address is https"),
        Text("HTTPS" if facts.secure_line else "HTTP", "https" if facts.secure_line else "http"),
        Text("在反向代理上启用 TLS，并设置 DATAGRANT_PUBLIC_URL。", "Put TLS on the proxy in front and set DATAGRANT_PUBLIC_URL."),
        "",
        holds=facts.secure_line,
    )  # fmt: skip
    yield _point(
        "malicious-code",
        Text("恶意代码防范：收到的文件经扫描", "Malicious code: files that are handed in are scanned"),
        Text("已配置" if facts.scanner else "未配置", "a scanner is set" if facts.scanner else "none is set"),
        Text("设置 DATAGRANT_CLAMD。", "Set DATAGRANT_CLAMD."),
        "",
        holds=facts.scanner,
    )
    yield _point(
        "no-default-accounts",
        Text("无默认账号：未启用演示模式", "No default accounts: demo mode is off"),
        Text("演示模式" if facts.demo else "未启用", "demo mode" if facts.demo else "off"),
        Text("正式使用前关闭演示模式，另建数据目录。", "Leave demo mode, with a data directory of its own, before real use."),
        "",
        holds=not facts.demo,
    )  # fmt: skip


def of_organisation(facts: OrganisationFacts) -> tuple[Point, ...]:
    """Every point of an enterprise, in the order of the list."""
    return tuple(_organisation(facts))


def _organisation(facts: OrganisationFacts) -> Iterator[Point]:
    none = facts.grants == 0
    yield _point(
        "licence", Text("机构资质有效", "The organisation is qualified"),
        Text("有效" if facts.licence_holds else "无效或已到期", "in force" if facts.licence_holds else "not in force"),
        Text("请实施机构办理资质认定或续期。", "Have the bureau qualify it, or renew it."), "/me", holds=facts.licence_holds,
    )  # fmt: skip
    yield _point(
        "agreement", Text("授权运营协议有效", "An agreement for authorised operation is in force"),
        Text("不要求", "none asked for") if facts.agreement is None else Text("有效" if facts.agreement else "没有", "in force" if facts.agreement else "none"),
        Text("与实施机构签订或续签协议。", "Conclude an agreement with the bureau, or a new one."), "/agreements", holds=facts.agreement,
    )  # fmt: skip
    yield _point(
        "purpose", Text(f"按授权的场景与用途使用（近 {facts.days} 天）", f"Used for the scenario and purpose granted (last {facts.days} days)"),
        Text(f"交付 {facts.deliveries} 次，因场景或用途不符被拒 {facts.purpose_refusals} 次", f"{number_of(facts.deliveries, 'deliveries')}, {number_of(facts.purpose_refusals, 'requests')} refused for another scenario or purpose"),
        Text("向使用人员说明授权的用途；需要其他用途的另行申请。", "Tell who uses the grants what for; apply for another purpose where it is needed."), "/grants",
        holds=None if none else facts.purpose_refusals == 0,
    )  # fmt: skip
    yield _point(
        "reports", Text("使用报告按期提交", "Use reports are handed in on time"),
        _count("份逾期", "reports overdue", facts.reports_overdue),
        Text("在“义务”页提交。", "Hand them in on the page of duties."), "/duties", holds=None if none else facts.reports_overdue == 0,
    )  # fmt: skip
    yield _point(
        "certificates", Text("到期或终止的授权已销毁并提交证明", "What ended grants delivered is destroyed, with certificates"),
        _count("份逾期", "certificates overdue", facts.certificates_overdue),
        Text("销毁副本并在“义务”页提交证明。", "Destroy the copies and hand the certificates in on the page of duties."), "/duties",
        holds=None if none else facts.certificates_overdue == 0,
    )  # fmt: skip
    yield _point(
        "members", Text("使用人员均有机构负责人担保", "Whoever uses grants is vouched for"),
        Text("不要求", "not asked for") if facts.unvouched is None else _count("名分析员未获担保", "analysts not vouched for", facts.unvouched),
        Text("由机构负责人在“人员担保”页担保，或结束其角色。", "Let the officer vouch for them on the page of members, or end their role."), "/vouches",
        holds=None if facts.unvouched is None else facts.unvouched == 0,
    )  # fmt: skip
    yield _point(
        "quotas", Text(f"在额度之内使用（近 {facts.days} 天）", f"Used within the quotas (last {facts.days} days)"),
        _count("次因额度用尽被拒", "requests beyond a quota", facts.quota_refusals),
        Text("缩小范围，或申请变更授权。", "Ask for less, or have the grant amended."), "/grants", holds=None if none else facts.quota_refusals == 0,
    )  # fmt: skip
    yield _point(
        "minimal", Text(f"最小够用：授权的列都在使用（{facts.days} 天）", f"No more than is needed: granted columns are read (within {facts.days} days)"),
        _count("列从未取用", "granted columns never read", facts.unread_columns),
        Text("续期或变更时去掉不需要的列。", "Leave out what is not needed when the grant is renewed or amended."), "/grants",
        holds=None if none else facts.unread_columns == 0,
    )  # fmt: skip
    yield _point(
        "traceable", Text("交付均可追溯到回执", "Every delivered file leads to its receipt"),
        _count("个文件没有回执", "files without a receipt", facts.untraced),
        Text("请联系实施机构核查这些交付。", "Have the bureau look into these deliveries."), "/extracts", holds=None if none else facts.untraced == 0,
    )  # fmt: skip
    yield _point(
        "promises", Text("承诺履行，容缺材料按期补交", "Promises are kept and missing papers follow in time"),
        Text(f"违背承诺 {facts.commitments_broken} 次，材料逾期 {facts.papers_overdue} 份", f"{number_of(facts.commitments_broken, 'promises')} broken, {number_of(facts.papers_overdue, 'papers')} overdue"),
        Text("补交材料；对认定有异议的，与数据专员联系。", "Hand the papers in; where a finding is disputed, ask the steward."), "/commitments",
        holds=facts.commitments_broken == 0 and facts.papers_overdue == 0,
    )  # fmt: skip
    yield _point(
        "anomalies", Text("无未处理的异常使用，未被冻结", "No unusual use is open, and nothing is frozen"),
        Text(f"异常 {facts.anomalies_open} 项{'，已冻结' if facts.frozen else ''}", f"{number_of(facts.anomalies_open, 'anomalies')} open{', frozen' if facts.frozen else ''}"),
        Text("向安全管理员说明情况。", "Explain what happened to the security officer."), "/me/messages",
        holds=facts.anomalies_open == 0 and not facts.frozen,
    )  # fmt: skip
