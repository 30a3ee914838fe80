"""The table of relations and its pure rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.relations import kinds
from catalog.relations.kinds import KINDS


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_has_an_inverse_that_leads_back(name: str) -> None:
    kind = KINDS[name]
    back = KINDS[kind.inverse]
    assert back.inverse == name
    assert (back.ckan, back.is_ordered) == (kind.ckan, kind.is_ordered)
    assert (back.is_subject != kind.is_subject) or name == kinds.RELATED
    assert kind.ckan in kinds.CKAN_INVERSE
    assert kind.label.zh != kind.label.en


@pytest.mark.parametrize("name", kinds.STATED)
def test_a_relation_is_read_by_its_name_and_by_both_labels(name: str) -> None:
    label = KINDS[name].label
    for said in (name, name.upper(), label.zh, f" {label.en} "):
        for sign in (":", "："):
            assert kinds.parse(f"{said}{sign} DP-PK-001") == (name, "DP-PK-001")


@pytest.mark.parametrize(
    "word",
    ["", "DP-PK-001", "inSeries", "inSeries:", "is friends with:DP-PK-001", "relation:DP-PK-001", ":DP"],
)
def test_what_is_no_relation_is_none(word: str) -> None:
    assert kinds.parse(word) is None


_NAMES = st.sampled_from("abcdef")


@given(st.lists(st.tuples(_NAMES, _NAMES), max_size=12), _NAMES)
def test_a_circle_is_found_when_and_only_when_one_can_walk_back(
    pairs: list[tuple[str, str]], start: str
) -> None:
    edges: dict[str, list[str]] = {}
    for here, there in pairs:
        edges.setdefault(here, []).append(there)
    reached: set[str] = set()
    while more := {there for here, there in pairs if here == start or here in reached} - reached:
        reached |= more
    assert kinds.circle(start, "isPartOf", edges) is (start in reached)
    assert kinds.circle(start, "references", edges) is False
