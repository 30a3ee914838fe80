"""After each test of this room, the histories of every case and grant that it stored are replayed by the printed tables."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.auth.case_replay import flaws

# They set states by hand to see each of them.
BY_HAND = frozenset(
    {
        "test_the_question_leaves_out_no_reason",
        "test_a_freeze_of_a_grant_is_told_to_whoever_holds_what_follows_on_it",
        "test_all_numbers_of_grants_agree_for_random_histories",
    }
)


@pytest.fixture(autouse=True)
def stored_cases_say_what_their_rows_hold(request: pytest.FixtureRequest) -> Iterator[None]:
    """Of every test that has a database, whatever it did."""
    names = {"house", "sqlite_house"} & set(request.fixturenames)
    house = request.getfixturevalue(min(names)) if names else None
    yield
    if house is not None and request.function.__name__ not in BY_HAND:
        with house.read() as work:
            assert flaws(work) == ()
