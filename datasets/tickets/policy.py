"""Deadlines and thresholds of tickets and waivers: data with value, source and effective date (`policy.json`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Policy:
    """What is in force from `effective_from` on. `failed` of the last `of` deliveries make a rule one that keeps failing."""

    effective_from: date
    critical_days: int
    warning_days: int
    failed: int
    of: int
    longest_waiver_days: int
    ending_soon_days: int
    never_waived_types: frozenset[str]
    never_waived_parts: frozenset[str]
    never_waived_source: str

    def due_days(self, severity: str) -> int:
        """Working days to answer a ticket in."""
        return self.critical_days if severity == "critical" else self.warning_days


@cache
def _periods() -> tuple[Policy, ...]:
    text = files("datasets.tickets").joinpath("policy.json").read_text(encoding="utf-8")
    return tuple(sorted(map(_read, json.loads(text)), key=lambda each: each.effective_from))


def _read(entry: dict[str, Any]) -> Policy:
    days, often, waiver, never = (
        entry[key] for key in ("due_working_days", "keeps_failing", "waiver", "never_waived")
    )
    return Policy(
        date.fromisoformat(entry["effective_from"]), days["critical"]["value"], days["warning"]["value"],
        often["failed"]["value"], often["of"]["value"], waiver["longest_days"]["value"],
        waiver["ending_soon_days"]["value"], frozenset(never["types"]), frozenset(never["parts"]), never["source"],
    )  # fmt: skip


def policy(on: date) -> Policy:
    """What is in force that day; before the first period, the first."""
    reached = [each for each in _periods() if each.effective_from <= on]
    return reached[-1] if reached else _periods()[0]
