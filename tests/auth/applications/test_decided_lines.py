"""Who must see a line, and why a decision on it cannot stand: pure rules, one wrong thing, one reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, get_args

import pytest

from auth.applications import rules
from auth.applications.models import ApplicationAsk, LineAsk, LineDecision, Vote
from auth.applications.rules import Approval, PlanLine, Stage
from auth.applications.workflow import ANSWERED, State, state_on
from auth.policy.limits import limits
from auth.policy.serving import Holding
from auth.policy.stages import LevelPlan, StagePlans, StageRule
from auth.roles import Role
from tests.auth.applications.test_rules import ASK, LINE, a_desk, columns, found
from tests.auth.policy.test_decisions import a_policy
from tests.desk import PARKS

ASKED = a_policy()
BUSINESS = StageRule("business", Role.REVIEWER_BUSINESS, 1)
SECURITY = StageRule("security", Role.REVIEWER_SECURITY, 1)
PLANS = StagePlans(
    date(2026, 1, 1),
    "of the test",
    {1: LevelPlan((BUSINESS,), 1, False), 2: LevelPlan((replace(BUSINESS, quorum=2),), 1, True), 3: LevelPlan((BUSINESS, SECURITY), 2, False)},
    (replace(SECURITY, quorum=3),),
)  # fmt: skip
FINE = {"line_id": "l", "outcome": "approve"}
LESS = {"retention_days": ASKED.retention_days - 1}


def _line(id: str, level: int, department: str = "parks", personal: bool = False) -> PlanLine:
    return PlanLine(id, department, level, personal)


def test_each_department_sees_its_own_lines_and_security_sees_last_those_of_high_level() -> None:
    lines = [_line("a", 3), _line("b", 1, "roads"), _line("c", 3, "roads")]
    assert rules.stages(lines, PLANS) == (
        Stage("business:parks", Role.REVIEWER_BUSINESS, "parks", ("a",)),
        Stage("business:roads", Role.REVIEWER_BUSINESS, "roads", ("b", "c")),
        Stage("security", Role.REVIEWER_SECURITY, None, ("a", "c")),
    )


def test_the_highest_quorum_of_the_lines_counts_and_a_line_stands_once_in_a_stage() -> None:
    lines = [_line("a", 1), _line("b", 2), _line("c", 3, personal=True)]
    business, security = rules.stages(lines, PLANS)
    assert (business.line_ids, business.quorum) == (("a", "b", "c"), 2)
    assert (security.line_ids, security.quorum) == (("c",), 3)


@pytest.mark.parametrize(
    ("levels", "wanted"),
    [((), Approval(1)), ((1,), Approval(1)), ((1, 2), Approval(1, True)), ((3, 1), Approval(2)), ((2, 3), Approval(2, True)), ((9,), Approval(2))],
)  # fmt: skip
def test_as_many_decide_as_the_strictest_level_asks_for(levels: tuple[int, ...], wanted: Approval) -> None:
    assert rules.approval([_line(str(level), level) for level in levels], PLANS) == wanted


@pytest.mark.parametrize(
    ("now", "beyond"),
    [
        (_line("a", 1), False),
        (_line("a", 1, personal=True), True),  # nobody of security saw it
        (_line("a", 2), True),  # two votes and two departments
        (_line("a", 3), True),  # security, and two sign
        (_line("b", 3), False),  # as it was
        (_line("b", 3, personal=True), True),  # three votes of security
        (_line("c", 1), True),  # in no stage of the turn
    ],
)
def test_a_plan_is_outgrown_by_what_it_does_not_hold(now: PlanLine, beyond: bool) -> None:
    lines = [_line("a", 1), _line("b", 3)]
    fixed, last = rules.stages(lines, PLANS), rules.approval(lines, PLANS)
    assert rules.outgrown(now, fixed, last, PLANS) is beyond


@pytest.mark.parametrize(
    ("last", "beyond"), [(Approval(1, True), False), (Approval(1), True), (Approval(0, True), True), (Approval(2, True), False)]
)  # fmt: skip
def test_signatures_and_departments_are_part_of_the_plan(last: Approval, beyond: bool) -> None:
    line = _line("a", 2)
    assert rules.outgrown(line, rules.stages([line], PLANS), last, PLANS) is beyond


WORDS = {"public_interest": "惠及公众", "fairness": "一视同仁"}


@pytest.mark.parametrize(
    ("outcomes", "said", "required", "missing"),
    [
        (["approve"], WORDS, True, []),
        (["approve"], {"fairness": "公平的"}, True, ["public_interest", "fairness"]),
        (["reject", "narrow"], {"fairness": " 一视同  "}, True, ["public_interest", "fairness"]),
        (["approve"], {"public_interest": "惠及公众"}, True, ["fairness"]),
        (["reject", "reject"], {}, True, []),
        (["approve"], {}, False, []),
    ],
)
def test_whoever_grants_says_what_it_does_for_the_public_where_that_is_asked(
    outcomes: list[Vote], said: Mapping[str, str], required: bool, missing: list[str]
) -> None:
    told = list(rules.principles_objections(outcomes, said, least=4, required=required))
    assert [each.facts["principle"] for each in told] == missing


@pytest.mark.parametrize(
    ("level", "names", "filtered", "needed"),
    [
        (2, ["venue_id"], None, False),
        (3, ["venue_id"], None, True),
        (2, ["contact_phone"], None, True),
        (2, ["venue_id"], "contact_phone", True),
        (2, ["venue_id"], "rooms", False),
    ],
)
def test_security_sees_high_levels_and_columns_about_people_asked_for_or_filtered_on(
    level: int, names: list[str], filtered: str | None, needed: bool
) -> None:
    where = {"op": "is_null", "column": filtered} if filtered else None
    line = LineAsk.model_validate(LINE | columns(*({"name": name} for name in names)) | {"row_filter": where})
    assert limits()["security_review_from_level"] == 3
    assert rules.needs_security_review(line, replace(PARKS, level=level), limits()) is needed


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"scenario_id": "nowhere"}, ["scenario-unknown"]),
        ({"purposes": []}, ["purpose-unknown"]),
        ({"purposes": ["made-up"]}, ["purpose-unknown"]),
        ({"purposes": ["risk-pricing", "risk-pricing"]}, ["purpose-unknown"]),
        ({"purpose_text": " 用于旅游意外险的分 "}, ["purpose-too-short"]),
        ({"purpose_text": "用于旅游意外险的分区"}, []),
        ({"retention_days": None}, ["retention-missing"]),
        ({"retention_days": limits()["max_retention_days"]}, []),
        ({"retention_days": limits()["max_retention_days"] + 1}, ["retention-missing"]),
        ({"ends_on": date(2031, 3, 1)}, []),
        ({"ends_on": date(2031, 3, 2)}, ["period-too-long"]),
    ],
)
def test_scenario_purpose_and_time_of_an_application(change: dict[str, Any], codes: list[str]) -> None:
    assert [code for code in found(**change) if not code.startswith("licence")] == codes


def test_unknown_purposes_are_named_and_a_missing_one_names_nothing() -> None:
    for purposes, told in ((["made-up"], ("未知：made-up", "unknown: made-up")), ([], ())):
        ask = ApplicationAsk.model_validate(ASK | {"purposes": purposes})
        (said,) = rules.submission_objections(ask, a_desk())
        assert [word in said.text.zh + said.text.en for word in ("未知", "unknown")] == [bool(told)] * 2
        assert all(word in said.text.zh + said.text.en for word in told)


@pytest.mark.parametrize(
    ("line", "changed", "code"),
    [
        ({}, {"open_type": "N"}, "dataset-not-openable"),
        ({}, {"level": 4}, "level-forbids-form"),
        ({"row_filter": {"op": "is_null", "column": "gone"}}, {}, "filter-column-unknown"),
        (columns({"name": "venue_id", "use": "aggregate_only"}), {}, "use-without-form"),
        ({"safeguards": {"epsilon_micro": 1}}, {}, "safeguard-leaves-nothing"),
    ],
)
def test_a_line_that_no_grant_could_cover(line: dict[str, Any], changed: dict[str, Any], code: str) -> None:
    assert code in found(a_desk(assets={PARKS.dataset_id: replace(PARKS, **changed)}), line)


@pytest.mark.parametrize(("reason", "codes"), [("核对编", ["column-without-reason"]), (" 核对编 ", ["column-without-reason"]), ("核对编号", [])])  # fmt: skip
def test_a_reason_for_a_column_has_as_many_characters_as_the_profile_asks(reason: str, codes: list[str]) -> None:  # fmt: skip
    assert found(line={"columns": [{"name": "venue_id", "reason": reason}]}) == codes


def test_what_is_wrong_with_a_line_names_its_dataset_and_column() -> None:
    ask = ApplicationAsk.model_validate(ASK | {"lines": [LINE | columns({"name": "gone"})]})
    (said,) = rules.submission_objections(ask, a_desk())
    assert said.facts == {"dataset": PARKS.dataset_id, "column": "gone"}


@pytest.mark.parametrize(("open_type", "level", "told"), [("U", 1, ["open-anyway"]), ("U", 2, []), ("C", 1, [])])  # fmt: skip
def test_only_what_is_open_to_everybody_needs_no_application(open_type: str, level: int, told: list[str]) -> None:  # fmt: skip
    asset = replace(PARKS, open_type=open_type, level=level)  # type: ignore[arg-type]
    said = rules.advice(ApplicationAsk.model_validate(ASK), a_desk(assets={PARKS.dataset_id: asset}))
    assert [each.code for each in said] == told


# -- decisions


def _decision(**how: Any) -> LineDecision:
    return LineDecision.model_validate(FINE | how)


def _against(decision: LineDecision, votes: tuple[Vote, ...] = (), asset: Any = PARKS, **offered: Any) -> list[str]:  # fmt: skip
    terms = rules.decided_policy(ASKED, decision)
    if terms is not None and offered:
        terms = terms.model_copy(update=offered)
    said = rules.decision_objections(decision, ASKED, terms, votes, asset, limits(), Holding())
    assert all(each.text.zh and each.text.en and each.basis for each in said)
    return [each.code for each in said]


def test_what_is_offered_is_what_was_asked_for_what_the_decision_narrows_it_to_or_nothing() -> None:
    assert rules.decided_policy(ASKED, _decision()) == ASKED
    assert rules.decided_policy(ASKED, _decision(narrowing=LESS)) == ASKED, "approved, so nothing is changed"
    less = rules.decided_policy(ASKED, _decision(outcome="narrow", narrowing=LESS))
    assert less == ASKED.model_copy(update=LESS)
    assert rules.decided_policy(ASKED, _decision(outcome="narrow")) == ASKED
    assert rules.decided_policy(ASKED, _decision(outcome="reject", narrowing=LESS)) is None


CODE = next(iter(limits().refusals))


@pytest.mark.parametrize(
    ("how", "codes"),
    [
        ({"reason_code": CODE, "note": "理由充分"}, []),
        ({"reason_code": CODE, "note": " 理由足 "}, ["refusal-needs-reason"]),
        ({"reason_code": "made-up", "note": "理由充分"}, ["refusal-needs-reason"]),
        ({"note": "理由充分"}, ["refusal-needs-reason"]),
    ],
)
def test_a_refusal_has_a_code_of_the_list_and_words(how: dict[str, Any], codes: list[str]) -> None:
    assert _against(_decision(outcome="reject", **how), ("reject",)) == codes


@pytest.mark.parametrize(
    ("how", "codes"),
    [
        ({"outcome": "narrow"}, ["nothing-narrowed"]),
        ({"outcome": "narrow", "narrowing": {}}, ["nothing-narrowed"]),
        ({"outcome": "narrow", "narrowing": {"retention_days": ASKED.retention_days}}, ["nothing-narrowed"]),
        ({"outcome": "narrow", "narrowing": LESS}, []),
        ({"outcome": "approve"}, []),
    ],
)
def test_a_decision_that_narrows_changes_something(how: dict[str, Any], codes: list[str]) -> None:
    assert _against(_decision(**how)) == codes


@pytest.mark.parametrize("note", ["", "理由足", "理由充分"])
@pytest.mark.parametrize("votes", [(), ("approve",), ("narrow",), ("reject",), ("approve", "reject")])
@pytest.mark.parametrize("outcome", ["approve", "narrow"])
def test_whoever_departs_from_the_reviews_says_why(outcome: str, votes: tuple[Vote, ...], note: str) -> None:
    assert set(votes) <= set(get_args(Vote))
    departs = "reject" in votes or (outcome == "approve" and "narrow" in votes)
    told = _against(_decision(outcome=outcome, note=note, narrowing=LESS), votes)
    assert told == (["override-needs-reason"] if departs and len(note) < 4 else [])


@pytest.mark.parametrize(
    ("offered", "asset", "code"),
    [
        ({"retention_days": ASKED.retention_days + 1}, PARKS, "decision-widens"),
        ({"ends_at": ASKED.starts_at + timedelta(days=9999)}, PARKS, "period-too-long"),
        ({"purposes": ("made-up",)}, PARKS, "purpose-unknown"),
        ({}, replace(PARKS, open_type="N"), "dataset-not-openable"),
        ({}, replace(PARKS, columns=PARKS.columns[1:]), "policy-unenforceable"),
        ({}, replace(PARKS, level=4), "level-forbids-form"),
        ({"columns": a_policy(columns=[{"name": "venue_id", "use": "aggregate_only"}]).columns}, PARKS, "use-without-form"),
        ({"columns": a_policy(columns=[{"name": "contact_phone", "use": "plain"}]).columns}, PARKS, "level-forbids-plain"),
        ({"safeguards": a_policy(safeguards={"epsilon_micro": 1}).safeguards}, PARKS, "safeguard-leaves-nothing"),
    ],
)  # fmt: skip
def test_nothing_is_offered_that_a_grant_could_not_hold(offered: dict[str, Any], asset: Any, code: str) -> None:  # fmt: skip
    told = _against(_decision(), asset=asset, **offered)
    assert code in told


@pytest.mark.parametrize("state", list(State))
def test_what_waits_for_an_answer_lapses_the_day_after_it_was_due(state: State) -> None:
    day = date(2026, 3, 2)
    assert state_on(state, None, day) is state
    assert state_on(state, day, day) is state
    assert state_on(state, day, day + timedelta(days=1)) is (State.LAPSED if state in ANSWERED else state)
