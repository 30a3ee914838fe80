"""Search through the service: what is found, in which order, with which counts; the same on both databases."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from api.house import House
from auth.actor import ANYONE, SYSTEM
from auth.policy.limits import limits
from catalog import codes, indexing, service
from catalog.boxes import box_of
from catalog.models import DatasetUpdate
from catalog.search import index, memory
from catalog.search.engine import Search, search
from catalog.search.saved import ask_of
from core.errors import InputRefused
from core.work import Work
from tests.catalog.records import a_dataset, a_department
from tests.conftest import TestClock
from tests.snapshots import written


class _Undo(Exception):
    """Rolls an example back."""


def _fill(work: Work) -> None:
    a_department(work, "traffic")
    a_department(work, "culture")
    a_dataset(
        work,
        "DP-PK-001",
        "traffic",
        title_zh="停车场基础信息",
        title_en="Parking lots",
        formats=["csv", "xlsx"],
    )
    a_dataset(
        work,
        "DP-PK-002",
        "traffic",
        title_zh="停车场实时余位",
        title_en="Real-time vacancy",
        formats=["parquet"],
    )
    a_dataset(
        work, "DP-TR-001", "traffic", title_zh="景区路段通行状态", title_en="Road-segment traffic state", domain_code="TR",
        keywords=["拥堵"], keywords_en=["congestion"], description_zh="含停车诱导路段。", description_en="",
    )  # fmt: skip
    a_dataset(
        work, "DP-BC-001", "culture", title_zh="惠民便民措施", title_en="Benefits", domain_code="BC", keywords=["优惠"],
        keywords_en=[], description_zh="门票优惠与免费停车。", description_en="Free parking.", update_freq="1",
    )  # fmt: skip
    a_dataset(work, "DP-SF-002", "culture", draft=True, title_zh="停车安全事件", domain_code="SF")


@pytest.fixture
def family(house: House) -> House:
    """A small tourism catalogue of two departments."""
    written(house, _fill)
    return house


def _ids(work: Work, text: str, *, actor: Any = ANYONE, **how: Any) -> list[str]:
    return [str(hit.row.id) for hit in search(work, actor, Search(text, **how)).hits]


def test_words_in_titles_come_before_words_elsewhere(family: House) -> None:
    with family.read() as work:
        assert _ids(work, "停车") == ["DP-PK-001", "DP-PK-002", "DP-BC-001", "DP-TR-001"]
        assert _ids(work, "parking")[0] == "DP-PK-001"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("余位", ["DP-PK-001", "DP-PK-002", "DP-TR-001", "DP-BC-001"]),  # a column of all of them is called so
        ("实时余位", ["DP-PK-002"]),
        ("拥堵", ["DP-TR-001"]),
        ("congestion", ["DP-TR-001"]),
        ("惠", ["DP-BC-001"]),
        ("ＤＰ－ＰＫ－００２", ["DP-PK-002"]),
        ("dp-pk-001", ["DP-PK-001"]),
        ("vacan", ["DP-PK-002"]),
        ("停车 优惠", ["DP-BC-001"]),
        ("culture", ["DP-BC-001"]),
        ("停車誘導", ["DP-TR-001"]),
        ("yongdu", ["DP-TR-001"]),
        ("hui min", ["DP-BC-001"]),
        ("hmbm", ["DP-BC-001"]),
        ("景点 路段", ["DP-TR-001"]),
        ("泊车实时余位", ["DP-PK-002"]),
        ("没有这个", []),
        ("停车 NOT 优惠", []),
        ("'); DROP TABLE catalog_dataset; --", []),
        ("\"", []),
        ("* :&|!()<->\\", []),
        ("\x00", []),
    ],
)  # fmt: skip
def test_questions_find_what_they_should(family: House, asked: str, expected: list[str]) -> None:
    with family.read() as work:
        assert sorted(_ids(work, asked)) == sorted(expected)


@pytest.mark.parametrize(
    ("asked", "meant", "first"),
    [
        ("vacansy", "vacancy", "DP-PK-002"),
        ("congetsion", "congestion", "DP-TR-001"),
        ("亭车场", "停车场", "DP-PK-001"),  # the same sound
        ("惠民便氏措施", "惠民便民措施", "DP-BC-001"),  # one character off
        ("场车停", "", ""),
        ("实时位余", "实时余位", "DP-PK-002"),  # exchanged
        ("qqqqqq", "", ""),
        ("aqcuisition", "", ""),
    ],
)
def test_what_finds_nothing_is_taken_for_what_is_near(
    family: House, asked: str, meant: str, first: str
) -> None:
    with family.read() as work:
        found = search(work, ANYONE, Search(asked))
    assert (found.meant, found.hits[0].row.id if found.hits else "") == (meant, first)


def test_nothing_is_proposed_that_only_others_may_see(family: House) -> None:
    from tests.people import actor_of

    with family.read() as work:
        owner = actor_of(work, "culture-steward")
        assert search(work, owner, Search("停车安全事牛")).meant == "停车安全事件"
        assert search(work, ANYONE, Search("停车安全事牛")).meant == ""


def test_hit_says_where_the_words_stand_and_what_stands_for_them(family: House) -> None:
    with family.read() as work:
        told = {
            asked: next(
                ([place.en for place in hit.places], [each.en for each in hit.instead])
                for hit in search(work, ANYONE, Search(asked)).hits
            )
            for asked in ("拥堵", "惠民 门票", "hmbm", "huimin", "景点")
        }
    assert told == {
        "拥堵": (["keywords"], []),
        "惠民 门票": (["title", "theme", "summary"], []),
        "hmbm": ([], ["first letters of pinyin"]),
        "huimin": ([], ["the same sound (pinyin)"]),
        "景点": (["title"], ["synonym 景区"]),
    }


def test_exact_code_comes_first(family: House) -> None:
    with family.write() as work:
        service.update(work, SYSTEM, "DP-PK-002", DatasetUpdate(title_zh="取代 DP-PK-001 的实时余位"))
        assert _ids(work, "DP-PK-001") == ["DP-PK-001", "DP-PK-002"]


def test_word_found_only_in_a_column_names_the_column(family: House) -> None:
    with family.read() as work:
        hit = search(work, ANYONE, Search("free_spaces", {"theme": ["TR"]})).hits[0]
    assert [column.zh for column in hit.columns] == ["余位 free_spaces"]


def test_snippet_uses_the_language_that_holds_the_word(family: House) -> None:
    with family.read() as work:
        hit = search(work, ANYONE, Search("门票", lang="en")).hits[0]
    assert [(piece.text, piece.hit) for piece in hit.snippet] == [("门票", True), ("优惠与免费停车。", False)]


def test_drafts_are_found_by_their_own_department_only(family: House) -> None:
    from tests.people import actor_of

    with family.read() as work:
        owner, stranger = actor_of(work, "culture-steward"), actor_of(work, "traffic-steward")
        assert _ids(work, "安全事件", actor=owner) == ["DP-SF-002"]
        for other in (stranger, ANYONE):
            found = search(work, other, Search("安全事件"))
            assert (found.hits, found.total) == ([], 0)
            listed = search(work, other, Search())
            assert listed.total == 4
            assert all(
                option.count <= 4 and option.value != "SF" for one in listed.facets for option in one.options
            )


def test_edits_are_found_at_once_and_old_words_no_longer(family: House) -> None:
    with family.write() as work:
        service.update(work, SYSTEM, "DP-BC-001", DatasetUpdate(title_zh="民宿名录"))
        assert _ids(work, "民宿") == ["DP-BC-001"]
        assert _ids(work, "便民措施") == []


def test_index_and_record_are_written_together_or_not_at_all(family: House) -> None:
    with suppress(_Undo), family.write() as work:
        service.update(work, SYSTEM, "DP-BC-001", DatasetUpdate(title_zh="民宿名录"))
        raise _Undo
    with family.read() as work:
        assert _ids(work, "民宿") == []
        assert _ids(work, "便民措施") == ["DP-BC-001"]


def test_facets_widen_within_and_narrow_between(family: House) -> None:
    with family.read() as work:
        found = search(work, ANYONE, Search("", {"theme": ["PK", "TR"], "format": ["csv"]}))
        counts = {one.facet.key: {o.value: o.count for o in one.options} for one in found.facets}
    assert found.total == 2
    assert counts["theme"] == {"PK": 1, "TR": 1, "BC": 1}  # as if only the format were chosen
    assert counts["format"] == {"csv": 2, "xlsx": 1, "parquet": 1}  # as if only the themes were chosen
    assert counts["publisher"] == {"traffic": 2}
    assert counts["has_release"] == {"no": 2}


def test_freshness_region_licence_grade_and_period_choose(family: House, clock: TestClock) -> None:
    with family.write() as work:
        service.update(
            work,
            SYSTEM,
            "DP-PK-001",
            DatasetUpdate(
                spatial="大鹏新区", temporal_start=date(2020, 1, 1), temporal_end=date(2020, 12, 31)
            ),
        )
        service.note_release(work, "DP-PK-001", release_no=1, released_at=work.now, quality_grade="A")
    clock.forward(days=400)
    with family.read() as work:
        counts = {
            one.facet.key: {o.value: o.count for o in one.options}
            for one in search(work, ANYONE, Search()).facets
        }
        assert counts["freshness"] == {"stale": 1, "unknown": 3}
        assert counts["region"] == {"大鹏新区": 1}
        assert counts["grade"] == {"A": 1}
        assert counts["licence"] == {"dapeng-open-terms": 4}
        for chosen in ({"freshness": ["stale"]}, {"region": ["大鹏新区"]}, {"grade": ["A"]}):
            assert _ids(work, "", chosen=chosen) == ["DP-PK-001"]
        assert _ids(work, "", since=date(2019, 1, 1), until=date(2020, 1, 1)) == ["DP-PK-001"]
        assert len(_ids(work, "", since=date(2021, 1, 1))) == 3
        assert _ids(work, "", until=date(2019, 12, 31)) == []


def test_a_box_finds_what_meets_it_and_scenarios_choose(family: House) -> None:
    with family.write() as work:
        for code, box, scenarios in (
            ("DP-PK-001", "114.2,22.4,114.6,22.7", ["parking", "safety"]),
            ("DP-TR-001", "114.6,22.7,115,23", ["tourism-traffic"]),
        ):
            service.update(work, SYSTEM, code, DatasetUpdate(bbox=box, scenarios=scenarios))
    with family.read() as work:
        for asked, found in (
            ("114.3,22.5,114.4,22.6", ["DP-PK-001"]),  # inside it
            ("0,0,180,90", ["DP-PK-001", "DP-TR-001"]),
            ("114.6,22.7,114.6,22.7", ["DP-PK-001", "DP-TR-001"]),  # the corner that they share
            ("114.61,22.3,115,22.5", []),
            ("-10,-10,10,10", []),
        ):
            assert sorted(_ids(work, "", box=box_of(asked))) == found, asked
        assert _ids(work, "余位", box=box_of("114.3,22.5,114.4,22.6")) == ["DP-PK-001"]
        both = Search("", {"scenario": ["parking", "tourism-traffic"]})
        found_both = search(work, ANYONE, both)
        counts = {one.facet.key: {o.value: o.count for o in one.options} for one in found_both.facets}
        assert found_both.total == 2
        assert counts["scenario"] == {"tourism-traffic": 1, "safety": 1, "parking": 1}
        assert counts["theme"] == {"PK": 1, "TR": 1}
        assert _ids(work, "", chosen={"scenario": ["parking"]}) == ["DP-PK-001"]
        assert _ids(work, "", chosen={"scenario": ["park"]}) == []
        assert ask_of("bbox=1,2,3,4&scenario=parking").box == box_of(
            "west=1".removeprefix("west=") + ",2,3,4"
        )
        for bad in ("bbox=1,2,3", "west=1&south=2&east=0&north=4", "west=1", "bbox=a,b,c,d"):
            with pytest.raises(InputRefused):
                ask_of(bad)


def test_scenarios_are_those_of_grants() -> None:
    assert {code.value: code.text for code in codes.load("scenario").codes.values()} == {
        one.code: one.name for one in limits().scenarios.values()
    }


def test_every_count_is_what_choosing_it_shows(family: House) -> None:
    chosen = {"theme": ["PK"], "open_type": ["U"]}
    with family.read() as work:
        for counted in search(work, ANYONE, Search("停车", chosen)).facets:
            for option in counted.options:
                narrowed = chosen | {counted.facet.key: [option.value]}
                assert search(work, ANYONE, Search("停车", narrowed)).total == option.count, option


def test_unknown_values_choose_nothing(family: House) -> None:
    with family.read() as work:
        for key, value in (
            ("theme", "'"),
            ("level", "x"),
            ("level", "99999999999999999999"),
            ("format", "%"),
            ("publisher", "\x00"),
        ):
            found = search(work, ANYONE, Search("", {key: [value]}))
            assert (found.total, found.hits) == (0, [])


def test_pages_follow_without_gap_or_repeat(family: House) -> None:
    with family.read() as work:
        for sort in ("relevance", "newest", "title"):
            whole = _ids(work, "停车", sort=sort)
            paged = [
                one
                for offset in range(0, 5, 2)
                for one in _ids(work, "停车", sort=sort, limit=2, offset=offset)
            ]
            assert paged == whole


def test_titles_sort_by_sound_and_newest_release_first(family: House, clock: TestClock) -> None:
    clock.forward(days=1)
    with family.write() as work:
        service.note_release(work, "DP-TR-001", release_no=1, released_at=work.now)
        assert _ids(work, "", sort="title") == ["DP-BC-001", "DP-TR-001", "DP-PK-001", "DP-PK-002"]
        assert _ids(work, "", sort="title", lang="en") == ["DP-BC-001", "DP-PK-001", "DP-PK-002", "DP-TR-001"]
        assert _ids(work, "", sort="newest")[0] == "DP-TR-001"
        facets = {
            one.facet.key: {o.value: o.count for o in one.options}
            for one in search(work, ANYONE, Search()).facets
        }
        assert facets["has_release"] == {"yes": 1, "no": 3}


def test_index_can_be_built_anew(family: House) -> None:
    with family.write() as work:
        before = {asked: _ids(work, asked) for asked in ("停车", "parking", "拥堵")}
        table = "catalog_search_pg" if work.db.get_bind().dialect.name == "postgresql" else "catalog_search"
        work.db.connection().execute(text(f"DELETE FROM {table}"))
        assert _ids(work, "停车") == []
        assert indexing.reindex(work) == 5
        assert {asked: _ids(work, asked) for asked in before} == before


def test_installing_the_index_again_changes_nothing(family: House) -> None:
    with family.engine.begin() as connection:
        index.install(connection)
    with family.read() as work:
        assert len(_ids(work, "停车")) == 4


def test_readers_have_the_bitmaps_and_writers_do_not(family: House) -> None:
    with family.read() as work:
        known, stamp = memory.of(work)
        assert known is not None
        assert known.stamp == stamp
    with family.write() as work:
        assert memory.of(work)[0] is None
