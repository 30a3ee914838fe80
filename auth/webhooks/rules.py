"""Which events leave, what of them, to which addresses, and when the next attempt is made. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from core.text import Text


@dataclass(frozen=True, slots=True)
class EventKind:
    """A kind of event that may be chosen: what it is about, under which key, and all that is said of it."""

    about: str
    key: str
    says: tuple[str, ...]
    name: Text


def _application(zh: str, en: str) -> EventKind:
    return EventKind("application", "application_id", ("application_id", "state", "due_on"), Text(zh, en))


def _grant(zh: str, en: str) -> EventKind:
    return EventKind("grant", "grant_id", ("grant_id", "state"), Text(zh, en))


def _incident(zh: str, en: str) -> EventKind:
    says = ("incident_id", "state", "target_kind", "target_id")
    return EventKind("incident", "incident_id", says, Text(zh, en))


def _duty(zh: str, en: str) -> EventKind:
    return EventKind("duty", "duty_id", ("duty_id", "grant_id", "kind", "state", "due_on"), Text(zh, en))


def _agreement(zh: str, en: str) -> EventKind:
    return EventKind("agreement", "agreement_id", ("agreement_id", "operator_id", "state"), Text(zh, en))


def _consent(zh: str, en: str) -> EventKind:
    return EventKind("consent", "consent_id", ("consent_id", "dataset_id", "state"), Text(zh, en))


def _licence(zh: str, en: str) -> EventKind:
    return EventKind("licence", "org_id", ("org_id", "state", "valid_to"), Text(zh, en))


def _anomaly(zh: str, en: str) -> EventKind:
    says = ("anomaly_id", "grant_id", "rule", "action", "state")
    return EventKind("anomaly", "anomaly_id", says, Text(zh, en))


def _campaign(zh: str, en: str) -> EventKind:
    return EventKind("campaign", "campaign_id", ("campaign_id", "period", "state", "due_on"), Text(zh, en))


def _review(zh: str, en: str, about: str = "review", key: str = "review_id") -> EventKind:
    says = ("review_id", "grant_id", "kind", "state", "due_on")
    return EventKind(about, key, says, Text(zh, en))


def _release(zh: str, en: str) -> EventKind:
    return EventKind("dataset", "dataset_id", ("dataset_id", "number", "sha256"), Text(zh, en))


EVENT_KINDS: Final[Mapping[str, EventKind]] = {
    "application.submitted": _application("提交申请", "Application submitted"),
    "application.screened": _application("受理", "Accepted for review"),
    "application.returned": _application("退回补正", "Returned"),
    "application.offered": _application("准予，提供条款", "Terms offered"),
    "application.rejected": _application("不予授权", "Rejected"),
    "application.agreed": _application("接受条款", "Terms accepted"),
    "application.withdrawn": _application("撤回申请", "Withdrawn"),
    "application.lapsed": _application("申请逾期失效", "Lapsed"),
    "application.extension_approved": _application("办理延期", "Handling extended"),
    "grant.activated": _grant("授权生效", "Grant activated"),
    "grant.suspended": _grant("授权暂停", "Grant suspended"),
    "grant.resumed": _grant("授权恢复", "Grant resumed"),
    "grant.revoked": _grant("授权撤销", "Grant revoked"),
    "grant.relinquished": _grant("授权放弃", "Grant relinquished"),
    "grant.expired": _grant("授权到期", "Grant expired"),
    "grant.voided": _grant("授权作废", "Grant voided"),
    "grant.superseded": _grant("授权被接替", "Grant superseded"),
    "grant.throttled": _grant("授权限速", "Grant slowed down"),
    "grant.unthrottled": _grant("授权限速解除", "Grant no longer slowed down"),
    "licence.qualified": _licence("机构资格认定", "Licence given"),
    "licence.renewed": _licence("机构资格延续", "Licence renewed"),
    "licence.suspended": _licence("机构资格暂停", "Licence suspended"),
    "licence.resumed": _licence("机构资格恢复", "Licence resumed"),
    "licence.disqualified": _licence("机构资格取消", "Disqualified"),
    "licence.lapsed": _licence("机构资格到期", "Licence lapsed"),
    "agreement.activated": _agreement("协议生效", "Agreement active"),
    "agreement.terminated": _agreement("协议终止", "Agreement terminated"),
    "agreement.ended": _agreement("协议期满", "Agreement ended"),
    "consent.withdrawn": _consent("来源同意撤回", "Source consent withdrawn"),
    "consent.ended": _consent("来源同意期满", "Source consent ended"),
    "anomaly.found": _anomaly("发现异常", "Anomaly found"),
    "anomaly.acknowledged": _anomaly("确认异常", "Anomaly acknowledged"),
    "anomaly.dismissed": _anomaly("异常判为误报", "Anomaly called a false alarm"),
    "campaign.opened": _campaign("发起定期复核", "Certification opened"),
    "campaign.closed": _campaign("定期复核结束", "Certification closed"),
    "review.opened": _review("授权待复核", "Grant to review"),
    "review.kept": _review("复核保留授权", "Grant kept after review"),
    "review.narrowed": _review("复核要求变更授权", "Grant to be amended after review", "grant", "grant_id"),
    "review.withdrawn": _review("复核撤销授权", "Grant withdrawn after review"),
    "incident.frozen": _incident("应急冻结", "Frozen"),
    "incident.lifted": _incident("解除冻结", "Freeze lifted"),
    "duty.opened": _duty("义务产生", "Duty opened"),
    "duty.fulfilled": _duty("义务已履行", "Duty fulfilled"),
    "duty.returned": _duty("义务材料退回", "Duty returned"),
    "duty.waived": _duty("义务免除", "Duty waived"),
    "release.published": _release("发布版本", "Release published"),
    "release.withdrawn": _release("撤回版本", "Release withdrawn"),
}
GROUPS: Final[Mapping[str, Text]] = {
    "application": Text("申请", "Applications"),
    "grant": Text("授权", "Grants"),
    "licence": Text("机构资格", "Licences"),
    "agreement": Text("授权运营协议", "Agreements"),
    "consent": Text("来源同意", "Source consents"),
    "anomaly": Text("异常", "Anomalies"),
    "campaign": Text("定期复核", "Certification"),
    "review": Text("授权复核", "Reviews of grants"),
    "incident": Text("应急冻结", "Freezes"),
    "duty": Text("义务", "Duties"),
    "release": Text("版本", "Releases"),
}
"""What the kinds that begin alike are about, in the order of the list."""
PING: Final = "webhook.ping"
RETRY_S: Final = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds until the next attempt after each failure (the schedule that Standard Webhooks proposes); then it is a dead letter."""


