"""The second factor: codes of an authenticator app (TOTP, RFC 6238) and recovery codes. Each counts once.

begin → the secret is shown → confirm with a first code → recovery codes are shown this once → prove, whenever asked.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

import pyotp
from sqlmodel import SQLModel, col, delete, select

from auth import audit
from auth.actor import Actor
from auth.identity.principals import in_person
from auth.identity.tables import AccountRow, FactorProofRow, FactorRow, RecoveryCodeRow
from auth.roles import Role
from core import sealing
from core.errors import AccessRefused, Conflict, InputRefused, NotFound, Reason
from core.settings import Settings
from core.text import Text
from core.work import Work

KEY_FILE: Final = "factors.key"
STEP_S: Final = 30
DRIFT_STEPS: Final = 1  # one step to either side: clocks of phones are seldom better
CODES: Final = 10
ISSUER: Final = "Datagrant"
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_DIGITS: Final = re.compile(r"\d{6}", re.ASCII)


class Outcome(StrEnum):
    """What became of a code that was given."""

    RIGHT = "right"
    WRONG = "wrong"
    LOCKED = "locked"
    ABSENT = "absent"


class Standing(StrEnum):
    """Where an actor stands before an action that asks for a fresh second factor."""

    NOT_ASKED = "not-asked"
    FRESH = "fresh"
    STALE = "stale"
    NOT_ENROLLED = "not-enrolled"


class FactorRead(SQLModel):
    """An account's second factor. `is_due`: its roles demand one."""

    is_enrolled: bool
    is_begun: bool
    is_due: bool
    enrolled_at: datetime | None
    codes_left: int


@dataclass(frozen=True, slots=True)
class Begun:
    """What an authenticator app needs, shown to the person alone."""

    secret: str
    uri: str


def read(work: Work, account_id: str, *, is_due: bool) -> FactorRead:
    """How the account stands."""
    row = work.db.get(FactorRow, account_id)
    left = work.db.exec(
        select(RecoveryCodeRow.id).where(
            RecoveryCodeRow.account_id == account_id, col(RecoveryCodeRow.used_at).is_(None)
        )
    ).all()
    enrolled = row is not None and row.confirmed_at is not None
    return FactorRead(
        is_enrolled=enrolled, is_begun=row is not None and not enrolled, is_due=is_due,
        enrolled_at=row.confirmed_at if row else None, codes_left=len(left),
    )  # fmt: skip


def is_enrolled(work: Work, account_id: str) -> bool:
    row = work.db.get(FactorRow, account_id)
    return row is not None and row.confirmed_at is not None


def standing(work: Work, actor: Actor, due_for: Iterable[Role], minutes: int) -> Standing:
    """Whether the actor must give a code now. Who has a factor is asked for it whatever his roles."""
    enrolled = is_enrolled(work, actor.account_id) if actor.has_factor is None else actor.has_factor
    if not enrolled:
        return Standing.NOT_ASKED if actor.role_kinds.isdisjoint(due_for) else Standing.NOT_ENROLLED
    proof = work.db.get(FactorProofRow, (actor.account_id, _session(actor)), populate_existing=True)
    is_fresh = proof is not None and proof.at <= work.now < proof.at + timedelta(minutes=minutes)
    return Standing.FRESH if is_fresh else Standing.STALE


def begin(work: Work, actor: Actor, keys_dir: Path) -> Begun:
    """A new secret for the actor's own account; it counts once `confirm` has seen a code of it. Raises Conflict when enrolled."""
    in_person(actor)
    row = work.db.get(FactorRow, actor.account_id)
    if row is not None and row.confirmed_at is not None:
        raise Conflict(
            Text(
                "已绑定动态验证；如需更换，请先解除。",
                "A second factor is enrolled already; remove it first to change it.",
            )
        )
    if row is None:
        row = FactorRow(account_id=actor.account_id, sealed="", begun_at=work.now)
    secret = pyotp.random_base32()
    row.sealed = sealing.seal(sealing.master_key(keys_dir, KEY_FILE), actor.account_id, secret)
    row.begun_at, row.last_step, row.failures, row.locked_until = work.now, 0, 0, None
    work.db.add(row)
    work.db.flush()
    audit.record(work, actor, "second_factor.begun", subject=actor.account_id)
    return _begun(secret, actor.username)


