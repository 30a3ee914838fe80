"""A broken commitment proposes to suspend what was granted upon it; a security officer answers."""

from __future__ import annotations

import pytest
from sqlmodel import select

from api.house import House
from auth.casework.book import CaseStep
from auth.grants import queries as grants
from auth.grants.service import relinquish
from auth.grants.steps import GrantStep
from auth.messages.tables import MessageRow
from auth.roles import Role
from auth.suspensions import service as suspensions
from auth.suspensions.service import ProposalRead
from auth.suspensions.workflow import MACHINE, MOVES, State, Step
from core.errors import AccessRefused, InputRefused, NotFound, Stale, TransitionRefused
from core.ids import GrantId
from tests.auth.agreements.scene import in_force
from tests.auth.grants.test_lineage import follow
from tests.auth.papers.test_papers import _with_security, a_draft, broken, policy, sent, signed
from tests.desk import Desk, a_desk, activated, agreed, codes, decided, kinds, reviewed, screened, submitted
from tests.people import a_person, actor_of, browser_as, client_as

FOUND = "查询发现有处罚记录"


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    found = a_desk(sqlite_house)
    in_force(found, policy())
    return found


def a_breach(desk: Desk, *, active: bool = True) -> tuple[str, str]:
    """A grant that came of a commitment, which is then found broken: the grant and the commitment."""
    found = sent(desk, a_draft(desk))
    held = signed(desk, found).commitment_id or ""
    grant = agreed(desk, decided(desk, reviewed(desk, _with_security(desk, found)))).grants[0]
    if active:
        activated(desk, grant)
    broken(desk, held)
    return grant, held


def proposed(desk: Desk, who: str = "watch") -> list[ProposalRead]:
    with desk.read(who) as (work, actor):
        return suspensions.proposals(work, actor)[0]


def state_of(desk: Desk, grant_id: str) -> str:
    with desk.house.read() as work:
        return grants.row(work, GrantId(grant_id)).state


def test_every_state_step_and_role_is_what_the_table_says() -> None:
    for state in State:
        for step in Step:
            for role in Role:
                move = MOVES.get((state, step))
                if move is not None and role in move.by:
                    assert MACHINE.advance(state, step, frozenset({role})) is move.to
                else:
                    with pytest.raises(TransitionRefused):
                        MACHINE.advance(state, step, frozenset({role}))
    assert {role for move in MOVES.values() for role in move.by} == {Role.SECURITY_OFFICER}


def test_the_holders_own_person_dismisses_no_proposal(desk: Desk) -> None:
    a_breach(desk)
    with desk.house.write() as work:
        a_person(
            work, "guardian", "bureau", ["security_officer"], person_id=actor_of(work, "officer").person_id
        )
    (found,) = proposed(desk)
    with pytest.raises(AccessRefused) as refused, desk.write("guardian") as (work, actor):
        suspensions.dismiss(work, actor, found.id, CaseStep(note="已核查，没有问题"))
    assert codes(refused) == ["separation-of-duties-1"]
    with desk.read("guardian") as (work, actor):
        told = {each.step: each.reasons for each in suspensions.commands(work, actor, found.id)}
    assert (told["suspend"], [reason.code for reason in told["dismiss"]]) == ((), ["separation-of-duties-1"])


def test_a_breach_proposes_and_one_step_suspends(house: House) -> None:
    desk = a_desk(house)
    in_force(desk, policy())
    grant, held = a_breach(desk)
    (found,) = proposed(desk)
    assert (found.grant_id, found.commitment_id, found.found, found.state) == (grant, held, FOUND, "OPEN")
    assert state_of(desk, grant) == "ACTIVE", "nothing is suspended before a person says so"
    with desk.house.read() as work:
        told = list(work.db.exec(select(MessageRow).where(MessageRow.kind == "suspension.proposed")))
    assert len(told) == 2
    with desk.write("watch") as (work, actor):
        done = suspensions.carry_out(work, actor, found.id, CaseStep(version=found.version))
    assert (done.state, done.note) == ("SUSPENDED", FOUND)
    assert state_of(desk, grant) == "SUSPENDED"
    assert {"suspension.proposed", "suspension.carried_out", "grant.suspended"} <= set(kinds(desk))
    with pytest.raises(TransitionRefused), desk.write("watch2") as (work, actor):
        suspensions.dismiss(work, actor, found.id, CaseStep(note="已另行核实情况"))


