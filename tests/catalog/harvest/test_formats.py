"""Catalogues of others, read: every format, every broken file of the sample, and anything at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.harvest import ckan, data_package, data_us, dcat, listing
from catalog.harvest.records import Reading, Unreadable, address, from_data, plain

SAMPLE = Path(__file__).parents[4] / "shared" / "data" / "metadata"
READERS: dict[str, Callable[[bytes, str], Reading]] = {
    "ckan": ckan.read, "dcat": dcat.read, "data-us": data_us.read, "data-package": data_package.read, "listing": listing.read,
}  # fmt: skip
TURTLE = """@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
<https://a.example/1> a dcat:Dataset ; dct:identifier "one" ; dct:title "停车场"@zh, "Car parks"@en ; dct:license <https://l.example/> ;
  dcat:keyword "停车" ; dcat:distribution [ dcat:downloadURL <https://a.example/1.csv> ; dct:title "CSV 文件"@zh ; dct:format "CSV" ] ."""


def sample(name: str) -> bytes:
    if not SAMPLE.is_dir():
        pytest.skip("the shared sample is not here")
    return (SAMPLE / name).read_bytes()


@pytest.mark.parametrize(
    ("reader", "name", "records", "faults"),
    [
        ("ckan", "ckan/hk_package_show.json", 1, 0), ("ckan", "ckan/okfn_portals_ckan_search_390.json", 390, 0),
        ("ckan", "ckan/uk_package_show_inspire.json", 1, 0), ("listing", "ckan/ckan_instances_199.json", 198, 1),
        ("data-us", "dcat/bad/missing-catalog.data.json", 1, 1), ("data-us", "dcat/bad/missing-dataset-fields.data.json", 1, 1),
        ("data-us", "dcat/bad/missing-identifier-title.data.json", 1, 2), ("data-us", "dcat/bad/numerical-title.data.json", 1, 0),
        ("data-us", "dcat/bad/null-spatial.data.json", 1, 0), ("data-us", "dcat/gsa_data_220.json", 205, 0),
        ("dcat", "dcat/catalog.rdf", 2, 0), ("dcat", "dcat/catalog_datasets_list.rdf", 2, 0), ("dcat", "dcat/dataset_multilingual.ttl", 1, 0), ("dcat", "dcat/dataset_gov_de.rdf", 1, 0),
    ],
)  # fmt: skip
def test_the_sample_is_read(reader: str, name: str, records: int, faults: int) -> None:
    found = READERS[reader](sample(name), "https://portal.example/")
    assert (len(found.records), len(found.faults)) == (records, faults), found.faults
    assert all(each.identifier and each.title for each in found.records)
    assert (
        READERS[reader](sample(name), "https://portal.example/").records == found.records
    )  # the same at each reading
    assert [from_data(each.as_data()) for each in found.records] == found.records


def test_dcat_reads_alike_in_all_its_forms() -> None:
    from rdflib import Graph

    read = {}
    graph = Graph().parse(data=TURTLE, format="turtle")
    for form in ("turtle", "xml", "json-ld", "nt"):
        (one,) = dcat.read(graph.serialize(format=form).encode(), "https://a.example/").records
        read[form] = one
    assert len(set(read.values())) == 1
    one = read["xml"]
    assert (one.identifier, one.title_zh, one.title_en) == ("one", "停车场", "Car parks")
    assert [(link.url, link.form) for link in one.links] == [("https://a.example/1.csv", "CSV")]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'{"@context": "http://127.0.0.1:1/ctx", "@id": "x"}', "not fetched"),
        (b'{"@context": {"@import": "http://127.0.0.1:1/ctx"}, "@id": "x"}', "not fetched"),
        (b'{"a": [{"@context": ["http://127.0.0.1:1/ctx"]}]}', "not fetched"),
        (b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>', "DOCTYPE"),
        (b"<?xml version='1.0'?><x", "parsed"), (b"nonsense here", "parsed"),
    ],
)  # fmt: skip
def test_nothing_that_an_rdf_file_names_is_fetched(data: bytes, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        dcat.read(data, "https://a.example/")


def test_pages_of_hydra_are_followed_by_their_address() -> None:
    paged = (
        TURTLE
        + " <https://a.example/?page=1> <http://www.w3.org/ns/hydra/core#next> <https://a.example/?page=2> ."
    )
    assert dcat.read(paged.encode()).next_page == "https://a.example/?page=2"
    assert dcat.read(TURTLE.encode()).next_page == ""


def test_a_dataset_without_a_licence_has_none() -> None:
    other = (
        TURTLE.encode()
        + b'\n<https://a.example/zz> a <http://www.w3.org/ns/dcat#Dataset> ; <http://purl.org/dc/terms/title> "Bare" .'
    )
    made = next(each for each in dcat.read(other).records if each.title == "Bare")
    assert (made.licence, made.publisher, made.spatial) == ("", "", "")


def test_deleted_and_private_packages_are_left_where_they_are() -> None:
    packages = [
        {"id": "a", "title": "A", "state": "deleted"},
        {"id": "b", "title": "B", "private": True},
        {"id": "c", "title": "C"},
        7,
    ]
    found = ckan.read(
        json.dumps({"success": True, "result": {"results": packages}}).encode(), "https://p.example"
    )
    assert [each.identifier for each in found.records] == ["c"]
    assert len(found.faults) == 1
    assert found.is_last


def test_a_data_package_names_its_files_from_its_own_address() -> None:
    told = {
        "name": "lots",
        "title": "车位",
        "resources": [{"path": "data/lots.csv", "format": "csv"}, {"path": ["a", "javascript:x"]}],
    }
    (one,) = data_package.read(json.dumps(told).encode(), "https://p.example/x/datapackage.json").records
    assert [each.url for each in one.links] == ["https://p.example/x/data/lots.csv", "https://p.example/x/a"]


def test_a_data_package_says_what_it_is_made_from_and_refers_to() -> None:
    told = [
        {
            "name": "lots", "title": "车位", "resources": [{"path": "a.csv", "schema": {"foreignKeys": [
                {"fields": "s", "reference": {"package": "streets/datapackage.json", "resource": "s", "fields": "id"}},
                {"fields": "p", "reference": {"resource": "lots", "fields": "id"}}, "odd",
            ]}}],
            "sources": [{"title": "系统"}, {"title": "区域", "path": "https://p.example/areas"}, {"path": "https://q.example/"}, 7],
            "contributors": [{"title": "某人", "roles": ["author"]}, {"title": "某局", "roles": ["publisher"]}],
        },
        {"name": "areas", "title": "区域", "homepage": "https://p.example/areas", "resources": []},
        {"id": "streets-1", "title": "街道", "homepage": "streets/datapackage.json", "resources": []},
    ]  # fmt: skip
    (one, *_) = data_package.read(json.dumps(told).encode(), "https://p.example/datapackages.json").records
    assert one.relations == (
        ("source", "areas"),
        ("source", "https://q.example/"),
        ("references", "streets-1"),
    )
    assert one.publisher == "某局"


def test_a_list_tells_its_lines_apart_and_repeats_are_said() -> None:
    text = "﻿資料集名稱,資料集提供機關,關鍵字\n景點,觀光局,旅遊、景點\n景點,觀光局,\n,觀光局,\n".encode()
    found = listing.read(text, "")
    assert [(each.identifier, each.title_zh, each.keywords) for each in found.records] == [
        ("觀光局/景點", "景點", ("旅遊", "景點"))
    ]
    assert len(found.faults) == 2


@pytest.mark.parametrize(
    "bad",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//x/y",
        "http://u:p@x/",
        "http://a b/",
        "file:///etc",
        "",
        None,
        "http://[",
        5,
    ],
)
def test_only_addresses_of_the_web_become_links(bad: object) -> None:
    assert address(bad) == ""
    assert address("https://data.example/文件.csv") == "https://data.example/文件.csv"


