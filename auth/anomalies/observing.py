"""Reading the ledger for the rules, and what stands against a use now. Asked inside every charge: only reads.

A rule that is set to throttle or suspend counts from the instant of the use, before any sweep has written it down.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, Select, bindparam
from sqlalchemy import select as select_columns
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from auth.actor import Actor
from auth.anomalies import rules
from auth.anomalies.config import SETTINGS, Setting, gap_minutes, settings, shipped
from auth.anomalies.rules import NEEDS_FILTERS, REQUESTS, Action, Found, Rule, Seen, Watched
from auth.anomalies.tables import AnomalyRow, AnomalySettingRow
from auth.anomalies.workflow import State
from auth.delegations.standing import persons
from auth.grants import lineage
from auth.grants.tables import GrantRow, UsageEventRow
from auth.policy.filters.model import RowFilter
from core.db import UtcDateTime, one_of
from core.errors import Reason
from core.text import Text, number_of
from core.work import Asked, Work, fetched, rows

Filters = Callable[[Work, Sequence[str]], Mapping[str, RowFilter]]
BASIS: Final = "异常规则 · anomaly rules"
MOST_LINES: Final = 5000


def seen(work: Work, grants: Sequence[str], since: datetime, filters: Filters | None = None) -> list[Seen]:
    """The lines of these grants after `since`, oldest first; the newest of them when there are very many."""
    lines = fetched(work, _lines(len(grants)), **_ids(grants), since=since).all()[::-1]
    asked = filters(work, sorted({line.subject for line in lines if line.filter_hash})) if filters else {}
    return [
        Seen(
            line.at, line.kind, line.subject, line.origin, line.extracts, line.rows, tuple(json.loads(line.columns)),
            asked.get(line.subject),
        )
        for line in lines
    ]  # fmt: skip


@lru_cache(maxsize=64)
def _lines(number: int) -> Select[Any]:
    """The lines of so many grants, newest first."""
    line = UsageEventRow
    wanted: Any = select_columns(
        *(getattr(line, name) for name in ("at", "kind", "subject", "origin", "extracts", "rows", "columns", "filter_hash"))
    )  # fmt: skip
    wanted = wanted.where(_of(line.grant_id, number), col(line.at) > bindparam("since", type_=UtcDateTime))
    return cast(Select[Any], wanted.order_by(col(line.at).desc(), col(line.id).desc()).limit(MOST_LINES))


@lru_cache(maxsize=64)
def _past(number: int) -> SelectOfScalar[AnomalyRow]:
    """All that was ever found on so many grants."""
    return select(AnomalyRow).where(_of(AnomalyRow.grant_id, number))


@lru_cache(maxsize=64)
def _throttled(number: int) -> Select[Any]:
    """Whether an open finding slows one of so many grants down."""
    found: Any = select_columns(col(AnomalyRow.id)).where(
        _of(AnomalyRow.grant_id, number), col(AnomalyRow.state) == State.OPEN, col(AnomalyRow.action) == Action.THROTTLE
    )  # fmt: skip
    return cast(Select[Any], found.limit(1))


def _of(column: Any, number: int) -> ColumnElement[bool]:  # noqa: ANN401 - a column of any table
    return one_of(col(column), [bindparam(f"grant_{each}") for each in range(number)])


def _ids(grants: Sequence[str]) -> dict[str, object]:
    return {f"grant_{number}": each for number, each in enumerate(grants)}


def questions(work: Work, grant_id: str) -> tuple[Asked, ...]:
    """What `against_use` asks of a grant that has none before it, while the rules are as shipped and nothing was found."""
    ids = _ids([grant_id])
    since = work.now - max((window(each) for each in _acting(shipped()).values()), default=timedelta())
    return (SETTINGS, {}), (_throttled(1), ids), (_past(1), ids), (_lines(1), ids | {"since": since})


def _acting(known: Mapping[Rule, Setting]) -> dict[Rule, Setting]:
    """The rules that stand against a use."""
    return {
        rule: setting for rule, setting in known.items()
        if setting.action in (Action.THROTTLE, Action.SUSPEND) and rule not in NEEDS_FILTERS
    }  # fmt: skip


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
    past = rows(work, _past(len(line)), **_ids(line))
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
    acting = _acting(settings(work))
    line = lineage.of(work, row)
    slow = fetched(work, _throttled(len(line)), **_ids(line)).first() is not None
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
