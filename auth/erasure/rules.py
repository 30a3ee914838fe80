"""What law keeps, and who may decide. Pure: every reason against erasing now, each with its source; () when it may be done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from core.errors import Reason
from core.text import Text

PIPL: Final = "《个人信息保护法》第四十七条 · Personal Information Protection Law, art. 47"
ARCHIVES: Final = "《个人信息保护法》第四十七条第二款；《档案法》（决定的档案在保存期内） · Personal Information Protection Law, art. 47(2); Archives Law (decisions within their period of keeping)"
LOGS: Final = "《网络安全法》（网络日志留存不少于六个月）；《个人信息保护法》第四十七条第二款 · Cybersecurity Law (network logs kept six months at least); Personal Information Protection Law, art. 47(2)"
TWO: Final = "职责分离 · segregation of duties (§4.3)"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the service knows about a person at this moment. `logs_until`: the last day on which the logs must be there."""

    roles: int
    open_cases: int
    live_grants: int
    logs_until: date | None


def kept(facts: Facts, today: date) -> tuple[Reason, ...]:
    """All that a duty to keep says against erasing now."""
    return tuple(_kept(facts, today))


def _kept(facts: Facts, today: date) -> Iterator[Reason]:
    if facts.roles:
        yield Reason("still-in-office", Text(
            f"该人员仍有 {facts.roles} 个角色，处理目的尚未实现；请先收回角色，再办理删除。",
            f"Roles that the person still holds: {facts.roles}. The data still serve their purpose; take the roles first, then erase.",
        ), PIPL)  # fmt: skip
    if facts.open_cases:
        yield Reason("case-open", Text(
            f"有 {facts.open_cases} 件未办结的事项由其提出或办理；办结后再删除。",
            f"Open cases made or handled by this person: {facts.open_cases}. Erase once they are closed.",
        ), PIPL)  # fmt: skip
    if facts.live_grants:
        yield Reason("signed-live-grant", Text(
            f"其签署或决定的 {facts.live_grants} 项授权尚未终止，签署人的身份须可查；授权终止后再删除。",
            f"Grants decided on or signed by this person that have not ended: {facts.live_grants}. Who signed must be known until they have.",
        ), ARCHIVES)  # fmt: skip
    if facts.logs_until and facts.logs_until >= today:
        yield Reason("logs-must-be-kept", Text(
            f"最近一次使用的日志须留存至 {facts.logs_until}；此后再删除。在此之前只存储，不作他用。",
            f"The logs of the last use must be kept until {facts.logs_until}; erase after that day. Until then they are stored and used for nothing else.",
        ), LOGS)  # fmt: skip


def separation(decider: str, asker: str, subject: str) -> tuple[Reason, ...]:
    """Who may decide: a person who neither asked nor is concerned."""
    return tuple(_separation(decider, asker, subject))


def _separation(decider: str, asker: str, subject: str) -> Iterator[Reason]:
    if decider == asker:
        text = Text(
            "提出请求的人不得办理该请求；请另一位管理员办理。",
            "Whoever asked cannot decide; another administrator must.",
        )
        yield Reason("asker-decides", text, TWO)  # fmt: skip
    elif decider == subject:
        text = Text(
            "不得办理关于自己的删除请求；请另一位管理员办理。",
            "Nobody decides on the erasure of his own data; another administrator must.",
        )
        yield Reason("own-data", text, TWO)  # fmt: skip
