"""One question tells which kinds of reason may stand against a grant; it never leaves one out, whatever was entered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import delete, select

from api.house import House
from auth.duties.tables import DutyRow
from auth.duties.workflow import Kind
from auth.duties.workflow import State as DutyState
from auth.grants import blocks, queries
from auth.grants.reading import GrantRead
from auth.grants.stored import policy_of
from auth.grants.tables import GrantRow
from auth.grants.workflow import State
from auth.identity.tables import AccountRow
from auth.incidents import freezes
from auth.incidents.tables import IncidentRow
from auth.policy.model import GrantPolicy
from auth.profile.model import DEFAULT, Profile, Reach, shipped
from auth.reviews.tables import ReviewRow
from core.work import Work
from tests.desk import Desk, a_desk, a_grant
from tests.examples import examples
from tests.people import actor_of


@pytest.fixture
def scene(house: House) -> tuple[Desk, GrantRead]:
    desk = a_desk(house)
    return desk, a_grant(desk)


def everything(work: Work, row: GrantRow, profile: Profile, policy: GrantPolicy) -> tuple[str, ...]:
    """Every kind asked for its words, the slow way."""
    with pytest.MonkeyPatch.context() as patch:
        said = dict.fromkeys(("freeze", "review", "duty", "sleep"), True)
        consent = blocks._suspects(work, row, profile, profile.limits())["consent"]
        patch.setattr(blocks, "_suspects", lambda *_: said | {"consent": consent})
        return tuple(reason.code for reason in blocks.blocks(work, row, policy, profile).against)


def quickly(work: Work, row: GrantRow, profile: Profile, policy: GrantPolicy) -> tuple[str, ...]:
    return tuple(reason.code for reason in blocks.blocks(work, row, policy, profile).against)


DAYS = st.integers(-800, 30)


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "reaches": draw(st.dictionaries(st.sampled_from(list(Kind)), st.sampled_from(list(Reach)))),
        "dormant": draw(st.sampled_from([0, 30, 180])),
        "activated": draw(DAYS),
        "ends": draw(st.integers(-60, 400)),
        "state": draw(st.sampled_from([State.ACTIVE, State.ACTIVE, State.EXPIRED, State.SUPERSEDED, State.SUSPENDED])),
        "duty": draw(st.none() | st.tuples(st.sampled_from(list(Kind)), st.sampled_from(list(DutyState)), st.integers(-5, 5))),
        "freeze": draw(st.none() | st.sampled_from(["org_id", "department_id", "dataset_id", "id", "other"])),
        "narrow": draw(st.none() | st.integers(-3, 3)),
    }  # fmt: skip


def test_the_question_leaves_out_no_reason(scene: tuple[Desk, GrantRead]) -> None:
    desk, grant = scene

    @given(world=worlds())
    @settings(max_examples=examples(40))
    def whatever(world: dict[str, Any]) -> None:
        with desk.house.write() as work:
            row = queries.row(work, grant.id)
            profile = _enter(work, row, world)
            policy = policy_of(row)
            assert quickly(work, row, profile, policy) == everything(work, row, profile, policy)

    whatever()


def _enter(work: Work, row: GrantRow, world: dict[str, Any]) -> Profile:
    """The world as rows, in the caller's transaction; what the example before entered is gone."""
    for table in (DutyRow, IncidentRow, ReviewRow):
        work.db.execute(delete(table))
    day, now = work.now.date(), work.now
    row.activated_at, row.ends_at = (
        now + timedelta(days=world["activated"]),
        now + timedelta(days=world["ends"]),
    )
    row.state, row.ended_at = world["state"], now if world["state"] in ("EXPIRED", "SUPERSEDED") else None
    work.db.add(row)
    made: dict[str, Any] = {"created_at": now, "created_by": "x", "created_person": "x", "version": 1}
    if world["duty"]:
        kind, state, offset = world["duty"]
        work.db.add(
            DutyRow(
                **made, id=work.new_id(), state=state, grant_id=row.id, org_id=row.org_id, department_id=row.department_id,
                dataset_id=row.dataset_id, title_zh="", title_en="", kind=kind, period="R1", due_on=day + timedelta(days=offset),
            )
        )  # fmt: skip
    if world["freeze"]:
        target = {
            "org_id": "organisation",
            "department_id": "organisation",
            "dataset_id": "dataset",
            "id": "grant",
        }
        work.db.add(
            IncidentRow(
                **made, id=work.new_id(), state="FROZEN", target_kind=target.get(world["freeze"], "grant"),
                target_id=getattr(row, world["freeze"], "other"), title_zh="", title_en="", reason="x",
            )
        )  # fmt: skip
    if world["narrow"] is not None:
        work.db.add(
            ReviewRow(
                **made, id=work.new_id(), state="NARROWING", grant_id=row.id, org_id=row.org_id, kind="dormant",
                department_id=row.department_id, dataset_id=row.dataset_id, columns="[]", title_zh="", title_en="", due_on=day, narrow_due_on=day + timedelta(days=world["narrow"]),
            )
        )  # fmt: skip
    work.db.flush()
    shipped_ = shipped()[DEFAULT]
    numbers = shipped_.model_dump()["numbers"] | {
        "dormant_suspend_days": {"value": world["dormant"], "source": "for a test"}
    }
    return Profile.model_validate(
        shipped_.model_dump() | {"blocking_duties": world["reaches"], "numbers": numbers}
    )


def test_sight_of_one_grant_is_sight_in_lists(scene: tuple[Desk, GrantRead]) -> None:
    desk, grant = scene
    with desk.house.read() as work:
        row = queries.row(work, grant.id)
        for name in work.db.exec(select(AccountRow.username)).all():
            actor = actor_of(work, name)
            listed = work.db.exec(select(GrantRow.id).where(queries.seen_by(actor))).all()
            assert (grant.id in listed) == queries.sees(actor, row), name


def test_a_freeze_entered_after_the_first_look_counts_at_the_next(scene: tuple[Desk, GrantRead]) -> None:
    desk, grant = scene
    with desk.house.write() as work:
        row = queries.row(work, grant.id)
        assert not queries.view_of(work, row).blocks
        _enter(work, row, {"activated": -1, "ends": 30, "state": "ACTIVE", "duty": None, "freeze": "dataset_id", "narrow": None,
                           "dormant": 0, "reaches": {}})  # fmt: skip
        assert [reason.code for reason in queries.view_of(work, row).blocks] == ["frozen"]
        assert freezes.targets(work)
