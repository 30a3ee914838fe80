"""Our records, a portal and its people, lines that break and workers that die, in any order: what stands at the portal stays right."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from api.durable import drain, start_due_pushes
from api.house import House
from catalog.tables import DatasetRow
from core.jobs import JobRow, JobState
from datasets.harvest.workflow import HarvestStep
from datasets.push import queries, rules, sending, service
from datasets.push.models import PushAsk
from datasets.push.portal import Portal, guid_in
from tests.catalog.records import a_dataset
from tests.datasets.harvest.portals import people
from tests.datasets.push.portal import TOKEN, Ckan, a_ckan, a_portal, change, push, shown, told
from tests.datasets.sources.places import allow
from tests.examples import examples
from tests.people import actor_of

OURS = ["DP-A", "DP-B"]
TAKEN = "DP-C"
"""Ours too, but somebody else at the portal has its name."""
EVERY = [*OURS, TAKEN]
WHICH = st.sampled_from(OURS)
FOREIGN = {"id": "x", "name": "dp-c", "state": "active", "title": "他人的", "extras": [], "resources": [], "tags": []}  # fmt: skip


@pytest.fixture
def ckan() -> Iterator[Ckan]:
    with a_ckan() as opened:
        yield opened


@pytest.mark.slow
def test_whatever_happens_on_either_side(sqlite_house: House, ckan: Ckan) -> None:
    house = sqlite_house
    allow(house)
    people(house)
    with house.write() as work:
        for dataset_id in EVERY:
            a_dataset(work, dataset_id, "traffic", title_zh=f"{dataset_id} 0")

    class Anything(RuleBasedStateMachine):
        """`touched`: records that the portal's people renamed or deleted since we wrote them, and what they are called since."""

        @initialize()
        def fresh(self) -> None:
            for each in EVERY:
                change(house, each, title_zh=f"{each} 0", open_type="U")
            ckan.packages.clear()
            ckan.packages["x"] = copy.deepcopy(FOREIGN)
            ckan.hook, self.number, self.touched, self.added = None, 0, {}, set()
            self.target = a_portal(house, ckan.url).id
            assert push(house, self.target)[0].counts == {"created": len(OURS), "failed": 1}

        @rule(which=WHICH, how=st.sampled_from(["renamed", "named as before", "closed", "opened"]))
        def changed_here(self, which: str, how: str) -> None:
            self.number += 1
            if how in ("closed", "opened"):
                change(house, which, open_type="C" if how == "closed" else "U")
            else:
                change(house, which, title_zh=f"{which} {self.number if how == 'renamed' else 0}")

        @rule(which=WHICH, how=st.sampled_from(["renamed", "deleted", "added to"]))
        def changed_there(self, which: str, how: str) -> None:
            if (kept := _there(ckan, which)) is None:
                return
            if how == "renamed":
                self.number += 1
                kept["title"] = f"门户 {self.number}"
                self.touched[which] = kept["title"]
            elif how == "deleted":
                kept["state"] = "deleted"
                self.touched[which] = None
                self.added.discard(which)
            else:  # what is theirs alone is no change of ours
                others = [each for each in kept["extras"] if each["key"] != "theirs"]
                kept["extras"] = [*others, {"key": "theirs", "value": "1"}]
                kept["groups"] = [{"name": "transport"}]
                self.added.add(which)

        @rule(
            how=st.sampled_from(["whole", "foretold", "broken off", "killed", "worker", "taken back"]),
            overwrite=st.booleans(), which=WHICH, calls=st.integers(2, 7), flag=st.booleans(),
        )  # fmt: skip
        def pushed(self, how: str, overwrite: bool, which: str, calls: int, flag: bool) -> None:
            if shown(house, self.target).state == "paused":
                with house.write() as work:
                    service.step(work, actor_of(work, "ada"), self.target, HarvestStep.RESUME)
            if how == "whole":
                assert push(house, self.target, overwrite=overwrite)[0].state == "done"
                self._settled(overwrite)
            elif how == "foretold":
                self._foretold(overwrite)
            elif how == "broken off":
                self._broken_off(calls, flag, overwrite)
            elif how == "killed":
                self._killed(which, flag, overwrite)
            elif how == "worker":
                self._looked_at()
            else:
                assert set(push(house, self.target, take_back=True)[0].counts) <= {"gone"}
                assert shown(house, self.target).records == 0
                self.touched, self.added = {}, set()

        def _foretold(self, overwrite: bool) -> None:
            """A dry run tells what a push then does; once more, there is nothing to do."""
            before = len(ckan.writes())
            foretold, _ = push(house, self.target, dry=True, overwrite=overwrite)
            assert len(ckan.writes()) == before
            assert push(house, self.target, overwrite=overwrite)[0].counts == foretold.counts
            self._settled(overwrite)
            assert set(push(house, self.target)[0].counts) <= {"unchanged", "held", "failed"}

        def _broken_off(self, calls: int, is_done: bool, overwrite: bool) -> None:
            """The line breaks at a call: before it, or (`is_done`) after the portal did it."""
            ckan.hook = _breaking(ckan, calls, is_done)
            run, _ = push(house, self.target, overwrite=overwrite)
            ckan.hook = None
            if run.state == "done":
                self._settled(overwrite)
            else:
                self._partly(overwrite)

        def _killed(self, which: str, is_closed: bool, overwrite: bool) -> None:
            """The worker dies after the portal answered. Another goes on, or (`is_closed`) the push is closed."""
            with house.write() as work:
                run = service.run(work, actor_of(work, "ada"), self.target, PushAsk(overwrite=overwrite))
            with house.read() as work:
                plan = sending.plan(work, run.id, which, house.settings.public_url)
            assert plan
            before = partial(_intend, house, run.id, plan)
            sending.carry_out(Portal(ckan.url, TOKEN, house.settings), plan, before)
            if not is_closed:
                drain(house)
                assert told(house, self.target, run.id)[0].state == "done"
                self._settled(overwrite)
                return
            with house.write() as work:
                job = work.db.get_one(JobRow, run.job_id)
                job.state = JobState.FAILED
                work.db.add(job)
            self._looked_at()
            self._partly(overwrite)

        def _looked_at(self) -> None:
            """By the worker: what is public no more leaves, and nothing else is sent."""
            start_due_pushes(house)
            drain(house)
            with house.read() as work:
                runs, _ = queries.runs(work, actor_of(work, "eve"), self.target, size=1)
            if runs[0].mode == "leaving":
                assert set(runs[0].counts) <= {"gone"}
            self._partly(False)

        # -- what must hold

        def _settled(self, overwrite: bool) -> None:
            """A whole push: what is public stands there as it is here, what is not does not, what they changed is theirs."""
            self._partly(overwrite)
            for each in OURS:
                kept = _there(ckan, each)
                if not _is_open(house, each):
                    assert kept is None
                elif each not in self.touched:
                    assert kept is not None
                    assert kept["title"] == _title(house, each)

        def _partly(self, overwrite: bool) -> None:
            """Of what they changed, what was overwritten or withdrawn is changed no more."""
            for each in list(self.touched):
                kept = _there(ckan, each)
                is_ours = kept is not None and kept["title"] == _title(house, each)
                if (overwrite and is_ours) or (kept is None and not _is_open(house, each)):
                    self.touched.pop(each)
            self.added = {each for each in self.added if _there(ckan, each)}

        @invariant()
        def what_they_changed_is_theirs(self) -> None:
            for each, title in getattr(self, "touched", {}).items():
                kept = _there(ckan, each)
                assert (kept and kept["title"]) == title

        @invariant()
        def what_they_added_stays(self) -> None:
            for each in getattr(self, "added", ()):
                if kept := _there(ckan, each):
                    assert {"key": "theirs", "value": "1"} in kept["extras"]
                    assert kept["groups"] == [{"name": "transport"}]

        @invariant()
        def nothing_foreign_is_touched_and_nothing_stands_twice(self) -> None:
            if "x" in ckan.packages:
                assert ckan.packages["x"] == FOREIGN
            alive = [guid_in(each) for each in ckan.packages.values() if each["state"] == "active"]
            assert len(alive) == len(set(alive))

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Anything,
        settings=settings(
            max_examples=examples(6),
            stateful_step_count=10,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def _is_open(house: House, which: str) -> bool:
    with house.read() as work:
        return work.db.get_one(DatasetRow, which).open_type == "U"


def _title(house: House, which: str) -> str:
    with house.read() as work:
        return work.db.get_one(DatasetRow, which).title_zh


def _there(ckan: Ckan, which: str) -> dict[str, Any] | None:
    return ckan.named(rules.name_at("", which))


def _intend(house: House, run_id: str, plan: sending.Plan, echo: Any, sent: Any) -> None:
    with house.write() as work:
        sending.intend(work, run_id, plan, echo, sent)


def _breaking(ckan: Ckan, calls: int, is_done: bool) -> Any:
    """After so many calls each is answered by 302, which no push follows; the first of them is carried out all the same."""
    left = [calls]

    def answer(action: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        left[0] -= 1
        if left[0] > 0:
            return None
        if left[0] == 0 and is_done:
            with suppress(Exception):
                getattr(ckan, action)(asked)
        return 302, {}

    return answer
