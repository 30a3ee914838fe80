"""The search language of CKAN's clients."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.ckan.errors import CkanError
from catalog.ckan.language import All, And, Node, Not, Or, Range, Term, parse
from tests.examples import examples

READ: list[tuple[str, Node]] = [
    ("", All()),
    ("*:*", All()),
    ("*", All()),
    ("停车 余位", And((Term(None, "停车"), Term(None, "余位")))),
    ('"real time" lot', And((Term(None, "real time", True), Term(None, "lot")))),
    ("organization:parks", Term("organization", "parks")),
    ("groups:(a OR b)", Or((Term("groups", "a"), Term("groups", "b")))),
    ("+tags:停车 -organization:x", And((Term("tags", "停车"), Not(Term("organization", "x"))))),
    ("a AND NOT b OR c", Or((And((Term(None, "a"), Not(Term(None, "b")))), Term(None, "c")))),
    ("title:foo*", Term("title", "foo*")),
    (
        "metadata_modified:[2026-01-01T00:00:00Z TO *]",
        Range("metadata_modified", "2026-01-01T00:00:00Z", "*"),
    ),
    ("metadata_modified:{a TO b]", Range("metadata_modified", "a", "b", True, False)),
    ('res_format:"CSV"', Term("res_format", "CSV", True)),
    ("((a))", Term(None, "a")),
    ("real-time", Term(None, "real-time")),
    (r"name:dp\-pk\-1", Term("name", "dp-pk-1")),
    ("停车^4 lot~ lot~0.8^2", And((Term(None, "停车"), Term(None, "lot"), Term(None, "lot")))),
    ('title:"a b"~3^2 notes:停车^0.5', And((Term("title", "a b", True), Term("notes", "停车")))),
    ("(a OR b)^2 title:(c)^4", And((Or((Term(None, "a"), Term(None, "b"))), Term("title", "c")))),
    (r"a\^4 C++", And((Term(None, "a^4"), Term(None, "C++")))),
    ("**", All()),
]


@pytest.mark.parametrize(("text", "tree"), READ)
def test_a_query_is_read_as_its_tree(text: str, tree: Node) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    "text",
    ["(a", "a)", "OR", "a OR", "NOT", '"open', "[a TO b]", "(" * 30 + "a" + ")" * 30, "x" * 4001, "f:("],
)
def test_what_cannot_be_read_is_a_search_query_error(text: str) -> None:
    with pytest.raises(CkanError) as refused:
        parse(text)
    assert (refused.value.kind, refused.value.status) == ("Search Query Error", 400)


@settings(max_examples=examples(80), deadline=None)
@given(st.text('ab:()[]{}"\\+-!* ANDORTO停', max_size=40))
def test_any_text_is_a_tree_or_a_search_query_error(text: str) -> None:
    with suppress(CkanError):  # any other end fails
        parse(text)
