"""A question that the machine has no memory for is refused in words, before anything is read or taken where that can be known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.house import House
from core.errors import Unavailable
from datasets.queries import engine, room, service
from datasets.queries.private import service as private
from tests.datasets.queries.scene import QueryScene, a_query_scene
from tests.datasets.queries.test_damaged import ASKS, BODIES, _left
from tests.people import client_as

LARGE = [name for name in ASKS if name != "verify"]


@pytest.fixture
def scene(sqlite_house: House) -> QueryScene:
    made = a_query_scene(sqlite_house)
    made.caps()
    return made


@pytest.mark.parametrize("form", LARGE)
def test_where_too_little_is_free_nothing_is_read_and_nothing_taken(
    scene: QueryScene, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _left(scene)
    with monkeypatch.context() as patch:
        patch.setattr(room, "free_bytes", lambda: 1024 * 1024)
        patch.setattr(engine, "engine_of", lambda *_: pytest.fail("the release was read"))
        with pytest.raises(Unavailable, match="nothing was charged"):
            ASKS[form](scene)
        path, more = BODIES[form]
        body: dict[str, Any] = scene.body() | more
        if form != "query_agg":
            del body["select"]
        answer = client_as(scene.house, "analyst").post(path, json=body, headers={"Accept-Language": "zh-CN"})
    assert (answer.status_code, answer.json()["free_mb"]) == (503, 1)
    assert "未扣任何额度" in answer.json()["detail"]
    assert _left(scene) == before
    ASKS[form](scene)


@pytest.mark.parametrize("fault", [MemoryError(), duckdb.OutOfMemoryException("no"), OSError(28, "no space")])
def test_what_runs_short_on_the_way_is_told_and_charges_nothing(
    scene: QueryScene, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = _left(scene)

    def short(*_: Any, **__: Any) -> None:
        raise fault

    monkeypatch.setattr(service, "_counted_in", short)
    with pytest.raises(Unavailable, match="nothing was told and nothing was charged"):
        scene.query()
    assert _left(scene) == used


def test_what_was_paid_for_before_it_ran_short_stays_paid_and_that_is_said(
    scene: QueryScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(private, "_drawn", short)
    with pytest.raises(Unavailable, match="budget and quota that were taken stay taken"):
        scene.private()


def test_other_faults_stay_what_they_are(scene: QueryScene, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any, **__: Any) -> None:
        raise OSError(5, "the disk")

    monkeypatch.setattr(service, "_counted_in", breaks)
    with pytest.raises(OSError, match="the disk"):
        scene.query()


def test_what_is_free_is_the_least_of_machine_and_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = room.free_bytes()
    assert whole is not None
    assert whole > 0
    for name, said in (("max", "5000"), ("current", "4000"), ("stat", "anon 1\ninactive_file 300\n")):
        (tmp_path / f"memory.{name}").write_text(said)
    monkeypatch.setattr(room, "_CGROUP", tmp_path)
    assert room.free_bytes() == 1300
    (tmp_path / "memory.max").write_text("max\n")
    assert (room.free_bytes() or 0) > 1300


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), min_size=1, max_size=60), st.booleans())
def test_contributors_are_the_same_counted_or_sorted(rows: list[tuple[int, int]], is_dense: bool) -> None:
    cell, owner = (np.array(each, np.int64) for each in zip(*rows, strict=True))
    who, places = owner.astype(np.uint32), np.arange(len(rows), dtype=np.uint32)
    with pytest.MonkeyPatch.context() as patch:
        if not is_dense:
            patch.setattr(engine, "_DENSE", -1)
            patch.setattr(engine, "max", lambda *_: -1, raising=False)
        alone = engine.makers(5, cell, places, who, is_summed=False)
        summed = engine.makers(5, cell, places, who)
    wanted = [len({one for at, one in rows if at == each}) for each in range(5)]
    assert alone.numbers.tolist() == summed.numbers.tolist() == wanted
    assert alone.counted.tolist() == summed.counted.tolist()


@given(
    st.lists(st.floats(-1e6, 1e6), max_size=40),
    st.sampled_from([0.5, 3.0, 1000.0]),
    st.sampled_from([0, 2_000_000]),
)
def test_classes_are_the_same_counted_or_sorted(values: list[float], width: float, spread: int) -> None:
    given_ = np.array(values, np.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_SPREAD", spread)
        at, there = engine.classes(given_.copy(), width)
    assert there[at].tolist() == np.floor(given_ / width).astype(np.int64).tolist()
    assert there.tolist() == sorted({*there[at].tolist()})
