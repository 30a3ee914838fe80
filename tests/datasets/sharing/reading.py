"""Helpers for tests of reading in place: the scene of extracts with its views made.

scene = a_scene(house, columns=READABLE); made = makes(scene)     # the view, READY
served = a_service(scene)                                         # a real server process's address, worker off
"""

from __future__ import annotations

from sqlmodel import col, select

from core.jobs import JobRow, JobState
from core.jobs_run import Steps, in_place, perform
from datasets.pipeline import view_build
from datasets.sharing import service
from datasets.sharing.service import Reading
from datasets.sharing.tables import ViewRow
from tests.datasets.extracts.scene import Scene
from tests.people import actor_of


def works(scene: Scene, steps: Steps = in_place, *, releases: bool = True) -> None:
    """Make every view that waits, as the worker does, and let the checker release it."""
    with scene.house.read() as work:
        waiting = work.db.exec(
            select(JobRow).where(
                JobRow.kind == service.JOB_KIND, col(JobRow.state).in_([JobState.QUEUED, JobState.RUNNING])
            )
        ).all()
    for row in waiting:
        perform(scene.context(row, steps), view_build.JOB)
    if releases:
        scene.checks()


def reader(scene: Scene, who: str = "analyst", purpose: str = "risk-pricing") -> Reading:
    with scene.house.read() as work:
        return service.reading(work, actor_of(work, who), scene.grant_id, purpose)


def makes(scene: Scene, release_id: str | None = None) -> ViewRow:
    """The view of a release, made."""
    who = reader(scene)
    with scene.house.write() as work:
        asked = service.want(work, who, release_id)
    works(scene)
    with scene.house.read() as work:
        return service.row(work, asked.id)
