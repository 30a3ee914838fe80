"""Members and price rules that a line names: who may be named, what is signed, and who may use the grant then."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import select

from api.house import House
from auth.applications import references, rules
from auth.applications import service as applications
from auth.applications.models import ApplicationSave
from auth.applications.precedents import precedents
from auth.applications.workflow import State
from auth.grants import queries as grants
from auth.identity.tables import AccountRow
from auth.policy import odrl, odrl_reading
from auth.policy.narrowing import Narrowing
from auth.products import service as products
from auth.profile.now import profile
from core.errors import InputRefused
from core.ids import GrantId, OrgId
from core.work import Work
from datasets.extracts import deciding as extract_deciding
from datasets.queries import deciding
from datasets.sharing import service as sharing
from tests.caps import a_fee_cap
from tests.desk import Desk, a_desk, a_grant, an_application, an_ask, decided
from tests.people import a_person


def _id(work: Work, username: str) -> str:
    return work.db.exec(select(AccountRow.id).where(AccountRow.username == username)).one()


def _codes(found: Any) -> list[str]:
    return [each.code for each in found]


def _uses(desk: Desk, grant_id: str, who: str) -> list[list[str]]:
    """What extracts, queries and shared tables say of the person."""
    with desk.read(who) as (work, actor):
        view = grants.view(work, GrantId(grant_id))
        reading = sharing.Reading(actor, view, view.policy.purposes[0])
        return [
            _codes(extract_deciding.acting_for(work, actor, view.org_id, view.policy)),
            _codes(deciding.acting_for(work, actor, view)),
            _codes(sharing._may_read(work, reading)),
        ]


def _against(desk: Desk, who: str = "applicant", **changes: Any) -> list[str]:
    found = an_application(desk, at=State.DRAFT, ask=an_ask(**changes))
    with desk.read(who) as (work, actor):
        return _codes(applications.precheck(work, actor, found.id, assets=desk.assets).blocking)


def a_cap(house: House, scenario: str = "safety", unit: str = "times", cap_fen: int = 50) -> str:
    made: str = a_fee_cap(house, scenario_id=scenario, unit=unit, cap_fen=cap_fen, source="物价批复")["id"]
    return made


def test_a_grant_is_for_the_members_it_names_and_says_so_in_its_agreement(house: House) -> None:
    desk = a_desk(house)
    with house.write() as work:
        a_person(work, "analyst9", "insurer", ["analyst"])
    grant = a_grant(desk, members=["analyst"])
    with house.read() as work:
        policy = grants.view(work, grant.id).policy
        assert policy.members == (_id(work, "analyst"),), "signed by account, not by name"
        assert "analyst" not in policy.canonical().decode().replace(policy.members[0], "")
        document = odrl.agreement(
            policy, grant_id=grant.id, assigner="parks", assignee="insurer", agreed_at=work.now
        )
        assert odrl_reading.policy_of(document) == policy
    assert _uses(desk, grant.id, "analyst") == [[]] * 3
    assert _uses(desk, grant.id, "analyst9") == [["member-not-named"]] * 3


def test_named_members_are_analysts_of_the_organisation_and_vouched_for(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = a_desk(house)
    assert _against(desk, members=["analyst"]) == []
    assert _against(desk, members=["analyst", "officer"], scenario_id="parking") == ["member-not-analyst"]
    with pytest.raises(InputRefused) as refused:
        _against(desk, members=["officer2"])
    assert "officer2" in refused.value.detail.en
    found = an_application(desk, at=State.DRAFT, ask=an_ask(members=["analyst"], scenario_id="weather"))
    asks = _asking(house)
    monkeypatch.setattr(references, "profile", lambda _work: asks)
    with desk.read("applicant") as (work, actor):
        said = applications.precheck(work, actor, found.id, assets=desk.assets).blocking
        assert "member-not-vouched" in _codes(said)
    with house.write() as work:
        account = work.db.get_one(AccountRow, _id(work, "analyst"))
        account.disabled = True
        work.db.add(account)
    with desk.write("applicant") as (work, actor):
        now = applications.application(work, actor, found.id)
        assert now.lines[0].member_names == ["analyst"]
        body = ApplicationSave.model_validate(
            an_ask(members=now.lines[0].members, scenario_id="weather").model_dump()
            | {"version": now.version}
        )
        now = applications.save(work, actor, found.id, body, assets=desk.assets)
        said = applications.precheck(work, actor, found.id, assets=desk.assets).blocking
        assert "member-not-analyst" in _codes(said), "whoever left stays named until the draft is changed"


def _asking(house: House) -> Any:
    with house.read() as work:
        return profile(work).model_copy(update={"vouching": True})


def test_a_decision_names_the_members_it_leaves_by_user_name_as_well(house: House) -> None:
    desk = a_desk(house)
    with house.write() as work:
        a_person(work, "analyst9", "insurer", ["analyst"])
    found = an_application(desk, at=State.DECIDING, ask=an_ask(members=["analyst", "analyst9"]))
    with pytest.raises(InputRefused):
        decided(desk, found, outcome="narrow", narrowing={"members": ["officer2"]}, note="只留一名使用人员")
    made = decided(
        desk, found, outcome="narrow", narrowing={"members": ["analyst9"]}, note="只留一名使用人员"
    )
    offered = made.lines[0].offered
    assert offered is not None
    with house.read() as work:
        assert offered["members"] == [_id(work, "analyst9")]


def test_an_approver_narrows_to_members_of_the_applicant_alone(house: House) -> None:
    a_desk(house)
    with house.read() as work:
        mine, strange = _id(work, "analyst"), _id(work, "officer2")
        for members, expected in (((mine,), []), ((strange,), ["member-not-analyst"])):
            asked = rules.policy_asked(an_ask(), an_ask().lines[0])
            offered = rules.narrowed(asked, Narrowing(members=members))
            assert _codes(references.of_policy(work, OrgId("insurer"), offered)) == expected


def test_a_price_rule_is_one_of_the_scenario_and_binds_products_built_on_the_grant(house: House) -> None:
    desk = a_desk(house)
    own, other, any_ = a_cap(house), a_cap(house, "weather"), a_cap(house, "*", cap_fen=80)
    assert _against(desk, fee_reference=own) == []
    assert _against(desk, fee_reference=any_, purpose_text="用于旅游意外险的区域风险评估与再定价。") == []
    assert _against(desk, fee_reference=other) == ["fee-reference-unknown"]
    assert _against(desk, fee_reference="no-such") == ["fee-reference-unknown"]
    grant = a_grant(desk, fee_reference=own)
    a_cap(house, cap_fen=90)
    with house.read() as work:
        assert [cap.cap_fen for cap in products._agreed(work, [grant.id])] == [50], "that which was agreed"
        words = dict(references.fees(work))
        assert words[own].en.startswith("0.50 yuan per use at most (since 2026-01-01")
        assert references.fee_named(work, "no-such") is not None
        assert references.fee_named(work, None) is None


def test_a_precedent_tells_members_by_user_name(house: House) -> None:
    desk = a_desk(house)
    with house.write() as work:
        a_person(work, "analyst9", "insurer", ["analyst"])
    first = an_application(desk, at=State.DECIDING, ask=an_ask(members=["analyst", "analyst9"]))
    decided(desk, first, outcome="narrow", narrowing={"members": ["analyst9"]}, note="只留一名使用人员")
    now = an_application(desk, at=State.DECIDING, scenario_id="parking")
    with desk.read("approver") as (work, actor):
        (found,) = precedents(work, actor, now.id, now.lines[0].id)
    (told,) = [each for each in found.narrowed if each.part == "members"]
    assert (told.before.en, told.after.en) == ("2 persons: analyst, analyst9", "1 person: analyst9")
