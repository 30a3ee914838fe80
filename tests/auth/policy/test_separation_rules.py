"""Segregation of duties rule by rule: who did what before, as himself, for another, or by a deputy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from auth.policy import separation
from auth.policy.separation import DECISIONS, REVIEWS, SIGNS, SUSPENSIONS, Doer, Past
from core.errors import Reason

ME = Doer("me", frozenset({"bureau"}), frozenset({"deputy"}))
BY_ME = (
    {"person_id": "me"},
    {"person_id": "deputy"},
    {"person_id": "clerk", "for_person": "me"},
    {"person_id": "clerk", "for_person": "deputy"},
)
BY_OTHERS = ({"person_id": "other"}, {"person_id": "other", "for_person": "another"})


def _past(step: str, by: dict[str, str], org: str | None = "elsewhere") -> Past:
    return Past(step, by["person_id"], org, by.get("for_person", ""))


def _codes(found: Iterator[Reason]) -> list[str]:
    said = list(found)
    for each in said:
        assert each.text.zh
        assert each.text.en
        assert each.basis.endswith(f"({each.code[-1]})")
    return [each.code for each in said]


Rule = Callable[[Doer, list[Past]], Iterator[Reason]]
ON_THE_APPLICANT: Rule = lambda doer, past: separation.not_of_the_applicant(doer, "insurer", past)  # noqa: E731
RULES: tuple[tuple[int, Rule, frozenset[str]], ...] = (
    (2, separation.reviewer_does_not_decide, REVIEWS),
    (2, separation.decider_does_not_review, DECISIONS),
    (5, separation.suspender_does_not_resume, SUSPENSIONS),
    (1, ON_THE_APPLICANT, separation.APPLICANT_SIDE),
)


@pytest.mark.parametrize(("rule", "judge", "steps"), RULES)
def test_what_one_did_by_whatever_hand_keeps_him_from_the_other_part(
    rule: int, judge: Rule, steps: frozenset[str]
) -> None:
    for step in steps:
        for by in BY_ME:
            assert _codes(judge(ME, [_past(step, by)])) == [f"separation-of-duties-{rule}"], (step, by)
        for by in BY_OTHERS:
            assert _codes(judge(ME, [_past(step, by)])) == [], (step, by)
    assert _codes(judge(ME, [_past("something-else", {"person_id": "me"})])) == []
    assert _codes(judge(ME, [])) == []


def test_whoever_belongs_or_belonged_to_the_applicant_neither_reviews_nor_decides() -> None:
    def judged(doer: Doer, *past: Past) -> list[str]:
        return _codes(separation.not_of_the_applicant(doer, "insurer", past))

    assert judged(Doer("me", frozenset({"bureau", "insurer"}))) == ["separation-of-duties-1"]
    assert judged(ME, _past("note", {"person_id": "me"}, "insurer")) == ["separation-of-duties-1"]
    assert judged(ME, _past("note", {"person_id": "other"}, "insurer")) == []


def test_the_latest_suspension_alone_counts_for_who_resumes() -> None:
    mine, others = _past("suspend", {"person_id": "me"}), _past("suspend", {"person_id": "other"})
    assert _codes(separation.suspender_does_not_resume(ME, [mine, others])) == []
    assert _codes(separation.suspender_does_not_resume(ME, [others, mine])) == ["separation-of-duties-5"]


@pytest.mark.parametrize(
    ("doer", "signed", "distinct", "told"),
    [
        (ME, [], True, ""),
        (ME, [Past("propose", "other", "parks")], True, ""),
        (ME, [Past("propose", "other", "bureau")], True, "different departments;"),
        (ME, [Past("propose", "other", "parks", "another", "bureau")], True, "different departments;"),
        (ME, [Past("propose", "other", "bureau")], False, ""),
        (ME, [Past("propose", "other", None)], True, "names no department"),
        (ME, [Past("propose", "other", None)], False, ""),
        (ME, [Past("propose", "other", None, "another", "parks")], True, ""),
        (ME, [Past("propose", "other", "parks"), Past("concur", "other", None)], True, "names no department"),
        (ME, [Past("propose", "me", "parks")], True, "You have signed"),
        (ME, [Past("propose", "clerk", "parks", "deputy")], False, "You have signed"),
        (Doer("me", frozenset()), [Past("propose", "other", "parks")], True, "belongs to none"),
        (Doer("me", frozenset()), [Past("propose", "other", "parks")], False, ""),
    ],
)
def test_two_approvers_are_two_and_of_two_departments_where_that_is_asked(
    doer: Doer, signed: list[Past], distinct: bool, told: str
) -> None:
    found = list(separation.approvers_are_distinct(doer, signed, distinct_departments=distinct))
    assert [each.code for each in found] == (["separation-of-duties-3"] if told else [])
    assert all(told in each.text.en for each in found)


@pytest.mark.parametrize(
    ("orgs", "distinct", "codes"),
    [([None, ""], True, ["separation-of-duties-3"]), ([], True, ["separation-of-duties-3"]), ([None, "parks"], True, []), ([None], False, [])],
)  # fmt: skip
def test_the_first_signature_is_given_for_a_department(
    orgs: list[str | None], distinct: bool, codes: list[str]
) -> None:
    assert _codes(separation.signs_for_a_department(orgs, distinct_departments=distinct)) == codes


@pytest.mark.parametrize(("approvers", "codes"), [(["other"], []), ([], []), (["other", "me"], ["separation-of-duties-4"]), (["deputy"], ["separation-of-duties-4"])])  # fmt: skip
def test_whoever_approved_does_not_activate(approvers: list[str], codes: list[str]) -> None:
    assert _codes(separation.approver_does_not_activate(ME, approvers)) == codes


def test_the_steps_that_the_rules_are_about_are_steps_of_the_case() -> None:
    from auth.applications.workflow import Step
    from auth.grants.workflow import Step as GrantStep

    known: set[Any] = {step.value for step in Step} | {step.value for step in GrantStep}
    assert known >= SIGNS
    assert known | {"dissent"} >= DECISIONS
