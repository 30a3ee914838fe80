"""What every step on a grant shares: load within sight, compare versions, move, remember, audit, tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlmodel import Field, SQLModel

from auth import audit
from auth.actor import Actor
from auth.applications import deeds
from auth.delegations.standing import doer
from auth.duties import service as duties
from auth.grants import queries, telling
from auth.grants.tables import GrantEventRow, GrantRow
from auth.grants.workflow import FINAL, State, Step, advance
from auth.policy.model import Prose
from auth.policy.separation import Past, not_of_the_applicant
from auth.profile.now import limits_now
from auth.scope import roles_towards
from core import outbox
from core.errors import InputRefused, Reason, Stale
from core.ids import GrantId
from core.text import Text
from core.work import Work

KINDS: Final = {
    Step.ACTIVATE: "grant.activated",
    Step.SUSPEND: "grant.suspended",
    Step.SUSPEND_BY_RULE: "grant.suspended",
    Step.SUSPEND_DORMANT: "grant.suspended",
    Step.ASK_RESUME: "grant.resume_asked",
    Step.WAKE: "grant.resumed",
    Step.DECLINE_RESUME: "grant.resume_declined",
    Step.RESUME: "grant.resumed",
    Step.REVOKE: "grant.revoked",
    Step.RELINQUISH: "grant.relinquished",
    Step.EXPIRE: "grant.expired",
    Step.LAPSE: "grant.voided",
    Step.SUPERSEDE: "grant.superseded",
}


class GrantStep(SQLModel):
    """A step on a grant: the version that was seen, and why. Suspending and revoking need a reason."""

    model_config = {"extra": "forbid"}
    version: int | None = Field(default=None, ge=1)
    note: Prose = Field(default="", max_length=2000)


def load(
    work: Work, actor: Actor, grant_id: GrantId, body: GrantStep, *, needs_note: bool = False
) -> GrantRow:
    """The row, held for a change. Raises NotFound; Stale when somebody else was faster; InputRefused where a reason is wanting."""
    row = queries.row(work, grant_id, actor, to_change=True)
    if body.version is not None and body.version != row.version:
        raise Stale(
            Text(
                f"该授权已被他人修改（当前版本 {row.version}，您看到的是 {body.version}）；请刷新后再操作。",
                f"The grant was changed by somebody else (now version {row.version}, you saw {body.version}); reload first.",
            ),
            version=row.version,
            state=str(row.state),
        )
    if needs_note and len(body.note.strip()) < (least := limits_now(work)["min_reason_characters"]):
        raise InputRefused(
            Text(
                f"请写明理由（note），至少 {least} 个字。",
                f"Give a reason (note) of {least} characters or more.",
            )
        )
    return row


def move(
    work: Work, actor: Actor, row: GrantRow, step: Step, note: str, facts: Mapping[str, Any] | None = None
) -> None:
    """Take the step and write it down: history, audit, outbox, messages, and what is owed once it has ended. Raises TransitionRefused."""
    roles = roles_towards(actor, org_id=row.org_id, departments=frozenset({row.department_id}))
    before = row.state
    row.state = advance(State(before), step, roles, by_system=actor.via == "system")
    row.version += 1
    row.note = note
    if row.state in FINAL:
        row.ended_at = work.now
    work.db.add(row)
    work.db.flush()
    if row.state in FINAL:
        duties.note(work, row)
    remember(work, actor, row, step.value, before, note)
    audit.record(
        work, actor, KINDS[step], subject=row.id, dataset_id=row.dataset_id, grant_id=row.id,
        application_id=row.application_id, payload={"from": before, "to": str(row.state), "note": note, **(facts or {})},
    )  # fmt: skip
    outbox.post(
        work, KINDS[step], row.id, {"grant_id": row.id, "state": str(row.state), "org_id": row.org_id}
    )
    telling.moved(work, actor, row, step)


def remember(work: Work, actor: Actor, row: GrantRow, step: str, before: str, note: str) -> None:
    """One line of the grant's history."""
    work.db.add(
        GrantEventRow(
            id=work.new_id(), grant_id=row.id, version=row.version, step=step, from_state=before, to_state=str(row.state), note=note,
            person_id=actor.person_id, account_id=actor.account_id, org_id=actor.org_id, at=work.now,
        )
    )  # fmt: skip
    work.db.flush()


def whole_past(work: Work, row: GrantRow) -> tuple[Past, ...]:
    """What was done to the grant and, before it, to its application."""
    return (*deeds.past(work, row.application_id), *queries.past(work, row.id))


def of_own_side(work: Work, actor: Actor, row: GrantRow) -> tuple[Reason, ...]:
    """Rule 1 for whatever the bureau decides about a grant: what stands against somebody of the holder's side, by any account."""
    return tuple(not_of_the_applicant(doer(work, actor), row.org_id, whole_past(work, row)))
