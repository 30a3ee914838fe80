"""Attacks on private answers, with unlimited wit and the budget that there is: none gains more than the caps say.

The measure of gain: how well an attacker tells whether one contributor is in the data. With a total epsilon spent, no attack can
have odds beyond exp(epsilon); over many trials its hits stay within what chance and that bound allow.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from api.house import House
from datasets.queries.private.noise import noisy
from datasets.queries.private.rules import Part
from tests.datasets.queries.scene import QueryScene, a_query_scene, figures, stays
from tests.people import a_person

OWNER_7 = {"op": "in", "column": "stay_id", "values": ["S7-0", "S7-1"]}
NOT_7 = {"op": "not", "arg": OWNER_7}


@pytest.fixture
def scene(sqlite_house: House) -> QueryScene:
    made = a_query_scene(sqlite_house)
    made.caps()
    return made


def _until_refused(ask: Any) -> tuple[list[int], list[str]]:
    """Ask in ever new words until the budget refuses."""
    told: list[int] = []
    for n in range(200):
        codes = ask(n, told)
        if codes:
            return told, codes
    raise AssertionError("the budget never ended")


def test_averaging_in_other_words_ends_with_the_budget(scene: QueryScene) -> None:
    """Each wording is another question; all of them together spend what the account has, and no more."""

    def ask(n: int, told: list[int]) -> list[str]:
        padding = {"op": "ne", "column": "stay_id", "value": f"nobody-{n}"}  # true of every row
        where = {"op": "and", "args": [OWNER_7, padding]}
        if codes := scene.private_code(where=where, epsilon_micro=250_000):
            return codes
        told.append(figures(scene.private(where=where, epsilon_micro=250_000))[None])  # told before: free
        return []

    told, codes = _until_refused(ask)
    assert (len(told), set(codes)) == (6, {"budget-exhausted"})  # 1.5 of the account, 0.25 each
    assert scene.budget().spent_micro == 1_500_000


def test_colluding_accounts_and_grants_of_an_organisation_share_one_budget(scene: QueryScene) -> None:
    other = scene.grants(columns=[{"name": "day", "reason": "另一场景的停车统计", "use": "plain"}], forms=["query_dp"], scenario_id="parking", purposes=["risk-pricing"])  # fmt: skip
    people = [f"colleague{n}" for n in range(4)]
    with scene.house.write() as work:
        for name in people:
            a_person(work, name, "insurer", ["analyst"])
    spent = 0
    for n, who in enumerate(people * 2):
        where = {"op": "le", "column": "day", "value": n}
        given = {"grant_id": other, "scenario_id": "parking"} if n % 2 else {}
        spent += not scene.private_code(who, where=where, **given)
    assert spent == 6  # 3.0 of the organisation, 0.5 each
    assert scene.budget().spent_micro == 3_000_000


def test_differencing_trackers_negation_and_a_unique_key_show_noise_only(scene: QueryScene) -> None:
    """All are answered: each answer has noise of its own, and nothing tells how much."""
    whole = figures(scene.private())[None]
    without = figures(scene.private(where=NOT_7))[None]
    alone = figures(scene.private(where=OWNER_7))[None]
    assert all(isinstance(each, int) for each in (whole, without, alone))
    nobody = scene.private_code(where={"op": "eq", "column": "stay_id", "value": "nobody"})
    assert set(nobody) == {"budget-exhausted"}  # the account's end, whoever the question is about


def test_empty_and_small_groups_have_numbers_like_any_other(scene: QueryScene) -> None:
    told = [
        figures(scene.private(measure={"kind": "histogram", "column": "lot"}, where={"op": "ne", "column": "stay_id", "value": f"n{n}"}))
        for n in range(3)
    ]  # fmt: skip
    assert all([*each] == ["A", "B", "C", "D", "E"] for each in told)
    assert len({each["E"] for each in told} | {each["D"] for each in told}) > 1


@pytest.mark.parametrize("attack", ["differencing", "averaging", "tracker"])
def test_no_attack_guesses_better_than_its_epsilon_allows(attack: str) -> None:
    """Whether owner 7 is there, guessed from answers that cost epsilon 1 together; 4,000 trials.

    The best guess anybody can make is right in exp(1) / (1 + exp(1)) = 73 % of the cases.
    """
    trials, rows = 4_000, len(stays())
    rng = np.random.default_rng(7)
    there = rng.integers(0, 2, trials)
    spends = {"differencing": [500_000, 500_000], "averaging": [100_000] * 10, "tracker": [333_333] * 3}[
        attack
    ]
    answers = [np.array(noisy([0] * trials, Part("count", 2, each))) for each in spends]
    present = 2 * there
    if attack == "differencing":  # all − all but owner 7: only one of the two holds them
        guess = (rows + present + answers[0]) - (rows + answers[1]) > 1
    elif attack == "averaging":  # owner 7 alone, in ten wordings
        guess = np.mean([present + each for each in answers], axis=0) > 1
    else:  # pad owner 7 with a large group, less that group, twice over
        guess = (100 + present + answers[0]) + (100 + present + answers[1]) - 2 * (100 + answers[2]) > 2
    right = float(np.mean(guess == (there == 1)))
    assert right <= math.e / (1 + math.e) + 4 * math.sqrt(0.25 / trials)
