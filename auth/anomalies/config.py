"""How the rules are set: the shipped numbers with their source, and what security officers changed since."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from sqlmodel import col, select

from auth.anomalies.rules import Action, Rule
from auth.anomalies.tables import AnomalySettingRow
from core.text import Text
from core.work import Work, rows

NUMBER_NAMES: Final[Mapping[str, Text]] = {
    "times": Text("倍数", "Times the median"),
    "history_days": Text("比较的天数", "Days compared with"),
    "least_days": Text("至少取数日数", "Least days with deliveries"),
    "least_rows": Text("至少行数", "Least rows"),
    "from_hour": Text("起（时）", "From (hour)"),
    "to_hour": Text("止（时）", "To (hour)"),
    "least": Text("阈值（次）", "Limit (times)"),
    "within_minutes": Text("密集时段（分钟）", "Within (minutes)"),
    "window_minutes": Text("统计时段（分钟）", "Looked at (minutes)"),
    "used_percent": Text("额度用量（%）", "Quota used (%)"),
    "period_percent": Text("期限进度（%）", "Period passed (%)"),
}
LARGEST: Final = {
    "from_hour": 23,
    "to_hour": 23,
    "used_percent": 100,
    "period_percent": 100,
    "history_days": 366,
    "window_minutes": 7 * 1440,
    "within_minutes": 1440,
}
LARGEST_OTHER: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Setting:
    """A rule as it is set now. Without `id` it is as shipped and nobody set it."""

    rule: Rule
    name: Text
    action: Action
    numbers: Mapping[str, int]
    source: str
    id: str = ""
    set_by: str = ""
    set_by_person: str = ""


@cache
def _data() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(
        files("auth.anomalies").joinpath("rules.json").read_text(encoding="utf-8")
    )
    return read


@cache
def shipped() -> Mapping[Rule, Setting]:
    """The rules as they come with the service."""
    return {
        Rule(each["rule"]): Setting(
            Rule(each["rule"]), Text(each["zh"], each["en"]), Action(each["action"]), each["numbers"], _data()["source"]
        )
        for each in _data()["rules"]
    }  # fmt: skip


def gap_minutes() -> int:
    """The least time between two requests under a throttled grant."""
    return int(_data()["throttle"]["gap_minutes"])


SETTINGS: Final = select(AnomalySettingRow).order_by(col(AnomalySettingRow.id))


def settings(work: Work) -> dict[Rule, Setting]:
    """Every rule as it is set now."""
    found = dict(shipped())
    for row in rows(work, SETTINGS):
        rule = Rule(row.rule)
        found[rule] = Setting(
            rule, found[rule].name, Action(row.action), json.loads(row.numbers), row.reason, row.id, row.set_by, row.set_by_person
        )  # fmt: skip
    return found
