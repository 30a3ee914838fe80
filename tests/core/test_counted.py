"""One thing is counted in the singular, in every English sentence with a number."""

from __future__ import annotations

import pytest

from core.text import Text, counted


@pytest.mark.parametrize(
    ("pattern", "one", "two"),
    [
        ("Not yet: {n} reasons", "Not yet: 1 reason", "Not yet: 2 reasons"),
        ("{n} working days at most", "1 working day at most", "2 working days at most"),
        ("{n} entries were read", "1 entry was read", "2 entries were read"),
        ("{n} columns are not in it", "1 column is not in it", "2 columns are not in it"),
        ("{n} searches of {n} rows", "1 search of 1 row", "2 searches of 2 rows"),
        ("{n} pseudonyms match", "1 pseudonym matches", "2 pseudonyms match"),
        ("{n} of his rows", "1 of his rows", "2 of his rows"),
        ("step {n} is next", "step 1 is next", "step 2 is next"),
        ("{n}: {n} lines", "1: 1 line", "2: 2 lines"),
    ],
)
def test_the_noun_follows_its_number(pattern: str, one: str, two: str) -> None:
    for said in (1, "1"):
        assert counted(pattern, {"n": said}).format(n=said) == one
    assert counted(pattern, {"n": 2}).format(n=2) == two
    assert Text("{n}", pattern).filled(n=1).en == one


def test_numbers_that_are_not_one_leave_the_sentence_alone() -> None:
    for number in (0, 10, 11, 21, "1,000", None):
        assert counted("{n} rows", {"n": number}) == "{n} rows"
