"""Who may review an output, what findings and votes come to: every case of the tables."""

from __future__ import annotations

import itertools

import pytest

from auth.policy.limits import limits
from auth.profile.model import shipped
from core.errors import TransitionRefused
from core.text import Text
from datasets.outputs import rules
from datasets.outputs.rules import WEIGHTS, Finding, Parties, Vote, Weight
from datasets.outputs.workflow import MOVES, OutputState, OutputStep, advance

PARTIES = Parties("asked", frozenset({"started"}), frozenset({"approved", "concurred"}), "insurer")


@pytest.mark.parametrize(
    ("person", "orgs", "code"),
    [
        ("asked", {"bureau"}, "requester-may-not-check"),
        ("started", {"bureau"}, "requester-may-not-check"),
        ("approved", {"bureau"}, "approver-may-not-check"),
        ("concurred", {"parks"}, "approver-may-not-check"),
        ("other", {"bureau", "insurer"}, "receiver-may-not-check"),
        ("voted", {"bureau"}, "second-person-missing"),
    ],
)
def test_who_stands_too_near_does_not_review(person: str, orgs: set[str], code: str) -> None:
    found = rules.people_objections({person, "a deputy of his"}, orgs, PARTIES, [Vote("voted", True)])
    assert [each.code for each in found] == [code]


def test_anybody_else_does() -> None:
    assert rules.people_objections({"other"}, {"bureau"}, PARTIES, [Vote("voted", True)]) == ()


def _finding(code: str) -> dict[str, object]:
    return Finding(code, "c", 1, Text("有", "there")).as_json()


@pytest.mark.parametrize("code", [*WEIGHTS, "never-heard-of"])
def test_what_a_finding_does(code: str) -> None:
    weight = WEIGHTS.get(code, Weight.STOPS)
    bare = [each.code for each in rules.release_objections([_finding(code)], "")]
    with_reason = [each.code for each in rules.release_objections([_finding(code)], "已核对，是座机")]
    assert bare == {Weight.STOPS: [f"output-{code}"], Weight.ASKS: ["note-missing"], Weight.NOTE: []}[weight]
    assert with_reason == ([f"output-{code}"] if weight is Weight.STOPS else [])


@pytest.mark.parametrize("needed", [1, 2])
def test_what_votes_come_to(needed: int) -> None:
    for cast in itertools.chain.from_iterable(
        itertools.product([True, False], repeat=count) for count in range(needed + 1)
    ):
        votes = [Vote(str(at), each) for at, each in enumerate(cast)]
        wanted = (
            OutputStep.VOTE if len(votes) < needed else OutputStep.RELEASE if all(cast) else OutputStep.REFUSE
        )
        assert rules.outcome(votes, needed) is wanted
    assert rules.outcome([], 0) is OutputStep.VOTE  # nobody at all never releases
    assert rules.outcome([Vote("a", True), Vote("a", True)], 2) is OutputStep.VOTE


def test_a_refusal_says_why() -> None:
    for code in rules.REFUSALS:
        assert bool(rules.refusal_objections(code, "")) == (code == "other")
        assert rules.refusal_objections(code, "写明理由") == ()
    assert rules.refusal_objections("because", "写明理由")[0].code == "reason-missing"


@pytest.mark.parametrize("state", list(OutputState))
@pytest.mark.parametrize("step", list(OutputStep))
def test_every_state_and_step(state: OutputState, step: OutputStep) -> None:
    if (state, step) in MOVES:
        assert advance(state, step) is MOVES[state, step].to
    else:
        with pytest.raises(TransitionRefused):
            advance(state, step)


def test_how_many_review_by_level_and_form() -> None:
    assert [limits().checkers(level, "extract_parquet") for level in range(1, 7)] == [0, 1, 1, 2, 2, 2]
    assert limits().checkers(9, "extract_csv") == 2  # an unknown level asks for most
    district = shipped()["district-authorised-operation"].limits()
    assert [district.checkers(level, "extract_csv") for level in (1, 2, 3)] == [0, 1, 2]
    assert rules.missing_review(1, 1) == ()
    assert rules.missing_review(1, 2)[0].code == "output-review-missing"


@pytest.mark.parametrize("kind", ["extract", "view", "enclave"])
@pytest.mark.parametrize("has_looked", [True, False])
def test_only_results_of_the_enclave_must_be_seen_first(kind: str, has_looked: bool) -> None:
    found = [each.code for each in rules.look_objections(kind, has_looked)]
    assert found == (["output-not-looked-at"] if kind == "enclave" and not has_looked else [])
