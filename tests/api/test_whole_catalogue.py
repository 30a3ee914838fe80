"""`data.json`: whole however many records there are, made once for each state, and never an old one."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from api import standards, whole_catalogue
from api.house import House
from api.routes.metadata import NAME
from api.whole_catalogue import keeper_of
from auth.actor import SYSTEM
from catalog import service as catalogue
from catalog.models import DatasetUpdate
from catalog.standards import dcat_us
from catalog.standards.forms import as_json
from tests.catalog.records import a_dataset
from tests.people import an_org, client_as


def _filled(house: House, number: int) -> None:
    with house.write() as work:
        an_org(work, "traffic", "source_department")
        for n in range(number):
            a_dataset(work, f"DP-PK-{n:05}", "traffic", open_type="U", data_level=1)


def _at_once(house: House) -> bytes:
    site = house.settings.public_url
    with house.read() as work:
        rows, _ = standards.public_rows(work, offset=0, limit=1000)
        return as_json(dcat_us.catalogue(standards.entries(work, rows, site), site=site, title=NAME))


@pytest.mark.parametrize("number", [0, 1, 4, 5])
def test_pages_make_the_very_document(house: House, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_catalogue, "PAGE", 2)
    _filled(house, number)
    answer = client_as(house).get("/data.json")
    assert answer.content == _at_once(house)
    assert len(answer.json()["dataset"]) == number
    assert answer.headers["content-length"] == str(len(answer.content))


def test_it_is_made_again_when_something_changed_and_only_then(house: House) -> None:
    _filled(house, 3)
    visitor, keeper = client_as(house), keeper_of(house)
    first = visitor.get("/data.json")
    tag = first.headers["etag"]
    assert (first.status_code, keeper.made) == (200, 1)
    for _ in range(2):
        again = visitor.get("/data.json", headers={"If-None-Match": f'"other", W/{tag}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    head = visitor.head("/data.json")
    assert (head.status_code, head.content, head.headers["content-length"]) == (
        200,
        b"",
        str(len(first.content)),
    )
    assert keeper.made == 1
    with house.write() as work:
        catalogue.update(work, SYSTEM, "DP-PK-00001", DatasetUpdate(title_zh="改了名称"))
    changed = visitor.get("/data.json", headers={"If-None-Match": tag})
    assert (changed.status_code, "改了名称" in changed.text, keeper.made) == (200, True, 2)
    with house.write() as work:
        catalogue.withdraw(work, SYSTEM, "DP-PK-00002", "内容并入另一数据集", expected_version=None)
    assert "DP-PK-00002" not in visitor.get("/data.json").text
    assert visitor.get("/data.json").content == _at_once(house)


def test_whoever_reads_an_older_one_reads_it_to_its_end(sqlite_house: House) -> None:
    _filled(sqlite_house, 3)
    old = keeper_of(sqlite_house).document(sqlite_house, NAME)
    with sqlite_house.write() as work:
        catalogue.update(work, SYSTEM, "DP-PK-00001", DatasetUpdate(title_zh="改了名称"))
    new = keeper_of(sqlite_house).document(sqlite_house, NAME)
    whole = b"".join(old.pieces())
    assert (len(json.loads(whole)["dataset"]), "改了名称".encode() in whole, new.tag != old.tag) == (
        3,
        False,
        True,
    )
    assert list(sqlite_house.settings.scratch_dir.iterdir()) == [], (
        "nothing is left behind by a process that dies"
    )


@pytest.mark.long
def test_memory_is_that_of_a_page(sqlite_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_catalogue, "PAGE", 10)

    def peak() -> int:
        keeper_of(sqlite_house)._kept = None
        tracemalloc.start()
        keeper_of(sqlite_house).document(sqlite_house, NAME)
        _, found = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return found

    _filled(sqlite_house, 20)
    peak()  # what is read once and kept, such as code lists
    few = peak()
    with sqlite_house.write() as work:
        for n in range(20, 200):
            a_dataset(work, f"DP-PK-{n:05}", "traffic", open_type="U", data_level=1)
    assert peak() < 1.5 * few
