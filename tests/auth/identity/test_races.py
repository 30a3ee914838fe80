"""Proofs under pressure: two at once, guessed names, and many sign-ins together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import select

from api.house import House
from api.identity import renewed_tokens
from auth.identity import passwords, refresh, sign_in
from auth.identity.tables import AccountRow
from core.errors import NotSignedIn, TooMany
from tests.conftest import TestClock
from tests.people import PASSWORD, a_person, actor_of


@pytest.fixture
def peopled(house: House) -> House:
    with house.write() as work:
        a_person(work, "wang", password=PASSWORD)
    return house


def _together(count: int, act: Callable[[], Any]) -> list[Any]:
    """What each of `count` threads got, errors as values."""
    found: list[Any] = []
    barrier = threading.Barrier(count)

    def one() -> None:
        barrier.wait()
        try:
            found.append(act())
        except Exception as error:
            found.append(error)

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_refresh_token_sent_twice_at_once_has_one_successor(peopled: House) -> None:
    with peopled.write() as work:
        _, token = refresh.start(work, actor_of(work, "wang"), peopled.settings)
    found = _together(6, lambda: renewed_tokens(peopled, token))
    assert not [error for error in found if isinstance(error, Exception)]
    assert len({successor for _, successor in found}) == 1


def test_reuse_after_the_successor_was_used_revokes_even_within_ten_seconds(peopled: House) -> None:
    with peopled.write() as work:
        _, first = refresh.start(work, actor_of(work, "wang"), peopled.settings)
    _, second = renewed_tokens(peopled, first)
    _, third = renewed_tokens(peopled, second)
    with pytest.raises(NotSignedIn):
        renewed_tokens(peopled, first)
    with pytest.raises(NotSignedIn):
        renewed_tokens(peopled, third)


def test_wrong_passwords_sent_at_once_are_all_counted(peopled: House) -> None:
    with peopled.read() as work:
        challenge = sign_in.look_up(work, "wang")

    def fail() -> object:
        with peopled.write() as work:
            return sign_in.settle(work, challenge, False, peopled.settings)

    assert _together(peopled.settings.lockout_failures, fail) == [None] * peopled.settings.lockout_failures
    with peopled.write() as work:
        assert sign_in.settle(work, challenge, True, peopled.settings) is None


def test_password_changed_during_its_comparison_does_not_let_in(sqlite_house: House) -> None:
    from auth.identity import accounts

    with sqlite_house.write() as work:
        a_person(work, "wang", password=PASSWORD)
        a_person(work, "admin", roles=["sysadmin"])
    with sqlite_house.read() as work:
        challenge = sign_in.look_up(work, "wang")
    new = passwords.hashed("another-river-31")
    with sqlite_house.write() as work:
        accounts.set_password(work, actor_of(work, "admin"), "wang", new)
    with sqlite_house.write() as work:
        assert sign_in.settle(work, challenge, True, sqlite_house.settings) is None


def test_correct_password_clears_the_count(sqlite_house: House, clock: TestClock) -> None:
    with sqlite_house.write() as work:
        a_person(work, "wang", password=PASSWORD)
    with sqlite_house.read() as work:
        challenge = sign_in.look_up(work, "wang")
    for _ in range(3):
        for right in [False] * (sqlite_house.settings.lockout_failures - 1) + [True]:
            with sqlite_house.write() as work:
                who = sign_in.settle(work, challenge, right, sqlite_house.settings)
        assert who is not None


def test_unknown_name_costs_the_same_time_as_a_known_one() -> None:
    stored = passwords.hashed(PASSWORD).value
    passwords.warm_up()

    def cost(hash_: str | None) -> float:
        best = 9.0
        for _ in range(3):
            begun = time.process_time()  # not the wall clock: the machine may be busy
            assert not passwords.fits(hash_, "a wrong password")
            best = min(best, time.process_time() - begun)
        return best

    known, unknown = cost(stored), cost(None)
    assert 0.4 < unknown / known < 2.5


def test_only_so_many_hash_at_once_and_the_rest_are_told_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    workers, asking = 3, 40  # a gate of its own, apart from other tests'
    refused = asking - workers * (1 + passwords.QUEUE_PER_WORKER)
    running, most, turned_away = 0, 0, 0
    lock, all_told = threading.Lock(), threading.Event()

    class Slow:
        """Nobody leaves before everybody who finds no room has been told so."""

        def verify(self, _hash: str, _password: str) -> bool:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            assert all_told.wait(30)
            with lock:
                running -= 1
            return True

    def ask() -> bool:
        nonlocal turned_away
        try:
            return passwords.fits("stored", "x", workers)
        except TooMany:
            with lock:
                turned_away += 1
                if turned_away == refused:
                    all_told.set()
            raise

    monkeypatch.setattr(passwords, "_HASHER", Slow())
    found = _together(asking, ask)
    assert most == workers
    assert sum(isinstance(error, TooMany) for error in found) == refused
    assert found.count(True) == asking - refused


def test_the_first_callers_at_once_share_one_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slowly(passwords._Gate):
        def __init__(self, workers: int) -> None:
            time.sleep(0.05)
            super().__init__(workers)

    monkeypatch.setattr(passwords, "_Gate", Slowly)
    found = _together(8, lambda: passwords._gate(7))
    assert len({id(gate) for gate in found}) == 1


def test_a_family_ends_when_its_token_is_given_back_and_only_then(peopled: House, clock: TestClock) -> None:
    with peopled.write() as work:
        _, token = refresh.start(work, actor_of(work, "wang"), peopled.settings)
    with peopled.write() as work:
        refresh.revoke(work, "pdr_unknown")
    _, second = renewed_tokens(peopled, token)
    for _ in range(2):  # giving it back again is no error
        with peopled.write() as work:
            refresh.revoke(work, second)
    with pytest.raises(NotSignedIn):
        renewed_tokens(peopled, second)


def test_a_refresh_token_of_a_closed_account_is_worth_nothing(peopled: House) -> None:
    with peopled.write() as work:
        _, token = refresh.start(work, actor_of(work, "wang"), peopled.settings)
    with peopled.write() as work:
        work.db.exec(select(AccountRow)).one().disabled = True
    with pytest.raises(NotSignedIn):
        renewed_tokens(peopled, token)
    with peopled.write() as work:
        refresh.revoke(work, token)