def test_dismissing_wants_a_reason_and_leaves_the_grant(desk: Desk) -> None:
    grant, _ = a_breach(desk)
    (found,) = proposed(desk)
    with pytest.raises(InputRefused), desk.write("watch") as (work, actor):
        suspensions.dismiss(work, actor, found.id, CaseStep(note="无"))
    with pytest.raises(Stale), desk.write("watch") as (work, actor):
        suspensions.dismiss(work, actor, found.id, CaseStep(version=9, note="处罚已撤销，无须暂停"))
    with desk.write("watch") as (work, actor):
        suspensions.dismiss(work, actor, found.id, CaseStep(note="处罚已撤销，无须暂停"))
    assert state_of(desk, grant) == "ACTIVE"
    assert "suspension.dismissed" in kinds(desk)
    assert "grant.suspended" not in kinds(desk)


def test_only_security_officers_answer_and_enterprises_see_nothing(desk: Desk) -> None:
    a_breach(desk)
    (found,) = proposed(desk, "steward_a")
    for who in ("steward_a", "approver", "auditor"):
        with pytest.raises(TransitionRefused), desk.write(who) as (work, actor):
            suspensions.carry_out(work, actor, found.id, CaseStep())
    with pytest.raises(NotFound), desk.write("officer") as (work, actor):
        suspensions.proposal(work, actor, found.id)
    assert proposed(desk, "officer") == []


def test_nothing_is_proposed_of_grants_that_are_not_in_force(desk: Desk) -> None:
    a_breach(desk, active=False)
    assert proposed(desk) == []


def test_a_grant_that_ended_meanwhile_can_only_be_dismissed(desk: Desk) -> None:
    grant, _ = a_breach(desk)
    (found,) = proposed(desk)
    with desk.write("officer") as (work, actor):
        relinquish(work, actor, GrantId(grant), GrantStep(note="不再需要该数据"))
    with pytest.raises(AccessRefused) as refused, desk.write("watch") as (work, actor):
        suspensions.carry_out(work, actor, found.id, CaseStep())
    assert codes(refused) == ["grant-not-in-force"]
    with desk.read("watch") as (work, actor):
        said = {each.step: [reason.code for reason in each.reasons] for each in suspensions.commands(work, actor, found.id)}  # fmt: skip
    assert said == {"suspend": ["grant-not-in-force"], "dismiss": []}


def test_a_proposal_is_carried_out_on_the_amendment_that_took_the_place_of_its_grant(desk: Desk) -> None:
    found = sent(desk, a_draft(desk))
    held = signed(desk, found).commitment_id or ""
    grant = agreed(desk, decided(desk, reviewed(desk, _with_security(desk, found)))).grants[0]
    activated(desk, grant)
    again = screened(desk, submitted(desk, follow(desk, grant)))
    waiting = agreed(desk, decided(desk, reviewed(desk, again))).grants[0]
    broken(desk, held)
    (proposal,) = proposed(desk)
    activated(desk, waiting)
    with desk.read("watch") as (work, actor):
        said = {each.step: each.reasons for each in suspensions.commands(work, actor, proposal.id)}
    assert said == {"suspend": (), "dismiss": ()}
    with desk.write("watch") as (work, actor):
        suspensions.carry_out(work, actor, proposal.id, CaseStep(version=proposal.version))
    assert (state_of(desk, grant), state_of(desk, waiting)) == ("SUPERSEDED", "SUSPENDED")


def test_routes_and_pages(desk: Desk) -> None:
    grant, _ = a_breach(desk)
    watch, auditor = client_as(desk.house, "watch"), client_as(desk.house, "auditor")
    (found,) = auditor.get("/api/v1/suspensions", params={"state": "OPEN", "grant_id": grant}).json()["items"]
    assert auditor.get("/api/v1/suspensions/nothing").status_code == 404
    assert auditor.post(f"/api/v1/suspensions/{found['id']}/dismiss", json={"note": FOUND}).status_code == 403
    assert client_as(desk.house, "officer").get("/api/v1/suspensions").status_code == 403
    for lang, word in (("zh", "暂停建议"), ("en", "Proposals to suspend")):
        page = browser_as(desk.house, "watch", lang)
        for path in ("/suspensions", f"/suspensions/{found['id']}"):
            assert word in page.get(path).text, path
    page = browser_as(desk.house, "watch", "zh")
    assert page.submit(f"/suspensions/{found['id']}/dismiss", note="").status_code == 422
    assert page.submit(f"/suspensions/{found['id']}/suspend", note="请尽快说明情况").status_code == 303
    assert watch.get(f"/api/v1/grants/{grant}").json()["state"] == "SUSPENDED"
    assert watch.get(f"/api/v1/suspensions/{found['id']}").json()["note"] == f"{FOUND} 请尽快说明情况"
