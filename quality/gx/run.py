"""Runs a suite through Great Expectations on one of our two engines and says what it found."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import great_expectations
import pyarrow.parquet as pq
from great_expectations.core.batch import Batch
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.validator.validator import Validator

from quality.conditions import ConditionUnreadable
from quality.gx import (
    added_expectations,  # noqa: F401 - registers expectations of ours
    cross_expectations,  # noqa: F401 - and those over a second table
    cross_missing,
    cross_prepare,
    duck,
    frame,
    own_expectations,  # noqa: F401 - replaces stock expectations
    prepare,
    register,  # noqa: F401 - registers the rules
)
from quality.gx.cross_tables import Held, held_tables
from quality.gx.deadline import Deadline
from quality.gx.evidence import Evidence, jsonable, name_rows
from quality.gx.facts import CURRENT, ROW, Facts
from quality.kinds import Column, KindMismatch, column_of
from quality.patience import shared
from quality.references import LAST_TYPES, References
from quality.suite import Expectation, Suite
from quality.verdict import FORMULA, EngineName, Failing, FailingRow, Outcome, Verdict, decide, statistics
from quality.vocabulary import ROW_SHAPES, Shape

Progress = Callable[[int, int], None]
Engine = duck.DuckDBExecutionEngine | frame.FrameExecutionEngine
_FORMAT = {"result_format": {"result_format": "BASIC", "partial_unexpected_count": 0}}
_MESSAGE_LENGTH = 500


def run(
    suite: Suite,
    table: Path,
    *,
    engine: EngineName,
    max_examples: int,
    max_failing_rows: int,
    memory_limit_mb: int,
    query_seconds: float,
    on_progress: Progress | None,
    reference: datetime | None,
    references: References,
    keys: Sequence[str],
    failing: Failing | None = None,
) -> Verdict:
    shared().forget()
    schema = pq.read_schema(table)
    names = list(schema.names)
    facts = Facts(
        {field.name: column_of(field) for field in schema if field.name != ROW},
        reference=reference,
        references=references,
        others=held_tables(references, memory_limit_mb),
        deadline=Deadline(query_seconds),
    )
    token = CURRENT.set(facts)
    try:
        tasks = [_Task(place, each, facts) for place, each in enumerate(suite.expectations)]
        ready = [task for task in tasks if task.error is None]
        with ExitStack() as stack:

            def opened(others: Collection[Held]) -> tuple[Validator, Engine]:
                columns = list(facts.columns.values())
                return stack.enter_context(
                    _opened(engine, table, columns, ROW in names, memory_limit_mb, others)
                )

            validator, execution_engine = opened(facts.others.values())
            if isinstance(execution_engine, duck.DuckDBExecutionEngine):
                for task in ready:
                    task.foretell(execution_engine)
            _evaluate(validator, [task for task in ready if not task.is_query])
            evidence = asked = Evidence(execution_engine, facts, max_examples, max_failing_rows)
            if facts.others and any(
                task.is_query for task in ready
            ):  # a query may see the checked table alone
                validator, execution_engine = opened(())
                asked = Evidence(execution_engine, facts, max_examples, max_failing_rows)
            for task in ready:
                if task.is_query:
                    _fill(validator, [task])
            known = [name for name in keys if name in facts.columns]
            outcomes = []
            for done, task in enumerate(tasks, start=1):
                judge = asked if task.is_query else evidence
                outcomes.append(_told(task.outcome(judge), on_progress, done, len(tasks)))
                if failing is not None and outcomes[-1].unexpected_count and outcomes[-1].outcome != "error":
                    every = task.every_row(judge, task.key_columns or known)
                    failing(done, outcomes[-1], _counted(every, outcomes[-1]))
            name_rows(
                evidence, list(zip((task.key_columns or known for task in tasks), outcomes, strict=True))
            )
    finally:
        CURRENT.reset(token)
    return Verdict(
        formula=FORMULA,
        verdict=decide(outcomes),
        engine=engine,
        gx_version=great_expectations.__version__,
        rows=pq.read_metadata(table).num_rows,
        expectations=outcomes,
        statistics=statistics(outcomes),
        references=references.used(),
    )


def _counted(every: Iterator[list[FailingRow]], outcome: Outcome) -> Iterator[list[FailingRow]]:
    """The rows as they come; a list that holds other than the rows counted is no complete list."""
    listed = 0
    for rows in every:
        listed += len(rows)
        yield rows
    if listed != outcome.unexpected_count:
        raise RuntimeError(f"{outcome.type}: {outcome.unexpected_count} rows fail, {listed} could be listed")


def _told(outcome: Outcome, on_progress: Progress | None, done: int, total: int) -> Outcome:
    if on_progress is not None:
        on_progress(done, total)
    return outcome


@contextmanager
def _opened(
    engine: EngineName,
    table: Path,
    columns: list[Column],
    has_row_key: bool,
    memory_limit_mb: int,
    others: Collection[Held],
) -> Iterator[tuple[Validator, Engine]]:
    if engine == "pandas":
        reference = frame.FrameExecutionEngine()
        reference.schema = frame.schema_of(table, has_row_key=has_row_key)
        data = frame.read(table, has_row_key=has_row_key)
        yield _validator(reference, Batch(data=data)), reference
        return
    with (
        tempfile.TemporaryDirectory(prefix="datagrant-gate-") as scratch,
        duck.engine_over(
            table,
            columns,
            has_row_key=has_row_key,
            memory_limit_mb=memory_limit_mb,
            scratch=Path(scratch),
            others=[(other.path, other.view) for other in others],
        ) as opened,
    ):
        yield _validator(opened, Batch(data=duck.batch_data(opened))), opened


class _QuietValidator(Validator):
    def _determine_progress_bars(self) -> bool:
        return False


def _validator(engine: Engine, batch: Batch) -> Validator:
    return _QuietValidator(execution_engine=engine, batches=[batch])


class _Task:
    """One expectation on its way: prepared, evaluated, then told as an outcome."""

    def __init__(self, place: int, expectation: Expectation, facts: Facts) -> None:
        self.place = place
        self.expectation = expectation
        self.error: str | None = None
        self.configuration: ExpectationConfiguration | None = None
        self.found: Any = None
        try:
            self.configuration = self._configured(facts)
            self.configuration.to_domain_obj()
        except (KindMismatch, ConditionUnreadable) as error:
            self.error = str(error)
        except Exception as error:  # Great Expectations will not take these arguments
            self.error = _first_line(error)

    @property
    def is_query(self) -> bool:
        """A query of the suite's own breaks easily and shares no scan."""
        return self.expectation.spec.shape is Shape.QUERY

    @property
    def key_columns(self) -> list[str]:
        """The columns of its own by which its failing rows are told."""
        return self.expectation.key_columns

    def _configured(self, facts: Facts) -> ExpectationConfiguration:
        prepare.check(self.expectation, facts.columns)
        cross_prepare.check(self.expectation, facts)
        condition = prepare.read_condition(self.expectation, facts.columns)
        name = None
        if condition is not None:
            name = next((key for key, known in facts.conditions.items() if known == condition), None)
            name = name or f"condition_{len(facts.conditions)}"
            facts.conditions[name] = condition
        return ExpectationConfiguration(
            type=self.expectation.type,
            kwargs=prepare.arguments(self.expectation, facts, name),
            meta={"place": self.place},
        )

    def foretell(self, engine: duck.DuckDBExecutionEngine) -> None:
        """Only to save time: what cannot be foretold, Great Expectations will say itself when it comes to the rule."""
        assert self.configuration is not None  # noqa: S101 - ready
        with suppress(Exception):
            engine.foretell(self.configuration.type, self.configuration.kwargs)

    def outcome(self, evidence: Evidence) -> Outcome:
        each = self.expectation
        base: dict[str, Any] = {
            "type": each.type,
            "kwargs": each.kwargs,
            "severity": each.severity,
            "meta": each.meta,
        }
        if self.error is None and self.found is not None:
            self.error = _raised(self.found.exception_info)
        if self.error is not None or self.found is None:
            return Outcome(**base, outcome="error", error=self.error or "the rule was not evaluated")
        try:
            counted = self._counted(evidence)
            lacking = isinstance(seen := counted.get("observed_value"), dict) and seen.get(
                cross_missing.MISSING
            )
            passed = self.found.success and not lacking
            return Outcome(**base, **counted, outcome="passed" if passed else "failed")
        except Exception as error:  # evidence that cannot be gathered must not pass for a clean rule
            return Outcome(**base, outcome="error", error=_first_line(error))

    def every_row(self, evidence: Evidence, keys: Sequence[str]) -> Iterator[list[FailingRow]]:
        """All the rows that it refused, of a rule that was evaluated."""
        if self.is_query:
            return evidence.every_row_of_query(self.expectation, keys)
        assert self.configuration is not None  # noqa: S101 - evaluated, therefore configured
        return evidence.every_row(self.configuration, prepare.named_columns(self.expectation), keys)

    def _counted(self, evidence: Evidence) -> dict[str, Any]:
        result: Mapping[str, Any] = self.found.result or {}
        observed = jsonable(result.get("observed_value"))
        shape = self.expectation.spec.shape
        if shape is Shape.QUERY:
            return evidence.of_query(self.expectation)
        if shape not in ROW_SHAPES:
            return {
                "observed_value": observed,
                "examples": jsonable(result.get("partial_unexpected_list") or []),
            }
        counted = {
            "element_count": int(result["element_count"] or 0),
            "unexpected_count": int(result["unexpected_count"] or 0),  # SQL sums nothing to null
            "unexpected_percent": result.get("unexpected_percent"),
        }
        if self.expectation.type in LAST_TYPES and evidence.is_first_release:
            counted["observed_value"] = {"last_release": None}
        if lacking := evidence.only_there(self.expectation):
            counted["observed_value"] = lacking
        if counted["unexpected_count"]:
            assert self.configuration is not None  # noqa: S101 - evaluated, therefore configured
            counted |= evidence.of_rows(self.configuration, prepare.named_columns(self.expectation))
        return counted


