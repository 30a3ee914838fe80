"""What the gate says about small tables whose answer is known."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quality.engine import run_suite
from quality.suite import Suite
from quality.troubles import trouble
from quality.verdict import EngineName, Outcome, Verdict

pytestmark = pytest.mark.gx
ENGINES: tuple[EngineName, ...] = ("duckdb", "pandas")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> EngineName:
    name: EngineName = request.param
    return name


def _judge(
    folder: Path, engine: EngineName, columns: dict[str, pa.Array], *rules: dict[str, Any], **options: Any
) -> Verdict:
    path = folder / "table.parquet"
    pq.write_table(pa.table(columns), path)
    return run_suite(
        Suite.from_data({"name": "s", "expectations": list(rules)}), path, engine=engine, **options
    )


def _rule(name: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"type": name, "kwargs": kwargs, "severity": severity}


def _only(verdict: Verdict) -> Outcome:
    (outcome,) = verdict.expectations
    return outcome


CODES = {"code": pa.array(["A", None, "B", "B"]), "__row__": pa.array([11, 12, 13, 14])}


@pytest.mark.slow
def test_failing_rows_are_told_by_the_key_columns_too(tmp_path: Path, engine: EngineName) -> None:
    """The rule's own columns go before the dataset's; a query's rows are told as well; columns that lack are passed over."""
    table = CODES | {
        "id": pa.array(["p", "q", "r", "s"]), "day": pa.array([date(2024, 1, 1), None, date(2024, 1, 3), date(2024, 1, 4)]),
        "fee": pa.array([Decimal("1.50")] * 4),
    }  # fmt: skip
    own = {"result_format": "COMPLETE", "unexpected_index_column_names": ["day", "fee"]}
    verdict = _judge(
        tmp_path, engine, table,
        _rule("expect_column_values_to_be_unique", column="code"),
        _rule("expect_column_values_to_not_be_null", column="code", result_format=own),
        _rule("unexpected_rows_expectation", unexpected_rows_query="SELECT * FROM {batch} WHERE code IS NULL"),
        _rule("expect_column_values_to_not_be_null", column="id"),
        _rule("expect_column_max_to_be_between", column="fee", max_value=1),
        keys=["id", "gone"],
    )  # fmt: skip
    assert [each.failing_keys for each in verdict.expectations] == [
        [{"id": "r"}, {"id": "s"}], [{"day": None, "fee": "1.50"}], [{"id": "q"}], [], [],
    ]  # fmt: skip


def test_a_key_column_that_the_table_lacks_is_an_error_of_its_rule(
    tmp_path: Path, engine: EngineName
) -> None:
    own = {"unexpected_index_column_names": ["gone"]}
    rule = _rule("expect_column_values_to_not_be_null", column="code", result_format=own)
    outcome = _only(_judge(tmp_path, engine, CODES, rule))
    assert (outcome.outcome, "gone" in str(outcome.error)) == ("error", True)


def test_failing_rows_carry_the_row_keys_of_the_table(tmp_path: Path, engine: EngineName) -> None:
    outcome = _only(
        _judge(tmp_path, engine, CODES, _rule("expect_column_values_to_be_unique", column="code"))
    )
    assert (outcome.outcome, outcome.element_count, outcome.unexpected_count) == ("failed", 4, 2)
    assert (outcome.failing_rows, outcome.examples) == ([13, 14], ["B", "B"])
    assert outcome.unexpected_percent == pytest.approx(200 / 3)


def test_without_row_keys_failing_rows_are_positions_from_one(tmp_path: Path, engine: EngineName) -> None:
    outcome = _only(
        _judge(
            tmp_path,
            engine,
            {"code": CODES["code"]},
            _rule("expect_column_values_to_not_be_null", column="code"),
        )
    )
    assert outcome.failing_rows == [2]


