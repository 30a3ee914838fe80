"""Sign-in with a password in three steps, so that no transaction waits for argon2: look up, compare, write down.

challenge = look_up(read_work, username)                # short read
right = compare(challenge, password, workers)            # a third of a second, no database
outcome = settle(write_work, challenge, right, settings) # short write: counts failures, locks, or lets in
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlmodel import select

from auth import audit
from auth.actor import ANYONE
from auth.identity import passwords
from auth.identity.principals import Principal, principal
from auth.identity.tables import AccountRow
from core.errors import NotSignedIn
from core.settings import Settings
from core.text import Text
from core.work import Work

REFUSED: Final = Text(
    "用户名或口令不正确，或账户已停用或暂时锁定。",
    "The user name or password is wrong, or the account is disabled or locked for the moment.",
)


@dataclass(frozen=True, slots=True)
class Challenge:
    """What is needed to compare a password. An unknown name gives one too, with nothing in it."""

    account_id: str | None
    password_hash: str | None


def look_up(work: Work, username: str) -> Challenge:
    row = work.db.exec(select(AccountRow).where(AccountRow.username == username.strip().lower())).first()
    return Challenge(row.id, row.password_hash) if row else Challenge(None, None)


def compare(challenge: Challenge, password: str, workers: int) -> bool:
    return passwords.fits(challenge.password_hash, password, workers)


def settle(work: Work, challenge: Challenge, right: bool, settings: Settings) -> Principal | None:
    """Let in or count a failure. None means refused; the caller commits, then raises `refusal()`."""
    if challenge.account_id is None:  # the name itself may be a password typed into the wrong field
        audit.record(work, ANYONE, "account.sign_in_failed", subject="", payload={"known": False})
        return None
    row = work.db.exec(
        select(AccountRow).where(AccountRow.id == challenge.account_id).with_for_update()
    ).one()
    if row.locked_until is not None and work.now < row.locked_until:
        return None
    if not right or row.password_hash != challenge.password_hash:
        _count_failure(work, row, settings)
        return None
    who = principal(work, row.id, "session")
    if who is not None:
        row.failures, row.locked_until, row.last_sign_in_at = 0, None, work.now
    return who


def refusal() -> NotSignedIn:
    """The one answer to every failed sign-in."""
    return NotSignedIn(REFUSED)


def _count_failure(work: Work, row: AccountRow, settings: Settings) -> None:
    row.failures += 1
    audit.record(work, ANYONE, "account.sign_in_failed", subject=row.id, payload={"failures": row.failures})
    if row.failures >= settings.lockout_failures:
        row.failures = 0
        row.locked_until = work.now + timedelta(minutes=settings.lockout_minutes)
        audit.record(
            work, ANYONE, "account.locked", subject=row.id, payload={"until": row.locked_until.isoformat()}
        )