def test_texts_lose_what_no_reader_should_get() -> None:
    assert plain("a\x00b\u202e\ud800c\r\nd") == "abc\nd"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda kids: st.lists(kids, max_size=4) | st.dictionaries(
        st.sampled_from(["id", "name", "title", "result", "results", "dataset", "identifier", "resources", "path", "tags", "extras", "publisher",
                         "organization", "distribution", "keyword", "licenses", "@id", "@type", "@graph", "sources", "url", "description"]), kids, max_size=6),
    max_leaves=20,
)  # fmt: skip
MANGLED = st.builds(
    lambda base, at, new: base[: at % (len(base) + 1)] + new + base[at % (len(base) + 1) + len(new) :],
    st.sampled_from([TURTLE.encode(), b'{"result": {"results": [{"id": "a", "title": "b"}]}}', b'{"dataset": [{"identifier": "a", "title": "b"}]}',
                     b'<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><a/></rdf:RDF>', "名称,title\na,b".encode()]),
    st.integers(0, 2000), st.binary(max_size=6),
)  # fmt: skip


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=JSON.map(lambda told: json.dumps(told).encode()) | MANGLED | st.binary(max_size=60))
def test_anything_is_read_or_refused_with_a_sentence(
    reader: Callable[[bytes, str], Reading], data: bytes
) -> None:
    try:
        found = reader(data, "https://portal.example/")
    except Unreadable:
        return
    for each in found.records:
        assert each.identifier
        assert each.title
        assert from_data(each.as_data()) == each
        assert all(link.url.lower().startswith(("http://", "https://", "ftp://")) for link in each.links)
