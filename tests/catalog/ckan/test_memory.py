"""Counts and order from memory are those of the database, whatever was changed, rolled back or hidden in between."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.ckan_rows import dataset_of
from api.house import House
from auth.actor import ANYONE, SYSTEM, Actor
from catalog import imports, service
from catalog.ckan.actions import Action, Call, resource_search
from catalog.ckan.searching import package_search
from catalog.models import DatasetUpdate
from catalog.queries import by_id
from catalog.search import engine, memory
from core.work import Work
from datasets.releases.offered import resources_for
from tests.catalog.records import a_dataset, a_department
from tests.conftest import TestClock
from tests.people import actor_of
from tests.snapshots import written

FACETS: Final = '["organization", "groups", "tags", "res_format", "license_id"]'
QUESTIONS: Final[tuple[dict[str, Any], ...]] = (
    {}, {"q": "停车"}, {"q": "tingche"}, {"fq": "groups:tr OR res_format:CSV"}, {"q": "没有的词"}, {"rows": 2, "start": 1},
    {"facet.limit": -1, "facet.mincount": 2}, {"sort": "name desc"}, {"q": "-停车", "rows": 0}, {"q": "停车 OR 安全"},
    {"q": "停车 场", "fq": "organization:Traffic -res_format:xlsx"}, {"q": "停车", "fq": "license_id:*"}, {"q": '"停车场 3" OR ？'},
    {"q": "停车 -organization:culture", "sort": "id asc", "rows": 2}, {"fq": "metadata_modified:[2000-01-01T00:00:00Z TO *]"},
    {"fq": "harvest_source_id:abc-*"}, {"fq": "extras_guid:X1 OR nothing:like"}, {"q": "title:停車 metadata_modified:[NOW-100YEARS/DAY TO NOW+1MONTH]"},
    {"q": "停车 词1", "sort": "score desc, name desc"}, {"q": "停车 OR 词2", "start": 2, "rows": 3}, {"q": "停车", "sort": "score asc"},
    {"q": "dp-pk-003 OR 停车"}, {"q": "词1 OR 词2 OR traffic", "rows": 4}, {"q": "停车", "fq": "词1", "sort": "score desc"},
    {"q": "停车", "sort": "name asc, score desc"}, {"sort": "rank"},
    {"q": "title:停车* groups:PK"}, {"q": "NOT (groups:pk 停车)"}, {"fq_list": ["groups:(pk OR tr)", "theme:tr"]},
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


def _answers(work: Work, actor: Actor, *, takes_json: bool = False) -> list[Any]:
    calls = [
        Call(
            work, actor, {"facet.field": FACETS} | asked, "http://x", resources_for("http://x"), dataset_of, takes_json=takes_json
        )
        for asked in QUESTIONS
    ]  # fmt: skip
    return [orjson.loads(orjson.dumps(package_search(call))) for call in calls]


def _alike(house: House, username: str | None = None) -> list[Any]:
    """What readers are told (from memory) is what a writer is told (from the database)."""
    with house.write() as work:
        told = _answers(work, actor_of(work, username) if username else ANYONE)
        assert memory.of(work) == (None, -1)
    with house.read() as work:
        assert memory.of(work)[0] is not None
        actor = actor_of(work, username) if username else ANYONE
        assert _answers(work, actor) == told
        for _ in range(2):  # packages as they are made now, then as they were kept
            assert _answers(work, actor, takes_json=True) == told
    return told


@pytest.mark.slow
def test_readers_are_told_what_the_database_counts(family: House, clock: TestClock) -> None:
    first = _alike(family)
    assert first[0]["count"] == 6
    assert "秘密" not in str(first)
    assert _alike(family, "culture-steward")[0]["count"] == 6  # published ones only, as CKAN counts
    clock.forward(days=1)
    with family.write() as work:
        service.update(work, SYSTEM, "DP-PK-003", DatasetUpdate(keywords=["新词"], formats=["json"]))
        service.withdraw(work, SYSTEM, "DP-PK-004", "不再更新了")
        service.overwrite_imported(work, SYSTEM, "DP-SF-002", {})
    second = _alike(family)
    assert second[0]["facets"]["tags"]["新词"] == second[0]["facets"]["tags"]["秘密"] == 1
    assert {each["name"] for each in second[0]["results"][:2]} == {"dp-pk-003", "dp-sf-002"}


def test_what_the_index_said_is_remembered_while_nothing_changes(
    family: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    looked_up = engine._looked_up

    def counted(*given: Any) -> Any:
        asked.append(given[1:])
        return looked_up(*given)

    monkeypatch.setattr(engine, "_looked_up", counted)

    def count() -> int:
        with family.read() as work:
            call = Call(
                work, ANYONE, {"q": "停车", "rows": 1}, "http://x", resources_for("http://x"), dataset_of
            )
            return int(package_search(call)["count"])

    first = count()
    told = len(asked)
    assert (count(), len(asked)) == (first, told)
    assert told
    with family.write() as work:
        service.withdraw(work, SYSTEM, "DP-PK-003", "不再更新了")
    assert count() == first - 1
    assert len(asked) == 2 * told


def test_a_release_counts_as_a_change_to_whoever_collects_by_date(family: House, clock: TestClock) -> None:
    """A harvester that asks for what changed since its last visit misses neither new data nor their end."""
    for release_no in (1, None):
        clock.forward(days=1)
        visit = clock.now
        with family.write() as work:
            service.note_release(
                work, "DP-PK-002", release_no=release_no, released_at=visit if release_no else None
            )
        _alike(family)
        since = f"metadata_modified:[{visit.strftime('%Y-%m-%dT%H:%M:%SZ')} TO *]"
        with family.read() as work:
            for asked in ({"fq": since}, {"rows": 1}):
                call = Call(work, ANYONE, asked, "http://x", resources_for("http://x"), dataset_of)
                (found,) = package_search(call)["results"]
                assert (found["name"], found["metadata_modified"][:10]) == (
                    "dp-pk-002",
                    visit.date().isoformat(),
                )


def test_resources_are_found_without_their_packages(family: House) -> None:
    links = [{"id": "a", "url": "https://x.example/Lots.csv"}, {"url": "https://x.example/b", "name": "乙"}]
    with family.write() as work:
        for number, is_import in ((1, False), (2, True), (3, False)):
            row = by_id(work, f"DP-PK-{number:03}")
            document = {
                "resources": [
                    dict(each, id=f"{each.get('id', 'n')}{number}") for each in links[: 3 - number or 1]
                ]
            }
            imports.keep(work, SYSTEM, row, f"n-{number}", document, is_import=is_import)
    with family.read() as work:

        def told(action: Action, **params: Any) -> Any:
            return action(Call(work, ANYONE, params, "http://x", resources_for("http://x"), dataset_of))

        every = [
            each
            for one in told(package_search, sort="id asc", rows=100)["results"]
            for each in one.get("resources", [])
        ]
        assert len(every) == 4
        assert told(resource_search, query="url:x.EXAMPLE") == {"count": 4, "results": every}
        assert told(resource_search, query=["url:lots", "id:a2"])["count"] == 1


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


@pytest.mark.slow
def test_what_was_kept_of_packages_follows_everything_they_are_made_of(family: House) -> None:
    """Description, dictionary, relations, and who may know of the other end: each change shows at once, to each reader."""
    _alike(family)
    with family.write() as work:
        row = by_id(work, "DP-PK-001")
        imports.keep(
            work, SYSTEM, row, "another-name", {"extras": [{"key": "x", "value": "y"}]}, is_import=False
        )
    assert "another-name" in str(_alike(family))
    with family.write() as work:
        service.update(
            work, SYSTEM, "DP-PK-001", DatasetUpdate(relations=["isPartOf:DP-PK-003", "source:DP-SF-002"])
        )
    assert "'object_package_id': 'DP-PK-003'" in str(_alike(family))
    assert "DP-SF-002" not in str(_alike(family))
    assert "'object_package_id': 'DP-SF-002'" not in str(_alike(family, "culture-steward"))  # a draft
    with family.write() as work:
        service.overwrite_imported(work, SYSTEM, "DP-SF-002", {})
    assert "DP-SF-002" in str(_alike(family)[1]["results"])
    with family.write() as work:
        service.withdraw(work, SYSTEM, "DP-PK-003", "不再更新了")
    assert "DP-PK-003" not in str(_alike(family))


@example(
    [("a", 0, b""), ("a", 0, b""), ("b", 0, b"x" * 12), ("c", 0, b"x" * 12)]
)  # nothing, twice in one place
@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 2), st.binary(max_size=12)), max_size=40))
def test_the_shelf_gives_back_what_was_put_there_last_or_nothing(puts: list[tuple[str, int, bytes]]) -> None:
    shelf, last = memory.Shelf(room=20), {}
    for name, made_from, text in puts:
        shelf.put(name, made_from, text)
        last[name] = (made_from, text)
        assert shelf.get(name, made_from) == text
        for each, (kept_from, kept) in last.items():
            assert shelf.get(each, kept_from) in (kept, None)
            assert shelf.get(each, kept_from + 1) is None
    shelf.put("f", 0, b"x" * 21)
    assert shelf.get("f", 0) is None
