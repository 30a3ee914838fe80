"""The second factor: each code counts once, guessing is stopped, and nothing in the database opens it."""

from __future__ import annotations

import threading
from datetime import timedelta

import pyotp
import pytest
from sqlmodel import select

from api.house import House
from auth import audit
from auth.identity import accounts, factor
from auth.identity.factor import Outcome, Standing
from auth.identity.tables import FactorRow, RecoveryCodeRow
from auth.roles import FACTOR_ROLES, Role
from core import sealing
from core.errors import AccessRefused, Conflict, InputRefused, NotFound
from tests.conftest import TestClock
from tests.people import a_person, actor_of, an_org, code_of, enrolled


@pytest.fixture
def peopled(house: House) -> House:
    with house.write() as work:
        an_org(work, "bureau", "implementing_body")
        a_person(work, "li", "bureau", ["approver"])
        a_person(work, "admin", "bureau", ["sysadmin"])
    return house


def _prove(house: House, code: str, who: str = "li") -> Outcome:
    with house.write() as work:
        return factor.prove(work, actor_of(work, who), house.settings.keys_dir, code, house.settings)


def test_a_code_counts_once_also_the_one_that_enrolled(peopled: House, clock: TestClock) -> None:
    secret = enrolled(peopled, "li").secret
    code = code_of(secret, clock.now)
    assert _prove(peopled, code) is Outcome.WRONG
    clock.forward(seconds=30)
    code = code_of(secret, clock.now)
    assert _prove(peopled, code) is Outcome.RIGHT
    assert _prove(peopled, code) is Outcome.WRONG
    clock.forward(seconds=29)
    assert _prove(peopled, code) is Outcome.WRONG


@pytest.mark.parametrize(
    ("off", "right"), [(-60, False), (-30, False), (-29, False), (0, True), (30, True), (60, False)]
)
def test_codes_of_the_neighbouring_step_count_unless_an_earlier_one_was_taken(
    peopled: House, clock: TestClock, off: int, right: bool
) -> None:
    """The step before the newest taken one is refused as a replay; the one after it is taken."""
    secret = enrolled(peopled, "li").secret
    clock.forward(seconds=30)
    given = pyotp.TOTP(secret).at(int(clock.now.timestamp()) + off)
    assert (_prove(peopled, given) is Outcome.RIGHT) is right


def test_after_a_pause_the_step_before_counts_too(peopled: House, clock: TestClock) -> None:
    secret = enrolled(peopled, "li").secret
    clock.forward(minutes=5)
    assert _prove(peopled, code_of(secret, clock.now - timedelta(seconds=30))) is Outcome.RIGHT


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "１２３４５６", "abcdef", "12345\n", "-12345", "\x00"]
)
def test_what_is_no_code_is_wrong(peopled: House, clock: TestClock, code: str) -> None:
    enrolled(peopled, "li")
    clock.forward(minutes=1)
    assert _prove(peopled, code) is Outcome.WRONG


def test_five_wrong_codes_lock_it_for_a_while_and_the_right_one_waits_too(
    peopled: House, clock: TestClock
) -> None:
    secret = enrolled(peopled, "li").secret
    clock.forward(minutes=1)
    tries = [_prove(peopled, "000000x") for _ in range(peopled.settings.lockout_failures)]
    assert tries == [Outcome.WRONG] * 4 + [Outcome.LOCKED]
    assert _prove(peopled, code_of(secret, clock.now)) is Outcome.LOCKED
    clock.forward(minutes=peopled.settings.lockout_minutes)
    assert _prove(peopled, code_of(secret, clock.now)) is Outcome.RIGHT
    with peopled.read() as work:
        kinds = [event.kind for event in work.db.exec(select(audit.AuditEventRow)).all()]
    assert kinds.count("second_factor.failed") == 5
    assert kinds.count("second_factor.locked") == 1


def test_recovery_codes_count_once_each_in_whatever_spelling(peopled: House, clock: TestClock) -> None:
    codes = enrolled(peopled, "li").codes
    assert len(set(codes)) == factor.CODES
    assert _prove(peopled, f" {codes[0].upper().replace('-', ' ')} ") is Outcome.RIGHT
    assert _prove(peopled, codes[0]) is Outcome.WRONG
    with peopled.write() as work:
        actor = actor_of(work, "li")
        assert factor.read(work, actor.account_id, is_due=True).codes_left == factor.CODES - 1
        fresh = factor.new_codes(work, actor)
    assert _prove(peopled, codes[1]) is Outcome.WRONG
    assert _prove(peopled, fresh[1]) is Outcome.RIGHT
    clock.forward(minutes=1)


