"""Triples outside memory: the same answers as rdflib's own store, and a bound on what a large document takes."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdflib import RDF, XSD, BNode, Graph, Literal, URIRef

from catalog.harvest.triples import Spilled

THINGS = [*(URIRef(f"https://a.example/{n}") for n in range(4)), BNode("b1"), BNode("b2")]
VERBS = [RDF.type, URIRef("https://a.example/says"), URIRef("https://a.example/1")]
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=4)
LITERALS = st.one_of(
    WORDS.map(Literal), st.builds(Literal, WORDS, lang=st.sampled_from(["zh", "en", "zh-hant"])),
    st.integers(0, 5).map(Literal), st.builds(Literal, WORDS, datatype=st.sampled_from([XSD.date, XSD.string])),
    st.just(Literal("007", datatype=XSD.integer, normalize=False)), st.just(Literal("b1")), st.just(Literal("https://a.example/1")),
)  # fmt: skip
SAID = st.tuples(
    st.sampled_from(THINGS), st.sampled_from(VERBS), st.one_of(st.sampled_from(THINGS), LITERALS)
)


@given(st.lists(SAID, max_size=30), st.lists(SAID, max_size=3))
def test_every_question_is_answered_as_by_the_librarys_store(said: list[Any], late: list[Any]) -> None:
    plain = Graph()
    with closing(Spilled()) as store:
        ours = Graph(store, bind_namespaces="none")
        for more in (said, late):
            for each in more:
                plain.add(each)
                ours.add(each)
            assert len(ours) == len(plain)
            for s, p, o in [*plain, (THINGS[0], VERBS[0], Literal("no such"))]:
                for pattern in ((s, p, o), (s, p, None), (s, None, o), (s, None, None), (None, p, o), (None, p, None), (None, None, o), (None, None, None)):  # fmt: skip
                    assert set(ours.triples(pattern)) == set(plain.triples(pattern))
                    assert (pattern in ours) == (pattern in plain)


LARGE = """
import sys
from catalog.harvest import dcat
lines = ["@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> ."]
for n in range(9000):
    lines.append(f'<https://a.example/{n}> a dcat:Dataset ; dct:title "停车场信息 {n}"@zh ; dct:identifier "{n}" ; dcat:keyword "停车" ; '
        f'dct:description "全市公共停车场的名称、位置与车位数量，每日更新。"@zh ; dcat:distribution <https://a.example/{n}/d> . '
        f'<https://a.example/{n}/d> a dcat:Distribution ; dcat:accessURL <https://a.example/{n}.csv> ; dct:format "CSV" .')
found = dcat.read("\\n".join(lines).encode())
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(len(found.records), peak // 1024)
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_a_large_document_is_not_held_in_memory() -> None:
    """81,000 triples: 160 MiB when the library keeps them, 69 so."""
    done = subprocess.run(
        [sys.executable, "-c", LARGE], capture_output=True, text=True, check=True, timeout=500
    )
    records, peak = map(int, done.stdout.split())
    assert records == 9000
    assert peak < 120


def test_text_that_is_none_makes_the_document_unreadable() -> None:
    from catalog.harvest import dcat
    from catalog.harvest.records import Unreadable

    told = b'<https://a.example/1> <http://purl.org/dc/terms/title> "\\uD800" .'
    with pytest.raises(Unreadable):
        dcat.read(told)
