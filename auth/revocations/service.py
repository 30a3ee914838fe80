"""Reading revocations, and the second person's answer. The grant itself ended when it was revoked and never comes back."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlmodel import Field, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from auth.actor import SYSTEM, Actor
from auth.casework.book import CaseStep, Command, need_reason
from auth.delegations.standing import doer
from auth.policy.separation import Past
from auth.revocations import rules
from auth.revocations.opening import BOOK, READ, Evidence, is_barring, named, say
from auth.revocations.tables import RevocationRow
from auth.revocations.workflow import State, Step
from core.errors import InputRefused, Reason, refuse_if
from core.text import Text
from core.work import Work

ANSWER: Final = "auth:revocation:confirm"


class RevocationRead(SQLModel):
    """A revocation as a reader sees it. `is_barring`: whether its holder may not apply at this instant."""

    id: str
    state: State
    version: int
    grant_id: str
    application_id: str
    org_id: str
    dataset_id: str
    reason: str
    evidence: str
    evidence_sha256: str
    bar_until: date | None
    bar_scope: rules.BarScope
    bar_datasets: list[str]
    is_barring: bool
    confirm_by: datetime
    note: str
    created_by: str
    created_at: datetime
    ended_at: datetime | None


class EvidenceStep(Evidence):
    """What is added to the evidence, and the version that was seen."""

    version: int | None = Field(default=None, ge=1)


def read(work: Work, row: RevocationRow) -> RevocationRead:
    return RevocationRead.model_validate(
        row, update={"is_barring": is_barring(work, row), "bar_datasets": named(row)}
    )


def revocation(work: Work, actor: Actor, revocation_id: str) -> RevocationRead:
    """One revocation; NotFound outside the actor's sight."""
    return read(work, BOOK.row(work, revocation_id, actor))


def revocations(
    work: Work, actor: Actor, *, state: str = "", grant_id: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[RevocationRead], int]:
    """Revocations in sight, newest first, and their number."""
    wanted = {"state": state, "grant_id": grant_id}
    met = [col(getattr(RevocationRow, name)) == value for name, value in wanted.items() if value]
    rows, total = BOOK.listed(work, actor, *met, offset=offset, limit=limit)
    return [read(work, row) for row in rows], total


def of_grant(work: Work, actor: Actor, grant_id: str) -> RevocationRead | None:
    """The revocation of a grant; None where there is none, or none in sight."""
    if not actor.may(READ):
        return None
    found, _ = revocations(work, actor, grant_id=grant_id, limit=1)
    return found[0] if found else None


def commands(work: Work, actor: Actor, revocation_id: str) -> list[Command]:
    """What this actor may do with it now, and what stands against it."""
    row = BOOK.row(work, revocation_id, actor)
    found = BOOK.commands(actor, row, lambda step: _against(work, actor, row, step))
    return [each for each in found if each.step != Step.LIFT or is_barring(work, row)]


def _against(work: Work, actor: Actor, row: RevocationRow, step: Step) -> tuple[Reason, ...]:
    return tuple(
        rules.objections(
            step, doer(work, actor), revoked_by=Past("open", row.created_person, row.created_org), org_id=row.org_id,
            evidence=row.evidence, is_barred=is_barring(work, row),
        )
    )  # fmt: skip


def add_evidence(work: Work, actor: Actor, revocation_id: str, body: EvidenceStep) -> RevocationRead:
    """Add to the evidence; what stands there already stays. Each addition is on record."""
    row = BOOK.row(work, revocation_id, actor, version=body.version, to_change=True)
    BOOK.check(actor, row, Step.ADD_EVIDENCE)
    need_reason(body.evidence)
    said = "\n".join(filter(None, (row.evidence, body.evidence.strip())))
    if len(said) > 2000:
        raise InputRefused(
            Text("证据说明合计不得超过 2000 字。", "The evidence is 2,000 characters at most in all."), field="evidence"
        )  # fmt: skip
    row.evidence, row.evidence_sha256 = said, body.evidence_sha256 or row.evidence_sha256
    facts = {"evidence": body.evidence.strip(), "evidence_sha256": body.evidence_sha256}
    return read(work, BOOK.move(work, actor, row, Step.ADD_EVIDENCE, "", facts))


def answer(work: Work, actor: Actor, revocation_id: str, which: Step, body: CaseStep) -> RevocationRead:
    """The second person confirms, or does not and says why, which ends the bar; later a bar may be lifted, with a reason."""
    row = BOOK.row(work, revocation_id, actor, version=body.version, to_change=True)
    BOOK.check(actor, row, which)
    refuse_if(_against(work, actor, row, which))
    if which is not Step.CONFIRM:
        need_reason(body.note)
    BOOK.move(work, actor, row, which, body.note)
    if which is Step.OBJECT:
        say(work, row, "revocation.objected")
    return read(work, row)


def is_anything_due(work: Work) -> bool:
    return work.db.exec(_due(work).limit(1)).first() is not None


def lapse_due(work: Work) -> int:
    """Note, once, every revocation that nobody confirmed in time, and sound the alarm. Safe at any time and in several workers."""
    rows = list(work.db.exec(_due(work).with_for_update(skip_locked=True)))
    for row in rows:
        BOOK.move(work, SYSTEM, row, Step.LAPSE)
        say(work, row, "revocation.overdue")
    return len(rows)


def _due(work: Work) -> SelectOfScalar[RevocationRow]:
    return select(RevocationRow).where(
        RevocationRow.state == State.WAITS, RevocationRow.confirm_by <= work.now
    )