def test_the_same_code_sent_twice_at_once_is_taken_once(peopled: House, clock: TestClock) -> None:
    secret = enrolled(peopled, "li").secret
    clock.forward(minutes=1)
    code = code_of(secret, clock.now)
    found: list[Outcome] = []
    threads = [threading.Thread(target=lambda: found.append(_prove(peopled, code))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted([Outcome.RIGHT, *[Outcome.WRONG] * 3])


def test_the_database_alone_opens_nothing(peopled: House, clock: TestClock) -> None:
    made = enrolled(peopled, "li")
    with peopled.read() as work:
        row = work.db.exec(select(FactorRow)).one()
        hashes = work.db.exec(select(RecoveryCodeRow.code_hash)).all()
    assert made.secret not in row.sealed
    assert not any(code in digest for code in made.codes for digest in hashes)
    key = sealing.master_key(peopled.settings.keys_dir, factor.KEY_FILE)
    assert sealing.unseal(key, row.account_id, row.sealed) == made.secret
    with pytest.raises(sealing.CannotOpen):
        sealing.unseal(key, "somebody-else", row.sealed)


def test_an_unconfirmed_enrolment_is_worth_nothing(peopled: House, clock: TestClock) -> None:
    keys = peopled.settings.keys_dir
    with peopled.write() as work:
        actor = actor_of(work, "li")
        secret = factor.begin(work, actor, keys).secret
        assert factor.standing(work, actor, FACTOR_ROLES, 5) is Standing.NOT_ENROLLED
        assert factor.begun(work, actor, keys) == factor.Begun(secret, factor.begun(work, actor, keys).uri)  # type: ignore[union-attr]
    assert _prove(peopled, code_of(secret, clock.now)) is Outcome.ABSENT
    with peopled.write() as work, pytest.raises(InputRefused):
        factor.confirm(work, actor_of(work, "li"), keys, "000000x")
    with peopled.write() as work, pytest.raises(NotFound):
        factor.confirm(work, actor_of(work, "admin"), keys, "000000")


def test_standing_is_fresh_for_minutes_and_by_session(peopled: House, clock: TestClock) -> None:
    secret = enrolled(peopled, "li").secret
    clock.forward(minutes=10)

    def at(minutes: int = 5) -> Standing:
        with peopled.read() as work:
            return factor.standing(work, actor_of(work, "li"), frozenset(), minutes)

    assert at() is Standing.STALE
    with peopled.write() as work:
        actor = actor_of(work, "li")
        code = code_of(secret, clock.now)
        assert factor.prove(work, actor, peopled.settings.keys_dir, code, peopled.settings) is Outcome.RIGHT
        factor.note_fresh_for(work, actor)
    assert at() is Standing.FRESH
    clock.forward(minutes=5, seconds=-1)
    assert at() is Standing.FRESH
    clock.forward(seconds=1)
    assert at() is Standing.STALE
    with peopled.write() as work:
        factor.note_fresh(work, actor.account_id, "another-session")
    assert at() is Standing.STALE


def test_who_has_none_is_asked_by_role(peopled: House) -> None:
    with peopled.read() as work:
        li = actor_of(work, "li")
        assert factor.standing(work, li, FACTOR_ROLES, 5) is Standing.NOT_ENROLLED
        assert factor.standing(work, li, {Role.AUDITOR}, 5) is Standing.NOT_ASKED
    assert Role.APPROVER in FACTOR_ROLES
    assert Role.ANALYST not in FACTOR_ROLES


def test_one_cannot_enrol_twice_nor_drop_what_the_role_demands(peopled: House) -> None:
    enrolled(peopled, "li")
    keys = peopled.settings.keys_dir
    with peopled.write() as work, pytest.raises(Conflict):
        factor.begin(work, actor_of(work, "li"), keys)
    with peopled.write() as work, pytest.raises(AccessRefused, match="demand a second factor"):
        factor.remove(work, actor_of(work, "li"), is_due=True)
    with peopled.write() as work:
        factor.remove(work, actor_of(work, "li"), is_due=False)
        assert not factor.is_enrolled(work, actor_of(work, "li").account_id)
    with peopled.write() as work, pytest.raises(NotFound):
        factor.remove(work, actor_of(work, "li"), is_due=False)


def test_an_administrator_resets_it_for_others_and_sessions_end(peopled: House, clock: TestClock) -> None:
    codes = enrolled(peopled, "li").codes
    enrolled(peopled, "admin")
    with peopled.write() as work, pytest.raises(AccessRefused, match="his own second factor"):
        factor.reset(work, actor_of(work, "admin"), accounts.account_row(work, "admin"))
    with peopled.write() as work:
        row = accounts.account_row(work, "li")
        epoch = row.epoch
        factor.reset(work, actor_of(work, "admin"), row)
        assert row.epoch == epoch + 1
    assert _prove(peopled, codes[0]) is Outcome.ABSENT
