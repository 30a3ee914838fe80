"""The profile of clocks as data: working days of each stage, levels of escalation, days of reminding (`sla.json`).

A stage either has its number here or points to a limit of the policy profile (`limit`), so that no number stands twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Final

from auth.clocks.rules import Sla, Stage
from auth.policy.limits import Limits
from core.text import Text

HANDLER: Final = "handler"


@dataclass(frozen=True, slots=True)
class StageLimit:
    """A row of the profile as people read it."""

    stage: Stage
    working_days: int
    source: str
    effective_from: date


@dataclass(frozen=True, slots=True)
class Level:
    """A level of escalation: who is told when a clock has been overdue for so many working days.

    `roles`: `handler` stands for whoever has the next word.
    """

    level: int
    name: Text
    after_working_days: int
    roles: tuple[str, ...]
    source: str


@cache
def _data() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(files("auth.clocks").joinpath("sla.json").read_text(encoding="utf-8"))
    return read


def rows(on: date, limits: Limits) -> tuple[StageLimit, ...]:
    """The rows in force that day, with the limits of the policy profile of that day; before the first of a stage, its first."""
    return tuple(_row(stage, on, limits) for stage in Stage)


def _entry(stage: Stage, on: date) -> dict[str, Any]:
    known = sorted(
        (entry for entry in _data()["stages"] if entry["stage"] == stage),
        key=lambda entry: str(entry["effective_from"]),
    )
    reached = [entry for entry in known if date.fromisoformat(entry["effective_from"]) <= on]
    found: dict[str, Any] = reached[-1] if reached else known[0]
    return found


def _row(stage: Stage, on: date, limits: Limits) -> StageLimit:
    entry = _entry(stage, on)
    began = date.fromisoformat(entry["effective_from"])
    if "limit" in entry:
        limit = limits.numbers[entry["limit"]]
        return StageLimit(stage, limit.value, limit.source, max(began, limits.effective_from))
    if "sum_of" in entry:
        days = sum(_row(Stage(part), on, limits).working_days for part in entry["sum_of"])
        return StageLimit(stage, days, entry["source"], began)
    return StageLimit(stage, entry["working_days"], entry["source"], began)


def sla(on: date, limits: Limits) -> Sla:
    """What the pure functions count with, for a clock that starts on that day."""
    days: Mapping[Stage, int] = {row.stage: row.working_days for row in rows(on, limits)}
    return Sla(days, _data()["least_after_pause"]["working_days"])


def longest_extension() -> int:
    """Working days that an extension may add, at most."""
    return int(_data()["extension"]["working_days"])


def extension_source() -> str:
    return str(_data()["extension"]["source"])


def levels() -> tuple[Level, ...]:
    """Levels of escalation, lowest first."""
    return tuple(
        Level(each["level"], Text(each["zh"], each["en"]), each["after_working_days"], tuple(each["roles"]), each["source"])
        for each in sorted(_data()["escalation"], key=lambda each: int(each["level"]))
    )  # fmt: skip


def reminder_days() -> tuple[int, ...]:
    """How many days before an end people are reminded, longest first."""
    return tuple(sorted(_data()["reminders"]["days_before"], reverse=True))


def paper_reminder_days() -> tuple[int, ...]:
    """The same for a paper that is to follow within days."""
    return tuple(sorted(_data()["paper_reminders"]["days_before"], reverse=True))


def dormant_reminder_days() -> tuple[int, ...]:
    """The same for a grant that will be suspended because nobody uses it."""
    return tuple(sorted(_data()["dormant_reminders"]["days_before"], reverse=True))


def pending_reminder_days() -> tuple[int, ...]:
    """Days before a grant that nobody activates becomes void."""
    return tuple(sorted(_data()["pending_reminders"]["days_before"], reverse=True))


def registration_reminder_days() -> tuple[int, ...]:
    """The same for a registration, whose renewal is to be asked for in time."""
    return tuple(sorted(_data()["registration_reminders"]["days_before"], reverse=True))