def test_the_row_key_is_not_a_column_of_the_table(tmp_path: Path, engine: EngineName) -> None:
    verdict = _judge(
        tmp_path,
        engine,
        CODES,
        _rule("expect_table_columns_to_match_ordered_list", column_list=["code"]),
        _rule("expect_table_column_count_to_equal", value=1),
        _rule("expect_column_to_exist", column="__row__"),
    )
    assert [each.outcome for each in verdict.expectations] == ["passed", "passed", "failed"]


def test_a_rule_that_could_not_run_is_an_error_and_outweighs_a_failure(
    tmp_path: Path, engine: EngineName
) -> None:
    verdict = _judge(
        tmp_path,
        engine,
        CODES,
        _rule("expect_column_values_to_not_be_null", column="code"),
        _rule("expect_column_values_to_not_be_null", column="missing", severity="info"),
        _rule("expect_column_mean_to_be_between", column="code", min_value=1),
    )
    assert verdict.verdict == "error"
    assert [each.outcome for each in verdict.expectations] == ["failed", "error", "error"]
    assert "missing" in (verdict.expectations[1].error or "")


@pytest.mark.parametrize(
    ("severity", "verdict"), [("critical", "failed"), ("warning", "passed"), ("info", "passed")]
)
def test_only_critical_failures_block(tmp_path: Path, severity: str, verdict: str) -> None:
    found = _judge(
        tmp_path, "duckdb", CODES, _rule("expect_column_values_to_not_be_null", severity, column="code")
    )
    assert (found.verdict, _only(found).outcome) == (verdict, "failed")
    assert [each.severity for each in found.warnings] == (["warning"] if severity == "warning" else [])


def test_whole_numbers_beyond_two_to_the_53_stay_exact(tmp_path: Path, engine: EngineName) -> None:
    columns = {"id": pa.array([2**53, 2**53 + 1, None], pa.int64())}
    outcome = _only(
        _judge(
            tmp_path,
            engine,
            columns,
            _rule("expect_column_values_to_be_between", column="id", max_value=2**53),
        )
    )
    assert outcome.failing_rows == [2]


def test_decimals_are_compared_exactly(tmp_path: Path, engine: EngineName) -> None:
    columns = {"fee": pa.array([Decimal("1.10"), Decimal("1.11")], pa.decimal128(8, 2))}
    verdict = _judge(
        tmp_path,
        engine,
        columns,
        _rule("expect_column_values_to_be_between", column="fee", min_value=1.1, max_value=1.1),
        _rule("expect_column_values_to_be_in_set", column="fee", value_set=[1.1, 1.11]),
    )
    assert [each.failing_rows for each in verdict.expectations] == [[2], []]
    assert verdict.expectations[0].examples == ["1.11"]


def test_nan_is_a_missing_value(tmp_path: Path, engine: EngineName) -> None:
    columns = {"x": pa.array([1.0, float("nan"), None])}
    outcome = _only(
        _judge(tmp_path, engine, columns, _rule("expect_column_values_to_not_be_null", column="x"))
    )
    assert outcome.failing_rows == [2, 3]


def test_regexes_search_and_know_unicode(tmp_path: Path, engine: EngineName) -> None:
    columns = {"s": pa.array(["车牌粤B12345", "１２３", "abc\n", "a　b"])}
    verdict = _judge(
        tmp_path,
        engine,
        columns,
        _rule("expect_column_values_to_match_regex", column="s", regex=r"\d{3}"),
        _rule("expect_column_values_to_match_regex", column="s", regex=r"^\w+$"),
        _rule("expect_column_values_to_not_match_regex", column="s", regex=r"\s\w"),
        _rule("expect_column_values_to_match_regex", column="s", regex=r"(?!.*abc)."),
    )
    assert [each.failing_rows for each in verdict.expectations] == [[3, 4], [4], [4], []]


def test_dates_are_compared_as_dates_and_shown_in_iso_form(tmp_path: Path, engine: EngineName) -> None:
    columns = {"d": pa.array([date(2024, 2, 1), date(2024, 10, 1)])}
    verdict = _judge(
        tmp_path,
        engine,
        columns,
        _rule("expect_column_values_to_be_between", column="d", max_value="2024-9-30"),
        _rule("expect_column_max_to_be_between", column="d", max_value="2024-10-01"),
    )
    assert verdict.expectations[0].examples == ["2024-10-01"]
    assert verdict.expectations[1].outcome == "passed"


