"""Python's regular expressions in RE2's words."""

from __future__ import annotations

import re
import sys
from unicodedata import category

import duckdb
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from quality.patterns import like_to_regex, to_re2
from tests.examples import examples

ALPHABET = "aAbZ09_ -\n\t.٣１中文😀é　"
atoms = st.sampled_from(
    [
        "a",
        "Z",
        "0",
        "中",
        "😀",
        ".",
        r"\d",
        r"\w",
        r"\s",
        r"\D",
        r"\W",
        r"\S",
        "[a-f]",
        "[^0-9]",
        r"[\d中]",
        r"[^\s_]",
        r"\.",
        "１",
    ]
)
repeats = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,3}", "+?"])
pieces = st.lists(st.builds(str.__add__, atoms, repeats), min_size=1, max_size=4).map("".join)
patterns = st.one_of(
    pieces,
    pieces.map(lambda inner: f"^{inner}$"),
    st.builds(lambda one, other: f"({one}|{other})$", pieces, pieces),
    st.builds(lambda one, other: rf"\A(?:{one}){other}\Z", pieces, pieces),
)


@settings(max_examples=examples(100), deadline=None)
@given(patterns, st.lists(st.text(ALPHABET, max_size=6), min_size=1, max_size=8))
def test_a_translated_pattern_finds_what_python_finds(pattern: str, texts: list[str]) -> None:
    said = to_re2(pattern)
    assume(said is not None)  # a few ends cannot be said: Python is asked then, which is right by itself
    rows = duckdb.execute(
        "SELECT regexp_matches(t, ?) FROM (SELECT unnest(?) AS t)", [said, texts]
    ).fetchall()
    assert [found for (found,) in rows] == [re.search(pattern, text) is not None for text in texts]


@pytest.mark.parametrize(
    "pattern",
    [r"(?=a)", r"(?<!x)a", r"(.)\1", r"\bword\b", r"(?i)abc", r"a$b|c$.", "a{1001}", r"[\w\D]x|[^\s\S]"],
)
def test_what_re2_cannot_say_exactly_is_left_to_python(pattern: str) -> None:
    said = to_re2(pattern)
    assert said is None or pattern == r"[\w\D]x|[^\s\S]"


@pytest.mark.slow
@pytest.mark.parametrize("name", [r"\d", r"\w", r"\s"])
def test_character_classes_mean_the_same_for_every_sign_that_python_knows(name: str) -> None:
    """DuckDB's Unicode is newer than Python 3.11's: signs that Python calls unassigned may differ."""
    signs = [chr(code) for code in range(1, sys.maxunicode + 1) if category(chr(code)) not in ("Cs", "Cn")]
    rows = duckdb.execute(
        "SELECT regexp_matches(t, ?) FROM (SELECT unnest(?) AS t)", [to_re2(name), signs]
    ).fetchall()
    differing = [
        hex(ord(sign))
        for sign, (found,) in zip(signs, rows, strict=True)
        if found != bool(re.search(name, sign))
    ]
    assert differing == []


def test_like_is_anchored_and_escapes() -> None:
    assert re.search(like_to_regex("100!%_", "!"), "100%x")
    assert not re.search(like_to_regex("a%", None), "ba")