def begun(work: Work, actor: Actor, keys_dir: Path) -> Begun | None:
    """The secret of an enrolment that waits for its first code; None when there is none."""
    row = work.db.get(FactorRow, actor.account_id)
    if row is None or row.confirmed_at is not None:
        return None
    return _begun(_secret(row, keys_dir), actor.username)


def confirm(work: Work, actor: Actor, keys_dir: Path, code: str) -> list[str]:
    """Finish the enrolment with a first code; gives the recovery codes. Raises InputRefused for a wrong code."""
    in_person(actor)
    row = work.db.get(FactorRow, actor.account_id)
    if row is None or row.confirmed_at is not None:
        raise NotFound(
            Text("没有待确认的绑定；请重新开始。", "No enrolment waits for a code; begin one first.")
        )
    step = _step_of(_secret(row, keys_dir), code, work.now)
    if step is None:
        raise InputRefused(
            Text(
                "验证码不正确；请确认手机时间准确，并输入应用当前显示的 6 位数字。",
                "The code is not right; check the clock of your phone and enter the 6 digits that the app shows now.",
            ),
            field="code",
        )
    row.confirmed_at, row.last_step = work.now, step
    audit.record(work, actor, "second_factor.enrolled", subject=actor.account_id)
    note_fresh(work, actor.account_id, _session(actor))
    return _make_codes(work, actor.account_id)


def prove(work: Work, actor: Actor, keys_dir: Path, code: str, settings: Settings) -> Outcome:
    """Take a code of the app or a recovery code, once. The caller commits, then refuses: a failure must be counted."""
    row = work.db.exec(
        select(FactorRow).where(FactorRow.account_id == actor.account_id).with_for_update()
    ).first()
    if row is None or row.confirmed_at is None:
        return Outcome.ABSENT
    if row.locked_until is not None and work.now < row.locked_until:
        return Outcome.LOCKED
    step = _step_of(_secret(row, keys_dir), code, work.now)
    if step is not None and step > row.last_step:
        row.last_step = step
    elif not _use_recovery(work, actor, code):
        return _count_failure(work, actor, row, settings)
    row.failures, row.locked_until = 0, None
    return Outcome.RIGHT


def note_fresh(work: Work, account_id: str, session_id: str) -> None:
    """From now the factor is fresh within this session."""
    row = work.db.get(FactorProofRow, (account_id, session_id))
    if row is None:
        row = FactorProofRow(account_id=account_id, session_id=session_id, at=work.now)
    row.at = work.now
    work.db.add(row)
    work.db.flush()


def note_fresh_for(work: Work, actor: Actor) -> None:
    note_fresh(work, actor.account_id, _session(actor))


def new_codes(work: Work, actor: Actor) -> list[str]:
    """Fresh recovery codes; the old ones end. The caller has asked for a fresh factor."""
    in_person(actor)
    demand_enrolled(work, actor.account_id)
    audit.record(work, actor, "second_factor.codes_made", subject=actor.account_id)
    return _make_codes(work, actor.account_id)


def remove(work: Work, actor: Actor, *, is_due: bool) -> None:
    """Take one's own factor away; refused while one's roles demand it."""
    in_person(actor)
    demand_enrolled(work, actor.account_id)
    if is_due:
        text = Text(
            "您的角色必须使用动态验证，不得自行解除；更换设备请联系系统管理员重置。",
            "Your roles demand a second factor, so it cannot be removed; ask the administrator to reset it for a new device.",
        )
        raise AccessRefused(text, reasons=[Reason("second-factor-due", text, "second factor")])
    _forget(work, actor.account_id)
    audit.record(work, actor, "second_factor.removed", subject=actor.account_id)


