"""After each test of this room, the histories of every case and grant that it stored are replayed by the printed tables."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.auth.case_replay import flaws

# They set states by hand to see each of them.
BY_HAND = frozenset({"test_the_question_leaves_out_no_reason"})


@pytest.fixture(autouse=True)
def stored_cases_say_what_their_rows_hold(request: pytest.FixtureRequest) -> Iterator[None]:
    """Of every test that has a database, whatever it did."""
    names = {"house", "sqlite_house"} & set(request.fixturenames)
    house = request.getfixturevalue(min(names)) if names else None
    yield
    if house is not None and request.function.__name__ not in BY_HAND:
        with house.read() as work:
            assert flaws(work) == ()
