"""What papers demand, over every combination of where a paper stands and what the profile allows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from itertools import product

import pytest
from pydantic import ValidationError

from auth.papers import rules
from auth.papers.rules import Paper
from auth.papers.workflow import HELD, State
from auth.profile.model import Profile, shipped
from auth.profile.papers import PaperSet
from core.errors import Reason
from core.text import Text

TODAY = date(2026, 3, 2)
CASES = list(product(State, (None, 5), (False, True)))


def _paper(state: State, later: int | None, may_promise: bool, due_on: date | None = None) -> Paper:
    return Paper("plan", Text("方案", "Plan"), state, later, may_promise, due_on, "local policy")


@pytest.mark.parametrize(("state", "later", "may_promise"), CASES)
def test_only_what_may_follow_or_is_held_can_be_handed_in(
    state: State, later: int | None, may_promise: bool
) -> None:
    paper = _paper(state, later, may_promise)
    against = [reason.code for reason in rules.submission_objections([paper])]
    assert against == ([] if state in HELD or later else ["paper-missing"])
    hints = [reason.code for reason in rules.advice([paper])]
    assert hints == (["paper-may-follow"] if state not in HELD and later else [])


@pytest.mark.parametrize(("state", "later", "may_promise"), CASES)
@pytest.mark.parametrize("named", [{}, {"plan": 5}, {"plan": 6}, {"plan": 0}, {"other": 1}])
def test_screening_accepts_exactly_the_papers_that_lack_each_with_its_days(
    state: State, later: int | None, may_promise: bool, named: dict[str, int]
) -> None:
    said = {r.code for r in rules.screening_objections([_paper(state, later, may_promise)], named)}
    if state in HELD:
        assert said == ({"paper-not-missing"} if named else set())
    elif "other" in named:
        assert said == {"paper-not-missing", "paper-missing"}
    elif not named or later is None:
        assert said == {"paper-missing"}
    else:
        assert said == (set() if named == {"plan": 5} else {"paper-too-late"})


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("due_on", [None, date(2026, 3, 1), TODAY, date(2026, 3, 3)])
@pytest.mark.parametrize("is_open", [False, True])
def test_nothing_is_decided_without_it_and_what_is_late_comes_with_the_return(
    state: State, due_on: date | None, is_open: bool
) -> None:
    paper = _paper(state, 5, True, due_on)
    assert [r.code for r in rules.decision_objections([paper], TODAY)] == (
        [] if state in HELD else ["paper-owed"]
    )
    late = state is State.OWED and due_on is not None and due_on < TODAY and not is_open
    assert [r.code for r in rules.supply_objections(paper, TODAY, is_open=is_open)] == (
        ["paper-overdue"] if late else []
    )


@pytest.mark.parametrize("may_promise", [False, True])
@pytest.mark.parametrize("until", [None, date(2026, 3, 1), TODAY, date(2026, 3, 3)])
def test_a_breach_bars_from_promising_until_its_day(may_promise: bool, until: date | None) -> None:
    said = [r.code for r in rules.promise_objections(_paper(State.OWED, 5, may_promise), until, TODAY)]
    barred = until is not None and until >= TODAY
    assert said == ["paper-not-promisable"] * (not may_promise) + ["commitment-broken-before"] * barred


def test_only_documents_and_pictures_are_taken() -> None:
    kinds = [
        rules.media_type(b)
        for b in (b"%PDF-1.7", b"\x89PNG\r\n\x1a\nx", b"\xff\xd8\xffx", b"PK\x03\x04", b"<html>", b"")
    ]
    assert kinds == ["application/pdf", "image/png", "image/jpeg", None, None, None]


def test_which_papers_is_data_with_source_and_day() -> None:
    asked = shipped()["district-authorised-operation"].papers
    assert [each.key for each in asked.required(1, TODAY, personal=False)] == [
        "use-plan",
        "security-plan",
        "no-breach-statement",
    ]
    assert "protection-assessment" in {each.key for each in asked.required(3, TODAY, personal=True)}
    assert asked.required(3, date(2025, 12, 31), personal=True) == ()
    assert all(each.source for each in asked.items)
    assert shipped()["generic-open-data"].papers.items == ()
    with pytest.raises(ValidationError, match="named twice"):
        PaperSet(items=(asked.items[0], asked.items[0]))
    old = shipped()["generic-open-data"].model_dump(mode="json", exclude={"papers"})
    assert Profile.model_validate(old).papers == PaperSet()  # versions stored before papers were asked for


def test_what_is_infected_is_named_with_what_was_found_in_both_languages() -> None:
    said = rules.infected(Text("方案", "Plan"), "plan", "Win.Test.EICAR_HDB-1")
    assert (said.code, said.facts) == ("paper-infected", {"paper": "plan", "found": "Win.Test.EICAR_HDB-1"})
    assert "方案" in said.text.zh
    assert "Plan" in said.text.en
    assert all("Win.Test.EICAR_HDB-1" in each for each in (said.text.zh, said.text.en))


def _one(reasons: Iterable[Reason]) -> Reason:
    (reason,) = reasons
    return reason


def test_what_is_missing_is_told_with_what_to_do_about_it() -> None:
    """One paper in every refusal that names it: what to do depends on what the profile allows."""
    may, must = _paper(State.MISSING, None, True), _paper(State.MISSING, None, False)
    later = _paper(State.MISSING, 5, False)
    told = [
        (rules.submission_objections([may]), "材料“方案”：提交该材料，或由机构负责人签署承诺。", "hand it in, or let the organisation's officer sign the commitment."),
        (rules.submission_objections([must]), "材料“方案”：提交该材料。", "“Plan” is missing: hand it in."),
        (rules.screening_objections([later], {}), "请写明容缺受理的补交期限", "name the days in which it follows"),
        (rules.screening_objections([must], {}), "该材料不得容缺", "it may not follow later"),
        (rules.screening_objections([must], {"plan": 3}), "该材料不得容缺", "it may not follow later"),
    ]  # fmt: skip
    for found, zh, en in told:
        reason = _one(found)
        assert (reason.code, reason.facts) == ("paper-missing", {"paper": "plan"})
        assert reason.basis == f"{rules.BASIS}：local policy"
        assert zh in reason.text.zh
        assert en in reason.text.en


@pytest.mark.parametrize(("days", "stands"), [(0, True), (1, False), (5, False), (6, True), (-1, True)])
def test_a_paper_follows_within_one_to_so_many_days(days: int, *, stands: bool) -> None:
    found = list(rules.screening_objections([_paper(State.MISSING, 5, False)], {"plan": days}))
    assert [each.code for each in found] == ["paper-too-late"] * stands
    for each in found:
        assert each.facts == {"paper": "plan", "working_days": 5}
        assert each.basis == f"{rules.LATER}：local policy"
        assert "5 个工作日" in each.text.zh
        assert "5 working days at most" in each.text.en


@pytest.mark.parametrize(
    ("due_on", "zh", "en", "day"),
    [(date(2026, 3, 1), "已过补交期限 2026-03-01", "was due on 2026-03-01", "2026-03-01"),
     (TODAY, "（补交期限 2026-03-02", "is due on 2026-03-02", "2026-03-02"),
     (date(2026, 3, 3), "（补交期限 2026-03-03", "is due on 2026-03-03", "2026-03-03"), (None, "（补交期限 —", "is due on —", "—")],
)  # fmt: skip
def test_a_paper_owed_says_since_when(due_on: date | None, zh: str, en: str, day: str) -> None:
    reason = _one(rules.decision_objections([_paper(State.OWED, 5, True, due_on)], TODAY))
    assert (reason.code, reason.facts) == ("paper-owed", {"paper": "plan", "due_on": day})
    assert reason.basis == f"{rules.LATER}：local policy"
    assert zh in reason.text.zh
    assert en in reason.text.en


def test_what_is_overdue_names_paper_day_and_application() -> None:
    day = date(2026, 3, 1)
    reason = rules.overdue(Text("方案", "Plan"), "A-1", day)
    assert (reason.code, reason.basis) == ("paper-overdue", rules.PROMISE)
    assert reason.facts == {"application": "A-1", "due_on": "2026-03-01"}
    supply = _one(rules.supply_objections(_paper(State.OWED, 5, True, day), TODAY, is_open=False))
    assert (supply.code, supply.basis) == ("paper-overdue", rules.LATER)
    assert supply.facts == {"paper": "plan", "due_on": "2026-03-01"}
    for each in (reason, supply):
        assert "2026-03-01" in each.text.zh
        assert "2026-03-01" in each.text.en


def test_reasons_about_papers_carry_their_facts_and_a_basis_with_the_papers_source() -> None:
    infected = rules.infected(Text("方案", "Plan"), "plan", "EICAR")
    assert (infected.code, infected.basis) == ("paper-infected", rules.SCANNED)
    assert infected.facts == {"paper": "plan", "found": "EICAR"}
    hint = _one(rules.advice([_paper(State.MISSING, 5, False)]))
    assert (hint.facts, hint.basis) == ({"paper": "plan"}, f"{rules.LATER}：local policy")
    no, broken = rules.promise_objections(_paper(State.OWED, 5, False), TODAY, TODAY)
    assert (no.facts, no.basis) == ({"paper": "plan"}, f"{rules.PROMISE}：local policy")
    assert (broken.facts, broken.basis) == ({"until": "2026-03-02"}, rules.PROMISE)
    strange = _one(rules.screening_objections([], {"x": 1}))
    assert (strange.facts, strange.basis) == ({"paper": "x"}, rules.BASIS)
    bare = Paper("plan", Text("方案", "Plan"), State.MISSING, None, False)
    assert _one(rules.submission_objections([bare])).basis == rules.BASIS
