"""A question whose history changes under it each time it is weighed, because others ask meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, Final

import pytest

from api.house import House
from auth.grants import queries as grants
from datasets.queries import service
from tests.datasets.queries.scene import QueryScene, a_query_scene

FEE: Final[Any] = [{"kind": "sum", "column": "fee"}]
OTHERS: Final[list[dict[str, Any]]] = [
    {}, {"group_by": [{"column": "lot"}]}, {"group_by": [{"column": "day"}]}, {"select": FEE},
    {"select": FEE, "group_by": [{"column": "lot"}]}, {"select": FEE, "group_by": [{"column": "day"}]},
]  # fmt: skip
SHORT_S: Final = 2.0


def _used(scene: QueryScene) -> int:
    with scene.house.read() as work:
        return grants.view(work, scene.grant_id).used.extracts


@pytest.mark.parametrize("asked", ["told", "kept in"])
def test_a_question_is_answered_and_charged_however_often_others_are_told_something_meanwhile(
    house: House, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    """Whether there is something to tell must not show in a free refusal."""
    scene = a_query_scene(house)
    weighs, others, running = service.weighed, iter(OTHERS), []

    with ThreadPoolExecutor(len(OTHERS)) as beside:

        def crowded(*given: Any) -> Any:
            found = weighs(*given)
            if not running or running[-1].done():  # those that wait for their turn are asked once
                with monkeypatch.context() as alone:
                    alone.setattr(service, "weighed", weighs)
                    if (other := next(others, None)) is not None:
                        running.append(beside.submit(scene.query, **other))
                        wait(running, SHORT_S)
            return found

        monkeypatch.setattr(service, "weighed", crowded)
        where = {"op": "eq", "column": "stay_id", "value": "S1-0"} if asked == "kept in" else None
        changes: dict[str, Any] = {"select": [{"kind": "sum", "column": "minutes"}], "where": where}
        if asked == "told":
            assert scene.query(**changes).rows
        else:
            assert scene.code(**changes) == ["suppressed"]
    assert all(each.exception() is None for each in running)
    assert len(running) == (5 if asked == "told" else 1)
    assert _used(scene) == len(running) + 1
