"""First come, first served; a turn that never comes holds nobody up for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from core.turns import Turns


def test_turns_go_to_whoever_waited_longest() -> None:
    turns, came = Turns(1), []
    assert turns.take(1)
    threads = []
    for number in range(5):
        thread = threading.Thread(
            target=lambda number=number: (turns.take(5), came.append(number), turns.give())
        )
        thread.start()
        threads.append(thread)
        _until(lambda number=number: len(turns._waiting) == number + 1)
    turns.give()
    for thread in threads:
        thread.join(5)
    assert came == [0, 1, 2, 3, 4]


def test_a_newcomer_does_not_pass_by_those_who_wait() -> None:
    turns = Turns(1)
    assert turns.take(1)
    waiting = threading.Thread(target=turns.take, args=(5,))
    waiting.start()
    _until(lambda: len(turns._waiting) == 1)
    turns.give()  # goes to the one who waits, whoever asks now
    assert not turns.take(0.01)
    waiting.join(5)


def test_so_many_at_once_and_no_more() -> None:
    turns = Turns(3)
    assert [turns.take(0.01) for _ in range(4)] == [True, True, True, False]
    turns.give()
    assert turns.take(0.01)


def test_who_waited_in_vain_holds_no_turn_and_hinders_nobody() -> None:
    turns = Turns(1)
    assert turns.take(1)
    with turns.turn(0.01):
        pass
    turns.give()
    assert turns.take(0.01)
    assert not turns.take(0.01)


def _until(is_so: Callable[[], bool], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.001)
