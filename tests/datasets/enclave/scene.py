"""A scene for tests of the enclave: the stays of `tests.datasets.queries.scene`, under a grant that holds the form `enclave`.

scene = an_enclave_scene(house)
made = scene.submits()                        # the analyst's; EnclaveRead
scene.decides(made.id)                        # the steward approves; the worker's part: scene.works()
scene.checks(made.id)                         # both checkers release
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from sqlmodel import col, select

from api.house import House
from auth.grants import service as grants
from auth.grants.steps import GrantStep
from core.errors import AppError
from core.ids import GrantId
from core.jobs import JobRow, JobState
from core.jobs_run import context_for, in_place, perform
from datasets.enclave import service
from datasets.enclave.model import (
    EnclaveDecision,
    EnclaveDetail,
    EnclaveRead,
    EnclaveRevise,
    EnclaveSpec,
    EnclaveSubmit,
)
from datasets.extracts.signing import signing_key
from datasets.outputs import deciding
from datasets.outputs.models import OutputRefuse, OutputRelease, SampleRead
from datasets.pipeline import enclave_run
from tests.datasets.queries.scene import GRANTED, QueryScene, a_query_scene

COUNT: Final = {"kind": "count"}
BY_LOT: Final = [{"column": "lot"}]
MASKED: Final = [
    *(each for each in GRANTED if each["name"] not in ("minutes", "plate")),
    {"name": "minutes", "reason": "按时段统计", "use": "masked", "mask": {"kind": "round", "step": 60}},
    {"name": "plate", "reason": "区分车辆", "use": "pseudonymised"},
]
FORMS: Final = ["enclave", "query_agg"]


@dataclass
class EnclaveScene(QueryScene):
    """The query scene with the enclave's steps; every act goes through the real services."""

    def spec(self, **changes: Any) -> EnclaveSpec:
        return EnclaveSpec.model_validate(self.body(group_by=BY_LOT) | changes)

    def submits(self, who: str = "analyst", **changes: Any) -> EnclaveRead:
        body = EnclaveSubmit(spec=self.spec(**changes), because="区域风险评估")
        with self.desk.write(who) as (work, actor):
            return service.submit(work, actor, body)

    def submit_code(self, who: str = "analyst", **changes: Any) -> list[str]:
        return codes_of(lambda: self.submits(who, **changes))

    def revises(self, enclave_id: str, who: str = "analyst", **changes: Any) -> EnclaveRead:
        body = EnclaveRevise(spec=self.spec(**changes), because="改过的方案")
        with self.desk.write(who) as (work, actor):
            return service.revise(work, actor, enclave_id, body)

    def decides(
        self,
        enclave_id: str,
        who: str = "steward_a",
        decision: Any = "approve",
        spec_hash: str = "",
        note: str = "核对过",
    ) -> EnclaveRead:
        seen = spec_hash or self.shown(enclave_id).spec_hash
        body = EnclaveDecision(decision=decision, spec_hash=seen, note=f"{note}方案")
        with self.desk.write(who) as (work, actor):
            return service.decide(work, actor, enclave_id, body)

    def withdraws(self, enclave_id: str, who: str = "analyst") -> EnclaveRead:
        with self.desk.write(who) as (work, actor):
            return service.withdraw(work, actor, enclave_id)

    def shown(self, enclave_id: str, who: str = "auditor") -> EnclaveDetail:
        with self.desk.read(who) as (work, actor):
            return service.detail(work, actor, enclave_id)

    def works(self) -> None:
        """Carry every queued computation out, as the worker does."""
        house = self.house
        with house.read() as work:
            wanted = select(JobRow).where(
                JobRow.kind == service.JOB_KIND, col(JobRow.state).in_([JobState.QUEUED, JobState.RUNNING])
            )
            waiting = list(work.db.exec(wanted.order_by(col(JobRow.id))))
        for row in waiting:
            ctx = context_for(
                house.engine, house.files, house.settings, house.clock, house.new_id, row, in_place
            )
            perform(ctx, enclave_run.JOB)

    def looks(self, enclave_id: str, who: str = "checker") -> SampleRead:
        """One checker sees the result."""
        review_id = self.shown(enclave_id).review_id or "—"
        with self.desk.write(who) as (work, actor):
            return deciding.sample(work, actor, self.house.files, review_id)

    def votes(
        self, enclave_id: str, who: str = "checker", *, releases: bool = True, looks: bool = True
    ) -> str:
        """One checker's vote, after a look; the review's state after it."""
        review_id = self.shown(enclave_id).review_id or "—"
        if looks:
            with suppress(AppError):  # whoever may not look is told why when he votes
                self.looks(enclave_id, who)
        with self.desk.write(who) as (work, actor):
            if releases:
                body = OutputRelease(note="逐项核对无误")
                return deciding.release(work, actor, review_id, body, self.signer).state
            refused = OutputRefuse(refusal="small-groups", note="分组过小")
            return deciding.refuse(work, actor, review_id, refused, self.signer).state

    def checks(self, enclave_id: str) -> EnclaveDetail:
        for who in ("checker", "checker2"):
            self.votes(enclave_id, who)
        return self.shown(enclave_id)

    def computed(self, **changes: Any) -> EnclaveDetail:
        """Handed in, approved and run."""
        made = self.submits(**changes)
        self.decides(made.id)
        self.works()
        return self.shown(made.id)

    def signer(self) -> Any:
        return signing_key(self.house.settings.keys_dir)

    def suspends(self) -> None:
        with self.desk.write("watch") as (work, actor):
            grants.suspend(work, actor, self.grant_id, GrantStep(note="例行检查中"))

    def resumes(self) -> None:
        with self.desk.write("watch2") as (work, actor):
            grants.resume(work, actor, self.grant_id, GrantStep())


def codes_of(act: Any) -> list[str]:
    """The codes of the refusal; [] when it was done."""
    try:
        act()
    except AppError as refused:
        return [reason.code for reason in refused.reasons] or [refused.slug]
    return []


def an_enclave_scene(house: House, **grant: Any) -> EnclaveScene:
    made = a_query_scene(house, **{"forms": FORMS, "columns": MASKED} | grant)
    return EnclaveScene(made.house, made.desk, GrantId(made.grant_id))