def said_of(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """What leaves of an event: the listed keys alone, whatever else its body may come to hold."""
    return {key: body[key] for key in EVENT_KINDS[kind].says if key in body}


def in_groups() -> list[tuple[Text, dict[str, EventKind]]]:
    """Every kind once, under what it is about."""
    return [
        (name, {kind: each for kind, each in EVENT_KINDS.items() if kind.partition(".")[0] == group})
        for group, name in GROUPS.items()
    ]


def wait_after(attempts: int) -> int | None:
    """Seconds to wait after so many failed attempts; None when it is over."""
    return RETRY_S[attempts - 1] if attempts <= len(RETRY_S) else None


_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]+\]")


def url_fault(url: str, *, plain_ok: bool) -> Text | None:
    """Why a text is no address that events may go to, by its form alone; where it leads is judged when connecting."""
    if not url.isascii() or not url.isprintable() or " " in url or len(url) > 500:
        return Text(
            "地址只能含可见的 ASCII 字符，至多 500 个", "has visible ASCII characters alone, at most 500"
        )
    try:
        parts, port = urlsplit(url), urlsplit(url).port
    except ValueError:
        return Text("地址写法不对", "is no address")
    if parts.scheme != "https" and not (plain_ok and parts.scheme == "http"):
        return Text("须以 https:// 开头", "begins with https://")
    if parts.username is not None or parts.password is not None or parts.fragment:
        return Text("不能含用户名、口令或 # 片段", "holds no user, password or fragment")
    place = parts.netloc.rpartition(":")[0] if port is not None else parts.netloc
    if not _HOST.fullmatch(place) or port == 0:
        return Text("主机名或端口写法不对", "has a host and a port that can be read")
    return None
