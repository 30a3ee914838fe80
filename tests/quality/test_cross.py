"""Rules over a second table and over several rows: what they find, and that both engines find the same."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from quality.data_docs import write_site
from quality.engine import run_suite
from quality.own.datums import to_gcj02, to_wgs84
from quality.references import References, wanted_by
from quality.verdict import EngineName, Outcome, Verdict, statistics
from tests.quality.cross_cases import CASES, COUNTED, HERE, SINCE, references, suite_of, written
from tests.quality.test_engines_agree import differences

pytestmark = pytest.mark.gx
ENGINES: tuple[EngineName, ...] = ("duckdb", "pandas")
both_engines = pytest.mark.parametrize("engine", ENGINES)
EXISTS = ("expect_column_values_to_exist_in_dataset", {"column": "lot", "dataset": "MASTER"})
GROWS = ("expect_counters_to_grow_since_last_release", {"keys": ["lot"], "column": "n"})
SHRINKS = ("expect_rows_to_agree_with_last_release", {"max_change": 0.1})


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("cross")
    known = references(folder)
    tables = {
        "nasty": HERE,
        "one row": {name: values[:1] for name, values in HERE.items()},
        "empty": {name: values[:0] for name, values in HERE.items()},
        "all missing": {
            name: values if name == "__row__" else pa.nulls(len(values), values.type) for name, values in HERE.items()
        },
    }  # fmt: skip

    @cache
    def judge(table: str, engine: EngineName) -> list[Outcome]:
        path = written(folder, table, tables[table])
        return run_suite(suite_of(CASES), path, engine=engine, references=known).expectations

    return judge


@pytest.mark.slow
@pytest.mark.parametrize(
    "table",
    [
        "nasty",
        *(pytest.param(table, marks=pytest.mark.long) for table in ("one row", "empty", "all missing")),
    ],
)
def test_both_engines_agree_on_rules_over_a_second_table(table: str, judged: Any) -> None:
    found = differences(CASES, judged(table, "duckdb"), judged(table, "pandas"))
    assert not found, "\n".join(found)


def test_the_failing_rows_are_those_that_break_the_rule(judged: Any) -> None:
    outcomes = judged("nasty", "duckdb")[: len(COUNTED)]
    found = [
        f"{name} {kwargs}: {each.error or each.failing_rows}, not {wanted}"
        for (name, kwargs, wanted), each in zip(COUNTED, outcomes, strict=True)
        if (None if each.outcome == "error" else each.failing_rows) != wanted
    ]
    assert not found, "\n".join(found)


def test_growth_and_loss_since_the_last_release_are_counted(judged: Any) -> None:
    for (_, _, seen, outcome), each in zip(SINCE, judged("nasty", "duckdb")[len(COUNTED) :], strict=True):
        assert (each.outcome, each.observed_value or {}) == (outcome, seen)


@both_engines
def test_a_second_table_that_cannot_be_had_is_an_error_in_both_languages(
    engine: EngineName, tmp_path: Path
) -> None:
    suite = suite_of([EXISTS, GROWS, SHRINKS])
    verdict = run_suite(suite, written(tmp_path, "t", HERE), engine=engine)
    assert [each.outcome for each in verdict.expectations] == ["error"] * 3
    assert all("请一并给出" in str(each.error) for each in verdict.expectations)
    assert "No data of MASTER were handed in" in str(verdict.expectations[0].error)
    assert verdict.verdict == "error"


@both_engines
def test_before_the_first_release_there_is_nothing_to_fall_behind(engine: EngineName, tmp_path: Path) -> None:
    known = References(knows_last=True)
    verdict = run_suite(
        suite_of([GROWS, SHRINKS]), written(tmp_path, "t", HERE), engine=engine, references=known
    )
    assert [each.outcome for each in verdict.expectations] == ["passed", "passed"]
    assert [each.observed_value for each in verdict.expectations] == [
        {"last_release": None},
        {"rows": 10, "last_rows": None},
    ]


@both_engines
def test_one_release_may_be_compared_with_twice(engine: EngineName, tmp_path: Path) -> None:
    """A dataset that names itself: its current release is its last one too."""
    last = references(tmp_path).last()
    assert last is not None
    known = References({"HERE": last}, last_release=last, knows_last=True)
    rules = [("expect_column_values_to_exist_in_dataset", {"column": "lot", "dataset": "HERE"}), GROWS]
    found = run_suite(suite_of(rules), written(tmp_path, "t", HERE), engine=engine, references=known)
    assert [each.failing_rows for each in found.expectations] == [[15, 16, 18], [11, 19]]


def test_the_verdict_names_what_was_compared_with(tmp_path: Path) -> None:
    verdict = run_suite(suite_of([EXISTS]), written(tmp_path, "t", HERE), references=references(tmp_path))
    used = {each.name: each for each in verdict.references}
    assert (used["MASTER"].release_id, used["MASTER"].number, used["MASTER"].sha256) == (
        "r-MASTER",
        1,
        "0" * 64,
    )
    assert used["HERE"].kind == "last_release"
    assert used["data_level"].version == "2026-01-01"


@both_engines
def test_a_query_of_the_suite_sees_no_second_table(engine: EngineName, tmp_path: Path) -> None:
    known = references(tmp_path)
    prying = [
        ("unexpected_rows_expectation", {"unexpected_rows_query": query})
        for query in (
            "SELECT o.* FROM other_0 AS o, {batch}",
            f"SELECT * FROM read_parquet('{known.tables['MASTER'].path}'), {{batch}}",
            "SELECT sql FROM duckdb_views() WHERE sql LIKE '%other%' AND EXISTS (FROM {batch})",
        )
    ]
    found = run_suite(
        suite_of([EXISTS, *prying]), written(tmp_path, "t", HERE), engine=engine, references=known
    )
    assert [each.outcome for each in found.expectations] == ["failed", "error", "error", "passed"]


def test_examples_hold_only_what_the_batch_itself_holds(judged: Any) -> None:
    for each in judged("nasty", "duckdb"):
        own = set(HERE)
        for example in each.examples:
            assert not isinstance(example, dict) or set(example) <= own


def test_points_that_fit_no_area_are_said_to_look_like_something(judged: Any) -> None:
    place = next(i for i, (name, _) in enumerate(CASES) if name == "expect_coordinates_to_fit_crs")
    assert judged("nasty", "duckdb")[place].observed_value == {
        "likely_elsewhere": 1, "likely_projected": 1, "likely_swapped": 1, "looked_at": 6,
    }  # fmt: skip


def test_data_docs_can_draw_every_rule_of_ours(judged: Any, tmp_path: Path) -> None:
    ours = [
        ("expect_coordinates_to_lie_in_area", {"longitude": "lon", "latitude": "lat", "area": [0, 0, 1, 1]}),
        ("expect_groups_to_hold_at_least_k_rows", {"column_list": ["lot"], "k": 2}),
        ("expect_column_values_to_be_fresh", {"column": "day", "max_age": "P1D"}),
    ]
    more = [Outcome(type=name, kwargs=kwargs, outcome="passed", observed_value=1) for name, kwargs in ours]
    told = [*judged("nasty", "duckdb"), *more]
    verdict = Verdict(
        verdict="error", engine="duckdb", gx_version="1", rows=10, expectations=told, statistics=statistics(told)
    )  # fmt: skip
    write_site(
        verdict, tmp_path / "site.zip", name="ours", run="r", given_at=datetime(2026, 3, 1, tzinfo=UTC)
    )
    assert (tmp_path / "site.zip").stat().st_size > 0


def test_a_shift_to_the_web_map_is_undone_to_the_metre() -> None:
    for point in ((114.5, 22.6), (121.4737, 31.2304), (87.6, 43.8)):
        shifted = to_gcj02(*point)
        away = max(abs(one - other) for one, other in zip(point, shifted, strict=True))
        assert 0.0005 < away < 0.01
        assert to_wgs84(*shifted, "GCJ-02") == pytest.approx(point, abs=1e-6)
    assert to_gcj02(2.35, 48.85) == (2.35, 48.85)


def test_a_suite_says_what_must_be_looked_up() -> None:
    found = wanted_by(
        suite_of(
            [
                EXISTS,
                EXISTS,
                GROWS,
                ("expect_column_values_to_be_in_code_list", {"column": "a", "code_list": "crs"}),
            ]
        ).expectations
    )
    assert (found.datasets, found.code_lists, found.last_release) == (("MASTER",), (("crs", None),), True)
    assert not wanted_by([])
