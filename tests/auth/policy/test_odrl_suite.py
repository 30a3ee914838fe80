"""The published ODRL evaluation suite against our own evaluation: every case either gives its published result or is listed with why it cannot apply.

A case that our agreements can say is written as one, read back as ODRL, and asked of the rules that decide about every use of a grant. ODRL's instants have no end of digits, ours are whole
microseconds: `gt` begins at the next one. A side without an end lies at the first or last instant that a policy can name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from auth.grants.view import GrantView
from auth.policy import odrl
from auth.policy.limits import limits
from auth.policy.model import GrantPolicy, Licence
from auth.policy.odrl_reading import policy_of
from auth.policy.rules import member_objections, objections
from core.errors import InputRefused
from core.ids import DatasetId
from tests.auth.policy.odrl_suite import Facts, SuiteCase, cases, policy, request, suite
from tests.auth.policy.test_decisions import a_policy, a_view, an_ask
from tests.campaigns.coverage import ROOT
from tests.desk import PARKS

INSTANT: Final = timedelta(microseconds=1)
FIRST, LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
GOOD: Final = Licence("QUALIFIED", LAST)
FORMS: Final = {"read": "preview"}  # the actions of the suite that a grant has a form for
TIMES: Final = {
    "eq": lambda at: (at, at + INSTANT),
    "lt": lambda at: (FIRST, at),
    "lteq": lambda at: (FIRST, at + INSTANT),
    "gt": lambda at: (at + INSTANT, LAST),
    "gteq": lambda at: (at, LAST),
}
NOBODY = "a grant names its holder and its dataset: one for everybody, or for everything, cannot be agreed"
CANNOT: Final[Mapping[str, str]] = {
    **dict.fromkeys(("policy-1", "policy-3"), NOBODY),
    **dict.fromkeys(("policy-5", "policy-7"), "a grant names its dataset: one for everything cannot be agreed"),
    **dict.fromkeys(
        ("policy-2", "policy-4", "policy-6"),
        "what is not granted is refused; prohibitions are the same three in every agreement (distribute, sell, re-identify), and no policy consists of them",
    ),
    "policy-10": "a grant has one period, without a hole in it (neq)",
    "policy-16": "a grant names an organisation or its accounts; who belongs to an organisation is known where accounts sign in, not from the policy",
    **dict.fromkeys(("policy-17", "policy-18"), "a grant is for one dataset; a collection is granted dataset by dataset"),
    "policy-19": "duties are judged beside the policy: an overdue one stops use where the profile says so (`blocking_duties`), whatever the agreement says",
    "policy-20": "a grant has one period; the hours of each working day cannot be agreed (or)",
    "policy-21": "a collection of parties, and a duty judged within the policy",
}  # fmt: skip
RUN: Final = [case for case in cases() if case.policy not in CANNOT]


def _period(rule: Facts) -> tuple[datetime, datetime]:
    """From when, and until before when, the permission's constraints hold."""
    begin, end = FIRST, LAST
    waiting = list(rule.get("constraints", ()))
    while waiting:
        each = waiting.pop()
        if "and" in each:
            waiting += each["and"]
            continue
        assert each["left"] == "dateTime"
        first, last = TIMES[each["operator"]](datetime.fromisoformat(each["right"]))
        begin, end = max(begin, first), min(end, last)
    return begin, end


def _agreement(name: str) -> dict[str, Any]:
    """A policy of the suite as an agreement of ours."""
    (rule,) = policy(name)["permission"]
    begin, end = _period(rule)
    made = a_policy(
        dataset_id=rule["target"], starts_at=begin, ends_at=end, delivery_forms=[FORMS[rule["action"]]], members=[rule["assignee"]],
    )  # fmt: skip
    return odrl.agreement(made, grant_id="g", assigner="parks", assignee="insurer", agreed_at=FIRST)


def _permitted(agreed: GrantPolicy, case: SuiteCase) -> bool:
    """What every use of a grant is asked: the rules, and whether this member may use it."""
    wanted = request(case.request)
    dataset = DatasetId(wanted["target"])
    form = FORMS.get(wanted["action"], wanted["action"])
    ask = an_ask(dataset_id=dataset, delivery_form=form, at=case.at)
    view: GrantView = a_view(agreed)
    against = objections(ask, view, replace(PARKS, dataset_id=dataset, level=1), GOOD, limits())
    return not against and not member_objections(agreed, wanted["assignee"])


@pytest.mark.parametrize("case", RUN, ids=lambda case: case.name)
def test_a_published_case_gets_its_published_result(case: SuiteCase) -> None:
    assert _permitted(policy_of(_agreement(case.policy)), case) == case.is_active


def test_every_case_is_run_or_listed_with_its_reason_in_the_docs() -> None:
    every = cases()
    assert len(every) == 68
    assert len(RUN) == 22
    assert Counter(case.is_active for case in every) == {True: 34, False: 34}
    assert {case.is_active for case in RUN} == {True, False}
    page = (ROOT / "docs" / "odrl.md").read_text(encoding="utf-8")
    for name, why in CANNOT.items():
        numbers = [case.name[:3] for case in every if case.policy == name]
        assert f"| {numbers[0]} to {numbers[-1]} | {name} | {why} |" in page
    assert suite()["commit"] in page


@pytest.mark.parametrize("name", sorted(set(CANNOT) - {"policy-20"}))
def test_what_cannot_be_agreed_is_refused_and_never_read_as_something_else(name: str) -> None:
    """The rules of the suite as they are, under the head of an agreement of ours."""
    told = policy(name)
    rules = {kind: [_said(rule) for rule in told.get(kind, ())] for kind in ("permission", "prohibition")}
    with pytest.raises(InputRefused) as refused:
        policy_of(_agreement("policy-8") | rules)
    assert refused.value.reasons


def _said(rule: Facts) -> dict[str, Any]:
    """A rule in the words of ODRL's JSON."""
    said = {what: rule[what] for what in ("assignee", "target") if what in rule}
    said |= {"action": f"odrl:{rule['action']}"} if "action" in rule else {}
    said |= {"duty": "urn:duty"} if "duty" in rule else {}
    return said | {"constraint": [_atom(each) for each in rule.get("constraints", ())]}


@pytest.mark.parametrize("operator", ["eq", "neq", "lteq", "gt"])
def test_an_operator_that_agreements_do_not_use_is_refused_by_its_name(operator: str) -> None:
    whole = _agreement("policy-8")
    for each in whole["permission"][0]["constraint"]:
        if (each["leftOperand"], each["operator"]) == ("dateTime", "lt"):
            each["operator"] = operator
    with pytest.raises(InputRefused, match=f"constraint dateTime {operator} "):
        policy_of(whole)


def _atom(each: Facts) -> dict[str, Any]:
    return {
        "leftOperand": each.get("left"),
        "operator": each.get("operator"),
        "rightOperand": each.get("right"),
    }


def test_the_facts_are_those_of_the_whole_suite() -> None:
    assert (len(suite()["policies"]), len(suite()["requests"])) == (21, 8)
    assert {each.policy for each in cases()} == suite()["policies"].keys()
    assert {each.request for each in cases()} <= suite()["requests"].keys()
