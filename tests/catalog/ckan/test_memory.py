"""Counts and order from memory are those of the database, whatever was changed, rolled back or hidden in between."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import pytest

from api.ckan import dataset_of
from api.house import House
from auth.actor import ANYONE, SYSTEM, Actor
from catalog import service
from catalog.ckan.actions import Call, package_search
from catalog.models import DatasetUpdate
from catalog.search import memory
from core.work import Work
from datasets.releases.offered import resources_for
from tests.catalog.records import a_dataset, a_department
from tests.conftest import TestClock
from tests.people import actor_of
from tests.snapshots import written

FACETS: Final = '["organization", "groups", "tags", "res_format", "license_id"]'
QUESTIONS: Final[tuple[dict[str, Any], ...]] = (
    {}, {"q": "停车"}, {"q": "tingche"}, {"fq": "groups:tr OR res_format:CSV"}, {"q": "没有的词"}, {"rows": 2, "start": 1},
    {"facet.limit": -1, "facet.mincount": 2}, {"sort": "name desc"}, {"q": "-停车", "rows": 0},
)  # fmt: skip


def _fill(work: Work) -> None:
    a_department(work, "traffic")
    a_department(work, "culture")
    for number in range(6):
        a_dataset(
            work, f"DP-PK-{number:03}", "traffic" if number % 2 else "culture", title_zh=f"停车场 {number}",
            keywords=["停车", f"词{number % 3}"], formats=["csv", "xlsx"][: 1 + number % 2], domain_code=["PK", "TR"][number % 2],
        )  # fmt: skip
    a_dataset(
        work, "DP-SF-002", "culture", draft=True, title_zh="停车安全事件", domain_code="SF", keywords=["秘密"]
    )


@pytest.fixture
def family(house: House) -> House:
    written(house, _fill)
    return house


def _answers(work: Work, actor: Actor) -> list[Any]:
    return [
        package_search(
            Call(
                work,
                actor,
                {"facet.field": FACETS} | asked,
                "http://x",
                resources_for("http://x"),
                dataset_of,
            )
        )
        for asked in QUESTIONS
    ]


def _alike(house: House, username: str | None = None) -> list[Any]:
    """What readers are told (from memory) is what a writer is told (from the database)."""
    with house.write() as work:
        told = _answers(work, actor_of(work, username) if username else ANYONE)
        assert memory.of(work) == (None, -1)
    with house.read() as work:
        assert memory.of(work)[0] is not None
        assert _answers(work, actor_of(work, username) if username else ANYONE) == told
    return told


def test_readers_are_told_what_the_database_counts(family: House, clock: TestClock) -> None:
    first = _alike(family)
    assert first[0]["count"] == 6
    assert "秘密" not in str(first)
    assert _alike(family, "culture-steward")[0]["count"] == 6  # published ones only, as CKAN counts
    clock.forward(days=1)
    with family.write() as work:
        service.update(work, SYSTEM, "DP-PK-003", DatasetUpdate(keywords=["新词"], formats=["json"]))
        service.withdraw(work, SYSTEM, "DP-PK-004", "不再更新了")
        service.publish_imported(work, SYSTEM, "DP-SF-002")
    second = _alike(family)
    assert second[0]["facets"]["tags"]["新词"] == second[0]["facets"]["tags"]["秘密"] == 1
    assert {each["name"] for each in second[0]["results"][:2]} == {"dp-pk-003", "dp-sf-002"}


def test_what_was_rolled_back_was_never_counted(family: House) -> None:
    before = _alike(family)
    with suppress(ZeroDivisionError), family.write() as work:
        service.update(work, SYSTEM, "DP-PK-003", DatasetUpdate(keywords=["幻影"]))
        _answers(work, ANYONE)
        raise ZeroDivisionError
    assert _alike(family) == before


def test_a_reader_of_an_older_state_does_without(sqlite_house: House) -> None:
    written(sqlite_house, _fill)
    with sqlite_house.read() as old:
        before = _answers(old, ANYONE)
        with sqlite_house.write() as work:
            service.update(work, SYSTEM, "DP-PK-003", DatasetUpdate(keywords=["新词"]))
        with sqlite_house.read() as new:
            assert _answers(new, ANYONE) != before
        assert memory.of(old)[0] is None
        assert _answers(old, ANYONE) == before