def test_examples_and_failing_rows_are_capped_but_counts_are_not(tmp_path: Path, engine: EngineName) -> None:
    columns = {"n": pa.array(range(100))}
    rule = _rule("expect_column_values_to_be_between", column="n", max_value=9)
    outcome = _only(_judge(tmp_path, engine, columns, rule, max_examples=3, max_failing_rows=5))
    assert (outcome.unexpected_count, outcome.examples) == (90, [10, 11, 12])
    assert outcome.failing_rows == [11, 12, 13, 14, 15]


def test_a_query_that_selects_no_row_key_is_matched_by_its_rows(tmp_path: Path, engine: EngineName) -> None:
    columns = {**CODES, "n": pa.array([1, 2, 3, 4])}
    query = "SELECT code, n FROM {batch} WHERE n > 2"
    outcome = _only(
        _judge(tmp_path, engine, columns, _rule("unexpected_rows_expectation", unexpected_rows_query=query))
    )
    assert (outcome.unexpected_count, outcome.failing_rows) == (2, [13, 14])


def test_a_query_reaches_nothing_but_the_table(tmp_path: Path, engine: EngineName) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    query = f"SELECT * FROM read_csv('{secret}'), {{batch}}"
    outcome = _only(
        _judge(tmp_path, engine, CODES, _rule("unexpected_rows_expectation", unexpected_rows_query=query))
    )
    assert outcome.outcome == "error"


def test_a_query_that_takes_for_ever_is_stopped_and_the_others_go_on(
    tmp_path: Path, engine: EngineName
) -> None:
    """Rows asked for by hand: 10^12, which would take hours."""
    rules = [
        _rule("unexpected_rows_expectation", unexpected_rows_query=query)
        for query in (
            "SELECT * FROM {batch}, range(1000000) a, range(1000000) b WHERE hash(a.range, b.range) = 0",
            "SELECT * FROM {batch} WHERE code = 'A'",
        )
    ]
    slow, quick = _judge(tmp_path, engine, CODES, *rules, query_seconds=0.3).expectations
    assert (slow.outcome, quick.outcome, quick.failing_rows) == ("error", "failed", [11])
    said = trouble(str(slow.error))
    assert "longer than 0.3 s" in said.en
    assert said.zh.startswith("查询超过 0.3 秒，已停止")


@pytest.mark.parametrize(
    ("query", "outcome"),
    [
        ("SELECT * FROM {batch} WHERE regexp_matches(code, '^[AB]{{2}}$')", "passed"),
        ("SELECT * FROM {batch} WHERE regexp_matches(code, '^[AB]{{1}}$')", "failed"),
        ("SELECT * FROM {batch} -- {batch:>60000000}", "error"),
        ("SELECT * FROM {batch} -- {batch.__class__}", "error"),
        ("SELECT * FROM {batch} -- {batch!r}", "error"),
        ("SELECT * FROM {batch} -- {0}", "error"),
        ("SELECT * FROM {batch} -- {other}", "error"),
    ],
)
def test_a_query_is_filled_in_and_not_formatted(
    tmp_path: Path, engine: EngineName, query: str, outcome: str
) -> None:
    """A field's width would make text of any size: nothing but the table's own mark is filled in."""
    found = _only(
        _judge(tmp_path, engine, CODES, _rule("unexpected_rows_expectation", unexpected_rows_query=query))
    )
    assert (found.outcome, "lone brace" in (found.error or "")) == (outcome, outcome == "error")


def test_mostly_forgives_a_share_of_the_values(tmp_path: Path, engine: EngineName) -> None:
    verdict = _judge(
        tmp_path,
        engine,
        CODES,
        _rule("expect_column_values_to_not_be_null", column="code", mostly=0.75),
        _rule("expect_column_values_to_not_be_null", column="code", mostly=0.76),
    )
    assert [each.outcome for each in verdict.expectations] == ["passed", "failed"]
    assert verdict.expectations[0].failing_rows == [12]


