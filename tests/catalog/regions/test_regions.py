"""Codes of GB/T 2260: what a word means, what lies in what, and where a record is found by it; on both databases."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from api.house import House
from auth.actor import ANYONE, SYSTEM
from catalog import regions, service
from catalog.models import DatasetFields, DatasetUpdate
from catalog.search.engine import Search, search
from tests.catalog.records import a_dataset, a_department

HUANGPU, SHANGHAI, LONGGANG, SHENZHEN, GUANGDONG = "310101", "310000", "440307", "440300", "440000"


def test_list_is_a_tree_of_provinces_cities_and_counties() -> None:
    known = regions.load()
    assert len(known) == 3213
    assert [code for code, each in known.items() if not each.parent] == [
        each.code for each in regions.children("")
    ]
    assert len(regions.children("")) == 34
    for code, each in known.items():
        assert re.fullmatch(r"[1-8]\d{5}", code)
        assert each.path[-1] == code
        assert all(above in known for above in each.path)
    assert known[LONGGANG].path == (GUANGDONG, SHENZHEN, LONGGANG)
    assert known[HUANGPU].path == (SHANGHAI, HUANGPU)
    assert known["429004"].path == ("420000", "429004")  # directly below its province


@pytest.mark.parametrize(
    ("word", "code"),
    [
        (LONGGANG, LONGGANG), ("黄浦区", HUANGPU), ("上海市黄浦区", HUANGPU), ("上海市 黄浦区", HUANGPU), ("上海", SHANGHAI), ("Shanghai", SHANGHAI),
        ("深圳市龙岗区", LONGGANG), ("广东省深圳市龙岗区", LONGGANG), ("深圳", SHENZHEN), ("內蒙古", "150000"), ("臺灣省", "710000"), ("Hong Kong", "810000"),
        ("吉林", "220000"), ("吉林市", "220200"), ("仙桃市", "429004"), ("北京市朝阳区", "110105"),
    ],
)  # fmt: skip
def test_code_or_name_means_one_division(word: str, code: str) -> None:
    assert regions.code_of(word) == code
    assert regions.matched(word) == [code]


@pytest.mark.parametrize(
    "word", ["鼓楼区", "朝阳", "大鹏新区", "310199", "中国", "上海市和江苏省", "x" * 500]
)
def test_what_means_none_or_several_is_refused_and_never_matched(word: str) -> None:
    assert regions.matched(word) == []
    with pytest.raises(regions.UnknownRegion):
        regions.code_of(word)
    with pytest.raises(ValidationError, match=r"行政区划|有 \d 处"):
        DatasetFields.model_validate({"spatial_codes": [word]})
    if word == "鼓楼区":
        with pytest.raises(regions.UnknownRegion, match="320106 江苏省南京市鼓楼区"):
            regions.code_of(word)


def test_field_takes_names_and_lists_in_one_text_and_a_bounded_number() -> None:
    made = DatasetFields.model_validate({"spatial_codes": "深圳市龙岗区、上海 310000"})
    assert made.spatial_codes == [LONGGANG, SHANGHAI]
    many = [each.code for each in regions.children("")][: regions.MOST + 1]
    with pytest.raises(ValidationError, match="At most 12"):
        DatasetFields.model_validate({"spatial_codes": many})


@pytest.fixture
def covered(house: House) -> House:
    with house.write() as work:
        a_department(work, "traffic")
        a_dataset(work, "DP-A-1", "traffic", spatial_codes=["黄浦区"])
        a_dataset(work, "DP-A-2", "traffic", spatial_codes=[SHANGHAI])
        a_dataset(work, "DP-A-3", "traffic", spatial_codes=[LONGGANG, HUANGPU])
        a_dataset(work, "DP-A-4", "traffic", spatial="太平洋 西部")
        a_dataset(work, "DP-A-5", "traffic", draft=True, spatial_codes=["北京"])
    return house


def _found(house: House, *chosen: str, text: str = "") -> tuple[list[str], dict[str, int]]:
    with house.read() as work:
        found = search(work, ANYONE, Search(text, {"region": list(chosen)}, "title", 50))
        options = next(each.options for each in found.facets if each.facet.key == "region")
        return sorted(hit.row.id for hit in found.hits), {each.value: each.count for each in options}


def test_dataset_of_a_district_is_found_under_its_city(covered: House) -> None:
    everything, counts = _found(covered)
    assert len(everything) == 4
    assert counts == {SHANGHAI: 3, GUANGDONG: 1, "太平洋 西部": 1}  # nothing of the draft's Beijing
    ids, counts = _found(covered, SHANGHAI)
    assert ids == ["DP-A-1", "DP-A-2", "DP-A-3"]
    assert counts[HUANGPU] == 2  # opens below what is chosen
    assert _found(covered, HUANGPU)[0] == ["DP-A-1", "DP-A-3"]
    assert _found(covered, SHENZHEN)[0] == ["DP-A-3"]
    assert _found(covered, GUANGDONG, "太平洋 西部")[0] == ["DP-A-3", "DP-A-4"]
    for nothing in ("3100", "太平洋", "310000 310101", "%"):
        assert _found(covered, nothing)[0] == []
    assert _found(covered, text="龙岗区")[0] == ["DP-A-3"]
    assert _found(covered, text="上海")[0] == ["DP-A-1", "DP-A-2", "DP-A-3"]


def test_change_moves_a_record_between_divisions_at_once(covered: House) -> None:
    with covered.write() as work:
        service.update(work, SYSTEM, "DP-A-1", DatasetUpdate(spatial_codes=["福田区"]))
    assert _found(covered, HUANGPU)[0] == ["DP-A-3"]
    assert _found(covered, "440304")[0] == ["DP-A-1"]
    with covered.write() as work:
        service.update(work, SYSTEM, "DP-A-1", DatasetUpdate(spatial_codes=[]))
    assert _found(covered, GUANGDONG)[0] == ["DP-A-3"]


def test_one_province_alone_shows_what_lies_in_it(house: House) -> None:
    with house.write() as work:
        a_department(work, "traffic")
        a_dataset(work, "DP-A-1", "traffic", spatial_codes=[LONGGANG])
        a_dataset(work, "DP-A-2", "traffic", spatial_codes=["福田区"])
    assert _found(house)[1] == {GUANGDONG: 2, SHENZHEN: 2, "440304": 1, LONGGANG: 1}
