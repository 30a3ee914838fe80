"""A job always comes to an end, also when putting things right fails."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from api.house import House
from core import elapsed, jobs
from core.errors import Conflict
from core.ids import new_id
from core.jobs import JobRow, JobState
from core.jobs_run import JobContext, JobKind, context_for, perform
from core.text import Text
from core.work import Work

TITLE = Text("试", "Trial")


def _refuses(_ctx: JobContext) -> Mapping[str, Any]:
    raise Conflict(Text("不行。", "No."))


def _unwind_breaks(_work: Work, _payload: Mapping[str, Any], _why: Text) -> None:
    raise ZeroDivisionError


def _played(house: House, kind: JobKind) -> JobRow:
    with house.write() as work:
        job_id = jobs.ask_for(work, kind.name, "trial/1", requested_by="me", org_id=None)
    with house.read() as work:
        row = jobs.job(work, job_id)
    perform(context_for(house.engine, house.files, house.settings, house.clock, new_id, row), kind)
    with house.read() as work:
        return jobs.job(work, job_id)


def test_a_refused_job_says_why_in_both_languages(house: House) -> None:
    row = _played(house, JobKind("trial", TITLE, _refuses))
    assert row.state == JobState.FAILED
    assert json.loads(row.error or "{}")["en"] == "No."


def test_a_failing_unwind_does_not_keep_the_job_running(house: House) -> None:
    row = _played(house, JobKind("trial", TITLE, _refuses, _unwind_breaks))
    assert (row.state, row.ended_at is not None) == (JobState.FAILED, True)


def test_a_finished_job_is_not_done_again(house: House) -> None:
    times = []
    kind = JobKind("trial", TITLE, lambda _ctx: times.append(1) or {"n": len(times)})
    row = _played(house, kind)
    perform(context_for(house.engine, house.files, house.settings, house.clock, new_id, row), kind)
    assert times == [1]


def test_the_time_of_a_job_is_counted_from_the_beginning_of_its_attempt(house: House) -> None:
    row = _played(house, JobKind("trial", TITLE, lambda _ctx: {"took": elapsed.milliseconds()}))
    assert json.loads(row.result or "{}")["took"] is not None
    assert elapsed.milliseconds() is None
