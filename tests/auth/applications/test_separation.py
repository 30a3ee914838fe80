"""Segregation of duties, each rule with the ways round it: another account, another role, another employer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlmodel import col, update

from api.house import House
from auth import audit_reading
from auth.applications import rules
from auth.applications import service as applications
from auth.applications.models import ApplicationRead, ConcurBody, DecideBody, DeclaredStep
from auth.applications.tables import ApplicationStageRow
from auth.applications.workflow import State
from auth.grants import service as grants
from auth.grants.steps import GrantStep
from auth.identity.tables import AccountRow
from auth.policy.stages import stage_plans
from auth.roles import PERMISSIONS, Role
from core.errors import AccessRefused, Conflict, InputRefused, TransitionRefused
from tests.desk import (
    RESCUES,
    Desk,
    a_desk,
    a_grant,
    activated,
    agreed,
    an_application,
    an_ask,
    codes,
    concurred,
    decided,
    proposed,
    reviewed,
    screened,
    submitted,
    voted,
)
from tests.people import a_person, actor_of, an_org


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


def test_own_side_never_reviews_or_decides(desk: Desk) -> None:
    """Rule 1: neither after changing to a department nor by a second account at the bureau."""
    with desk.house.write() as work:
        wang = actor_of(work, "applicant")
        a_person(work, "turncoat", "parks", ["reviewer_business"], person_id=wang.person_id)
        a_person(work, "judge", "bureau", ["approver"], person_id=wang.person_id)
    found = an_application(desk)
    with pytest.raises(AccessRefused) as refused:
        screened(desk, found, "turncoat")
    assert codes(refused) == ["separation-of-duties-1"]
    found = screened(desk, found)
    with pytest.raises(AccessRefused) as refused:
        voted(desk, found, "turncoat")
    assert codes(refused) == ["separation-of-duties-1"]
    found = reviewed(desk, found)
    with pytest.raises(AccessRefused) as refused:
        decided(desk, found, "judge")
    assert codes(refused) == ["separation-of-duties-1"]


def test_whoever_also_works_for_the_applicant_never_decides_though_he_did_nothing_yet(desk: Desk) -> None:
    """Rule 1: the officer has not touched the case, and acts through an account of the bureau."""
    with desk.house.write() as work:
        a_person(work, "judge", "bureau", ["approver"], person_id=actor_of(work, "officer").person_id)
    found = an_application(desk, at=State.DECIDING)
    with pytest.raises(AccessRefused) as refused:
        decided(desk, found, "judge")
    assert codes(refused) == ["separation-of-duties-1"]


def test_who_sent_it_back_in_review_reviews_again_but_does_not_decide(desk: Desk) -> None:
    """Rule 2: sending back during the reviews is a review."""
    with desk.house.write() as work:
        a_person(work, "twohats", "bureau", ["approver"], person_id=actor_of(work, "screener").person_id)
        a_person(work, "usher", "parks", ["reviewer_business"])
    found = screened(desk, an_application(desk), "usher")
    with desk.write("screener") as (work, actor):
        found = applications.send_back(
            work,
            actor,
            found.id,
            DeclaredStep(has_no_conflict=True, version=found.version, note="请补充说明"),
        )
    found = screened(desk, submitted(desk, found), "usher")
    with desk.write("screener") as (work, actor):
        offered = applications.commands(work, actor, found.id, assets=desk.assets)
    assert [each["reasons"] for each in offered if each["command"] == "review"] == [()]
    found = reviewed(desk, found)
    with pytest.raises(AccessRefused) as refused:
        decided(desk, found, "twohats")
    assert codes(refused) == ["separation-of-duties-2"]


def test_reviewer_does_not_decide_not_even_by_another_account(desk: Desk) -> None:
    """Rule 2."""
    with desk.house.write() as work:
        a_person(work, "twohats", "bureau", ["approver"], person_id=actor_of(work, "screener").person_id)
    found = an_application(desk, at=State.DECIDING)
    with pytest.raises(AccessRefused) as refused:
        decided(desk, found, "twohats")
    assert codes(refused) == ["separation-of-duties-2"]


def test_decider_of_an_earlier_round_does_not_review(desk: Desk) -> None:
    with desk.house.write() as work:
        a_person(
            work, "later", "parks", ["reviewer_business"], person_id=actor_of(work, "approver").person_id
        )
    found = an_application(desk, at=State.DECIDING)
    with desk.write("approver") as (work, actor):
        found = applications.send_back(
            work,
            actor,
            found.id,
            DeclaredStep(has_no_conflict=True, version=found.version, note="请补充说明"),
        )
    found = submitted(desk, found)
    with pytest.raises(AccessRefused) as refused:
        screened(desk, found, "later")
    assert codes(refused) == ["separation-of-duties-2"]


def test_approver_does_not_activate(desk: Desk) -> None:
    """Rule 4, also by a second account."""
    with desk.house.write() as work:
        a_person(work, "handy", "parks", ["steward"], person_id=actor_of(work, "approver").person_id)
    grant = a_grant(desk, at="PENDING")
    with pytest.raises(AccessRefused) as refused:
        activated(desk, grant.id, "handy")
    assert codes(refused) == ["separation-of-duties-4"]
    assert activated(desk, grant.id, "steward_a").state == "ACTIVE"


def test_whoever_applied_does_not_activate_or_resume_after_changing_sides(desk: Desk) -> None:
    """Rule 1 reaches from the application into the life of its grant."""
    with desk.house.write() as work:
        wang = actor_of(work, "applicant").person_id
        a_person(work, "turncoat", "parks", ["steward"], person_id=wang)
        a_person(work, "guardian", "bureau", ["security_officer"], person_id=wang)
    grant = a_grant(desk, at="PENDING")
    with pytest.raises(AccessRefused) as refused:
        activated(desk, grant.id, "turncoat")
    assert codes(refused) == ["separation-of-duties-1"]
    activated(desk, grant.id)
    step = GrantStep(note="例行核查")
    with desk.write("watch") as (work, actor):
        grants.suspend(work, actor, grant.id, step)
    with pytest.raises(AccessRefused) as refused, desk.write("guardian") as (work, actor):
        grants.resume(work, actor, grant.id, step)
    assert codes(refused) == ["separation-of-duties-1"]


def test_suspender_does_not_resume(desk: Desk) -> None:
    """Rule 5."""
    grant = a_grant(desk)
    step = GrantStep(note="下载量异常")
    with desk.write("watch") as (work, actor):
        grants.suspend(work, actor, grant.id, step)
    with pytest.raises(AccessRefused) as refused, desk.write("watch") as (work, actor):
        grants.resume(work, actor, grant.id, step)
    assert codes(refused) == ["separation-of-duties-5"]
    with desk.write("watch2") as (work, actor):
        assert grants.resume(work, actor, grant.id, step).is_effective


def test_one_person_votes_once_and_only_on_own_stage(desk: Desk) -> None:
    with desk.house.write() as work:
        a_person(
            work, "both", "bureau", ["reviewer_security"], person_id=actor_of(work, "screener").person_id
        )
    found = an_application(desk, at=State.IN_REVIEW, ask=an_ask(RESCUES, columns=["event_type"]))
    with pytest.raises(AccessRefused) as refused:
        voted(desk, found, "screener", "security")
    assert codes(refused) == ["no-stage-for-you"]
    found = voted(desk, found, "screener", "business:parks")
    with pytest.raises(AccessRefused) as refused:
        voted(desk, found, "both", "security")
    assert codes(refused) == ["one-vote-each"]
    with pytest.raises(AccessRefused) as refused:
        voted(desk, found, "security", "security", has_no_conflict=False)
    assert codes(refused) == ["conflict-of-interest"]
    assert voted(desk, found, "security", "security").state == State.DECIDING


# -- rule 3: two approvers of sensitive data


def _sensitive(desk: Desk) -> ApplicationRead:
    return an_application(desk, at=State.DECIDING, ask=an_ask(RESCUES, columns=["event_type"]))


def test_sensitive_data_needs_a_second_signature_and_only_then_is_offered(desk: Desk) -> None:
    found = proposed(desk, _sensitive(desk))
    assert (found.state, found.lines[0].decision, found.agreement_hash) == (State.DECIDING, "", "")
    assert found.proposal is not None
    assert found.proposal.signed_by == ["approver"]
    done = concurred(desk, found)
    assert (done.state, done.lines[0].decision, done.proposal) == (State.OFFERED, "approve", None)


def test_a_refusal_of_sensitive_data_needs_two_as_well(desk: Desk) -> None:
    made = proposed(desk, _sensitive(desk), outcome="reject", reason_code="risk-too-high", note="风险过高")
    assert made.state == State.DECIDING
    assert concurred(desk, made).state == State.REJECTED


def test_second_approver_is_another_person_of_another_department(desk: Desk) -> None:
    """Rule 3, with a second account of the first approver, and with a second approver who also works in his department."""
    with desk.house.write() as work:
        a_person(work, "double", "parks", ["approver"], person_id=actor_of(work, "approver").person_id)
        a_person(work, "moonlighter", "parks", ["approver"], person_id=actor_of(work, "approver2").person_id)
    made = proposed(desk, _sensitive(desk))
    for who in ("approver", "double", "approver2", "moonlighter"):
        with pytest.raises(AccessRefused) as refused:
            concurred(desk, made, who)
        assert codes(refused) == ["separation-of-duties-3"]
    assert concurred(desk, made).state == State.OFFERED


def test_first_signature_counts_for_the_department_in_which_it_was_given(desk: Desk) -> None:
    """Rule 3: the first approver moves to another department; his signature stays that of the bureau."""
    with desk.house.write() as work:
        an_org(work, "audit-office", kind="source_department")
    made = proposed(desk, _sensitive(desk))
    with desk.house.write() as work:
        moved = update(AccountRow).where(col(AccountRow.username) == "approver").values(org_id="audit-office")
        work.db.exec(moved)  # type: ignore[call-overload]
    with pytest.raises(AccessRefused) as refused:
        concurred(desk, made, "approver2")
    assert codes(refused) == ["separation-of-duties-3"]


def test_reviewers_and_the_applicants_side_do_not_sign_either(desk: Desk) -> None:
    with desk.house.write() as work:
        a_person(work, "twohats", "parks", ["approver"], person_id=actor_of(work, "screener").person_id)
        a_person(work, "mole", "parks", ["approver"], person_id=actor_of(work, "officer").person_id)
    made = proposed(desk, _sensitive(desk))
    for who, code in (("twohats", "separation-of-duties-2"), ("mole", "separation-of-duties-1")):
        with pytest.raises(AccessRefused) as refused:
            concurred(desk, made, who)
        assert codes(refused) == [code]


def test_neither_signer_activates_the_grant(desk: Desk) -> None:
    """Rule 4 holds for both."""
    with desk.house.write() as work:
        a_person(work, "handy", "parks", ["steward"], person_id=actor_of(work, "approver").person_id)
        a_person(work, "handy2", "parks", ["steward"], person_id=actor_of(work, "parks_approver").person_id)
    found = agreed(desk, decided(desk, _sensitive(desk)))
    for who in ("handy", "handy2"):
        with pytest.raises(AccessRefused) as refused:
            activated(desk, found.grants[0], who)
        assert codes(refused) == ["separation-of-duties-4"]


def test_objection_needs_a_reason_and_a_new_proposal(desk: Desk) -> None:
    made = proposed(desk, _sensitive(desk))
    with pytest.raises(Conflict):
        proposed(desk, made, "approver2")
    with pytest.raises(InputRefused), desk.write("parks_approver") as (work, actor):
        applications.dissent(work, actor, made.id, DeclaredStep(has_no_conflict=True, version=made.version))
    with desk.write("parks_approver") as (work, actor):
        body = DeclaredStep(has_no_conflict=True, version=made.version, note="列仍过多")
        back = applications.dissent(work, actor, made.id, body)
    assert (back.state, back.proposal) == (State.DECIDING, None)
    with pytest.raises(Conflict):
        concurred(desk, back)
    assert concurred(desk, proposed(desk, back)).state == State.OFFERED


def test_declared_interest_keeps_an_approver_from_deciding_and_from_signing(desk: Desk) -> None:
    found = _sensitive(desk)
    lines = [{"line_id": found.lines[0].id, "outcome": "approve"}]
    body = DecideBody.model_validate({"version": found.version, "has_no_conflict": False, "lines": lines})
    with pytest.raises(AccessRefused) as refused, desk.write("approver") as (work, actor):
        applications.decide(work, actor, found.id, body, assets=desk.assets)
    assert codes(refused) == ["conflict-of-interest"]
    made = proposed(desk, found)
    sign = ConcurBody(version=made.version, has_no_conflict=False)
    with pytest.raises(AccessRefused) as refused, desk.write("parks_approver") as (work, actor):
        applications.concur(work, actor, made.id, sign, assets=desk.assets)
    assert codes(refused) == ["conflict-of-interest"]


def test_signing_judges_the_data_as_it_is_then(desk: Desk) -> None:
    """Between the two signatures the dataset leaves the scope: the second signature is refused."""
    made = proposed(desk, _sensitive(desk))
    desk.known[RESCUES.dataset_id] = replace(RESCUES, auth_op_scope="no")
    with pytest.raises(AccessRefused) as refused:
        concurred(desk, made)
    assert codes(refused) == ["dataset-out-of-scope"]


def test_returning_takes_the_proposal_away(desk: Desk) -> None:
    made = proposed(desk, _sensitive(desk))
    with desk.write("parks_approver") as (work, actor):
        body = DeclaredStep(has_no_conflict=True, version=made.version, note="请补充安全措施")
        back = applications.send_back(work, actor, made.id, body)
    assert (back.state, back.proposal) == (State.RETURNED, None)
    with pytest.raises(TransitionRefused):
        concurred(desk, back)
    with pytest.raises(TransitionRefused):
        proposed(desk, back)


def test_applicant_sees_nothing_of_a_proposal(desk: Desk) -> None:
    made = proposed(desk, _sensitive(desk))
    for who, sees in (("applicant", False), ("officer", False), ("approver2", True), ("auditor", True)):
        with desk.read(who) as (work, actor):
            assert (applications.application(work, actor, made.id).proposal is not None) is sees
            history = audit_reading.history(work, application_id=made.id, internal=sees)
            assert ("application.decision-proposed" in {event.kind for event in history}) is sees


# -- rules 6, 8 and 9, kept elsewhere


def test_auditor_holds_no_permission_that_writes() -> None:
    """Rule 9: reading only. Every permission of the auditor ends in a word that reads."""
    held = {name.rpartition(":")[2] for name, roles in PERMISSIONS.items() if Role.AUDITOR in roles}
    assert held <= {"read", "read-drafts"}, held


def test_system_administrator_has_no_part_in_any_decision() -> None:
    """Rule 8, the half that the table of permissions keeps. Looking after the file store shows no content and decides nothing."""
    held = {name for name, roles in PERMISSIONS.items() if Role.SYSADMIN in roles}
    held -= {name for name in held if name.startswith("datasets:store:")}
    assert not {name for name in held if name.startswith(("auth:application", "auth:grant", "datasets:"))}


# -- the plans themselves


def test_plans_name_stages_roles_and_quorum_for_every_level_and_the_unknown_passes_the_strictest() -> None:
    plans = stage_plans()
    assert plans.of(9) is plans.levels[max(plans.levels)]
    for plan in plans.levels.values():
        assert {stage.stage for stage in plan.stages} >= {"business"}
        assert all(stage.quorum >= 1 for stage in plan.stages)
        assert plan.approvers == (2 if plan.distinct_departments else 1)


@pytest.mark.parametrize("levels", [[1], [2, 3], [3, 2], [4], [1, 4], [7]])
def test_merged_plan_is_as_strict_as_its_strictest_line(levels: list[int]) -> None:
    plans = stage_plans()
    lines = [rules.PlanLine(f"l{n}", "parks", level, False) for n, level in enumerate(levels)]
    merged = {stage.name: stage for stage in rules.stages(lines, plans)}
    for line in lines:
        for rule in plans.of(line.level).stages:
            stage = merged["business:parks" if rule.stage == "business" else rule.stage]
            assert line.id in stage.line_ids
            assert stage.quorum >= rule.quorum
    strictest = max(plans.of(level).approvers for level in levels)
    assert rules.approval(lines, plans).count == strictest


def test_a_stage_with_quorum_two_waits_blind_for_two_persons(desk: Desk) -> None:
    """Level 4: two votes of the department; neither sees the other's, and nobody votes twice."""
    found = an_application(desk, at=State.SUBMITTED)
    with desk.house.write() as work:
        rows = update(ApplicationStageRow).where(col(ApplicationStageRow.stage) == "business:parks")
        work.db.exec(rows.values(quorum=2))  # type: ignore[call-overload]
    found = screened(desk, found)
    found = voted(desk, found, "screener", vote="narrow", note="仅需一列")
    assert (found.state, found.stages[0].is_done, found.stages[0].votes) == (State.IN_REVIEW, False, 1)
    with pytest.raises(AccessRefused) as refused:
        voted(desk, found, "screener")
    assert codes(refused) == ["one-vote-each"]
    for who, waits in (("screener", 0), ("screener2", 1)):
        with desk.read(who) as (work, actor):
            assert applications.applications(work, actor, waiting=True)[1] == waits
    with desk.read("screener2") as (work, actor):
        assert applications.application(work, actor, found.id).reviews == []
        history = audit_reading.history(work, application_id=found.id, internal=True)
        assert not [e for e in history if e.kind == "application.reviewed" and "votes" in e.facts]
    assert voted(desk, found, "screener2").state == State.DECIDING
