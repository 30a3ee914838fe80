"""Whoever may answer a case that waits for a second person gets a message when it begins to wait: the same people whose start page shows it, each once, on both databases."""

from __future__ import annotations

import pytest
from sqlmodel import select

from api.agenda_seconds import KINDS
from auth.actor import SYSTEM
from auth.agreements import service as agreements
from auth.agreements.workflow import Step as AgreementStep
from auth.casework.book import CaseStep
from auth.delegations import service as delegations
from auth.delegations.service import DelegationCreate
from auth.delegations.workflow import Step as DelegationStep
from auth.identity import accounts
from auth.identity.tables import AccountRow
from auth.messages import service as messages
from auth.messages.kinds import KINDS as WORDS
from auth.messages.models import Choices, TopicChoice
from auth.messages.seconds import SECONDS
from auth.messages.tables import MessageRow
from core.outbox import OutboxRow
from tests.api.test_home_seconds import CASES, _those_who_see, desk
from tests.auth.agreements.scene import an_agreement
from tests.caps import proposed
from tests.desk import Desk
from tests.people import a_person, actor_of, an_org, client_as

__all__ = ["desk"]
OF_LABEL = {kind.label.en: kind for kind in KINDS}


def told(desk: Desk, kind: str) -> list[str]:
    """Who has a message of this kind, once for each; none has a gap in its words."""
    with desk.house.read() as work:
        rows = list(work.db.exec(select(MessageRow).where(MessageRow.kind == kind)))
        names = dict(list(work.db.exec(select(AccountRow.id, AccountRow.username))))
        for row in rows:
            said = messages.read(row)
            assert "—" not in said.zh + said.en, said
            assert row.href == SECONDS[kind].href(row.subject)
        return sorted(names[row.account_id] for row in rows)


def test_every_kind_that_waits_on_a_start_page_has_words_and_people() -> None:
    assert {kind.message for kind in KINDS} | {"change.waits", "break_glass.waits"} == set(SECONDS)
    assert set(SECONDS) <= set(WORDS)
    assert {WORDS[kind].topic for kind in SECONDS} == {"task"}


@pytest.mark.parametrize("label", CASES)
def test_those_are_told_on_whose_start_page_the_case_waits(desk: Desk, label: str) -> None:
    make, proposer, least = CASES[label]
    kind = OF_LABEL[label].message
    gone = [f"gone_{role}" for role in ("approver", "security_officer", "sysadmin", "reviewer_business")]
    with desk.house.write() as work:
        for name in gone:
            a_person(work, name, "bureau", [name.removeprefix("gone_")])
            accounts.set_disabled(work, SYSTEM, name, disabled=True)
        an_org(work, "harbour", "source_department")
        a_person(work, "elsewhere", "harbour", ["approver", "reviewer_business"])
    answer = make(desk)
    heard = told(desk, kind)
    assert set(heard) == _those_who_see(desk, label) >= least
    assert len(heard) == len(set(heard)), "each once"
    assert not {proposer, "elsewhere", "applicant", "officer", *gone} & set(heard)
    answer()
    assert told(desk, kind) == heard, "an answer tells nobody that the case waits"


def test_a_change_is_told_to_other_administrators_and_not_to_whom_it_concerns(desk: Desk) -> None:
    with desk.house.write() as work:
        a_person(work, "root3", "bureau", ["sysadmin"])
    body = {"role": "catalog_admin"}
    done = client_as(desk.house, "root").post("/api/v1/users/root3/roles", json=body)
    assert done.status_code < 300, done.text
    assert (told(desk, "change.waits"), told(desk, "break_glass.waits")) == (["root2"], [])


def test_a_break_glass_is_told_to_security_officers_too(desk: Desk) -> None:
    ask = {"username": "clerk", "role": "output_checker", "hours": 2, "reason": "值守人员突发疾病无法到岗"}
    done = client_as(desk.house, "watch").post("/api/v1/break-glass", json=ask)
    assert done.status_code < 300, done.text
    assert told(desk, "break_glass.waits") == ["root", "root2", "watch2"]
    assert told(desk, "change.waits") == []


def test_neither_a_second_account_nor_a_deputy_of_the_proposer_is_told(desk: Desk) -> None:
    with desk.house.write() as work:
        person = actor_of(work, "approver").person_id
        a_person(work, "twin", "bureau", ["security_officer"], person_id=person)
    with desk.write("approver") as (work, actor):
        ask = {
            "deputy": "approver2",
            "role": "approver",
            "scope": "*",
            "reason": "出差期间",
            "starts_on": "2026-03-02",
            "ends_on": "2026-03-31",
        }
        made = delegations.offer(work, actor, DelegationCreate.model_validate(ask))
    with desk.write("approver2") as (work, actor):
        delegations.answer(work, actor, made.id, DelegationStep.ACCEPT, CaseStep())
    proposed(desk.house)
    assert told(desk, "cap.waits") == ["watch", "watch2"]


def test_nobody_of_the_operator_is_told_of_its_agreement(desk: Desk) -> None:
    with desk.house.write() as work:
        a_person(work, "inside", "insurer", ["org_officer"], person_id=actor_of(work, "approver2").person_id)
    an_agreement(desk, at="IN_APPROVAL")
    assert told(desk, "agreement.waits") == ["approver"]
    assert told(desk, "plan.waits") == ["approver", "approver2"]


def test_what_is_handed_in_again_is_told_again(desk: Desk) -> None:
    made = an_agreement(desk, at="IN_APPROVAL")
    with desk.write("approver") as (work, actor):
        agreements.step(work, actor, made.id, AgreementStep.RETURN, CaseStep(note="条款不全，请补充后再报"))
    assert told(desk, "agreement.waits") == ["approver", "approver2"]
    with desk.write("planner") as (work, actor):
        agreements.step(work, actor, made.id, AgreementStep.SUBMIT, CaseStep())
    assert told(desk, "agreement.waits") == ["approver", "approver", "approver2", "approver2"]


def test_a_person_who_chose_so_gets_a_mail_alone_and_a_refused_step_tells_nobody(desk: Desk) -> None:
    with desk.write("watch") as (work, actor):
        how = TopicChoice(topic="task", in_app=False, by_mail=True)
        messages.choose(work, actor, Choices(email="watch@example.org", topics=[how]))
    proposed(desk.house)
    with desk.house.read() as work:
        mails = work.db.exec(select(OutboxRow).where(OutboxRow.topic == messages.MAIL)).all()
        assert len(mails) == 1
        assert messages.unread(work, actor_of(work, "watch").account_id) == 0
    before = told(desk, "cap.waits")
    refused = client_as(desk.house, "parks_approver").post("/api/v1/fee-caps", json={})
    assert refused.status_code >= 400
    assert told(desk, "cap.waits") == before
