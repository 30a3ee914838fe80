"""Lines of several departments: each decided only by somebody whose scope covers it, the whole once every line is."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from api.house import House
from auth import audit_reading
from auth.applications import judging, queries, signing, terms
from auth.applications import service as applications
from auth.applications.models import ApplicationRead, ConcurBody, DecideBody, DeclaredStep, LineDecision
from auth.applications.signing import covered
from auth.applications.workflow import State
from auth.grants.tables import GrantRow
from auth.messages import service as messages
from core.errors import AccessRefused, AppError, Conflict, InputRefused
from core.ids import DatasetId, OrgId
from core.text import Text
from core.work import Work
from tests.auth.agreements.scene import in_force
from tests.auth.profile.test_opinions import GENERIC
from tests.desk import (
    PARKS,
    RESCUES,
    Desk,
    a_desk,
    agreed,
    an_application,
    an_ask,
    codes,
    screened,
    submitted,
    voted,
)
from tests.examples import examples
from tests.people import a_person, actor_of

ROADS = replace(PARKS, dataset_id=DatasetId("DP-TR-001"), title=Text("道路", "Roads"), org_id=OrgId("roads"))


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    return _people(a_desk(sqlite_house))


def _people(desk: Desk) -> Desk:
    with desk.house.write() as work:
        a_person(work, "roads_approver", "roads", ["approver"])
    desk.known[ROADS.dataset_id] = ROADS
    return desk


def _mixed(desk: Desk, first: Any = PARKS, second: Any = ROADS) -> ApplicationRead:
    """An application over parks and roads that waits for its decision."""
    asks = [
        an_ask(each, columns=["event_type"]) if each is RESCUES else an_ask(each) for each in (first, second)
    ]
    ask = asks[0].model_copy(update={"lines": (*asks[0].lines, *asks[1].lines)})
    found = screened(desk, submitted(desk, an_application(desk, at=State.DRAFT, ask=ask)))
    for stage in found.stages:
        who = {"security": "security", "business:parks": "screener", "business:roads": "roads_screener"}
        found = voted(desk, found, who[stage.stage], stage.stage)
    assert found.state == State.DECIDING
    return found


def _decide(
    desk: Desk,
    found: ApplicationRead,
    who: str,
    *positions: int,
    outcome: str = "approve",
    declared: Any = True,
) -> ApplicationRead:
    more = {"reason_code": "not-minimal", "note": "列数超出用途所需"} if outcome == "reject" else {}
    lines = [{"line_id": found.lines[n].id, "outcome": outcome} | more for n in positions]
    body = DecideBody.model_validate({"version": found.version, "has_no_conflict": declared, "lines": lines})
    with desk.write(who) as (work, actor):
        return applications.decide(work, actor, found.id, body, assets=desk.assets)


def _concur(desk: Desk, found: ApplicationRead, who: str) -> ApplicationRead:
    with desk.write(who) as (work, actor):
        body = ConcurBody(version=found.version, has_no_conflict=True)
        return applications.concur(work, actor, found.id, body, assets=desk.assets)


def _open(desk: Desk, found: ApplicationRead, who: str) -> dict[str, list[str]]:
    with desk.read(who) as (work, actor):
        said = applications.commands(work, actor, found.id, assets=desk.assets)
    wanted = ("propose", "offer", "reject", "concur", "dissent")
    return {each["command"]: [r.code for r in each["reasons"]] for each in said if each["command"] in wanted}


@pytest.mark.parametrize(
    ("scopes", "department", "covers"),
    [
        ({"*"}, "parks", True),
        ({"parks"}, "parks", True),
        ({"roads"}, "parks", False),
        ({"roads", "parks"}, "parks", True),
        (set(), "parks", False),
    ],
)
def test_a_scope_covers_its_department_or_all(scopes: set[str], department: str, covers: bool) -> None:
    assert covered(department, scopes) is covers


def test_an_approver_of_one_department_does_not_decide_lines_of_another(desk: Desk) -> None:
    found = _mixed(desk)
    for lines in ((0, 1), (1,)):
        with pytest.raises(AccessRefused) as refused:
            _decide(desk, found, "parks_approver", *lines)
        assert codes(refused) == ["beyond-your-departments"]
        assert refused.value.reasons[0].facts["departments"] == ["roads"]


def test_the_application_is_decided_when_every_line_is(desk: Desk) -> None:
    found = _mixed(desk)
    assert _open(desk, found, "parks_approver") == {"propose": []}
    assert _open(desk, found, "approver") == {"offer": [], "reject": []}
    half = _decide(desk, found, "parks_approver", 0)
    assert (half.state, half.agreement_hash, half.lines[0].decision) == (State.DECIDING, "", "")
    assert half.proposal is not None
    assert half.proposal.open_lines == [found.lines[1].id]
    assert _open(desk, half, "roads_approver") == {"propose": []}
    assert "dissent" in _open(desk, half, "parks_approver")
    assert "propose" not in _open(desk, half, "parks_approver")
    done = _decide(desk, half, "roads_approver", 1, outcome="reject")
    assert (done.state, [line.decision for line in done.lines]) == (State.OFFERED, ["approve", "reject"])
    with desk.read("auditor") as (work, _):
        told = audit_reading.history(work, application_id=found.id, internal=True)
        signed = [event.facts["signed_lines"] for event in told if "signed_lines" in event.facts]
    assert signed == [[found.lines[0].id], [found.lines[1].id]]


def test_approvers_of_the_lines_that_are_left_are_told_and_nobody_else(desk: Desk) -> None:
    half = _decide(desk, _mixed(desk), "parks_approver", 0)
    told = {}
    for who in ("roads_approver", "approver", "parks_approver", "applicant"):
        with desk.read(who) as (work, actor):
            found = [each for each in messages.inbox(work, actor)[0] if each.kind == "application.lines_wait"]
        told[who] = [each.facts["lines"] for each in found]
    assert told == {"roads_approver": ["1"], "approver": ["1"], "parks_approver": [], "applicant": []}
    assert half.state == State.DECIDING


def test_one_with_the_whole_platform_decides_what_is_left(desk: Desk) -> None:
    half = _decide(desk, _mixed(desk), "parks_approver", 0)
    with pytest.raises(Conflict):
        _decide(desk, half, "approver", 0, 1)
    assert _decide(desk, half, "approver", 1).state == State.OFFERED


def test_nobody_decides_twice_and_every_open_line_of_the_scope_is_due(desk: Desk) -> None:
    found = _mixed(desk)
    with pytest.raises(InputRefused) as due:
        _decide(desk, found, "approver", 0)
    assert "DP-TR-001" in due.value.detail.zh
    half = _decide(desk, found, "parks_approver", 0)
    with pytest.raises(Conflict):
        _decide(desk, half, "parks_approver", 0)


def test_refusals_of_all_lines_reject_the_application(desk: Desk) -> None:
    half = _decide(desk, _mixed(desk), "roads_approver", 1, outcome="reject")
    assert _decide(desk, half, "parks_approver", 0, outcome="reject").state == State.REJECTED


def test_sensitive_lines_gather_their_signatures_line_by_line(desk: Desk) -> None:
    """Two signatures of different departments on each line: the bureau's and that of the line's own department."""
    found = _mixed(desk, RESCUES, ROADS)
    made = _decide(desk, found, "approver", 0, 1)
    half = _concur(desk, made, "parks_approver")
    assert half.state == State.DECIDING
    assert half.proposal is not None
    assert half.proposal.signatures[found.lines[0].id] == ["approver", "parks_approver"]
    assert half.proposal.signatures[found.lines[1].id] == ["approver"]
    with pytest.raises(AccessRefused) as refused:
        _concur(desk, half, "parks_approver")
    assert codes(refused) == ["beyond-your-departments"]
    with pytest.raises(AccessRefused) as refused:
        _concur(desk, half, "approver2")
    assert codes(refused) == ["separation-of-duties-3"]
    assert _concur(desk, half, "roads_approver").state == State.OFFERED


def test_an_objection_reopens_the_lines_of_its_own_scope(desk: Desk) -> None:
    found = _mixed(desk, RESCUES, ROADS)
    made = _decide(desk, found, "approver", 0, 1)
    with desk.write("roads_approver") as (work, actor):
        body = DeclaredStep(has_no_conflict=True, version=made.version, note="期限过长")
        back = applications.dissent(work, actor, made.id, body)
    assert back.proposal is not None
    assert list(back.proposal.signatures) == [found.lines[0].id]
    assert back.proposal.open_lines == [found.lines[1].id]
    half = _concur(desk, back, "parks_approver")
    again = _decide(desk, half, "roads_approver", 1)
    assert _concur(desk, again, "approver").state == State.OFFERED


def test_an_objection_takes_the_template_of_its_lines_with_it_and_no_other(desk: Desk) -> None:
    in_force(desk, GENERIC)
    found = _mixed(desk, RESCUES, ROADS)
    text = next(each.text_zh for each in GENERIC.opinions if each.key == "refuse-not-minimal")
    refused = {
        "outcome": "reject",
        "reason_code": "not-minimal",
        "note": text,
        "opinion": "refuse-not-minimal",
    }
    lines = [{"line_id": line.id} | refused for line in found.lines]
    body = DecideBody.model_validate({"version": found.version, "has_no_conflict": True, "lines": lines})
    with desk.write("approver") as (work, actor):
        made = applications.decide(work, actor, found.id, body, assets=desk.assets)
    with desk.write("roads_approver") as (work, actor):
        again = DeclaredStep(has_no_conflict=True, version=made.version, note="期限过长")
        back = applications.dissent(work, actor, made.id, again)
    half = _decide(desk, _concur(desk, back, "parks_approver"), "roads_approver", 1)
    done = _concur(desk, half, "approver")
    assert [(line.decision_opinion or {}).get("template") for line in done.lines] == [
        "refuse-not-minimal",
        None,
    ]


def test_a_decision_without_the_declaration_of_interest_is_asked_for_it(desk: Desk) -> None:
    found = _mixed(desk)
    with pytest.raises(InputRefused) as asked:
        _decide(desk, found, "approver", 0, 1, declared=None)
    assert asked.value.facts["field"] == "has_no_conflict"
    with pytest.raises(AccessRefused) as refused:
        _decide(desk, found, "approver", 0, 1, declared=False)
    assert codes(refused) == ["conflict-of-interest"]


def test_nobody_objects_to_what_lies_beyond_his_scope_and_it_is_not_offered(desk: Desk) -> None:
    half = _decide(desk, _mixed(desk), "parks_approver", 0)
    body = DeclaredStep(has_no_conflict=True, version=half.version, note="期限过长")
    with pytest.raises(AccessRefused) as refused, desk.write("roads_approver") as (work, actor):
        applications.dissent(work, actor, half.id, body)
    assert codes(refused) == ["beyond-your-departments"]
    assert "dissent" not in _open(desk, half, "roads_approver")


@pytest.mark.parametrize("positions", [(0, 0), ()])
def test_a_line_is_decided_on_once_and_no_other_is(desk: Desk, positions: tuple[int, ...]) -> None:
    found = _mixed(desk)
    lines = [{"line_id": found.lines[n].id, "outcome": "approve"} for n in positions]
    lines = lines or [{"line_id": "of-another-application", "outcome": "approve"}]
    body = DecideBody.model_validate({"version": found.version, "has_no_conflict": True, "lines": lines})
    with pytest.raises(InputRefused, match="once"), desk.write("approver") as (work, actor):
        applications.decide(work, actor, found.id, body, assets=desk.assets)


def test_what_a_decision_will_allow_is_told_before_it_is_made_and_writes_nothing(desk: Desk) -> None:
    found = _mixed(desk)
    asked = [LineDecision(line_id=line.id, outcome="approve") for line in found.lines]
    with desk.read("approver") as (work, actor):
        said = judging.statement(work, actor, found.id, asked, assets=desk.assets)
        assert [(each.line_id, each.dataset_id) for each in said] == [
            (line.id, line.dataset_id) for line in found.lines
        ]
        assert all(each.policy_hash == (each.policy.hash if each.policy else None) for each in said)
        assert any(each.policy_hash for each in said)
        assert applications.application(work, actor, found.id).version == found.version


@pytest.mark.parametrize("named", ["twice", "of-another-application"])
def test_before_it_is_made_a_decision_names_each_line_once_and_no_other(desk: Desk, named: str) -> None:
    found = _mixed(desk)
    lines = [LineDecision(line_id=line.id, outcome="approve") for line in found.lines]
    more = lines[0] if named == "twice" else LineDecision(line_id=named, outcome="approve")
    with pytest.raises(InputRefused, match="each line, once"), desk.read("approver") as (work, actor):
        judging.statement(work, actor, found.id, [*lines, more], assets=desk.assets)


def test_terms_that_are_not_there_yet_are_not_told(desk: Desk) -> None:
    found = _mixed(desk)
    with pytest.raises(Conflict), desk.read("officer") as (work, actor):
        terms.terms(work, actor, found.id)


def test_of_a_line_that_was_refused_no_grant_is_issued(desk: Desk) -> None:
    half = _decide(desk, _mixed(desk), "parks_approver", 0)
    done = agreed(desk, _decide(desk, half, "roads_approver", 1, outcome="reject"))
    assert done.state == State.AGREED
    with desk.read("auditor") as (work, _):
        issued = work.db.exec(select(GrantRow)).all()
    assert [(row.line_id, row.dataset_id) for row in issued] == [(done.lines[0].id, PARKS.dataset_id)]


@pytest.mark.parametrize(
    ("first", "expected"), [(PARKS, ["nothing-left-to-sign"]), (RESCUES, ["separation-of-duties-3"])]
)
def test_who_may_not_decide_is_told_why_and_who_has_signed_what_is_left(
    desk: Desk, first: Any, expected: list[str]
) -> None:
    """Lines of parks need one signature, those with sensitive data two."""
    found = _mixed(desk, first, ROADS)
    _decide(desk, found, "parks_approver", 0)
    with desk.read("approver") as (work, approver):
        row, signer = queries.row(work, found.id, approver), actor_of(work, "parks_approver")
        against = signing.decision_objections(work, actor_of(work, "screener"), row)
        left = signing.decision_objections(work, signer, row)
        again = signing.concurrence_objections(work, signer, row)
    assert [each.code for each in against] == ["separation-of-duties-2"]
    assert [each.code for each in left] == ["nothing-left-to-decide"]
    assert [each.code for each in again] == expected


SCOPES = {"approver": (0, 1), "approver2": (0, 1), "parks_approver": (0,), "roads_approver": (1,)}
OFFICE = {"approver": "bureau", "approver2": "bureau", "parks_approver": "parks", "roads_approver": "roads"}
Signed = dict[int, list[str]]


def _model(signed: Signed, who: str, deed: str) -> Signed | None:
    """The signatures by line after a deed, told in the plainest way; None when it must be refused."""
    after = {n: list(people) for n, people in signed.items()}
    mine = SCOPES[who]
    if deed == "decide":
        changed = [n for n in mine if n not in signed]
        after |= {n: [who] for n in changed}
    elif deed == "concur":
        changed = [
            n
            for n in mine
            if len(signed.get(n, [])) == 1 and OFFICE[who] not in {OFFICE[each] for each in signed[n]}
        ]
        for n in changed:
            after[n].append(who)
    else:
        changed = [n for n in mine if n in signed]
        for n in changed:
            del after[n]
    return after if changed else None


class _Undone(Exception):
    """Raised to leave nothing of an example behind."""


def test_whatever_the_order_every_line_has_two_departments_that_cover_it(desk: Desk) -> None:
    """A slow model of the signatures agrees with the service after every deed of anybody."""
    case = _mixed(desk, RESCUES, ROADS)
    deeds = st.tuples(st.sampled_from(sorted(SCOPES)), st.sampled_from(["decide", "concur", "dissent"]))

    @settings(max_examples=examples(25))
    @given(st.lists(deeds, max_size=8))
    def anybody_does_anything(tried: list[tuple[str, str]]) -> None:
        with suppress(_Undone), desk.house.write() as work:
            _play(desk, work, case, tried)
            raise _Undone

    anybody_does_anything()


def _play(desk: Desk, work: Work, found: ApplicationRead, tried: list[tuple[str, str]]) -> None:
    signed: Signed = {}
    for who, deed in tried:
        expected = _model(signed, who, deed)
        try:
            with work.db.begin_nested():
                found = _done(desk, work, found, signed, who, deed)
        except AppError:
            assert expected is None, (who, deed, signed)
            continue
        assert expected is not None, (who, deed, signed)
        signed = expected
        is_over = all(len(signed.get(n, [])) == 2 for n in (0, 1))
        assert (found.state == State.OFFERED) is is_over
        if is_over:
            return
        told = found.proposal.signatures if found.proposal else {}
        assert told == {found.lines[n].id: people for n, people in sorted(signed.items())}


def _done(
    desk: Desk, work: Work, found: ApplicationRead, signed: Signed, who: str, deed: str
) -> ApplicationRead:
    actor, version = actor_of(work, who), found.version
    if deed == "concur":
        body = ConcurBody(version=version, has_no_conflict=True)
        return applications.concur(work, actor, found.id, body, assets=desk.assets)
    if deed == "dissent":
        return applications.dissent(
            work, actor, found.id, DeclaredStep(has_no_conflict=True, version=version, note="须再议此事")
        )
    lines = [n for n in SCOPES[who] if n not in signed] or SCOPES[who]
    said = [{"line_id": found.lines[n].id, "outcome": "approve"} for n in lines]
    decision = DecideBody.model_validate({"version": version, "has_no_conflict": True, "lines": said})
    return applications.decide(work, actor, found.id, decision, assets=desk.assets)
