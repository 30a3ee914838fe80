"""A proposal accepted for a later moment: nothing is seen before, then it stands as its reviewer's decision; on both databases."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlmodel import select

from api.durable import publish_due
from api.house import House
from auth.actor import ANYONE, SYSTEM
from auth.audit import AuditEventRow
from auth.incidents import service as incidents
from auth.incidents.service import IncidentCreate
from auth.incidents.workflow import Target
from auth.messages.tables import MessageRow
from catalog import service
from catalog.assets import asset
from catalog.models import DatasetUpdate
from catalog.proposals import service as proposals
from catalog.proposals import timing
from catalog.proposals.models import ProposalDecision, ProposalRead, ProposalReturn, ProposalTiming
from catalog.search.engine import Search, search
from core.errors import AccessRefused, Conflict, InputRefused, NotFound, Stale
from tests.catalog.records import a_dataset, a_department
from tests.conftest import TestClock
from tests.people import a_person, actor_of, an_org

DRAFT, CODE = "DP-PK-002", "DP-PK-001"
REVIEWER, STEWARD = "traffic-reviewer", "traffic-steward"


@pytest.fixture
def traffic(house: House) -> House:
    with house.write() as work:
        a_department(work, "traffic")
        an_org(work, "bureau", kind="implementing_body")
        a_person(work, "cat", org="bureau", roles=["catalog_admin"])
        a_dataset(work, CODE, "traffic")
        a_dataset(work, DRAFT, "traffic", draft=True, title_zh="停车场实时余位")
    return house


def _asked(house: House) -> ProposalRead:
    with house.write() as work:
        return proposals.ask_publication(work, actor_of(work, STEWARD), DRAFT)


def _timed(house: House, proposal: ProposalRead, hours: float = 2, who: str = REVIEWER) -> ProposalRead:
    with house.write() as work:
        body = ProposalTiming(at=work.now + timedelta(hours=hours))
        return timing.accept_at(work, actor_of(work, who), proposal.id, body)


def _found(house: House) -> int:
    with house.read() as work:
        return search(work, ANYONE, Search("实时余位")).total


def _state(house: House, proposal_id: str) -> Any:
    with house.read() as work:
        return proposals.detail(work, SYSTEM, proposal_id)


def test_record_is_published_at_its_moment_as_the_reviewers_decision(
    traffic: House, clock: TestClock
) -> None:
    made = _timed(traffic, _asked(traffic))
    assert (made.state, made.decided_en) == ("timed", "Traffic-reviewer")
    clock.forward(hours=1, minutes=59)
    assert publish_due(traffic) == 0
    assert _found(traffic) == 0
    with traffic.read() as work, pytest.raises(NotFound):
        service.show(work, ANYONE, DRAFT)
    clock.forward(minutes=2)
    assert (publish_due(traffic), publish_due(traffic)) == (1, 0)
    assert _found(traffic) == 1
    with traffic.read() as work:
        assert service.show(work, ANYONE, DRAFT).issued == work.now
        done = proposals.detail(work, SYSTEM, made.id)
        assert (done.state, done.decided_at, done.decided_en) == (
            "accepted",
            made.decided_at,
            "Traffic-reviewer",
        )
        events = {
            each.kind: each
            for each in work.db.exec(select(AuditEventRow).where(AuditEventRow.dataset_id == DRAFT))
        }
        reviewer = actor_of(work, REVIEWER)
        for kind in ("dataset.proposal_timed", "dataset.published", "dataset.proposal_accepted"):
            assert events[kind].actor_person == reviewer.person_id
        told = work.db.exec(select(MessageRow.kind, MessageRow.account_id)).all()
        assert {kind for kind, _ in told} == {"proposal.took_effect"}
        assert len(told) == 2


def test_accepted_change_is_unseen_until_its_moment(traffic: House, clock: TestClock) -> None:
    with traffic.write() as work:
        wish = proposals.change(work, actor_of(work, STEWARD), CODE, DatasetUpdate(contact="停车科"))
        before = service.show(work, ANYONE, CODE)
    assert isinstance(wish, ProposalRead)
    _timed(traffic, wish)
    with traffic.read() as work:
        assert service.show(work, ANYONE, CODE) == before
    clock.forward(hours=3)
    assert publish_due(traffic) == 1
    with traffic.read() as work:
        assert service.show(work, ANYONE, CODE).contact == "停车科"


def test_moment_lies_ahead_within_a_year_and_is_named_by_a_second_person(traffic: House) -> None:
    made = _asked(traffic)
    for hours in (0, -1, 24 * 367):
        with pytest.raises(InputRefused, match="within a year"):
            _timed(traffic, made, hours)
    with pytest.raises(AccessRefused):
        _timed(traffic, made, who=STEWARD)
    assert _state(traffic, made.id).state == "open"


def test_moment_is_moved_called_off_or_brought_forward(traffic: House, clock: TestClock) -> None:
    made = _timed(traffic, _asked(traffic))
    moved = _timed(traffic, made, 48, who="cat")
    assert (moved.state, moved.decided_en) == ("timed", "Cat")
    clock.forward(hours=3)
    assert publish_due(traffic) == 0
    with traffic.write() as work:
        with pytest.raises(Stale):
            timing.accept_at(
                work,
                actor_of(work, REVIEWER),
                made.id,
                ProposalTiming(at=work.now + timedelta(1), version=made.version),
            )
        proposals.give_back(work, actor_of(work, REVIEWER), made.id, ProposalReturn(reason="先不发布"))
    clock.forward(hours=72)
    assert publish_due(traffic) == 0
    again = _timed(traffic, _asked(traffic))
    with traffic.write() as work:
        proposals.take_back(work, actor_of(work, STEWARD), again.id, ProposalDecision())
    third = _timed(traffic, _asked(traffic))
    with traffic.write() as work:
        done = proposals.accept(work, actor_of(work, REVIEWER), third.id, ProposalDecision())
        assert (done.state, done.takes_effect_at) == ("accepted", None)
    assert _found(traffic) == 1


def test_amended_change_is_decided_anew(traffic: House, clock: TestClock) -> None:
    with traffic.write() as work:
        steward = actor_of(work, STEWARD)
        wish = proposals.change(work, steward, CODE, DatasetUpdate(contact="停车科"))
    assert isinstance(wish, ProposalRead)
    _timed(traffic, wish)
    with traffic.write() as work:
        with pytest.raises(Conflict, match="awaits review"):
            proposals.change(work, actor_of(work, REVIEWER), CODE, DatasetUpdate(contact="别科"))
        amended = proposals.change(work, actor_of(work, STEWARD), CODE, DatasetUpdate(contact="管理科"))
    assert isinstance(amended, ProposalRead)
    assert (amended.id, amended.state, amended.takes_effect_at) == (wish.id, "open", None)
    clock.forward(hours=3)
    assert publish_due(traffic) == 0


@pytest.mark.parametrize("meanwhile", ["edited", "withdrawn", "frozen", "drifted"])
def test_what_does_not_fit_by_then_goes_back_and_nothing_takes_effect(
    traffic: House, clock: TestClock, meanwhile: str
) -> None:
    with traffic.write() as work:
        steward = actor_of(work, STEWARD)
        wish = proposals.change(work, steward, CODE, DatasetUpdate(contact="停车科"))
    assert isinstance(wish, ProposalRead)
    made = _timed(traffic, wish if meanwhile == "drifted" else _asked(traffic))
    with traffic.write() as work:
        steward = actor_of(work, STEWARD)
        if meanwhile == "edited":
            service.update(work, steward, DRAFT, DatasetUpdate(contact="停车科"))
        elif meanwhile == "withdrawn":
            service.withdraw(work, steward, DRAFT, "不再发布")
        elif meanwhile == "drifted":
            service.update(work, SYSTEM, CODE, DatasetUpdate(contact="系统改过"))
        else:
            body = IncidentCreate(target_kind=Target.DATASET, target_id=DRAFT, reason="核查来源")
            incidents.freeze(work, SYSTEM, body, assets=partial(asset, work))
    assert _state(traffic, made.id).is_held_up == (meanwhile != "frozen")
    clock.forward(hours=3)
    assert publish_due(traffic) == 0
    ended = _state(traffic, made.id)
    assert (ended.state, ended.decided_en) == ("returned", "System")
    assert ended.reason
    assert _found(traffic) == 0
    with traffic.read() as work:
        assert service.show(work, ANYONE, CODE).contact != "停车科"
        told = work.db.exec(select(MessageRow.kind)).all()
        assert list(told) == ["proposal.lapsed"] * 2
    assert publish_due(traffic) == 0
