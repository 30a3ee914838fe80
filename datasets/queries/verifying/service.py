"""Verifications: decide, count the question, write it down, and only then look; the answer is yes or no and nothing else.

"No such record" and "the claim does not hold" are the same no. An answer is told at full quarters of a second.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import time
from pathlib import Path
from typing import Any, Final

import rfc8785
from sqlalchemy import ColumnElement, false, func, or_, true
from sqlmodel import col, select

from auth import audit
from auth.actor import Actor
from auth.grants import queries as grant_queries
from auth.grants import usage
from auth.policy.filters.model import Compare, all_of
from auth.policy.filters.rules import LOCAL
from auth.policy.model import DeliveryForm
from auth.profile.now import limits_now
from auth.scope import sight
from catalog.assets import asset
from core.errors import AccessRefused, NotFound, QuotaExceeded, TooMany, refuse_if
from core.work import Work, hold
from datasets.extracts.keys import grant_key, master_key
from datasets.queries import deciding
from datasets.queries.deciding import Case, Question
from datasets.queries.service import Desk, moved
from datasets.queries.verifying.model import VerificationRead, VerifyAsk
from datasets.queries.verifying.rules import Before, cap_reasons, consent_reasons, key_columns, misfits
from datasets.queries.verifying.tables import VerificationRow
from datasets.releases.whole import whole

READ: Final = "datasets:query:read"
STEP: Final = 0.25  # seconds


def question_of(ask: VerifyAsk) -> Question:
    return Question(
        DeliveryForm.VERIFY, ask.grant_id, ask.dataset_id, tuple(sorted(ask.key)), ask.claim, ask.purpose, ask.scenario_id
    )  # fmt: skip


def consider(work: Work, actor: Actor, ask: VerifyAsk) -> Case:
    """Every reason to refuse that does not depend on earlier questions."""
    view = grant_queries.view(work, ask.grant_id, actor)
    try:
        held = asset(work, ask.dataset_id)
    except NotFound:
        held = None
    today = work.now.astimezone(LOCAL).date()
    more = [*misfits(ask, view.policy, held), *consent_reasons(ask.consent, today, limits_now(work))]
    return deciding.consider(work, actor, question_of(ask), more, needs_terms=False)


def verify(desk: Desk, actor: Actor, ask: VerifyAsk) -> VerificationRead:
    """Yes or no. AccessRefused lists every reason; refusals are on record and name no value."""
    began = time.monotonic()
    try:
        release = _whole(desk, actor, ask)
        row_id, case = _counted(desk, actor, ask, release)
        holds = _holds(desk, ask, case, release)
        with desk.write() as work:
            found = _told(work, actor, ask, case, row_id, holds)
    except (AccessRefused, QuotaExceeded, TooMany) as refusal:
        with desk.write() as work:
            deciding.note_refusal(work, actor, question_of(ask), refusal)
        raise
    taken = time.monotonic() - began
    time.sleep(math.ceil(taken / STEP) * STEP - taken if STEP else 0)
    return found


def _whole(desk: Desk, actor: Actor, ask: VerifyAsk) -> Path:
    """The release's file, its digest right, before the question is counted: what cannot be answered costs nothing."""
    with desk.read() as work:
        case = consider(work, actor, ask)
    refuse_if(case.reasons)
    assert case.release is not None  # noqa: S101 - a reason otherwise
    return whole(desk.files, str(case.release.sha256))


def _counted(desk: Desk, actor: Actor, ask: VerifyAsk, release: Path) -> tuple[str, Case]:
    with desk.write() as work:
        view = grant_queries.view(work, ask.grant_id, actor)
        hold(work, f"verify:{view.org_id}:{view.dataset_id}")
        case = consider(work, actor, ask)
        refuse_if(case.reasons)
        if case.release is None or case.release.sha256 != release.name:
            raise moved()
        row = _row(work, actor, ask, case, desk)
        refuse_if(tuple(cap_reasons(_before(work, row), case.limits)))
        work.db.add(row)
        work.db.flush()
        usage.charge(
            work,
            view.id,
            extracts=1,
            rows=1,
            subject=row.id,
            taking=case.question.taking(actor, case.release),
        )
        _note(work, actor, "query.verify_asked", row)
        return row.id, case


