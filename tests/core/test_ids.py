"""Ids sort as they were made (RFC 9562 §6.2), whatever the clock of the machine does."""

from __future__ import annotations

import threading
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import ids

NOON = 1_772_366_400_000_000_000


def test_ids_of_one_moment_sort_as_they_were_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages sort by time, then id: what one step enters within a millisecond must not change places."""
    monkeypatch.setattr("core.ids.time.time_ns", lambda: NOON)
    made = [ids.new_id() for _ in range(10_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


@given(st.lists(st.integers(-5_000_000, 5_000_000), min_size=2, max_size=40))
def test_a_clock_put_back_does_not_turn_the_order(steps: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        made = []
        for step in steps:
            patch.setattr("core.ids.time.time_ns", lambda step=step: NOON + step)
            made.append(ids.new_id())
    assert made == sorted(made)


def test_an_id_is_a_version_7_of_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    later = NOON + 86_400 * 10**9 * 3650
    monkeypatch.setattr(ids, "_last", 0)
    monkeypatch.setattr("core.ids.time.time_ns", lambda: later + 500_000)
    made = uuid.UUID(ids.new_id())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == later // 1_000_000
    assert made.int >> 64 & 0xFFF == 2048, "half a millisecond"


def test_threads_are_never_given_the_same_one() -> None:
    made: list[list[str]] = [[] for _ in range(8)]

    def make(mine: list[str]) -> None:
        mine.extend(ids.new_id() for _ in range(2_000))

    threads = [threading.Thread(target=make, args=(mine,)) for mine in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(mine == sorted(mine) for mine in made)
    assert len({one for mine in made for one in mine}) == 16_000
