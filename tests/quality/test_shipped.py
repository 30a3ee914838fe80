"""What Great Expectations ships is what a suite may name, apart from a short list of exclusions with their reasons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.errors import InputRefused
from quality.suite import Suite
from quality.vocabulary import EXCLUDED, TYPES, camel
from tests.quality.cases import CASES
from tests.quality.cross_cases import CASES as CROSS_CASES
from tests.quality.dealing import dealt

DOCS = Path(__file__).parents[2] / "docs" / "quality.md"


@pytest.fixture(scope="module")
def registry() -> Any:
    """Great Expectations' registry, with our own types in it."""
    from quality.gx.door import opened

    opened()
    from great_expectations.expectations import registry

    return registry


def _shipped(registry: Any) -> set[str]:
    """Types by their files (four of them are never imported, so never registered) and by the registry."""
    import great_expectations.expectations.core as core

    files = {path.stem for path in Path(str(core.__file__)).parent.glob("*.py")} - {"__init__"}
    classes = {
        name: registry.get_expectation_impl(name)
        for name in registry.list_registered_expectation_implementations()
    }
    return files | {name for name, each in classes.items() if not each.__module__.startswith("quality.")}


@pytest.mark.gx
def test_every_shipped_type_may_be_used_or_is_excluded_by_name(registry: Any) -> None:
    shipped = _shipped(registry)
    assert shipped - set(EXCLUDED) == set(TYPES) & shipped
    assert set(EXCLUDED) <= shipped
    assert set(EXCLUDED).isdisjoint(TYPES)
    for name in set(TYPES) - shipped:
        assert registry.get_expectation_impl(name).__module__.startswith("quality.")


@pytest.mark.gx
def test_what_is_said_never_to_run_cannot_run_in_great_expectations(registry: Any) -> None:
    from importlib import import_module

    never = [name for name, each in EXCLUDED.items() if each.code == "never-runs"]
    assert len(never) == 5
    for name in never:
        module = import_module(f"great_expectations.expectations.core.{name}")
        (kind,) = (each for label, each in vars(module).items() if label.lower() == camel(name).lower())
        if name == "expect_multicolumn_values_to_be_unique":
            assert kind.map_metric is None
            assert not any(
                metric.startswith("multicolumn_values.unique") for metric in registry._registered_metrics
            )
        else:
            with pytest.raises((NotImplementedError, TypeError)):
                kind(column="a")


@pytest.mark.parametrize(
    "name", [*EXCLUDED, *map(camel, EXCLUDED), "ExpectColumnChiSquareTestPValueToBeGreaterThan"]
)
def test_an_excluded_type_is_refused_with_its_own_reason(name: str) -> None:
    with pytest.raises(InputRefused) as refused:
        Suite.from_data({"expectations": [{"type": name, "kwargs": {"column": "a"}}]})
    (reason,) = refused.value.reasons
    assert reason.code in {"needs-second-table", "never-runs"}
    assert "does not exist" not in reason.text.en


def test_the_documented_table_of_exclusions_is_whole() -> None:
    told = DOCS.read_text(encoding="utf-8")
    assert [name for name in EXCLUDED if f"| `{name}` |" not in told] == []


def test_random_comparisons_deal_every_type_in_every_run() -> None:
    piles = dealt(CASES, 2)
    assert sorted(name for pile in piles for name in pile) == sorted({name for name, _ in CASES})
    assert {name for name, _ in (*CASES, *CROSS_CASES)} == set(TYPES)
    assert all(len(pile) <= 40 for pile in piles)
