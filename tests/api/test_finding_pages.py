"""The pages on which data are found and looked at: what they say when nothing is found, and that a reader keeps his place."""

from __future__ import annotations

import re

import pytest

from api.house import House
from tests.catalog.records import a_dataset
from tests.datasets.parking import CLEAN, DATASET, a_parking_dataset, hand_in, publish
from tests.people import an_org, new_browser


def _seen(house: House, path: str) -> str:
    answer = new_browser(house).get(path)
    assert answer.status_code == 200
    return str(answer.text)


def test_a_search_that_finds_nothing_says_what_may_be_done(house: House) -> None:
    with house.write() as work:
        an_org(work, "traffic", kind="source_department")
        a_dataset(work, "DP-PK-001", "traffic", title_zh="停车场基础信息")
    words = _seen(house, "/datasets?q=量子引力波&lang=zh")
    assert "量子引力波”的每一个词" in words
    assert 'href="/demands"' in words
    assert 'href="/themes"' in words
    assert 'id="facets"' not in words, "nothing to choose, nothing shown"
    both = _seen(house, "/datasets?q=停车&open_type=N&lang=en")
    assert "meets the conditions chosen" in both
    alone = re.search(r'href="([^"]*)">Look for the words alone', both)
    assert alone
    assert "DP-PK-001" in _seen(house, alone[1].replace("&amp;", "&"))
    assert "meets all conditions" in _seen(house, "/datasets?open_type=N&lang=en")
    assert "no letter or digit" in _seen(house, "/datasets?q=!!&lang=en")
    found = _seen(house, "/datasets?q=停车&theme=PK&lang=en")
    assert 'href="#facets"' in found
    assert 'id="facets"' in found


@pytest.mark.gx
def test_whoever_looks_at_data_on_a_datasets_page_stays_there(house: House) -> None:
    with house.write() as work:
        a_parking_dataset(work)
    publish(house, "zhou", hand_in(house, "lin", CLEAN).id)
    page = _seen(house, f"/datasets/{DATASET}?view=rows&lang=en")
    tabs = re.findall(r'href="(/datasets/[^"]*view=(?:rows|columns)[^"]*)"', page)
    assert tabs
    assert all(each.endswith("#data") for each in tabs)
    assert f'action="/datasets/{DATASET}#data"' in page
    assert all(each.endswith("#data") for each in re.findall(r'class="sort" href="([^"]*)"', page))
    large = _seen(house, f"/datasets/{DATASET}/data?view=rows&lang=en")
    assert "#data" not in large
    assert "True" not in re.findall(r"<td[^>]*>([^<]*)</td>", large)


@pytest.mark.gx
def test_no_column_has_more_values_than_cells(house: House) -> None:
    with house.write() as work:
        a_parking_dataset(work)
    publish(house, "zhou", hand_in(house, "lin", CLEAN).id)
    found = new_browser(house).get(f"/api/v1/datasets/{DATASET}/statistics").json()
    assert all(each["distinct"] <= each["filled"] for each in found["columns"])