def test_one_broken_rule_does_not_spoil_the_others(tmp_path: Path, engine: EngineName) -> None:
    query = "SELECT nonsense FROM {batch}"
    verdict = _judge(
        tmp_path,
        engine,
        {"n": pa.array([1, 2, 3])},
        _rule("unexpected_rows_expectation", unexpected_rows_query=query),
        _rule("expect_column_mean_to_be_between", column="n", min_value=2, max_value=2),
        _rule("expect_column_values_to_be_unique", column="n"),
    )
    assert [each.outcome for each in verdict.expectations] == ["error", "passed", "passed"]


def test_progress_is_told_rule_by_rule(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    rules = [
        _rule("expect_column_values_to_not_be_null", column="code"),
        _rule("expect_table_row_count_to_equal", value=4),
    ]
    _judge(tmp_path, "duckdb", CODES, *rules, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


@pytest.mark.long
def test_a_run_speaks_to_nobody_outside_and_prints_nothing(tmp_path: Path) -> None:
    """In a process of its own, with every way out closed: no telemetry, no progress bars, no chatter."""
    pq.write_table(pa.table(CODES), tmp_path / "t.parquet")
    code = f"""
import socket, sys
def refuse(*_): raise SystemExit("somebody opened a connection")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from pathlib import Path
from quality.engine import run_suite
from quality.suite import Suite
from quality.troubles import trouble
rule = {{"type": "expect_column_values_to_be_unique", "kwargs": {{"column": "code"}}}}
for engine in ("duckdb", "pandas"):
    assert run_suite(Suite.from_data({{"expectations": [rule]}}), Path({str(tmp_path / "t.parquet")!r}), engine=engine).verdict == "failed"
"""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_memory_is_bounded_by_spilling(tmp_path: Path) -> None:
    rows = 400_000
    columns = {
        "a": pa.array([f"name-{n % 399_999}" for n in range(rows)]),
        "b": pa.array([n % 399_999 for n in range(rows)]),
    }
    rule = _rule("expect_compound_columns_to_be_unique", column_list=["a", "b"])
    outcome = _only(_judge(tmp_path, "duckdb", columns, rule, memory_limit_mb=40))
    assert (outcome.outcome, outcome.error, outcome.failing_rows) == ("failed", None, [1, 400_000])


@pytest.mark.parametrize("last", [1, 4998, 4999, 5000, None])
def test_a_repeat_at_the_end_of_a_climbing_column_is_found(
    tmp_path: Path, engine: EngineName, last: int | None
) -> None:
    table = {"id": pa.array([*range(5000), last]), "same": pa.array([7] * 5001)}
    verdict = _judge(
        tmp_path,
        engine,
        table,
        _rule("expect_column_values_to_be_unique", column="id"),
        _rule("expect_compound_columns_to_be_unique", column_list=["same", "id"]),
    )
    again = [last + 1, 5001] if last in (1, 4998, 4999) else []
    assert [each.failing_rows for each in verdict.expectations] == [again, again]


@pytest.mark.parametrize(
    "values", [[1.0, 2.0, 3.0, 4.0, float("inf")], [float("-inf"), 1.0, 2.0, 3.0, 4.0], [5.0]]
)
def test_quartiles_beside_infinite_values_are_the_same_on_both_engines(
    tmp_path: Path, values: list[float]
) -> None:
    table = tmp_path / "t.parquet"
    pq.write_table(pa.table({"n": values}), table)
    rule = {"type": "expect_column_values_to_not_be_outliers", "kwargs": {"column": "n"}}
    suite = Suite.from_data({"name": "s", "expectations": [rule]})
    found = [run_suite(suite, table, engine=engine).expectations[0] for engine in ("duckdb", "pandas")]
    assert len({(each.outcome, each.unexpected_count) for each in found}) == 1