def _row(work: Work, actor: Actor, ask: VerifyAsk, case: Case, desk: Desk) -> VerificationRow:
    assert case.release is not None  # noqa: S101 - a reason otherwise
    grant, claim = case.grant, ask.claim
    key = grant_key(master_key(desk.settings.keys_dir), grant.dataset_id, f"verify|{grant.org_id}")
    subject = _digest(key, dict(ask.key))
    said = claim.model_dump(mode="json") if claim else None
    return VerificationRow(
        id=work.new_id(), grant_id=grant.id, application_id=grant.application_id, dataset_id=grant.dataset_id,
        release_id=case.release.id, release_number=case.release.number, org_id=grant.org_id, account_id=actor.account_id,
        asked_name=actor.username, asked_at=work.now, day=work.now.astimezone(LOCAL).date(), subject=subject,
        key_columns=",".join(key_columns(grant.policy)), claim=f"{claim.column} {claim.op}" if claim else "", claim_digest=_digest(key, {"subject": subject, "claim": said}),
        consent_reference=ask.consent.reference, consent_on=ask.consent.given_on, consent_until=ask.consent.until,
        purpose=ask.purpose, scenario_id=ask.scenario_id,
    )  # fmt: skip


def _digest(key: bytes, value: Any) -> str:  # noqa: ANN401 - JSON
    return hmac.new(key, rfc8785.dumps(value), hashlib.sha256).hexdigest()[:32]


def _before(work: Work, row: VerificationRow) -> Before:
    """What the organisation asked of the dataset before; under the lock, so that no two questions count as one."""
    own = (VerificationRow.org_id == row.org_id, VerificationRow.dataset_id == row.dataset_id)
    today, other = VerificationRow.day == row.day, VerificationRow.subject != row.subject

    def number(what: Any, *met: Any) -> int:  # noqa: ANN401 - column expressions
        return work.db.exec(select(func.count(what)).where(*own, *met)).one()

    return Before(
        today=number(col(VerificationRow.id), today),
        subjects_today=number(col(VerificationRow.subject).distinct(), today, other),
        claims=number(
            col(VerificationRow.claim_digest).distinct(), VerificationRow.subject == row.subject,
            VerificationRow.claim_digest != row.claim_digest,
        ),
        consent_elsewhere=number(
            col(VerificationRow.id), VerificationRow.consent_reference == row.consent_reference, other
        ) > 0,
        other_keys=tuple(work.db.exec(
            select(VerificationRow.key_columns).where(*own, col(VerificationRow.key_columns).not_in(["", row.key_columns])).distinct()
        )),
    )  # fmt: skip


def _holds(desk: Desk, ask: VerifyAsk, case: Case, release: Path) -> bool:
    """Whether some row has the key and meets the claim. Every row is counted either way."""
    from datasets.extracts.build import engine_of, visible_rows

    keys = [Compare(op="eq", column=name, value=value) for name, value in sorted(ask.key.items())]
    wanted = all_of(case.row_filter, *keys)
    settings = desk.settings
    with engine_of(settings.memory_limit_mb, settings.scratch_dir) as connection:
        source, _ = visible_rows(connection, release, wanted)
        found = source.aggregate("count(*)").fetchone()
    return bool(found and found[0])


def _told(work: Work, actor: Actor, ask: VerifyAsk, case: Case, row_id: str, holds: bool) -> VerificationRead:
    now = consider(work, actor, ask)
    refuse_if(tuple(reason for reason in now.reasons if reason.code != "quota-exhausted"))  # taken already
    if now.release is None or case.release is None or now.release.id != case.release.id:
        raise moved()
    row = work.db.get_one(VerificationRow, row_id)
    row.verified = holds
    work.db.add(row)
    usage.charge(
        work, case.grant.id, subject=row.id, taking=case.question.taking(actor, case.release), delivers=True
    )
    _note(work, actor, "query.verified", row)
    work.db.flush()
    return VerificationRead.model_validate(row)


def _note(work: Work, actor: Actor, kind: str, row: VerificationRow) -> None:
    """On record: that it was asked, with whose consent; neither key nor outcome."""
    audit.record(
        work, actor, kind, subject=row.id, dataset_id=row.dataset_id, grant_id=row.grant_id, application_id=row.application_id,
        payload={"release": row.release_number, "claim": row.claim, "consent": row.consent_reference},
    )  # fmt: skip


def _seen_by(actor: Actor) -> ColumnElement[bool]:
    seen = sight(actor, READ)
    return true() if seen.everything else or_(false(), col(VerificationRow.org_id).in_(seen.orgs))


def listed(
    work: Work, actor: Actor, *, grant_id: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[VerificationRead], int]:
    """Verifications in sight, newest first, and their number."""
    met: list[Any] = [_seen_by(actor), *([VerificationRow.grant_id == grant_id] if grant_id else [])]
    total = work.db.exec(select(func.count()).select_from(VerificationRow).where(*met)).one()
    found = work.db.exec(
        select(VerificationRow)
        .where(*met)
        .order_by(col(VerificationRow.id).desc())
        .offset(offset)
        .limit(limit)
    )
    return [VerificationRead.model_validate(row) for row in found], total
