"""Limits, code lists and the delivery matrix: data with value, source and effective date, read once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

from auth.policy.model import REVIEWED_BY_TWO, ROW_FORMS, DeliveryForm
from core.text import Text

_HERE: Final = Path(__file__).parent


class Reminded(StrEnum):
    """What has days of reminding of its own. `general`: everything that ends and is not named here."""

    GENERAL = "general"
    REGISTRATIONS = "registrations"
    PAPERS = "papers"
    PENDING = "pending"
    DORMANT = "dormant"


@dataclass(frozen=True, slots=True)
class Limit:
    """One number that the rules read, with where it comes from and since when."""

    key: str
    value: int
    unit: str
    source: str
    name: Text
    effective_from: date


@dataclass(frozen=True, slots=True)
class Reminding:
    """How many days before an end people are reminded of it, longest first."""

    key: Reminded
    days: tuple[int, ...]
    source: str
    name: Text
    effective_from: date


@dataclass(frozen=True, slots=True)
class Coded:
    """One entry of a code list. `basis` is given for refusals, `kind` (public, industry) for purposes."""

    code: str
    name: Text
    basis: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class LevelRule:
    """What a dataset of this level may deliver: forms, and the highest column level that may leave as it is.

    `checkers`: how many people review each file of this level before it leaves (出域审核), and where a form asks otherwise.
    `least_checkers`: how many do so in whatever form, because a grant asks for it.
    """

    level: int
    forms: frozenset[DeliveryForm]
    plain_up_to: int
    personal_plain: bool
    checkers: int = 0
    checkers_by_form: Mapping[DeliveryForm, int] = field(default_factory=dict)
    least_checkers: int = 0

    def checkers_of(self, form: str) -> int:
        """How many people review a file of this form."""
        return max(self.least_checkers, self._checkers_of(form))

    def _checkers_of(self, form: str) -> int:
        """By the rule alone; a form of rows that it leaves out takes the most that it names for one."""
        if form in REVIEWED_BY_TWO:
            return 2
        if form in self.checkers_by_form or form not in ROW_FORMS:
            return next((n for each, n in self.checkers_by_form.items() if each == form), self.checkers)
        return max([self.checkers, *(n for each, n in self.checkers_by_form.items() if each in ROW_FORMS)])


@dataclass(frozen=True, slots=True)
class Limits:
    """Everything that may change without the code changing."""

    effective_from: date
    numbers: Mapping[str, Limit]
    levels: Mapping[int, LevelRule]
    levels_source: str
    scenarios: Mapping[str, Coded]
    purposes: Mapping[str, Coded]
    refusals: Mapping[str, Coded]
    reminders: Mapping[Reminded, Reminding]

    def checkers(self, level: int, form: str) -> int:
        """How many people review a file of that level and form before it leaves; an unknown level asks for two."""
        return rule.checkers_of(form) if (rule := self.levels.get(level)) else 2

    def __getitem__(self, key: str) -> int:
        """The number called `key`; KeyError when there is none."""
        return self.numbers[key].value


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((_HERE / name).read_text(encoding="utf-8"))
    return content


def _codes(entries: list[dict[str, str]]) -> dict[str, Coded]:
    return {
        entry["code"]: Coded(
            entry["code"], Text(entry["zh"], entry["en"]), entry.get("basis", ""), entry.get("class", "")
        )
        for entry in entries
    }


@cache
def limits() -> Limits:
    """The limits in force."""
    numbers, matrix, codes = _read("limits.json"), _read("delivery.json"), _read("scenarios.json")
    since = date.fromisoformat(numbers["effective_from"])
    return Limits(
        effective_from=since,
        numbers={
            key: Limit(key, int(row["value"]), row["unit"], row["source"], Text(row["zh"], row["en"]), since)
            for key, row in numbers["limits"].items()
        },
        reminders={
            each: Reminding(each, tuple(row["days_before"]), row["source"], Text(row["zh"], row["en"]), since)
            for each in Reminded
            for row in [numbers["reminders"][each]]
        },
        levels={
            row["level"]: LevelRule(
                row["level"],
                frozenset(DeliveryForm(form) for form in row["forms"]),
                row["plain_up_to"],
                row["personal_plain"],
                row["checkers"],
            )
            for row in matrix["levels"]
        },
        levels_source=matrix["source"],
        scenarios=_codes(codes["scenarios"]),
        purposes=_codes(codes["purposes"]),
        refusals=_codes(codes["refusals"]),
    )
