"""One thing is told in the singular, with its verb; everything else as it is."""

from __future__ import annotations

import pytest

from core.text import Text, number_of, verb_of


@pytest.mark.parametrize(
    ("count", "words", "said"),
    [
        (1, "reasons", "1 reason"), (2, "reasons", "2 reasons"), (0, "files", "0 files"), (1, "working days", "1 working day"),
        (1, "batches were", "1 batch was"), (1, "queries", "1 query"), (1, "rows hold", "1 row holds"), (1, "grants do", "1 grant does"),
        (11, "rows are", "11 rows are"), ("1", "members", "1 member"),
    ],
)  # fmt: skip
def test_a_number_with_its_noun(count: object, words: str, said: str) -> None:
    assert number_of(count, words) == said


@pytest.mark.parametrize(
    ("count", "verb", "said"),
    [
        (1, "carry", "carries"),
        (2, "carry", "carry"),
        (1, "are", "is"),
        (1, "begin", "begins"),
        (0, "are", "are"),
    ],
)
def test_a_verb_that_goes_with_a_number(count: int, verb: str, said: str) -> None:
    assert verb_of(count, verb) == said


def test_a_pattern_is_filled_in_the_same_way() -> None:
    assert Text("{n} 条", "{n} rows lie below").filled(n=1).en == "1 row lies below"
