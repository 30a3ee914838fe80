"""Any history of attempts, by anybody: the machine agrees with a plain model, and its promises hold throughout.

What tests of this folder store of applications is replayed after each of them (`conftest.py`, `replay.py`); that this finds what is amiss is shown here.
"""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from api.house import House
from auth.applications.tables import ApplicationRow
from auth.applications.workflow import FINAL, State, Step, advance
from auth.roles import Role
from core.errors import TransitionRefused
from tests.auth.applications.replay import flaws
from tests.desk import a_desk, an_application
from tests.examples import examples

# the plain model: a flat list of what the design says, written apart from the table
MODEL = """
DRAFT save DRAFT; DRAFT submit SUBMITTED; SUBMITTED screen_ok IN_REVIEW; SUBMITTED screen_return RETURNED;
SUBMITTED screen_reject REJECTED; IN_REVIEW review IN_REVIEW; IN_REVIEW complete DECIDING; IN_REVIEW return RETURNED;
DECIDING return RETURNED; DECIDING offer OFFERED; DECIDING reject REJECTED; OFFERED accept_terms AGREED;
OFFERED decline WITHDRAWN; OFFERED lapse LAPSED; RETURNED save RETURNED; RETURNED submit SUBMITTED;
RETURNED lapse LAPSED; DRAFT withdraw WITHDRAWN; SUBMITTED withdraw WITHDRAWN; IN_REVIEW withdraw WITHDRAWN;
DECIDING withdraw WITHDRAWN; OFFERED withdraw WITHDRAWN; RETURNED withdraw WITHDRAWN;
IN_REVIEW return_late RETURNED; DECIDING return_late RETURNED; IN_REVIEW lapse LAPSED; DECIDING lapse LAPSED;
DRAFT confirm DRAFT; RETURNED confirm RETURNED; DECIDING propose DECIDING; DECIDING concur DECIDING; DECIDING dissent DECIDING; OFFERED counter DECIDING
"""
EDGES = {tuple(edge.split()[:2]): edge.split()[2] for edge in MODEL.split(";")}
HANDS = {
    "save": {"applicant", "clerk"}, "submit": {"applicant", "clerk"}, "confirm": {"applicant"}, "return_late": {"system"}, "withdraw": {"applicant", "org_officer"},
    "screen_ok": {"reviewer_business"}, "screen_return": {"reviewer_business"}, "screen_reject": {"reviewer_business"},
    "review": {"reviewer_business", "reviewer_security"}, "complete": {"system"}, "lapse": {"system"},
    "offer": {"approver"}, "reject": {"approver"}, "accept_terms": {"org_officer"}, "decline": {"org_officer"},
    "propose": {"approver"}, "concur": {"approver"}, "dissent": {"approver"}, "counter": {"applicant"},
}  # fmt: skip
RETURNERS = {
    "IN_REVIEW": {"approver", "reviewer_business", "reviewer_security"},
    "DECIDING": {"approver"},
}


class AnybodyTriesAnything(RuleBasedStateMachine):
    @initialize()
    def fresh(self) -> None:
        self.state, self.model = State.DRAFT, "DRAFT"
        self.trail: list[tuple[str, str]] = []

    @rule(step=st.sampled_from(Step), role=st.sampled_from([*Role, None]))
    def attempt(self, step: Step, role: Role | None) -> None:
        held = frozenset({role}) if role else frozenset()
        hand = role.value if role else "system"
        hands = RETURNERS.get(self.model, set()) if step is Step.RETURN else HANDS[step.value]
        to = EDGES.get((self.model, step.value)) if hand in hands else None
        moved = None
        with suppress(TransitionRefused):
            moved = advance(self.state, step, held, by_system=role is None)
        assert (moved.value if moved else None) == to
        if moved and to:
            self.state, self.model = moved, to
            self.trail.append((step.value, hand))

    @rule(data=st.data())
    def follow(self, data: st.DataObject) -> None:
        """Go along an edge, so that the far states are reached."""
        if self.model in {state.value for state in FINAL}:
            return
        steps = [step for state, step in EDGES if state == self.model]
        step = data.draw(st.sampled_from(steps))
        hands = RETURNERS[self.model] if step == "return" else HANDS[step]
        hand = data.draw(st.sampled_from(sorted(hands)))
        self.attempt(Step(step), None if hand == "system" else Role(hand))  # type: ignore[arg-type]

    @invariant()
    def agreement_needs_both_sides(self) -> None:
        hands = {hand for _, hand in self.trail}
        if self.state is State.AGREED:
            assert hands & {"applicant", "clerk"}
            assert {"reviewer_business", "approver", "org_officer"} <= hands

    @invariant()
    def offer_follows_a_completed_review_of_its_own_turn(self) -> None:
        steps = [step for step, _ in self.trail]
        if self.state in (State.OFFERED, State.AGREED):
            turn = steps[len(steps) - 1 - steps[::-1].index("submit") :]
            assert turn.index("screen_ok") < turn.index("complete") < turn.index("offer")

    @invariant()
    def final_is_final(self) -> None:
        steps = [step for step, _ in self.trail]
        ends = ("accept_terms", "reject", "screen_reject", "withdraw", "decline", "lapse")
        assert not any(step in ends for step in steps[:-1])


TestAnybodyTriesAnything = AnybodyTriesAnything.TestCase
TestAnybodyTriesAnything.settings = settings(max_examples=examples(20), stateful_step_count=25, deadline=None)


def test_a_hundred_thousand_histories_replayed_end_where_they_ended() -> None:
    """Random valid histories, walked and replayed by the table: it reads nothing but what it is given, and every end is reached."""
    lot = random.Random(20260302)  # noqa: S311 - a fixed lot
    open_from: dict[str, list[tuple[Step, frozenset[Role], bool]]] = {}
    for state, step in EDGES:
        hands = RETURNERS[state] if step == "return" else HANDS[step]
        for hand in sorted(hands):
            held = frozenset() if hand == "system" else frozenset({Role(hand)})
            open_from.setdefault(state, []).append((Step(step), held, hand == "system"))
    ends: Counter[State] = Counter()
    for _ in range(100_000):
        state, trail = State.DRAFT, []
        while state.value in open_from and len(trail) < 40:
            step, held, by_system = lot.choice(open_from[state.value])
            state = advance(state, step, held, by_system=by_system)
            trail.append((step.value, held, by_system))
        replayed = State.DRAFT
        for name, held, by_system in trail:
            replayed = advance(replayed, Step(name), held, by_system=by_system)
        assert replayed is state
        ends[state] += 1
    assert set(ends) >= FINAL, "every end was reached"


class _Undone(Exception):
    pass


@pytest.mark.parametrize(("field", "value"), [("state", "OFFERED"), ("version", 9), ("turn", 2)])
def test_a_row_that_its_stored_events_do_not_lead_to_is_found(
    house: House, field: str, value: object
) -> None:
    desk = a_desk(house)
    right, wrong = an_application(desk, at=State.DRAFT), an_application(desk, at=State.AGREED)
    with suppress(_Undone), house.write() as work:
        assert flaws(work) == ()
        row = work.db.get_one(ApplicationRow, wrong.id)
        setattr(row, field, value)
        work.db.add(row)
        work.db.flush()
        (found,) = flaws(work)
        assert (wrong.id in found, right.id in found) == (True, False)
        raise _Undone