def reset(work: Work, actor: Actor, account: AccountRow) -> None:
    """Take the factor of somebody else away, as `credentials` has it confirmed; every session and token of the account ends."""
    in_person(actor)
    if account.person_id == actor.person_id:
        text = Text(
            "不得重置自己的动态验证；请另一位管理员办理。",
            "Nobody resets his own second factor; ask another administrator.",
        )
        raise AccessRefused(text, reasons=[Reason("own-account", text, "separation of duties")])
    demand_enrolled(work, account.id)
    _forget(work, account.id)
    account.epoch += 1
    audit.record(work, actor, "second_factor.reset", subject=account.id)


def _session(actor: Actor) -> str:
    return actor.session_id or actor.via


def _secret(row: FactorRow, keys_dir: Path) -> str:
    return sealing.unseal(sealing.master_key(keys_dir, KEY_FILE), row.account_id, row.sealed)


def _begun(secret: str, username: str) -> Begun:
    return Begun(secret, pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=ISSUER))


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """The time step whose code this is, the newest first; None when it is none of those near now."""
    given = code.replace(" ", "")
    if not _DIGITS.fullmatch(given):
        return None
    at, totp = int(now.timestamp()) // STEP_S, pyotp.TOTP(secret)
    near = range(at + DRIFT_STEPS, at - DRIFT_STEPS - 1, -1)
    return next((step for step in near if hmac.compare_digest(totp.at(step * STEP_S), given)), None)


def _count_failure(work: Work, actor: Actor, row: FactorRow, settings: Settings) -> Outcome:
    row.failures += 1
    audit.record(
        work, actor, "second_factor.failed", subject=row.account_id, payload={"failures": row.failures}
    )
    if row.failures < settings.lockout_failures:
        return Outcome.WRONG
    row.failures = 0
    row.locked_until = work.now + timedelta(minutes=settings.lockout_minutes)
    audit.record(
        work, actor, "second_factor.locked", subject=row.account_id, payload={"until": row.locked_until.isoformat()}
    )  # fmt: skip
    return Outcome.LOCKED


def _use_recovery(work: Work, actor: Actor, code: str) -> bool:
    row = work.db.exec(
        select(RecoveryCodeRow).where(
            RecoveryCodeRow.account_id == actor.account_id,
            RecoveryCodeRow.code_hash == _hash(actor.account_id, code),
            col(RecoveryCodeRow.used_at).is_(None),
        )
    ).first()
    if row is None:
        return False
    row.used_at = work.now
    audit.record(work, actor, "second_factor.recovery_used", subject=actor.account_id)
    return True


def _make_codes(work: Work, account_id: str) -> list[str]:
    work.db.exec(delete(RecoveryCodeRow).where(col(RecoveryCodeRow.account_id) == account_id))
    made = ["-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4)) for _ in range(CODES)]  # fmt: skip
    for code in made:
        work.db.add(
            RecoveryCodeRow(id=work.new_id(), account_id=account_id, code_hash=_hash(account_id, code))
        )
    work.db.flush()
    return made


def _hash(account_id: str, code: str) -> str:
    """About 79 bits are drawn, so a plain hash suffices; the account's id keeps equal codes apart."""
    plain = re.sub(r"[\s-]", "", code).lower()
    return hashlib.sha256(f"{account_id}|{plain}".encode()).hexdigest()


def _forget(work: Work, account_id: str) -> None:
    for table in (RecoveryCodeRow, FactorProofRow, FactorRow):
        work.db.exec(delete(table).where(table.account_id == account_id))  # type: ignore[arg-type]


def demand_enrolled(work: Work, account_id: str) -> None:
    """Raises NotFound for an account without a second factor."""
    if not is_enrolled(work, account_id):
        raise NotFound(Text("该账户没有绑定动态验证。", "The account has no second factor."))
