"""Any history of attempts, by anybody: the machine agrees with a plain model, and its promises hold throughout.

What tests of this folder store of applications is replayed after each of them (`conftest.py`, `replay.py`); that this finds what is amiss is shown here.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from api.house import House
from auth.applications import workflow
from auth.applications.tables import ApplicationRow
from auth.applications.workflow import FINAL, MOVES, State, Step, advance
from auth.roles import Role
from core.errors import TransitionRefused
from tests.auth.applications import reference
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


HANDS_OF = {step: sorted(HANDS[step] if step in HANDS else set().union(*RETURNERS.values())) for step in Step}
LIKELY = {
    state: [(step, hand) for step in Step for hand in HANDS_OF[step] if (state.value, step.value) in EDGES]
    for state in State
}
EVERY = [(step, hand) for step in Step for hand in sorted(set().union(*HANDS_OF.values()))]


def walked(lot: random.Random) -> tuple[list[tuple[str, str]], reference.Standing, int]:
    """A random history by the machine: what was tried by whom, where it stands, how many attempts were refused."""
    state, version, turn, refused = State.DRAFT, 1, 0, 0
    trail: list[tuple[str, str]] = []
    while state not in FINAL and len(trail) < 40:
        step, hand = lot.choice(EVERY if lot.random() < 0.4 else LIKELY[state])
        trail.append((step.value, hand))
        held = frozenset() if hand == "system" else frozenset({Role(hand)})
        try:
            state = advance(state, step, held, by_system=hand == "system")
        except TransitionRefused:
            refused += 1
        else:
            version, turn = version + 1, turn + (step is Step.SUBMIT)
    return trail, reference.Standing(state.value, version, turn), refused


@pytest.mark.long
def test_a_hundred_thousand_histories_replayed_end_where_they_ended() -> None:
    """Walked by the machine, attempts among them that it refuses; replayed from the printed table by a second implementation that shares no code with it."""
    lot = random.Random(20260302)  # noqa: S311 - a fixed lot
    ends: Counter[str] = Counter()
    refused = 0
    for _ in range(100_000):
        trail, stood, denied = walked(lot)
        assert reference.replayed(trail) == stood, trail
        ends[stood.state] += 1
        refused += denied
    assert set(ends) >= {state.value for state in FINAL}, "every end was reached"
    assert refused > 100_000, "what is refused was tried as well"


@pytest.mark.parametrize("at", MOVES, ids=lambda at: f"{at[0].value} {at[1].value}")
@pytest.mark.parametrize("how", ["leads elsewhere", "is in other hands", "is gone"])
def test_a_machine_with_one_fault_is_found_by_the_replay(
    at: tuple[State, Step], how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That the second implementation would notice: each move of the machine made wrong, one at a time."""
    moves = dict(MOVES)
    right = moves.pop(at)
    if how == "leads elsewhere":
        moves[at] = right._replace(to=State.DRAFT if right.to is State.LAPSED else State.LAPSED)
    elif how == "is in other hands":
        moves[at] = right._replace(
            by=frozenset({Role.APPROVER}) if right.by != {Role.APPROVER} else frozenset({Role.APPLICANT})
        )
    monkeypatch.setattr(workflow, "MOVES", moves)
    lot = random.Random(20260302)  # noqa: S311 - a fixed lot
    assert any(
        reference.replayed(trail) != stood for trail, stood, _ in (walked(lot) for _ in range(100_000))
    )


def test_the_reference_knows_the_flat_list_and_nothing_of_the_machine() -> None:
    """Three tables that were written apart: the page's, the list above, the product's."""
    assert {(line.state, line.step): line.to for line in reference.TABLE} == EDGES
    assert {(state.value, step.value): move.to.value for (state, step), move in MOVES.items()} == EDGES
    assert len(reference.TABLE) == len(EDGES)
    source = Path(reference.__file__).read_text(encoding="utf-8")
    assert not [
        line for line in source.splitlines() if re.match(r"(from|import) (auth|core|api|tests)", line)
    ]


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
