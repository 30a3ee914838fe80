"""Nobody answers what is held against a grant of an organisation to which he belongs, by whatever account: freeze, anomaly, review (suspensions: tests/auth/papers)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from api.house import House
from auth.actor import SYSTEM, Actor
from auth.anomalies import service as anomalies
from auth.anomalies.tables import AnomalyRow
from auth.anomalies.workflow import Step as AnomalyStep
from auth.casework.book import CaseStep, made_by
from auth.incidents import service as incidents
from auth.incidents.service import IncidentCreate
from auth.incidents.workflow import Target
from auth.reviews import service as reviews
from auth.reviews.service import ReviewAnswer
from auth.reviews.workflow import Step as ReviewStep
from core.errors import AccessRefused
from core.work import Work
from tests.desk import PARKS, Desk, a_desk, a_grant, codes
from tests.people import a_person, actor_of

Act = Callable[[Work, Actor], object]
Case = tuple[Act, Callable[[Work, Actor], list[Any]]]
OWN: Final = frozenset({"own-organisation", "separation-of-duties-1"})
DONE: Final = CaseStep(note="已核查，没有问题")


@pytest.fixture
def desk(house: House) -> Desk:
    desk = a_desk(house)
    with house.write() as work:
        same = actor_of(work, "officer").person_id
        a_person(work, "guardian", "bureau", ["security_officer"], person_id=same)
        a_person(work, "keeper", "parks", ["steward"], person_id=same)
    return desk


def _frozen(desk: Desk, kind: Target, target: str) -> Case:
    with desk.write("watch") as (work, actor):
        body = IncidentCreate(target_kind=kind, target_id=target, reason="疑似超范围使用数据")
        found = incidents.freeze(work, actor, body, assets=desk.assets).id
    return (
        lambda work, actor: incidents.lift(work, actor, found, DONE),
        lambda work, actor: incidents.commands(work, actor, found),
    )


def _anomaly(desk: Desk, grant: str) -> Case:
    with desk.house.write() as work:
        row = AnomalyRow(
            **made_by(work, SYSTEM), state="OPEN", grant_id=grant, org_id="insurer", dataset_id=PARKS.dataset_id, department_id="parks",
            rule="denied_burst", action="throttle", seen=11, threshold=10, text_zh="拒绝多次", text_en="Many refusals", setting_id="",
            set_by_person="", is_suspended_by=False,
        )  # fmt: skip
        anomalies.BOOK.open(work, SYSTEM, row, {})
        found = row.id
    return (
        lambda work, actor: anomalies.close(work, actor, found, AnomalyStep.DISMISS, DONE),
        lambda work, actor: anomalies.commands(work, actor, found),
    )


def _review(desk: Desk, grant: str) -> Case:
    with desk.write("approver") as (work, actor):
        found = reviews.evaluate(work, actor, grant).id
    body = ReviewAnswer(
        outcome=ReviewStep.KEEP, note="使用良好，继续保留", value="好", complaints="无", quality="好"
    )
    return (
        lambda work, actor: reviews.answer(work, actor, found, body),
        lambda work, actor: reviews.commands(work, actor, found),
    )


CASES: Final[dict[str, tuple[Callable[[Desk, str], Case], str, str]]] = {
    "freeze of the grant": (lambda desk, grant: _frozen(desk, Target.GRANT, grant), "guardian", "watch2"),
    "freeze of its dataset": (
        lambda desk, _: _frozen(desk, Target.DATASET, PARKS.dataset_id),
        "guardian",
        "watch2",
    ),
    "freeze of the organisation": (
        lambda desk, _: _frozen(desk, Target.ORGANISATION, "insurer"),
        "guardian",
        "watch2",
    ),
    "anomaly": (_anomaly, "guardian", "watch"),
    "review": (_review, "keeper", "steward_a"),
}


@pytest.mark.parametrize("what", CASES)
def test_the_holders_own_person_does_not_answer_and_another_does(desk: Desk, what: str) -> None:
    make, own, other = CASES[what]
    act, commands = make(desk, a_grant(desk).id)
    with pytest.raises(AccessRefused) as refused, desk.write(own) as (work, actor):
        act(work, actor)
    assert set(codes(refused)) <= OWN
    with desk.read(own) as (work, actor):
        offered = commands(work, actor)
    assert offered
    assert all(OWN & {reason.code for reason in each.reasons} for each in offered), offered
    with desk.write(other) as (work, actor):
        act(work, actor)
