"""Retiring a release and the first use of it under a grant at the same time: one of the two comes first, and the other knows."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from api.house import House
from auth.actor import Actor
from core.errors import Gone
from core.work import Work
from datasets.extracts import deciding
from datasets.extracts import service as extracts
from datasets.extracts.models import ExtractCreate
from datasets.queries import masked
from datasets.queries.masked import MaskedAsk
from datasets.releases import retention
from datasets.releases.retention import RetentionSet
from datasets.releases.tables import ReleaseRow
from datasets.sharing import service as sharing
from datasets.sharing.tables import ViewUseRow
from tests.api.test_release_promises import a_second_release, a_second_release_after
from tests.conftest import TestClock
from tests.datasets.extracts.scene import Scene, a_scene
from tests.datasets.queries.test_masked import a_preview_scene
from tests.datasets.sharing.reading import makes, reader
from tests.people import a_person, actor_of

SHORT_S = 1.0


def _old(house: House, clock: TestClock) -> tuple[Scene, Actor, Callable[[Work], None]]:
    """A scene whose first release nothing keeps but its use; who looks after it; and the reading of its view."""
    scene = a_scene(house)
    view, who = makes(scene), reader(scene)
    last = a_second_release_after(scene, a_second_release_after(scene, a_second_release(scene)))
    with house.write() as work:
        first = work.db.get_one(ReleaseRow, scene.release_id)
        first.superseded_at = clock() - timedelta(days=400)
        work.db.add(first)
        a_person(work, "keeper", "bureau", ["catalog_admin"])
        keeper = actor_of(work, "keeper")
        retention.set_rule(work, keeper, last.dataset_id, RetentionSet(keep_last=2, keep_years=1))
    return scene, keeper, lambda work: sharing.begin(work, who, view)


def _retires(scene: Scene, keeper: Actor) -> None:
    with scene.house.write() as work:
        retention.apply(work, keeper, work.db.get_one(ReleaseRow, scene.release_id).dataset_id)


def _state(scene: Scene) -> str:
    with scene.house.read() as work:
        return work.db.get_one(ReleaseRow, scene.release_id).state


def test_a_release_whose_reading_just_begins_is_not_retired(house: House, clock: TestClock) -> None:
    scene, keeper, begins = _old(house, clock)
    with ThreadPoolExecutor(1) as beside:
        with house.write() as work:
            begins(work)
            retiring: Future[None] = beside.submit(_retires, scene, keeper)
            with pytest.raises(TimeoutError):
                retiring.result(SHORT_S)
        retiring.result(30)
    assert _state(scene) == "superseded"


def test_nothing_begins_of_a_release_that_was_retired_since_it_was_decided_on(
    house: House, clock: TestClock
) -> None:
    scene, keeper, begins = _old(house, clock)
    _retires(scene, keeper)
    assert _state(scene) == "retired"
    with pytest.raises(Gone, match="retired"), house.write() as work:
        begins(work)
    with house.read() as work:
        assert work.db.exec(select(ViewUseRow)).all() == []


@pytest.mark.parametrize("use", ["extract", "preview"])
def test_no_extract_or_preview_is_taken_of_it_either(
    house: House, clock: TestClock, monkeypatch: pytest.MonkeyPatch, use: str
) -> None:
    """What was decided on before stands for the question that another process asked an instant earlier."""
    scene = a_scene(house) if use == "extract" else a_preview_scene(house)
    with house.read() as work:
        analyst = actor_of(work, "analyst")
        body = scene.body(release_id=scene.release_id) if use == "extract" else None
        decided: Any
        held: Any = None
        if body:
            decided, held = deciding.consider_held(work, analyst, body)
        else:
            decided = masked.consider(work, analyst, MaskedAsk(grant_id=scene.grant_id))
    assert decided.reasons == ()
    scene.withdraws()
    monkeypatch.setattr(extracts, "consider_held", lambda *_: (decided, held))
    monkeypatch.setattr(masked, "consider", lambda *_: decided)
    with pytest.raises(Gone, match="withdrawn"), house.write() as work:
        _takes(work, analyst, decided, body)
    assert not [kind for kind, _ in scene.events() if kind == "extract.requested"]


def _takes(work: Work, analyst: Actor, decided: Any, body: ExtractCreate | None) -> None:
    if body:
        extracts.request(work, analyst, body)
    else:
        masked._handed_over(work, analyst, decided, [], None)
