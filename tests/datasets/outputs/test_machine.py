"""Anybody tries anything in any order: what must hold of reviews, extracts and quotas holds after every step."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlmodel import select

from api.house import House
from auth.grants import usage
from auth.profile.model import shipped
from core.errors import AppError
from datasets.extracts import delivering
from datasets.extracts import service as extracts
from datasets.extracts.delivering import Finished
from datasets.extracts.tables import ExtractRow
from datasets.outputs import deciding, queries
from datasets.outputs.models import OutputRefuse, OutputRelease
from datasets.outputs.tables import OutputReviewRow
from tests.datasets.extracts.scene import Scene, a_scene
from tests.examples import examples

WHO = st.sampled_from(["checker", "checker2", "parks_checker", "analyst", "approver", "officer2", "watch"])
PICK = st.integers(0, 5)


def test_whatever_people_do(sqlite_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = a_scene(sqlite_house, quotas={"extracts": 100, "rows": 10_000})
    district = shipped()["district-authorised-operation"]
    wanted = district.model_copy(update={"checkers": {2: {"extract_csv": 2, "extract_parquet": 1}}}).limits()
    for where in ("datasets.outputs.opening", "datasets.extracts.deciding", "datasets.extracts.delivering"):
        monkeypatch.setattr(f"{where}.limits_under", lambda *_: wanted)

    class Anything(RuleBasedStateMachine):
        """Steps are tried by whoever; refusals are part of the game."""

        @initialize()
        def fresh(self) -> None:
            self.stopped = False

        @rule(
            form=st.sampled_from(["extract_parquet", "extract_csv"]),
            stops=st.booleans(),
            rows=st.integers(0, 99),
        )
        def made(self, form: str, stops: bool, rows: int) -> None:
            found = [
                {
                    "code": "formula-cell",
                    "column": "c",
                    "rows": 1,
                    "weight": "stops",
                    "zh": "有",
                    "en": "there",
                }
            ]
            with suppress(AppError), scene.desk.write("analyst") as (work, actor):
                asked = extracts.request(work, actor, scene.body(form=form))
                done = Finished(
                    f"{int(asked.id[-6:], 36):064x}", rows, rows * 9, findings=found if stops else []
                )
                delivering.finish(
                    work,
                    actor,
                    {"extract_id": asked.id, "grant_id": asked.grant_id},
                    done,
                    key=scene.signer(),
                )

        @rule(who=WHO, pick=PICK, releases=st.booleans())
        def vote(self, who: str, pick: int, releases: bool) -> None:
            if (review_id := _pick(scene, pick)) is None:
                return
            with suppress(AppError), scene.desk.write(who) as (work, actor):
                if releases:
                    deciding.release(work, actor, review_id, OutputRelease(note="核对无误"), scene.signer)
                else:
                    deciding.refuse(
                        work, actor, review_id, OutputRefuse(refusal="small-groups"), scene.signer
                    )

        @rule(who=st.sampled_from(["analyst", "officer2", "checker"]), pick=PICK)
        def withdraw(self, who: str, pick: int) -> None:
            if (review_id := _pick(scene, pick)) is None:
                return
            with suppress(AppError), scene.desk.write(who) as (work, actor):
                deciding.withdraw(work, actor, work.db.get_one(OutputReviewRow, review_id).subject_id)

        @rule()
        def stop_or_go_on(self) -> None:
            scene.resumes() if self.stopped else scene.suspends()
            self.stopped = not self.stopped

        @invariant()
        def holds(self) -> None:
            _holds(scene)

        def teardown(self) -> None:
            if getattr(self, "stopped", False):
                scene.resumes()

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Anything,
        settings=settings(
            max_examples=examples(5), stateful_step_count=8, deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


def _pick(scene: Scene, pick: int) -> str | None:
    with scene.house.read() as work:
        ids = work.db.exec(select(OutputReviewRow.id).order_by(OutputReviewRow.id.desc())).all()  # type: ignore[attr-defined]
    return ids[pick] if pick < len(ids) else None


def _holds(scene: Scene) -> None:
    """No file without its reviewers, none of them too near, nothing charged but what waits or left."""
    with scene.house.read() as work:
        counted = [0, 0, 0]
        for review in work.db.exec(select(OutputReviewRow)):
            row = work.db.get_one(ExtractRow, review.subject_id)
            votes = queries.votes(work, review.id)
            persons = {each.person_id for each in votes}
            assert not persons & {review.person_id, *review.approvers, *review.builders}
            assert {"released": "ready"}.get(review.state, review.state) == row.state
            if row.state == "ready":
                assert len(persons) == row.checked_by == review.needed
                assert all(each.releases for each in votes)
                assert not review.findings
                assert (row.sha256, bool(row.receipt)) == (review.sha256, True)
            else:
                assert (row.sha256, row.receipt) == (None, None)
            if row.state == "ready":
                counted = [counted[0] + 1, counted[1] + (row.rows or 0), counted[2] + (row.size_bytes or 0)]
            elif row.state == "in_review":  # in steps: the quota tells no exact number of what waits
                steps = (-(-(row.rows or 0) // 10) * 10, -(-(row.size_bytes or 0) // 65_536) * 65_536)
                counted = [counted[0] + 1, counted[1] + steps[0], counted[2] + steps[1]]
            elif row.state == "withdrawn":
                counted[0] += 1
        used = scene.view().used
        assert [used.extracts, used.rows, used.bytes] == counted
        events = usage.events(work, scene.grant_id)
        assert [sum(getattr(e, unit) for e in events) for unit in ("extracts", "rows", "bytes")] == counted
