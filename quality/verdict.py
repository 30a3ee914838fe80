"""What a run of a suite found: one outcome per expectation, one verdict for the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from quality.references import ReferenceUsed

Result = Literal["passed", "failed", "error"]
Severity = Literal["critical", "warning", "info"]
EngineName = Literal["duckdb", "pandas"]
MOST_KEYS: Final = 1_000
FORMULA: Final = 2
"""How a verdict is scored: 1 before own checks and shares of queries, 2 with both. Each verdict keeps its own."""


class Outcome(BaseModel):
    """One expectation's outcome. Counts are None where the rule does not count elements.

    examples: up to `max_examples` failing values (JSON-safe; a mapping column→value where several columns matter).
    failing_rows: values of `__row__` (1-based positions where the file has none), ascending, capped.
    failing_keys: what the key columns hold in the first of these rows (at most `MOST_KEYS`), one mapping column → value
    a row, as Great Expectations' `unexpected_index_list`; empty where no key columns are known.
    observed_value: what an aggregate or table rule saw. error: why it could not run, when outcome is "error".
    """

    model_config = ConfigDict(extra="forbid")

    type: str
    kwargs: dict[str, Any] = Field(default_factory=dict)
    severity: Severity = "critical"
    meta: dict[str, Any] = Field(default_factory=dict)
    outcome: Result
    element_count: int | None = None
    unexpected_count: int | None = None
    unexpected_percent: float | None = None
    observed_value: Any = None
    examples: list[Any] = Field(default_factory=list)
    failing_rows: list[int] = Field(default_factory=list)
    failing_keys: list[dict[str, Any]] = Field(default_factory=list)
    error: str | None = None


class FailingRow(NamedTuple):
    """A row that a rule refused. row: its number, None where a query's rows cannot be told apart in the table.
    keys: what the key columns hold; value: what the rule looked at, a mapping column → value where that is several columns."""

    row: int | None
    keys: dict[str, Any]
    value: Any


Failing = Callable[[int, Outcome, Iterator[Sequence[FailingRow]]], None]
"""Told of each rule that refused rows: its place in the suite (from 1), its outcome, all its rows in batches. May leave them unread."""


class Verdict(BaseModel):
    verdict: Result
    engine: EngineName
    gx_version: str
    rows: int
    expectations: list[Outcome]
    statistics: dict[str, Any]
    references: list[ReferenceUsed] = Field(default_factory=list)
    """What rules were compared with; verdicts of before name none."""
    formula: int = 1

    @property
    def warnings(self) -> list[Outcome]:
        """Failed rules that a person must confirm before the batch may go on."""
        return [each for each in self.expectations if each.outcome == "failed" and each.severity == "warning"]


def decide(outcomes: Sequence[Outcome]) -> Result:
    """A rule that could not run outweighs one that failed; only critical failures block."""
    if any(each.outcome == "error" for each in outcomes):
        return "error"
    if any(each.outcome == "failed" and each.severity == "critical" for each in outcomes):
        return "failed"
    return "passed"


def statistics(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    tally = Counter(each.outcome for each in outcomes)
    failed = Counter(each.severity for each in outcomes if each.outcome == "failed")
    return {
        "evaluated": len(outcomes),
        "passed": tally["passed"],
        "failed": tally["failed"],
        "errors": tally["error"],
        "failed_by_severity": {level: failed[level] for level in ("critical", "warning", "info")},
        "success_percent": round(tally["passed"] / len(outcomes) * 100, 2) if outcomes else None,
    }
