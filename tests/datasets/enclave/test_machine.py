"""Anybody tries anything in any order: what must hold of a request holds after every step. And the table of its life, whole."""

from __future__ import annotations

from contextlib import suppress
from itertools import product

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlmodel import col, select

from api.house import House
from auth.grants import queries as grant_queries
from core.errors import AppError, TransitionRefused
from datasets.enclave.tables import EnclaveRow, EnclaveStepRow
from datasets.enclave.workflow import MOVES, STATE_NAMES, STEP_NAMES, EnclaveState, EnclaveStep, advance
from datasets.extracts.tables import ExtractRow
from datasets.outputs import queries as reviews
from datasets.outputs.tables import OutputReviewRow
from tests.amending import amended
from tests.datasets.enclave.scene import EnclaveScene, an_enclave_scene
from tests.examples import examples

WHO = st.sampled_from(
    ["analyst", "officer", "steward_a", "steward_b", "checker", "checker2", "approver", "watch"]
)
PICK = st.integers(0, 3)
WIDE = [{"column": "minutes"}]


def test_every_move_that_is_not_in_the_table_is_refused() -> None:
    for state, step in product(EnclaveState, EnclaveStep):
        if (move := MOVES.get((state, step))) is not None:
            assert advance(state, step) is move.to
            continue
        with pytest.raises(TransitionRefused) as refused:
            advance(state, step)
        assert STATE_NAMES[state].en in refused.value.detail.en
    assert set(STEP_NAMES) == {*EnclaveStep, "submit"}
    assert {state for state in EnclaveState if not any(start is state for start, _ in MOVES)} == {
        EnclaveState.RELEASED, EnclaveState.DECLINED, EnclaveState.SUPPRESSED, EnclaveState.REFUSED, EnclaveState.STOPPED,
        EnclaveState.FAILED, EnclaveState.WITHDRAWN,
    }  # fmt: skip


def test_whatever_people_do(sqlite_house: House) -> None:
    scene = an_enclave_scene(sqlite_house, quotas={"extracts": 200})

    class Anything(RuleBasedStateMachine):
        """Steps are tried by whoever; refusals are part of the game."""

        @initialize()
        def fresh(self) -> None:
            self.stopped = False

        @rule(who=WHO, wide=st.booleans())
        def submit(self, who: str, wide: bool) -> None:
            with suppress(AppError):
                scene.submits(who, **({"group_by": WIDE} if wide else {}))

        @rule(who=WHO, pick=PICK, decision=st.sampled_from(["approve", "return", "decline"]))
        def decide(self, who: str, pick: int, decision: str) -> None:
            if (enclave_id := _pick(scene, pick)) is not None:
                with suppress(AppError):
                    scene.decides(enclave_id, who, decision)

        @rule(who=WHO, pick=PICK)
        def revise(self, who: str, pick: int) -> None:
            if (enclave_id := _pick(scene, pick)) is not None:
                with suppress(AppError):
                    scene.revises(enclave_id, who, limit=3)

        @rule(who=WHO, pick=PICK)
        def withdraw(self, who: str, pick: int) -> None:
            if (enclave_id := _pick(scene, pick)) is not None:
                with suppress(AppError):
                    scene.withdraws(enclave_id, who)

        @rule()
        def work(self) -> None:
            scene.works()

        @rule(who=WHO, pick=PICK, releases=st.booleans())
        def vote(self, who: str, pick: int, releases: bool) -> None:
            if (enclave_id := _pick(scene, pick)) is not None:
                with suppress(AppError):
                    scene.votes(enclave_id, who, releases=releases)

        @rule(pick=PICK, last=WHO)
        def through(self, pick: int, last: str) -> None:
            """The whole way in order, so that many runs reach its end; whoever may gives the last vote."""
            if (enclave_id := _pick(scene, pick)) is not None:
                self.decide("steward_a", pick, "approve")
                scene.works()
                for who in ("checker", last):
                    with suppress(AppError):
                        scene.votes(enclave_id, who)

        @rule()
        def stop_or_go_on(self) -> None:
            scene.resumes() if self.stopped else scene.suspends()
            self.stopped = not self.stopped

        @rule(other=st.booleans())
        def amend(self, other: bool) -> None:
            """An amendment takes the grant's place, on the same terms or on stricter ones."""
            if not self.stopped:
                with suppress(AppError):
                    scene.grant_id = amended(
                        scene.desk, scene.grant_id, **({"safeguards": {"min_group": 11}} if other else {})
                    )

        @invariant()
        def holds(self) -> None:
            _holds(scene)

        def teardown(self) -> None:
            if getattr(self, "stopped", False):
                scene.resumes()

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Anything,
        settings=settings(
            max_examples=examples(4),
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def _pick(scene: EnclaveScene, pick: int) -> str | None:
    with scene.house.read() as work:
        ids = work.db.exec(select(EnclaveRow.id).order_by(col(EnclaveRow.id).desc())).all()
    return ids[pick] if pick < len(ids) else None


def _holds(scene: EnclaveScene) -> None:
    """No file without a steward's approval of that very specification and two checkers apart from everybody; quotas fit."""
    with scene.house.read() as work:
        charged, given = 0, {each.id: each for each in work.db.exec(select(ExtractRow))}
        for row in work.db.exec(select(EnclaveRow)):
            steps = work.db.exec(
                select(EnclaveStepRow)
                .where(EnclaveStepRow.enclave_id == row.id)
                .order_by(col(EnclaveStepRow.id))
            ).all()
            assert steps[-1].to_state == row.state
            computed = (
                row.state in ("in_review", "released", "refused", "suppressed") or row.review_id is not None
            )
            if row.state in ("approved", "in_review", "released", "refused", "suppressed"):
                assert row.approved_hash == row.spec_hash
                assert row.reviewer_person not in (None, row.person_id)
            assert (row.extract_id is not None) == (row.state == "released")
            if row.state == "released":
                review = work.db.get_one(OutputReviewRow, row.review_id)
                persons = {vote.person_id for vote in reviews.votes(work, review.id) if vote.releases}
                assert len(persons) == 2
                assert not persons & {row.person_id, row.reviewer_person}
                assert given.pop(str(row.extract_id)).sha256 == review.sha256
            charged += computed or row.state in ("submitted", "returned", "approved")
        assert given == {}
        assert grant_queries.view(work, scene.grant_id).used.extracts == charged