def _evaluate(validator: Validator, tasks: list[_Task]) -> None:
    """All rules in one go. One rule that breaks spoils the scan it shares, so the broken are halved until alone."""
    if not tasks:
        return
    _fill(validator, tasks)
    broken = [task for task in tasks if task.found is None or _raised(task.found.exception_info)]
    if len(tasks) > 1 and broken:
        middle = (len(broken) + 1) // 2
        _evaluate(validator, broken[:middle])
        _evaluate(validator, broken[middle:])


def _fill(validator: Validator, tasks: list[_Task]) -> None:
    by_place = {task.place: task for task in tasks}
    try:
        results = validator.graph_validate(
            [task.configuration for task in tasks],
            runtime_configuration={**_FORMAT, "catch_exceptions": True},
        )
    except Exception as error:  # raised while the graph is built, before any rule could be blamed
        if len(tasks) == 1:
            tasks[0].error = _first_line(error)
        return
    for found in results:
        by_place[found.expectation_config.meta["place"]].found = found


def _raised(info: Any) -> str | None:
    """The message of the first exception, read before anything else in a result."""
    if not info:
        return None
    entries = [info] if "raised_exception" in info else list(info.values())
    for entry in entries:
        if isinstance(entry, Mapping) and entry.get("raised_exception"):
            return _first_line(entry.get("exception_message") or "the rule raised an exception")
    return None


def _first_line(error: Any) -> str:
    if callable(getattr(error, "errors", None)):  # pydantic: name the argument, not the class
        details = {f"{'.'.join(map(str, each['loc'][:1]))}: {each['msg']}" for each in error.errors()}
        return "; ".join(sorted(details))[:_MESSAGE_LENGTH]
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:_MESSAGE_LENGTH]
