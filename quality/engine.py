"""The gate's engine: a suite, a typed Parquet table, a verdict. Needs no database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from quality.gx.door import opened, quietly
from quality.references import NONE, References
from quality.suite import Suite
from quality.verdict import EngineName, Failing, Verdict


def run_suite(
    suite: Suite,
    table: Path,
    *,
    engine: EngineName = "duckdb",
    max_examples: int = 20,
    max_failing_rows: int = 10_000,
    memory_limit_mb: int = 800,
    query_seconds: float = 120.0,
    on_progress: Callable[[int, int], None] | None = None,
    reference: datetime | None = None,
    references: References = NONE,
    keys: Sequence[str] = (),
    failing: Failing | None = None,
) -> Verdict:
    """Judge `table` by `suite`. Both engines give the same outcomes, counts and failing rows.

    table: a Parquet file; a column `__row__` (BIGINT, 1-based data record) is the key of failing rows and is
    hidden from rules about columns. on_progress: told (rules done, rules in all).
    memory_limit_mb: DuckDB's share; pandas holds the whole table.
    query_seconds: a query of the suite's own that takes longer is stopped; its rule is an error.
    reference: the moment (aware) against which freshness is judged, where a rule names none of its own.
    references: the releases and code lists that rules compare with; a rule whose other side is not among them is an
    error. The verdict names what was handed in.
    keys: the columns by which failing rows are told in `failing_keys`, where a rule names none of its own; those that
    the table lacks are passed over.
    failing: handed every failing row of every rule as a stream, beyond what the verdict keeps.
    The first call in a process loads Great Expectations, which takes seconds.
    """
    with quietly():
        verdict: Verdict = opened().run(
            suite,
            table,
            engine=engine,
            max_examples=max_examples,
            max_failing_rows=max_failing_rows,
            memory_limit_mb=memory_limit_mb,
            query_seconds=query_seconds,
            on_progress=on_progress,
            reference=reference,
            references=references,
            keys=keys,
            failing=failing,
        )
    return verdict
