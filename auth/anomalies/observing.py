"""Reading the ledger for the rules, and what stands against a use now. Asked inside every charge: only reads.

A rule that is set to throttle or suspend counts from the instant of the use, before any sweep has written it down.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import col, select

from auth.actor import Actor
from auth.anomalies import rules
from auth.anomalies.config import Setting, gap_minutes, settings
from auth.anomalies.rules import NEEDS_FILTERS, REQUESTS, Action, Found, Rule, Seen, Watched
from auth.anomalies.tables import AnomalyRow, AnomalySettingRow
from auth.anomalies.workflow import State
from auth.delegations.standing import persons
from auth.grants import lineage
from auth.grants.tables import GrantRow, UsageEventRow
from auth.policy.filters.model import RowFilter
from core.errors import Reason
from core.text import Text, number_of
from core.work import Work

Filters = Callable[[Work, Sequence[str]], Mapping[str, RowFilter]]
BASIS: Final = "异常规则 · anomaly rules"
MOST_LINES: Final = 5000


def seen(work: Work, grants: Sequence[str], since: datetime, filters: Filters | None = None) -> list[Seen]:
    """The lines of these grants after `since`, oldest first; the newest of them when there are very many."""
    wanted = select(UsageEventRow).where(col(UsageEventRow.grant_id).in_(grants), UsageEventRow.at > since)
    newest = wanted.order_by(col(UsageEventRow.at).desc(), col(UsageEventRow.id).desc()).limit(MOST_LINES)
    lines = list(work.db.exec(newest))[::-1]
    asked = filters(work, sorted({line.subject for line in lines if line.filter_hash})) if filters else {}
    return [
        Seen(
            line.at, line.kind, line.subject, line.origin, line.extracts, line.rows, tuple(json.loads(line.columns)),
            asked.get(line.subject),
        )
        for line in lines
    ]  # fmt: skip


def watched(row: GrantRow) -> Watched:
    """The grant as the rules read it. What was carried over counts as used."""
    units = ("extracts", "rows", "bytes")
    quotas = {
        unit: (getattr(row, f"used_{unit}") + getattr(row, f"carried_{unit}"), quota)
        for unit in units
        if (quota := getattr(row, f"quota_{unit}")) is not None
    }
    return Watched(row.starts_at, row.ends_at, quotas)


def window(setting: Setting) -> timedelta:
    """How far back a rule looks."""
    numbers = setting.numbers
    return timedelta(
        days=numbers.get("history_days", 0) + ("history_days" in numbers),
        minutes=numbers.get("window_minutes", 0),
    )


def find(
    work: Work, row: GrantRow, wanted: Mapping[Rule, Setting], filters: Filters | None = None
) -> list[tuple[Setting, Found]]:
    """What those rules find on the grant now, as one with those that it amends. A rule with an open finding is not asked again."""
    line = lineage.amended(work, row)
    past = list(work.db.exec(select(AnomalyRow).where(col(AnomalyRow.grant_id).in_(line))))
    open_ = {Rule(each.rule) for each in past if each.state == State.OPEN}
    asked = {rule: setting for rule, setting in wanted.items() if rule not in open_}
    if not asked:
        return []
    lines = seen(work, line, work.now - max(window(setting) for setting in asked.values()), filters)
    found = []
    for rule, setting in asked.items():
        since = max((each.ended_at for each in past if each.rule == rule and each.ended_at), default=None)
        if hit := rules.judge(rule, watched(row), lines, work.now, setting.numbers, since):
            found.append((setting, hit))
    return found


def against_use(work: Work, row: GrantRow) -> Iterator[Reason]:
    """Why a new request may not be made at this instant. The rules over filters wait for the sweep: the ledger holds no values."""
    acting = {
        rule: setting for rule, setting in settings(work).items()
        if setting.action in (Action.THROTTLE, Action.SUSPEND) and rule not in NEEDS_FILTERS
    }  # fmt: skip
    throttled = select(AnomalyRow.id).where(
        col(AnomalyRow.grant_id).in_(line := lineage.of(work, row)),
        AnomalyRow.state == State.OPEN,
        AnomalyRow.action == Action.THROTTLE,
    )
    slow = work.db.exec(throttled.limit(1)).first() is not None
    for setting, hit in find(work, row, acting):
        if setting.action is Action.SUSPEND:
            yield Reason(
                f"anomaly-{setting.rule.replace('_', '-')}",
                Text(
                    f"使用异常：{hit.text.zh}请联系数据主管部门的安全管理员核查。",
                    f"Out of the ordinary: {hit.text.en} Ask the bureau's security officer to look at it.",
                ),
                BASIS,
            )
        slow = slow or setting.action is Action.THROTTLE
    if slow and (last := _last_request(work, line)):
        again = last + timedelta(minutes=gap_minutes())
        if work.now < again:
            yield Reason(
                "throttled",
                Text(
                    f"因使用异常，该授权每 {gap_minutes()} 分钟只能申请一次，请稍后再试，或联系安全管理员核查。",
                    f"Something out of the ordinary was seen: one request in {number_of(gap_minutes(), 'minutes')}. Try later, or ask the security officer to look.",
                ),
                BASIS,
                {"retry_at": again.isoformat()},
            )


def _last_request(work: Work, grants: Sequence[str]) -> datetime | None:
    wanted = select(UsageEventRow.at).where(
        col(UsageEventRow.grant_id).in_(grants),
        col(UsageEventRow.kind).in_(REQUESTS),
        UsageEventRow.extracts > 0,
    )
    return work.db.exec(wanted.order_by(col(UsageEventRow.at).desc()).limit(1)).first()


def against_resuming(work: Work, actor: Actor, grant_id: str) -> Iterator[Reason]:
    """After a suspension by rule: the finding is answered first, and whoever set the rule, then or since, does not resume."""
    wanted = select(AnomalyRow).where(AnomalyRow.grant_id == grant_id, col(AnomalyRow.is_suspended_by))
    findings = list(work.db.exec(wanted.order_by(col(AnomalyRow.id))))
    if any(each.state == State.OPEN for each in findings):
        yield Reason(
            "anomaly-open",
            Text(
                "触发暂停的异常尚未处理；请先在“异常”中确认或判为误报。",
                "The finding that suspended the grant is open; acknowledge it or call it a false alarm first.",
            ),
            BASIS,
        )
    if findings and _has_set(work, actor, findings[-1]):
        yield Reason(
            "configurer-does-not-resume",
            Text(
                "触发暂停的规则由您设置，须由另一位安全管理员恢复。",
                "You set the rule that suspended the grant; another security officer must resume it.",
            ),
            "职责分离 · segregation of duties (5)",
        )


def _has_set(work: Work, actor: Actor, finding: AnomalyRow) -> bool:
    since = select(AnomalySettingRow.set_by_person).where(
        AnomalySettingRow.rule == finding.rule, AnomalySettingRow.set_at >= finding.created_at
    )
    return not persons(work, actor).isdisjoint({finding.set_by_person, *work.db.exec(since)})
