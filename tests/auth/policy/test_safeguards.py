"""Where a grant is stricter than the policy profile: the stricter of both holds, whichever it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from auth.policy.limits import limits
from auth.policy.model import DeliveryForm, Safeguards
from auth.policy.safeguards import objections, within
from auth.policy.wording import SAFEGUARDS, safeguard_in_words, safeguards_in_words


def test_without_safeguards_the_profile_holds_as_it_is() -> None:
    assert within(limits(), Safeguards()) is limits()
    assert Safeguards().said() == {}


@given(st.integers(2, 100))
def test_the_larger_least_group_holds_for_figures_and_for_small_cells(least: int) -> None:
    held = within(limits(), Safeguards(min_group=least))
    for key in ("query_min_group", "small_cell_min_rows"):
        assert held[key] == max(limits()[key], least)
    assert held["query_dp_epsilon_most"] == limits()["query_dp_epsilon_most"]


@given(st.integers(1, 5_000_000))
def test_the_smaller_epsilon_of_one_question_holds(most: int) -> None:
    held = within(limits(), Safeguards(epsilon_each_micro=most))
    assert held["query_dp_epsilon_most"] == min(limits()["query_dp_epsilon_most"], most)
    assert held["query_min_group"] == limits()["query_min_group"]


@pytest.mark.parametrize("form", list(DeliveryForm))
@pytest.mark.parametrize("asked", [1, 2])
def test_the_larger_number_of_reviewers_holds_at_every_level(form: DeliveryForm, asked: int) -> None:
    held = within(limits(), Safeguards(checkers=asked))
    for level in (*limits().levels, 99):
        assert held.checkers(level, form) == max(limits().checkers(level, form), asked)
    assert limits().checkers(1, "extract_csv") == 0, "nothing of it stays behind"


@pytest.mark.parametrize(
    "bad",
    [{"min_group": 1}, {"checkers": 0}, {"checkers": 3}, {"epsilon_micro": 0}, {"epsilon_each_micro": -1}, {"watermark": "perhaps"}, {"else": 1}],
)  # fmt: skip
def test_what_is_no_safeguard_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Safeguards.model_validate(bad)


def test_an_epsilon_that_leaves_no_question_is_refused_with_the_least() -> None:
    least = limits()["query_dp_epsilon_least"]
    fits = Safeguards(epsilon_micro=least, epsilon_each_micro=least)
    assert list(objections("DP-1", fits, limits())) == []
    found = list(objections("DP-1", Safeguards(epsilon_micro=least - 1, epsilon_each_micro=1), limits()))
    assert [each.code for each in found] == ["safeguard-leaves-nothing"] * 2
    assert all(f"{least / 1_000_000:g}" in text for each in found for text in (each.text.zh, each.text.en))


def test_each_is_told_in_both_languages() -> None:
    held = Safeguards(min_group=20, checkers=2, epsilon_micro=2_500_000, epsilon_each_micro=50_000, watermark=True)  # fmt: skip
    assert set(held.said()) == set(SAFEGUARDS) == set(Safeguards.model_fields)
    assert [value.en for _, value in safeguards_in_words(held)] == [
        "20 or more", "2 or more", "epsilon 2.5", "epsilon 0.05", "required, or nothing leaves",
    ]  # fmt: skip
    assert safeguard_in_words("min_group", None).zh == "按策略配置"
