"""Large releases are computed on one at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from api.house import House
from core.errors import TooMany
from datasets.queries import lane, service
from datasets.queries.private import service as private
from tests.datasets.queries.scene import QueryScene, a_query_scene, figures
from tests.datasets.queries.test_damaged import ASKS, BODIES, _left
from tests.people import client_as

LARGE = [name for name in ASKS if name != "verify"]  # a verification looks for one row


@pytest.fixture
def scene(sqlite_house: House, monkeypatch: pytest.MonkeyPatch) -> QueryScene:
    """The releases of the tests count as large ones."""
    made = a_query_scene(sqlite_house)
    made.caps()
    monkeypatch.setattr(lane, "LARGE_ROWS", 1)
    return made


@pytest.mark.parametrize("form", LARGE)
def test_who_waits_too_long_for_a_large_release_is_told_so_and_charged_nothing(
    scene: QueryScene, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "WAIT_S", 0.05)
    used, _, spent = _left(scene)
    with lane._ONE:
        with pytest.raises(TooMany, match="nothing was charged"):
            ASKS[form](scene)
        path, more = BODIES[form]
        body: dict[str, Any] = scene.body() | more
        if form != "query_agg":
            del body["select"]
        answer = client_as(scene.house, "analyst").post(path, json=body, headers={"Accept-Language": "zh-CN"})
    assert (answer.status_code, "未扣任何额度" in answer.json()["detail"]) == (429, True)
    assert (_left(scene)[0], _left(scene)[2]) == (used, spent)
    ASKS[form](scene)
    assert not lane._ONE.locked()


@pytest.mark.parametrize("form", LARGE)
def test_large_releases_are_computed_on_one_at_a_time(
    scene: QueryScene, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, name = (service, "_counted_in") if form == "query_agg" else (private, "_drawn")
    made, at_once, most = getattr(room, name), [0], [0]

    def watched(*given: Any) -> Any:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        try:
            return made(*given)
        finally:
            at_once[0] -= 1

    monkeypatch.setattr(room, name, watched)
    with ThreadPoolExecutor(4) as beside:
        asked = [
            beside.submit(scene.query, group_by=[{"column": "lot"}])
            if form == "query_agg"
            else beside.submit(scene.private, where={"op": "le", "column": "day", "value": at + 3}, epsilon_micro=100_000)
            for at in range(4)
        ]  # fmt: skip
    assert all(each.exception() is None for each in asked)
    assert most == [1]


def test_small_ones_wait_for_nobody(sqlite_house: House) -> None:
    scene = a_query_scene(sqlite_house)
    with lane._ONE:
        assert figures(scene.query()) == {None: 240}
