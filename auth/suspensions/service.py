"""Proposing that grants be suspended, and the security officer's answer: suspend by the ordinary step, or not, with a reason."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, false, or_, true
from sqlmodel import SQLModel, col, select

from auth.actor import Actor
from auth.casework.book import Book, CaseStep, Command, made_by, need_reason
from auth.grants import queries as grants
from auth.grants.service import suspend
from auth.grants.steps import GrantStep, of_own_side
from auth.grants.tables import GrantRow
from auth.grants.telling import holder_and_dataset
from auth.grants.workflow import State as GrantState
from auth.messages.audience import holders
from auth.messages.service import tell
from auth.policy.rules import GRANT, refused
from auth.roles import Role
from auth.scope import roles_towards, sight
from auth.suspensions.tables import SuspensionProposalRow
from auth.suspensions.workflow import FINAL, MACHINE, State, Step
from core.errors import Reason, refuse_if
from core.ids import GrantId
from core.work import Work

READ: Final = "auth:suspension:read"
ANSWER: Final = "auth:grant:suspend"
_LONGEST: Final = 2000


class ProposalRead(SQLModel):
    """A proposal as a reader sees it; `note` is the answer's reason."""

    id: str
    state: State
    version: int
    grant_id: str
    commitment_id: str
    application_id: str
    org_id: str
    dataset_id: str
    found: str
    note: str
    created_at: datetime
    ended_at: datetime | None


def _seen_by(actor: Actor) -> ColumnElement[bool]:
    seen = sight(actor, READ)
    mine = col(SuspensionProposalRow.department_id).in_(seen.departments)
    return true() if seen.everything else or_(false(), mine)


BOOK: Final = Book(
    kind="suspension", table=SuspensionProposalRow, machine=MACHINE, states=State, final=FINAL, seen_by=_seen_by,
    kinds={"open": "suspension.proposed", Step.SUSPEND: "suspension.carried_out", Step.DISMISS: "suspension.dismissed"},
    roles=lambda actor, row: roles_towards(actor, org_id="", departments=frozenset({row.department_id})),
    ids=lambda row: {"grant_id": row.grant_id, "dataset_id": row.dataset_id, "application_id": row.application_id},
)  # fmt: skip


def propose(work: Work, actor: Actor, application_id: str, commitment_id: str, found: str) -> int:
    """Propose to suspend every grant in force that came of the application, or amends one that did; returns how many."""
    made = 0
    for row in _in_force(work, application_id):
        proposal = SuspensionProposalRow(
            **made_by(work, actor), state=State.OPEN, grant_id=row.id, commitment_id=commitment_id, application_id=application_id,
            org_id=row.org_id, dataset_id=row.dataset_id, department_id=row.department_id, found=found,
        )  # fmt: skip
        BOOK.open(work, actor, proposal, {"commitment": commitment_id}, found)
        tell(
            work, holders(work, [Role.SECURITY_OFFICER], [row.department_id]), "suspension.proposed", subject=proposal.id,
            href=f"/suspensions/{proposal.id}", once=proposal.id, facts=holder_and_dataset(work, row),
        )  # fmt: skip
        made += 1
    return made


def _in_force(work: Work, application_id: str) -> list[GrantRow]:
    """Grants in force: those of the application, and what followed on them."""
    return _and_after(
        work, list(work.db.exec(select(GrantRow).where(GrantRow.application_id == application_id)))
    )


def _and_after(work: Work, fresh: list[GrantRow]) -> list[GrantRow]:
    """Those of the grants, and of what followed on them, that are in force."""
    found: dict[str, GrantRow] = {}
    while fresh:
        found |= {row.id: row for row in fresh}
        after = select(GrantRow).where(col(GrantRow.succeeds_id).in_([row.id for row in fresh]))
        fresh = [row for row in work.db.exec(after) if row.id not in found]
    return [row for _, row in sorted(found.items()) if row.state == GrantState.ACTIVE]


def proposal(work: Work, actor: Actor, proposal_id: str) -> ProposalRead:
    """One proposal; NotFound outside the actor's sight."""
    return ProposalRead.model_validate(BOOK.row(work, proposal_id, actor))


def proposals(
    work: Work, actor: Actor, *, state: str = "", grant_id: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[ProposalRead], int]:
    """Proposals in sight, newest first, and their number."""
    wanted = {"state": state, "grant_id": grant_id}
    met = [col(getattr(SuspensionProposalRow, name)) == value for name, value in wanted.items() if value]
    rows, total = BOOK.listed(work, actor, *met, offset=offset, limit=limit)
    return [ProposalRead.model_validate(row) for row in rows], total


def commands(work: Work, actor: Actor, proposal_id: str) -> list[Command]:
    """What this actor may do with it now, and what stands against it."""
    row = BOOK.row(work, proposal_id, actor)
    return BOOK.commands(
        actor, row, lambda step: _against(work, row) if step is Step.SUSPEND else _own(work, actor, row)
    )


def _in_force_now(work: Work, row: SuspensionProposalRow) -> list[GrantRow]:
    """The grant that was proposed, or what took its place since; none when nothing of it is in force."""
    return _and_after(work, [grants.row(work, GrantId(row.grant_id))])


def _against(work: Work, row: SuspensionProposalRow) -> tuple[Reason, ...]:
    if _in_force_now(work, row):
        return ()
    return (
        refused(
            "grant-not-in-force",
            "该授权已不在有效状态，无须暂停；请以“不予暂停”结案。",
            "The grant is not in force any more, so there is nothing to suspend; close the proposal with “Do not suspend”.",
            GRANT,
        ),
    )


def _own(work: Work, actor: Actor, row: SuspensionProposalRow) -> tuple[Reason, ...]:
    return of_own_side(work, actor, grants.row(work, GrantId(row.grant_id)))


def carry_out(work: Work, actor: Actor, proposal_id: str, body: CaseStep) -> ProposalRead:
    """Suspend the grant, or what took its place since, by the ordinary step, for what was found; what is added goes behind it."""
    row = BOOK.row(work, proposal_id, actor, version=body.version, to_change=True)
    BOOK.check(actor, row, Step.SUSPEND)
    refuse_if(_against(work, row))
    found = _in_force_now(work, row)[0]
    said = f"{row.found} {body.note}".strip()[:_LONGEST]
    suspend(work, actor, GrantId(found.id), GrantStep(note=said))
    facts = {"suspended": found.id} if found.id != row.grant_id else {}
    return ProposalRead.model_validate(BOOK.move(work, actor, row, Step.SUSPEND, said, facts))


def dismiss(work: Work, actor: Actor, proposal_id: str, body: CaseStep) -> ProposalRead:
    """Let the grant go on, and say why; nobody of the holder's side does."""
    row = BOOK.row(work, proposal_id, actor, version=body.version, to_change=True)
    BOOK.check(actor, row, Step.DISMISS)
    refuse_if(_own(work, actor, row))
    need_reason(body.note)
    return ProposalRead.model_validate(BOOK.move(work, actor, row, Step.DISMISS, body.note))
